use alloc::collections::BTreeMap;

use crate::heartbeat::{Entry, digest, position};

/// What one node says about addresses, by [`position`], and the digest of all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    by_position: BTreeMap<u128, Entry>,
    digest: u64,
}

impl Entries {
    /// Says this from now on. Gives what was said before, if that differs.
    pub(crate) fn set(&mut self, entry: Entry) -> Option<Entry> {
        let at = position(entry.address);
        let former = match entry.is_none() {
            true => self.by_position.remove(&at),
            false => self.by_position.insert(at, entry),
        };
        if let Some(former) = former {
            self.digest = self.digest.wrapping_sub(digest(&former));
        }
        if !entry.is_none() {
            self.digest = self.digest.wrapping_add(digest(&entry));
        }
        let former = former.unwrap_or(Entry::none(entry.address));
        let differs = former != entry && !(former.is_none() && entry.is_none());
        differs.then_some(former)
    }

    pub(crate) const fn by_position(&self) -> &BTreeMap<u128, Entry> {
        &self.by_position
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }
}
