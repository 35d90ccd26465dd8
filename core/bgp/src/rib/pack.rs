use alloc::vec::Vec;

use super::{AttributesId, Slot};
use crate::params::Family;

/// A prefix that waits for its UPDATE. Sorts so that what can share an UPDATE stands together, withdrawals first: they
/// free room at the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    /// The attributes it shall have; none: withdrawn.
    wanted: Option<AttributesId>,
    ipv6: bool,
    slot: Slot,
}

impl Item {
    pub(crate) fn new(wanted: Option<AttributesId>, family: Family, slot: Slot) -> Self {
        Self {
            wanted,
            ipv6: family == Family::IPV6_UNICAST,
            slot,
        }
    }
}

/// Prefixes in the order in which the fewest UPDATEs carry them. What a prefix shall have is looked up again when its
/// turn comes: a change in between costs an UPDATE more, never a wrong one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    items: Vec<Item>,
    next: usize,
}

impl Batch {
    pub(crate) fn new(mut items: Vec<Item>) -> Self {
        items.sort_unstable();
        Self { items, next: 0 }
    }

    /// The slot whose turn it is.
    pub(crate) fn peek(&self) -> Option<Slot> {
        self.items.get(self.next).map(|item| item.slot)
    }

    pub(crate) const fn advance(&mut self) {
        self.next += 1;
    }
}
