mod table;

use alloc::sync::Arc;

use super::{Learned, LocalEnd, Path};
use crate::import::Import;
use crate::notice::Counters;
use crate::params::{Family, FamilySet, Prefix};
use crate::rejected::RejectReason;
use crate::wire::{Action, Reach, Update};

use table::Table;

/// What a peer advertises to us and the import filter accepts; nothing without configuration (RFC 8212). All else is
/// counted and not stored, so that what a peer can make us hold is `max_prefixes` per family, at a fixed size each.
#[derive(Debug)]
pub(crate) struct AdjRibIn {
    local: LocalEnd,
    ipv4: Table,
    ipv6: Table,
    /// Families of which something was ignored for `max_prefixes`: the peer has more than we know.
    overflowed: FamilySet,
}

/// Where the outcome of an UPDATE goes.
pub(crate) struct Outcome<'a> {
    pub(crate) counters: &'a mut Counters,
    pub(crate) learned: &'a mut Learned,
}

impl AdjRibIn {
    pub(crate) const fn new(local: LocalEnd) -> Self {
        Self {
            local,
            ipv4: Table::new(),
            ipv6: Table::new(),
            overflowed: FamilySet::NONE,
        }
    }

    /// Counts the UPDATE and what was wrong with it (RFC 7606), and takes what is accepted.
    pub(crate) fn handle_update(
        &mut self,
        update: &Update,
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) {
        count(update, outcome.counters);
        for prefix in &update.withdrawn {
            self.remove(prefix, outcome.learned);
        }
        for reach in &update.announced {
            let path = self
                .local
                .path(&reach.next_hop, &update.attributes, import.allow_own_asn);
            self.take(reach, path.map(Arc::new), import, outcome);
        }
    }

    /// The filter may have become narrower: what does not pass any more goes, and of what is too much the stale goes first.
    pub(crate) fn handle_import(&mut self, import: &Import, outcome: &mut Outcome<'_>) {
        let limit = limit(import);
        for table in [&mut self.ipv4, &mut self.ipv6] {
            let mut passing = |prefix: &Prefix, path: &Path| {
                let reason = match import.accepts(prefix) {
                    false => RejectReason::NotInFilter,
                    true if path.own_asns > import.allow_own_asn => RejectReason::OwnAsn,
                    true => return true,
                };
                outcome.counters.rejected.add(reason);
                outcome.learned.mark(*prefix);
                false
            };
            table.retain(&mut passing);
            table.make_room_for(limit, outcome.learned);
            let mut kept = 0;
            table.retain(|prefix, _| {
                kept += 1;
                if kept > limit {
                    self.overflowed.insert(prefix.family());
                    outcome.counters.rejected.add(RejectReason::MaxPrefixes);
                    outcome.learned.mark(*prefix);
                }
                kept <= limit
            });
        }
    }

    /// Families of which the peer has more than we know.
    pub(crate) const fn overflowed(&self) -> FamilySet {
        self.overflowed
    }

    /// The peer is asked for all of the family again.
    pub(crate) fn forget_overflow(&mut self, family: Family) {
        let kept = self.overflowed.iter().filter(|each| *each != family);
        self.overflowed = kept.collect();
    }

    /// The session is over, and so are its routes.
    pub(crate) fn release(self, learned: &mut Learned) {
        self.prefixes().for_each(|prefix| learned.mark(*prefix));
    }

    /// The routes of other families are over.
    pub(crate) fn narrow(&mut self, families: FamilySet, learned: &mut Learned) {
        for family in FamilySet::BOTH
            .iter()
            .filter(|family| !families.contains(*family))
        {
            self.table_mut(family).clear(learned);
        }
    }

    /// All routes of the family are stale until the peer advertises them again.
    pub(crate) fn mark_stale(&mut self, family: Family) {
        self.table_mut(family).mark_stale();
    }

    /// What is stale of the family goes.
    pub(crate) fn sweep(&mut self, family: Family, learned: &mut Learned) {
        self.table_mut(family).sweep(learned);
    }

    /// Goes on with the routes of the session before.
    pub(crate) fn take_over(&mut self, before: Self) {
        (self.ipv4, self.ipv6) = (before.ipv4, before.ipv6);
    }

    pub(crate) fn path(&self, prefix: &Prefix) -> Option<&Path> {
        self.table(prefix.family()).path(prefix)
    }

    pub(crate) fn prefixes(&self) -> impl Iterator<Item = &Prefix> {
        self.ipv4.prefixes().chain(self.ipv6.prefixes())
    }

    /// Prefixes that are accepted.
    pub(crate) fn accepted(&self) -> u64 {
        (self.ipv4.len() + self.ipv6.len()) as u64
    }

    /// Those of them that are stale.
    pub(crate) fn stale(&self) -> u64 {
        (self.ipv4.stale() + self.ipv6.stale()) as u64
    }

    /// A route that is not accepted takes an older one of its prefix with it (RFC 4271 section 3.1).
    fn take(
        &mut self,
        reach: &Reach,
        path: Result<Arc<Path>, RejectReason>,
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) {
        for prefix in &reach.prefixes {
            let verdict = match import.accepts(prefix) {
                true => path.clone(),
                false => Err(RejectReason::NotInFilter),
            };
            let stored =
                verdict.and_then(|path| self.store(*prefix, path, import, outcome.learned));
            if let Err(reason) = stored {
                outcome.counters.rejected.add(reason);
                self.remove(prefix, outcome.learned);
            }
        }
    }

    fn store(
        &mut self,
        prefix: Prefix,
        path: Arc<Path>,
        import: &Import,
        learned: &mut Learned,
    ) -> Result<(), RejectReason> {
        let table = self.table_mut(prefix.family());
        if table.store(prefix, path, limit(import), learned) {
            return Ok(());
        }
        self.overflowed.insert(prefix.family());
        Err(RejectReason::MaxPrefixes)
    }

    fn remove(&mut self, prefix: &Prefix, learned: &mut Learned) {
        self.table_mut(prefix.family()).remove(prefix, learned);
    }

    fn table(&self, family: Family) -> &Table {
        match family == Family::IPV4_UNICAST {
            true => &self.ipv4,
            false => &self.ipv6,
        }
    }

    fn table_mut(&mut self, family: Family) -> &mut Table {
        match family == Family::IPV4_UNICAST {
            true => &mut self.ipv4,
            false => &mut self.ipv6,
        }
    }
}

fn limit(import: &Import) -> usize {
    usize::try_from(import.max_prefixes).unwrap_or(usize::MAX)
}

fn count(update: &Update, counters: &mut Counters) {
    counters.updates_received += 1;
    let of = |action| {
        update
            .findings
            .iter()
            .filter(move |finding| finding.action == action)
    };
    counters.treated_as_withdraw += u64::from(of(Action::TreatAsWithdraw).next().is_some());
    counters.attributes_discarded += of(Action::AttributeDiscard).fold(0, |count, _| count + 1);
}

#[cfg(test)]
mod tests;
