//! A start while the API server is away: until its lists come, the plan is made from what an earlier process knew.

use alloc::vec::Vec;
use core::time::Duration;

use model::{Change, Kind, Object};

use crate::{Planner, planner::Stale};

/// How long after its start a planner waits for all lists before it takes what an earlier one knew.
pub const LISTS_WITHIN: Duration = Duration::from_secs(5);

/// What is done with what an earlier process knew.
#[derive(Clone, Debug, Default)]
pub(crate) enum Snapshot {
    /// Nothing: there is none, or it is not needed any more.
    #[default]
    Unused,
    /// It is kept until it is clear whether it is needed.
    Kept(Vec<Object>),
    /// It is planned from, as far as lists are missing.
    Used,
}

impl Planner {
    /// Takes what an earlier process knew, before the first pass. It is planned from when the lists have not come within
    /// [`LISTS_WITHIN`], and forgotten when they have.
    pub fn handle_snapshot(&mut self, objects: Vec<Object>) {
        if self.view.is_none() {
            self.snapshot = Snapshot::Kept(objects);
        }
    }

    /// The API server does not serve the kind: it has no objects.
    pub fn handle_not_served(&mut self, kind: Kind) {
        // Of a kind that was served before, what is known stays.
        if self.missing().any(|missing| missing == kind) {
            let keys = Vec::new();
            self.handle_change(Change::Listed { kind, keys });
        }
        self.handle_synced(kind);
    }

    /// Whether the plan is made from what an earlier process knew.
    pub fn is_stale(&self) -> bool {
        matches!(self.snapshot, Snapshot::Used)
    }

    /// Everything that is known, and a number that is another one whenever it is something else; `None` before all lists
    /// have come, and when it is what had the number `known`.
    pub fn objects_unless(&self, known: Option<u64>) -> Option<(u64, Vec<Object>)> {
        let wanted = self.missing().next().is_none() && known != Some(self.revision);
        wanted.then(|| (self.revision, self.cluster.objects()))
    }

    /// When the wait for the lists is over.
    pub(crate) fn snapshot_due(&self) -> Option<Duration> {
        matches!(self.snapshot, Snapshot::Kept(_)).then_some(LISTS_WITHIN)
    }

    pub(crate) fn use_snapshot(&mut self, now: Duration) {
        if self.snapshot_due().is_none_or(|due| now < due) {
            return;
        }
        if let Snapshot::Kept(objects) = core::mem::take(&mut self.snapshot) {
            let listed = |kind| self.missing().all(|missing| missing != kind);
            self.cluster = self.cluster.over(objects, listed);
            self.snapshot = Snapshot::Used;
            self.stale = Stale::all();
        }
    }
}
