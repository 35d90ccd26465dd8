use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use crate::{
    entries::Entries,
    heartbeat::{Advertising, Entry, Page, position},
};

/// Heartbeats in which a change is told apart from its page.
const TOLD: u8 = 3;

/// What our heartbeats say about addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Layer 2's part, of which there is a digest.
    entries: Entries,
    /// All of it, by position.
    all: BTreeMap<u128, Entry>,
    /// Changed lately, and how many heartbeats are still to tell it.
    recent: BTreeMap<u128, (Entry, u8)>,
    /// Where the next page begins.
    cursor: u128,
}

impl Said {
    /// Says this from now on; `true` when it differs from before.
    pub(crate) fn set(&mut self, entry: Entry) -> bool {
        let differs = self.entries.set(entry).is_some();
        if differs {
            let known = self.all.get(&position(entry.address));
            let advertising = known.map_or(Advertising::Unable, |known| known.advertising);
            self.tell(Entry {
                advertising,
                ..entry
            });
        }
        differs
    }

    /// Says this about announcing the address by BGP; `true` when it differs from before.
    pub(crate) fn set_advertising(&mut self, address: IpAddr, advertising: Advertising) -> bool {
        let known = self.all.get(&position(address)).copied();
        let known = known.unwrap_or(Entry::none(address));
        let differs = known.advertising != advertising;
        if differs {
            self.tell(Entry {
                advertising,
                ..known
            });
        }
        differs
    }

    /// The addresses that this node says it can announce by BGP.
    pub(crate) fn advertised(&self) -> Vec<IpAddr> {
        let entries = self.all.values();
        let able = entries.filter(|entry| entry.advertising != Advertising::Unable);
        able.map(|entry| entry.address).collect()
    }

    fn tell(&mut self, entry: Entry) {
        let at = position(entry.address);
        match entry.is_none() && entry.advertising == Advertising::Unable {
            true => self.all.remove(&at),
            false => self.all.insert(at, entry),
        };
        self.recent.insert(at, (entry, TOLD));
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.entries.digest()
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.entries.by_position().len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether all entries fit into one page of this size.
    pub(crate) fn fits(&self, room: usize) -> bool {
        self.all.len() <= room
    }

    /// What changed lately, at most so many.
    pub(crate) fn changes(&self, most: usize) -> Vec<Entry> {
        self.recent
            .values()
            .take(most)
            .map(|(entry, _)| *entry)
            .collect()
    }

    /// A heartbeat with these changes went to everybody.
    pub(crate) fn handle_told(&mut self, most: usize) {
        for (_, left) in self.recent.values_mut().take(most) {
            *left = left.saturating_sub(1);
        }
        self.recent.retain(|_, (_, left)| *left > 0);
    }

    /// The page at the cursor with at most so many entries. The cursor goes on, and begins again at the end.
    pub(crate) fn page(&mut self, room: usize) -> Page {
        let first = self.cursor;
        let mut rest = self.all.range(first..);
        let entries: Vec<Entry> = rest.by_ref().take(room).map(|(_, entry)| *entry).collect();
        let next = rest.next().map(|(at, _)| *at);
        self.cursor = next.unwrap_or(0);
        Page {
            first,
            last: next.map_or(u128::MAX, |next| next.saturating_sub(1)),
            entries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(last: u8) -> Entry {
        Entry {
            candidate: true,
            ..Entry::none(core::net::IpAddr::from([10, 0, 0, last]))
        }
    }

    #[test]
    fn pages_cover_all_addresses_without_gap() {
        let mut said = Said::default();
        for last in 0..10 {
            assert!(said.set(entry(last)));
        }
        let mut next = Some(0);
        let mut seen = 0;
        while let Some(first) = next {
            let page = said.page(4);
            assert_eq!(page.first, first);
            seen += page.entries.len();
            next = page.last.checked_add(1);
        }
        assert_eq!((seen, said.page(4).first), (10, 0));
    }

    #[test]
    fn a_change_is_told_a_few_times_and_counts_in_the_digest() {
        let mut said = Said::default();
        said.set(entry(1));
        let digest = said.digest();
        said.set(entry(2));
        assert!(!said.set(entry(2)));
        said.set(Entry::none(entry(2).address));
        assert_eq!((said.digest(), said.count()), (digest, 1));
        let gone = |told: &[Entry]| told.iter().any(Entry::is_none);
        for _ in 0..TOLD {
            assert!(gone(&said.changes(9)));
            said.handle_told(9);
        }
        assert!(said.changes(9).is_empty());
    }
}
