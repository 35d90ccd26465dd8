use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use model::{Name, Service, ServiceKey};

use crate::{
    delivery::Delivery,
    outcome::{Left, Outcome},
};

/// Stands for one Service inside the Ledger: comparing names of 100,000 Services over and over is
/// what an allocation would spend its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(usize);

/// Every Service by name and by slot.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    slots: BTreeMap<ServiceKey, Slot>,
    entries: Vec<Option<Entry>>,
    vacant: Vec<Slot>,
}

/// What the Ledger knows of one Service beyond its object.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// `metadata.uid` of the object that all this is about.
    pub(crate) uid: Name,
    /// Served by us, and the status is not another's.
    pub(crate) ours: bool,
    /// What it is to have.
    pub(crate) claim: Vec<IpAddr>,
    /// What a write that may still show up has put into its status.
    pub(crate) assumed: Vec<IpAddr>,
    /// What its status is to show; `None`: whatever it shows.
    pub(crate) outcome: Option<Outcome>,
    /// What it had to leave since its status was last as it should be.
    pub(crate) left: Vec<Left>,
    /// How its latest write goes.
    pub(crate) delivery: Delivery,
    /// What the book says that it holds.
    pub(crate) held: Vec<IpAddr>,
    key: Option<ServiceKey>,
}

impl Roster {
    /// The slot of this Service, which it gets if it has none.
    pub(crate) fn enter(&mut self, key: &ServiceKey) -> Slot {
        if let Some(slot) = self.slots.get(key) {
            return *slot;
        }
        let entry = Entry {
            key: Some(key.clone()),
            ..Entry::default()
        };
        let slot = self.vacant.pop().unwrap_or(Slot(self.entries.len()));
        match self.entries.get_mut(slot.0) {
            Some(place) => *place = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        self.slots.insert(key.clone(), slot);
        slot
    }

    /// Gives up the slot.
    pub(crate) fn leave(&mut self, slot: Slot) {
        let entry = self.entries.get_mut(slot.0).and_then(Option::take);
        if let Some(key) = entry.and_then(|entry| entry.key) {
            self.slots.remove(&key);
            self.vacant.push(slot);
        }
    }

    pub(crate) fn slot(&self, key: &ServiceKey) -> Option<Slot> {
        self.slots.get(key).copied()
    }

    /// All slots, in the order of the Services' names.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.slots.values().copied()
    }

    pub(crate) fn key(&self, slot: Slot) -> Option<&ServiceKey> {
        self.entry(slot)?.key.as_ref()
    }

    pub(crate) fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot.0)?.as_ref()
    }

    pub(crate) fn entry_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(slot.0)?.as_mut()
    }
}

impl Entry {
    /// The Service's name.
    pub(crate) fn key(&self) -> Option<&ServiceKey> {
        self.key.as_ref()
    }

    /// Forgets everything about a Service of the same name that is no more.
    pub(crate) fn start_over(&mut self, uid: &Name) {
        let (key, held) = (self.key.take(), core::mem::take(&mut self.held));
        *self = Self {
            uid: uid.clone(),
            key,
            held,
            ..Self::default()
        };
    }

    /// What the Service shows, is to have, and may yet show.
    pub(crate) fn holdings(&self, service: &Service) -> Vec<IpAddr> {
        let mut held: Vec<IpAddr> = Vec::with_capacity(2);
        for address in service
            .addresses
            .iter()
            .chain(&self.claim)
            .chain(&self.assumed)
        {
            if !held.contains(address) {
                held.push(*address);
            }
        }
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_left_is_used_again() {
        let mut roster = Roster::default();
        let (a, b) = (ServiceKey::new("n", "a"), ServiceKey::new("n", "b"));
        let slot = roster.enter(&a);
        assert_eq!((roster.enter(&a), roster.key(slot)), (slot, Some(&a)));
        assert_ne!(roster.enter(&b), slot);
        roster.leave(slot);
        assert_eq!((roster.slot(&a), roster.key(slot)), (None, None));
        assert_eq!(roster.enter(&ServiceKey::new("n", "c")), slot);
        assert_eq!(roster.slots().count(), 2);
    }
}
