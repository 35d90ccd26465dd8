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

    /// Counts the UPDATE and what was wrong with it (RFC 7606), and takes what is accepted. The family of which more came
    /// than may be.
    pub(crate) fn handle_update(
        &mut self,
        update: &Update,
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) -> Option<Family> {
        count(update, outcome.counters);
        for prefix in &update.withdrawn {
            self.remove(prefix, outcome.learned);
        }
        let own_asns = self.local.own_asns(&update.attributes);
        let mut exceeded = None;
        for reach in &update.announced {
            let path = self
                .local
                .path(&reach.next_hop, &update.attributes, own_asns);
            if self.take(reach, (own_asns, path.map(Arc::new)), import, outcome) {
                exceeded = exceeded.or(Some(reach.family));
            }
        }
        exceeded
    }

    /// The filter is another: what does not pass any more goes, and of what is too much the stale goes first. The family of
    /// which the peer has more than may be.
    pub(crate) fn handle_import(
        &mut self,
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) -> Option<Family> {
        let limit = limit(import);
        for table in [&mut self.ipv4, &mut self.ipv6] {
            let mut passing = |prefix: &Prefix, path: &Path| {
                // Whether it is installed may be another matter now.
                outcome.learned.mark(*prefix);
                let reason = match import.own_asns_allowed(prefix) {
                    None => RejectReason::NotInFilter,
                    Some(allowed) if path.own_asns > allowed => RejectReason::OwnAsn,
                    Some(_) => return true,
                };
                outcome.counters.rejected.add(reason);
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
                }
                kept <= limit
            });
        }
        let full = |family: &Family| self.table(*family).len() >= limit;
        self.overflowed.iter().find(full)
    }

    /// Families of which something was ignored for want of room, and that have a tenth of it again: what was ignored is
    /// worth asking for. No sooner, as the peer sends all of them each time.
    pub(crate) fn has_room_again(&self, import: &Import) -> FamilySet {
        let limit = limit(import);
        let room = (limit / 10).max(1);
        let roomy = |family: &Family| self.table(*family).len() + room <= limit;
        self.overflowed.iter().filter(roomy).collect()
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
        self.mark_all(learned);
    }

    /// All routes count for more or for less than before.
    pub(crate) fn mark_all(&self, learned: &mut Learned) {
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

    /// A route that is not accepted takes an older one of its prefix with it (RFC 4271 section 3.1). Whether there was too
    /// little room.
    fn take(
        &mut self,
        reach: &Reach,
        (own_asns, path): (u8, Result<Arc<Path>, RejectReason>),
        import: &Import,
        outcome: &mut Outcome<'_>,
    ) -> bool {
        let mut exceeded = false;
        for prefix in &reach.prefixes {
            let verdict = match import.own_asns_allowed(prefix) {
                None => Err(RejectReason::NotInFilter),
                Some(allowed) if own_asns > allowed => Err(RejectReason::OwnAsn),
                Some(_) => path.clone(),
            };
            let stored =
                verdict.and_then(|path| self.store(*prefix, path, import, outcome.learned));
            if let Err(reason) = stored {
                exceeded |= reason == RejectReason::MaxPrefixes;
                outcome.counters.rejected.add(reason);
                self.remove(prefix, outcome.learned);
            }
        }
        exceeded
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
