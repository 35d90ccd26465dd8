use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{AttributesId, Batch, Export, Item, LocRib, Slot};
use crate::params::{Family, FamilySet, Prefix};
use crate::peer_config::PeerName;
use crate::wire::attr::RouteAttributes;
use crate::wire::{
    AttributeBlock, Message, RouteRefresh, RouteRefreshKind, UpdateWriter, encode_end_of_rib,
};

/// What one session was sent, and which prefixes wait.
///
/// A slow peer coalesces: a prefix waits at most once, and what is written is what is wanted at that moment. What is
/// wanted stands in the [`LocRib`] alone; here are four octets per prefix.
#[derive(Debug)]
pub(crate) struct AdjRibOut {
    peer: PeerName,
    export: Export,
    /// Families whose prefixes are sent.
    families: FamilySet,
    /// By slot: with which attributes.
    sent: Vec<Option<AttributesId>>,
    advertised: usize,
    /// By slot, 64 to a word: waits in `queue` or `batch`.
    waiting: Vec<u64>,
    queue: Vec<Slot>,
    batch: Batch,
    end_of_rib: FamilySet,
    /// Families whose begin is to be marked, and those whose end is (RFC 7313 section 4).
    begins: FamilySet,
    refreshing: FamilySet,
    block: Option<CachedBlock>,
}

#[derive(Debug)]
struct CachedBlock {
    family: Family,
    attributes: Arc<RouteAttributes>,
    block: AttributeBlock,
}

/// The prefix whose turn it is.
#[derive(Clone, Copy)]
struct Turn {
    slot: Slot,
    prefix: Prefix,
    wanted: Option<AttributesId>,
}

impl Turn {
    /// Whether both can stand in one UPDATE.
    fn shares_update(&self, other: &Self) -> bool {
        self.wanted == other.wanted && self.prefix.family() == other.prefix.family()
    }
}

impl AdjRibOut {
    /// Everything waits, and an End-of-RIB per family.
    pub(crate) fn new(peer: PeerName, export: Export, rib: &LocRib) -> Self {
        let (end_of_rib, families) = (export.dialect().families, export.advertised());
        let mut fresh = Self {
            peer,
            export,
            families,
            sent: alloc::vec![None; rib.slot_count()],
            advertised: 0,
            waiting: Vec::new(),
            queue: Vec::new(),
            batch: Batch::default(),
            end_of_rib,
            begins: FamilySet::NONE,
            refreshing: FamilySet::NONE,
            block: None,
        };
        rib.slots().for_each(|slot| fresh.mark(slot));
        fresh
    }

    pub(crate) const fn export(&self) -> &Export {
        &self.export
    }

    /// Prefixes that the peer was sent and that were not withdrawn since.
    pub(crate) const fn advertised(&self) -> usize {
        self.advertised
    }

    /// The attributes that the peer was sent, repetitions included.
    pub(crate) fn sent(&self) -> impl Iterator<Item = AttributesId> {
        self.sent.iter().flatten().copied()
    }

    /// What is wanted of this prefix may have changed.
    pub(crate) fn mark(&mut self, slot: Slot) {
        let (word, bit) = (slot.index() / 64, 1_u64 << (slot.index() % 64));
        if word >= self.waiting.len() {
            self.waiting.resize(word + 1, 0);
        }
        if let Some(word) = self.waiting.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.queue.push(slot);
        }
    }

    /// The peer asks for all of a family again (RFC 2918). Begin and end are marked where that was agreed on, but not
    /// before End-of-RIB, which is the mark until then (RFC 7313 section 4).
    pub(crate) fn resend(&mut self, family: Family, rib: &LocRib) {
        for slot in rib.slots() {
            let of_family = rib
                .prefix(slot)
                .is_some_and(|prefix| prefix.family() == family);
            if of_family && let Some(sent @ Some(_)) = self.sent.get_mut(slot.index()) {
                *sent = Some(AttributesId::AGAIN);
                self.mark(slot);
            }
        }
        if self.export.dialect().enhanced_route_refresh && !self.end_of_rib.contains(family) {
            self.begins.insert(family);
        }
    }

    /// Writes UPDATEs until about `budget` octets are written or nothing waits; their number.
    pub(crate) fn poll_transmit(
        &mut self,
        rib: &mut LocRib,
        budget: usize,
        out: &mut Vec<u8>,
    ) -> u64 {
        let (start, mut messages) = (out.len(), 0);
        for family in core::mem::take(&mut self.begins).iter() {
            self.write_mark(family, RouteRefreshKind::Begin, out);
            self.refreshing.insert(family);
        }
        while out.len() - start < budget {
            let Some(turn) = self.next_turn(rib) else {
                for family in core::mem::take(&mut self.refreshing).iter() {
                    self.write_mark(family, RouteRefreshKind::End, out);
                }
                return messages + self.write_end_of_rib(rib, out);
            };
            let before = out.len();
            match turn.wanted {
                Some(id) => self.announce(turn, id, rib, out),
                None => self.withdraw(turn, rib, out),
            }
            messages += u64::from(out.len() > before);
        }
        messages
    }

    /// The session is over: nothing is held any more.
    pub(crate) fn release(&mut self, rib: &mut LocRib) {
        for (index, sent) in core::mem::take(&mut self.sent).iter().enumerate() {
            if sent.is_some()
                && let Ok(index) = u32::try_from(index)
            {
                rib.let_go(Slot(index));
            }
        }
    }

    /// The next prefix of which the peer has something else than it should.
    fn next_turn(&mut self, rib: &LocRib) -> Option<Turn> {
        loop {
            let Some(slot) = self.batch.peek() else {
                self.batch = self.next_batch(rib)?;
                continue;
            };
            if let Some(prefix) = rib.prefix(slot) {
                let wanted = self.wanted(slot, prefix, rib);
                if wanted != self.sent_of(slot) {
                    return Some(Turn {
                        slot,
                        prefix,
                        wanted,
                    });
                }
            }
            self.advance(slot);
        }
    }

    fn next_batch(&mut self, rib: &LocRib) -> Option<Batch> {
        if self.queue.is_empty() {
            // Gives back what a large batch took.
            self.batch = Batch::default();
            return None;
        }
        let queue = core::mem::take(&mut self.queue);
        // Of a slot that is out of use nothing can wait: it is marked again when it is used again.
        queue
            .iter()
            .filter(|slot| rib.prefix(**slot).is_none())
            .for_each(|slot| {
                clear(&mut self.waiting, *slot);
            });
        let item = |slot| {
            let prefix = rib.prefix(slot)?;
            Some(Item::new(
                self.wanted(slot, prefix, rib),
                prefix.family(),
                slot,
            ))
        };
        Some(Batch::new(
            queue.iter().filter_map(|&slot| item(slot)).collect(),
        ))
    }

    fn wanted(&self, slot: Slot, prefix: Prefix, rib: &LocRib) -> Option<AttributesId> {
        match self.families.contains(prefix.family()) {
            true => rib.wanted(slot, &self.peer),
            false => None,
        }
    }

    fn announce(&mut self, first: Turn, id: AttributesId, rib: &mut LocRib, out: &mut Vec<u8>) {
        let Some(cached) = self.take_block(first.prefix.family(), id, rib) else {
            // The attributes do not fit a message: to the peer the prefix is not there.
            return self.withdraw_for_good(first, rib, out);
        };
        let mut writer = UpdateWriter::announce(&cached.block, out);
        self.write_group(first, rib, |prefix| writer.push(prefix));
        writer.finish();
        self.block = Some(cached);
    }

    fn withdraw(&mut self, first: Turn, rib: &mut LocRib, out: &mut Vec<u8>) {
        let dialect = *self.export.dialect();
        let mut writer = UpdateWriter::withdraw(first.prefix.family(), &dialect, out);
        self.write_group(first, rib, |prefix| writer.push(prefix));
        writer.finish();
    }

    fn withdraw_for_good(&mut self, turn: Turn, rib: &mut LocRib, out: &mut Vec<u8>) {
        if self.sent_of(turn.slot).is_some() {
            let dialect = *self.export.dialect();
            let mut writer = UpdateWriter::withdraw(turn.prefix.family(), &dialect, out);
            let _ = writer.push(&turn.prefix);
            writer.finish();
        }
        self.record(turn.slot, None, rib);
        self.advance(turn.slot);
    }

    /// Writes prefixes as long as they belong into the same UPDATE and fit.
    fn write_group(
        &mut self,
        first: Turn,
        rib: &mut LocRib,
        mut push: impl FnMut(&Prefix) -> bool,
    ) {
        let mut turn = Some(first);
        while let Some(next) = turn.filter(|next| next.shares_update(&first)) {
            if !push(&next.prefix) {
                return;
            }
            self.record(next.slot, next.wanted, rib);
            self.advance(next.slot);
            turn = self.next_turn(rib);
        }
    }

    fn record(&mut self, slot: Slot, now: Option<AttributesId>, rib: &mut LocRib) {
        if slot.index() >= self.sent.len() {
            self.sent
                .resize(rib.slot_count().max(slot.index() + 1), None);
        }
        let Some(sent) = self.sent.get_mut(slot.index()) else {
            return;
        };
        match (core::mem::replace(sent, now), now) {
            (None, Some(_)) => {
                self.advertised += 1;
                rib.hold(slot);
            }
            (Some(_), None) => {
                self.advertised -= 1;
                rib.let_go(slot);
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    fn advance(&mut self, slot: Slot) {
        clear(&mut self.waiting, slot);
        self.batch.advance();
    }

    fn sent_of(&self, slot: Slot) -> Option<AttributesId> {
        self.sent.get(slot.index()).copied().flatten()
    }

    fn take_block(
        &mut self,
        family: Family,
        id: AttributesId,
        rib: &LocRib,
    ) -> Option<CachedBlock> {
        let attributes = rib.attributes(id)?;
        let cached = self.block.take().filter(|cached| {
            cached.family == family && Arc::ptr_eq(&cached.attributes, attributes)
        });
        cached.or_else(|| {
            let block = self.export.block(family, attributes).ok()?;
            Some(CachedBlock {
                family,
                attributes: attributes.clone(),
                block,
            })
        })
    }

    fn write_mark(&self, family: Family, kind: RouteRefreshKind, out: &mut Vec<u8>) {
        let message = Message::RouteRefresh(RouteRefresh { family, kind });
        let encoded = message.encode(self.export.dialect(), out);
        debug_assert_eq!(encoded, Ok(()));
    }

    fn write_end_of_rib(&mut self, rib: &LocRib, out: &mut Vec<u8>) -> u64 {
        if !rib.is_complete() {
            return 0;
        }
        let owed = core::mem::take(&mut self.end_of_rib);
        owed.iter()
            .for_each(|family| encode_end_of_rib(family, out));
        owed.iter().map(|_| 1).sum()
    }
}

fn clear(waiting: &mut [u64], slot: Slot) {
    if let Some(word) = waiting.get_mut(slot.index() / 64) {
        *word &= !(1 << (slot.index() % 64));
    }
}

#[cfg(test)]
mod tests;
