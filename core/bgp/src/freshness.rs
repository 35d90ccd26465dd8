use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::graceful_restart::LONGEST_STALE;
use crate::params::{Family, FamilySet};

/// Of which families a peer has sent all it has, and of which some of what we hold is stale until it has.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    /// End-of-RIB came.
    complete: FamilySet,
    waits: BTreeMap<Family, Wait>,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    mark: Mark,
    /// Then what is stale goes without the mark.
    until: Duration,
}

/// What ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// After a restart (RFC 4724 section 4.2).
    EndOfRib,
    /// After a request for all routes (RFC 7313 section 4).
    EndOfRefresh,
}

impl Freshness {
    /// Routes of these families are left from the session before.
    pub(crate) fn resume(&mut self, families: FamilySet, until: Duration) {
        let mark = Mark::EndOfRib;
        let waits = families.iter().map(|family| (family, Wait { mark, until }));
        self.waits.extend(waits);
    }

    /// End-of-RIB came; whether it is the first of its family.
    pub(crate) fn handle_end_of_rib(&mut self, family: Family) -> bool {
        let first = !self.complete.contains(family);
        self.complete.insert(family);
        first
    }

    /// Whether what is stale is to go, now that End-of-RIB came.
    pub(crate) fn ends_by_end_of_rib(&mut self, family: Family) -> bool {
        self.ends(family, Mark::EndOfRib)
    }

    /// The peer begins to send all of a family again; whether all of it is stale now. Before an End-of-RIB that is still
    /// to come it means nothing (RFC 7313 section 4).
    pub(crate) fn handle_begin_of_refresh(
        &mut self,
        now: Duration,
        family: Family,
        promises_end_of_rib: bool,
    ) -> bool {
        let early = promises_end_of_rib && !self.complete.contains(family);
        if !early {
            let (mark, until) = (Mark::EndOfRefresh, now + LONGEST_STALE);
            self.waits.insert(family, Wait { mark, until });
        }
        !early
    }

    /// The peer has sent all of a family again; whether what is stale is to go. One that did not begin means nothing.
    pub(crate) fn handle_end_of_refresh(&mut self, family: Family) -> bool {
        self.ends(family, Mark::EndOfRefresh)
    }

    /// Families that wait no longer.
    pub(crate) fn expire(&mut self, now: Duration) -> FamilySet {
        let over = self.waits.extract_if(.., |_, wait| wait.until <= now);
        over.map(|(family, _)| family).collect()
    }

    /// When [`Freshness::expire`] has something to tell.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.waits.values().map(|wait| wait.until).min()
    }

    /// Families of which routes are still left from the session before.
    pub(crate) fn resumed(&self) -> FamilySet {
        let waits = self.waits.iter();
        let resumed = waits.filter(|(_, wait)| wait.mark == Mark::EndOfRib);
        resumed.map(|(family, _)| *family).collect()
    }

    /// Whether End-of-RIB came for all of these.
    pub(crate) fn is_complete(&self, families: FamilySet) -> bool {
        families & self.complete == families
    }

    /// Families of which End-of-RIB came.
    pub(crate) const fn complete(&self) -> FamilySet {
        self.complete
    }

    fn ends(&mut self, family: Family, mark: Mark) -> bool {
        let waits = self
            .waits
            .get(&family)
            .is_some_and(|wait| wait.mark == mark);
        if waits {
            self.waits.remove(&family);
        }
        waits
    }
}
