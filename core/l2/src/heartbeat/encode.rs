use alloc::vec::Vec;

use super::{
    ASKING, Entry, FIXED, Heartbeat, LEAVING, LONGEST_INTERVAL, LONGEST_MESSAGE, LONGEST_NAME,
    MAGIC, MOST_HEARD, MOST_MACS, SHORTEST_INTERVAL, VERSION,
};

impl Heartbeat {
    /// Writes the message in place of what the buffer held. Of MACs and boots only the first [`MOST_MACS`] and
    /// [`MOST_HEARD`] are written; more entries than there is [`Self::room`] for make a message that nobody takes.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&MAGIC);
        buffer.push(VERSION);
        let name = self.node.as_bytes();
        let name = name.get(..LONGEST_NAME).unwrap_or(name);
        push_length(name.len(), buffer);
        buffer.extend_from_slice(name);
        let leaving = if self.leaving { LEAVING } else { 0 };
        let asking = if self.asking { ASKING } else { 0 };
        buffer.push(leaving | asking);
        let interval = self.interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
        let interval = u16::try_from(interval.as_millis()).unwrap_or(u16::MAX);
        buffer.extend_from_slice(&interval.to_be_bytes());
        buffer.extend_from_slice(&self.boot.to_be_bytes());
        buffer.extend_from_slice(&self.sequence.to_be_bytes());
        buffer.extend_from_slice(&self.digest.to_be_bytes());
        buffer.extend_from_slice(&self.count.to_be_bytes());
        let macs = self.macs.get(..MOST_MACS).unwrap_or(&self.macs);
        push_length(macs.len(), buffer);
        for mac in macs {
            buffer.extend_from_slice(&mac.0);
        }
        let heard = self.heard.get(..MOST_HEARD).unwrap_or(&self.heard);
        push_length(heard.len(), buffer);
        for boot in heard {
            buffer.extend_from_slice(&boot.to_be_bytes());
        }
        push_entries(&self.changes, buffer);
        buffer.extend_from_slice(&self.page.first.to_be_bytes());
        buffer.extend_from_slice(&self.page.last.to_be_bytes());
        push_entries(&self.page.entries, buffer);
    }

    /// How many more entries can be added to changes or page, so that the datagram stays within [`super::LONGEST`].
    pub fn room(&self) -> usize {
        let lists = self.macs.len().min(MOST_MACS) * 6 + self.heard.len().min(MOST_HEARD) * 8;
        let entries = self.changes.len() + self.page.entries.len();
        let length = FIXED + self.node.len() + lists + entries * Entry::LENGTH;
        LONGEST_MESSAGE.saturating_sub(length) / Entry::LENGTH
    }
}

/// Of what is shorter than 256.
fn push_length(length: usize, buffer: &mut Vec<u8>) {
    buffer.push(u8::try_from(length).unwrap_or(u8::MAX));
}

fn push_entries(entries: &[Entry], buffer: &mut Vec<u8>) {
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    buffer.extend_from_slice(&count.to_be_bytes());
    for entry in entries.iter().take(usize::from(count)) {
        entry.encode(buffer);
    }
}
