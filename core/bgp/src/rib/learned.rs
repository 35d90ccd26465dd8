use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::params::Prefix;
use crate::scope::ScopedAddress;

/// The next hops of the best path and of all that are as good: sorted, each once. Prefixes share theirs where they can.
pub type NextHops = Arc<[ScopedAddress]>;

/// Prefixes whose paths may have changed since the driver was told of them.
///
/// Many changes of one prefix are one: what is told is what is true at that moment. What the driver knows is not kept here
/// as well: with many prefixes that would be most of what they cost.
#[derive(Debug)]
pub(crate) struct Learned {
    /// The greatest first, each once, when sorted.
    pending: Vec<Prefix>,
    is_sorted: bool,
    /// Told last: the neighbours of a prefix often have the same.
    recent: NextHops,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            pending: Vec::new(),
            is_sorted: true,
            recent: Arc::new([]),
        }
    }
}

impl Learned {
    /// The paths of this prefix may be others now.
    pub(crate) fn mark(&mut self, prefix: Prefix) {
        // Before it grows: what changes again and again takes no room.
        if self.pending.len() == self.pending.capacity() {
            self.sort();
        }
        self.pending.push(prefix);
        self.is_sorted = false;
    }

    /// The next prefix that was marked, with its next hops.
    pub(crate) fn poll(
        &mut self,
        next_hops: impl FnOnce(&Prefix, &mut NextHops),
    ) -> Option<(Prefix, NextHops)> {
        if !self.is_sorted {
            self.sort();
        }
        let Some(prefix) = self.pending.pop() else {
            self.pending = Vec::new();
            return None;
        };
        next_hops(&prefix, &mut self.recent);
        Some((prefix, self.recent.clone()))
    }

    fn sort(&mut self) {
        self.pending.sort_unstable_by(|left, right| right.cmp(left));
        self.pending.dedup();
        self.is_sorted = true;
    }

    #[cfg(test)]
    pub(crate) fn into_pending(mut self) -> impl Iterator<Item = Prefix> {
        self.sort();
        self.pending.into_iter().rev()
    }
}

/// Sets a shared list, which stays the one it was when it is equal.
pub(crate) fn share(shared: &mut NextHops, next_hops: &[ScopedAddress]) {
    if **shared != *next_hops {
        *shared = next_hops.into();
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, string::String};

    use super::*;

    fn prefix(number: u8) -> Prefix {
        Prefix::new([10, 244, number, 0].into(), 24).unwrap()
    }

    fn mark(learned: &mut Learned, numbers: &[u8]) {
        numbers
            .iter()
            .for_each(|number| learned.mark(prefix(*number)));
    }

    fn told(learned: &mut Learned, next_hops: &[ScopedAddress]) -> Vec<String> {
        let told = core::iter::from_fn(|| learned.poll(|_, shared| share(shared, next_hops)));
        told.map(|(prefix, _)| String::from(prefix)).collect()
    }

    #[test]
    fn tells_in_order_and_once_what_was_marked() {
        let mut learned = Learned::default();
        mark(&mut learned, &[3, 1, 3, 2]);
        let expected = ["10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24"];
        assert_eq!(told(&mut learned, &[]), expected);
        assert!(told(&mut learned, &[]).is_empty());
    }

    #[test]
    fn what_changes_again_and_again_takes_no_room() {
        let mut learned = Learned::default();
        (0..10_000).for_each(|number| learned.mark(prefix(if number % 2 == 0 { 1 } else { 2 })));
        assert!(learned.pending.capacity() < 16);
        assert_eq!(told(&mut learned, &[]).len(), 2);
    }

    #[test]
    fn what_is_marked_while_telling_is_told_too() {
        let mut learned = Learned::default();
        mark(&mut learned, &[1, 3]);
        assert!(learned.poll(|_, _| {}).is_some());
        learned.mark(prefix(2));
        let expected = ["10.244.2.0/24", "10.244.3.0/24"];
        assert_eq!(told(&mut learned, &[]), expected);
    }

    #[test]
    fn neighbours_share_their_next_hops() {
        let hops = [ScopedAddress::from(IpAddr::from([192, 0, 2, 2]))];
        let mut learned = Learned::default();
        mark(&mut learned, &[1, 2]);
        let mut poll = || learned.poll(|_, shared| share(shared, &hops)).unwrap().1;
        let (first, second) = (poll(), poll());
        assert_eq!(*first, hops);
        assert!(Arc::ptr_eq(&first, &second));
    }
}
