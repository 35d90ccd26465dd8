use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use crate::params::Prefix;
use crate::rib::{Learned, Path};

/// The paths of one family. Prefixes of one UPDATE share theirs.
///
/// What is stale counts like all else, but gives way to what is not.
#[derive(Debug, Default)]
pub(super) struct Table {
    paths: BTreeMap<Prefix, Arc<Path>>,
    /// Not confirmed since the mark was set.
    stale: BTreeSet<Prefix>,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            paths: BTreeMap::new(),
            stale: BTreeSet::new(),
        }
    }

    pub(super) fn path(&self, prefix: &Prefix) -> Option<&Path> {
        self.paths.get(prefix).map(AsRef::as_ref)
    }

    pub(super) fn prefixes(&self) -> impl Iterator<Item = &Prefix> {
        self.paths.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    pub(super) fn stale(&self) -> usize {
        self.stale.len()
    }

    /// Whether there was room: for `limit` prefixes at most.
    pub(super) fn store(
        &mut self,
        prefix: Prefix,
        path: Arc<Path>,
        limit: usize,
        learned: &mut Learned,
    ) -> bool {
        self.stale.remove(&prefix);
        let is_full = self.paths.len() >= limit;
        match self.paths.entry(prefix) {
            Entry::Occupied(old) if *old.get() == path => return true,
            Entry::Occupied(mut old) => drop(old.insert(path)),
            Entry::Vacant(free) if !is_full => drop(free.insert(path)),
            Entry::Vacant(_) => {
                if !self.make_room(learned) {
                    return false;
                }
                self.paths.insert(prefix, path);
            }
        }
        learned.mark(prefix);
        true
    }

    pub(super) fn remove(&mut self, prefix: &Prefix, learned: &mut Learned) {
        self.stale.remove(prefix);
        if self.paths.remove(prefix).is_some() {
            learned.mark(*prefix);
        }
    }

    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&Prefix, &Path) -> bool) {
        let stale = &mut self.stale;
        self.paths.retain(|prefix, path| {
            let keep = keeps(prefix, path);
            if !keep {
                stale.remove(prefix);
            }
            keep
        });
    }

    pub(super) fn mark_stale(&mut self) {
        self.stale = self.paths.keys().copied().collect();
    }

    /// Removes what is stale.
    pub(super) fn sweep(&mut self, learned: &mut Learned) {
        while self.make_room(learned) {}
    }

    pub(super) fn clear(&mut self, learned: &mut Learned) {
        self.mark_stale();
        self.sweep(learned);
    }

    /// Removes what is stale while there is more than `limit`.
    pub(super) fn make_room_for(&mut self, limit: usize, learned: &mut Learned) {
        while self.paths.len() > limit && self.make_room(learned) {}
    }

    fn make_room(&mut self, learned: &mut Learned) -> bool {
        let Some(prefix) = self.stale.pop_first() else {
            return false;
        };
        self.remove(&prefix, learned);
        true
    }
}
