use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{AttributesId, Group, GroupId, Interner};
use crate::params::Prefix;
use crate::rib::Route;
use crate::wire::attr::RouteAttributes;

/// Number of a prefix, dense, so that a peer needs no more than a list of numbers to know what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What should be advertised, shared by all peers.
///
/// A prefix keeps its slot as long as it is wanted or any peer still holds it.
#[derive(Debug, Default)]
pub(crate) struct LocRib {
    index: BTreeMap<Prefix, Slot>,
    entries: Vec<Entry>,
    free: Vec<Slot>,
    interner: Interner,
    complete: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    prefix: Prefix,
    /// Sessions that were sent the prefix.
    holders: u16,
    wanted: Option<GroupId>,
}

impl LocRib {
    /// Sets the routes of a prefix; none withdraws it. The slot, when anything changed.
    pub(crate) fn set(&mut self, prefix: Prefix, routes: &[Route]) -> Option<Slot> {
        let wanted = (!routes.is_empty()).then(|| self.interner.acquire(routes));
        let Some(slot) = self.index.get(&prefix).copied() else {
            return wanted.map(|group| self.insert(prefix, group));
        };
        let entry = self.entries.get_mut(slot.index())?;
        let before = core::mem::replace(&mut entry.wanted, wanted);
        if let Some(group) = before {
            self.interner.release(group);
        }
        self.forget_if_unused(slot);
        (before != wanted).then_some(slot)
    }

    /// The first full set was delivered.
    pub(crate) const fn set_complete(&mut self) {
        self.complete = true;
    }

    pub(crate) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Every slot that is in use.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.index.values().copied()
    }

    /// One more than the greatest slot.
    pub(crate) fn slot_count(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn prefix(&self, slot: Slot) -> Option<Prefix> {
        self.entries.get(slot.index()).map(|entry| entry.prefix)
    }

    /// Which attributes the prefix should have at this peer; none: it should not be there.
    pub(crate) fn wanted(&self, slot: Slot, peer: &str) -> Option<AttributesId> {
        let group = self.entries.get(slot.index())?.wanted?;
        self.interner
            .group(group)
            .and_then(|group: &Group| group.select(peer))
    }

    pub(crate) fn attributes(&self, id: AttributesId) -> Option<&Arc<RouteAttributes>> {
        self.interner.attributes(id)
    }

    /// A session was sent the prefix for the first time.
    pub(crate) fn hold(&mut self, slot: Slot) {
        if let Some(entry) = self.entries.get_mut(slot.index()) {
            entry.holders = entry.holders.saturating_add(1);
        }
    }

    /// A session does not have the prefix any more.
    pub(crate) fn let_go(&mut self, slot: Slot) {
        if let Some(entry) = self.entries.get_mut(slot.index()) {
            entry.holders = entry.holders.saturating_sub(1);
            self.forget_if_unused(slot);
        }
    }

    /// Whether it is time to drop attributes that nobody wants any more.
    pub(crate) fn wants_sweep(&self) -> bool {
        self.interner.wants_sweep()
    }

    /// Drops attributes that are neither wanted nor among those that peers were sent.
    pub(crate) fn sweep(&mut self, sent: impl Iterator<Item = AttributesId>) {
        self.interner.sweep(sent);
    }

    fn insert(&mut self, prefix: Prefix, group: GroupId) -> Slot {
        let entry = Entry {
            prefix,
            holders: 0,
            wanted: Some(group),
        };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => Slot(u32::try_from(self.entries.len()).unwrap_or(u32::MAX)),
        };
        match self.entries.get_mut(slot.index()) {
            Some(free) => *free = entry,
            None => self.entries.push(entry),
        }
        self.index.insert(prefix, slot);
        slot
    }

    fn forget_if_unused(&mut self, slot: Slot) {
        if let Some(entry) = self.entries.get(slot.index())
            && entry.wanted.is_none()
            && entry.holders == 0
            && self.index.remove(&entry.prefix).is_some()
        {
            self.free.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::rib::PeerSet;

    fn route(med: u32) -> Vec<Route> {
        let attributes = RouteAttributes {
            multi_exit_disc: Some(med),
            ..RouteAttributes::default()
        };
        vec![Route {
            peers: PeerSet::All,
            attributes: Arc::new(attributes),
        }]
    }

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn equal_routes_are_no_change() {
        let mut rib = LocRib::default();
        let slot = rib.set(prefix("192.0.2.1/32"), &route(1)).unwrap();
        assert_eq!(rib.set(prefix("192.0.2.1/32"), &route(1)), None);
        assert_eq!(rib.set(prefix("192.0.2.1/32"), &route(2)), Some(slot));
        assert_eq!(rib.set(prefix("192.0.2.2/32"), &[]), None);
    }

    #[test]
    fn a_slot_is_free_when_nobody_wants_or_holds_its_prefix() {
        let mut rib = LocRib::default();
        let slot = rib.set(prefix("192.0.2.1/32"), &route(1)).unwrap();
        rib.hold(slot);
        rib.set(prefix("192.0.2.1/32"), &[]);
        let second = rib.set(prefix("192.0.2.2/32"), &route(1)).unwrap();
        assert_ne!(slot, second);
        rib.let_go(slot);
        assert_eq!(rib.set(prefix("192.0.2.3/32"), &route(1)), Some(slot));
        assert_eq!(rib.slots().count(), 2);
    }
}
