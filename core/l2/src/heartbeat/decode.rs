use alloc::vec::Vec;
use core::{str, time::Duration};

use super::{
    ASKING, Entry, Heartbeat, LEAVING, LONGEST_INTERVAL, LONGEST_MESSAGE, LONGEST_NAME, MAGIC,
    MOST_HEARD, MOST_MACS, Page, SHORTEST_INTERVAL, VERSION, position,
};
use crate::{Mac, reader::Reader};

/// Why a message is no heartbeat. If it was authentic, its node runs something else than this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends before its fields do.
    #[error("the message ends before its fields do")]
    Short,
    /// More than [`super::LONGEST`] octets with key identifier and tag.
    #[error("the message is longer than a heartbeat can be")]
    Long,
    /// It does not begin like a heartbeat.
    #[error("the message does not begin like a heartbeat")]
    Magic,
    /// Another version of the layout.
    #[error("heartbeats of version {0} are not understood here")]
    Version(u8),
    /// The name is no DNS subdomain of 1 to 253 octets.
    #[error("the node's name is no DNS subdomain")]
    Node,
    /// Milliseconds, not in 10 to 60,000.
    #[error("an interval of {0} ms is not in 10 to 60000 ms")]
    Interval(u16),
    /// More than [`MOST_MACS`].
    #[error("{0} MACs are more than 16")]
    Macs(u8),
    /// More than [`MOST_HEARD`].
    #[error("{0} boots are more than 16")]
    Heard(u8),
    /// The page ends before it begins, or an entry lies outside of it or not behind the one before.
    #[error("the page's entries do not ascend within its range")]
    Page,
    /// Something follows the page.
    #[error("the message goes on after its fields")]
    Trailing,
}

impl Heartbeat {
    /// Reads a message. What it allocates is less than twice the message.
    ///
    /// # Errors
    /// It is no heartbeat of this version.
    pub fn decode(message: &[u8]) -> Result<Self, Malformed> {
        if message.len() > LONGEST_MESSAGE {
            return Err(Malformed::Long);
        }
        let mut reader = Reader::new(message);
        let node = name(&mut reader)?;
        let heartbeat = Self::after_name(node, &mut reader).ok_or(Malformed::Short)??;
        match reader.rest() {
            [] => Ok(heartbeat),
            _ => Err(Malformed::Trailing),
        }
    }

    /// Nothing when the message ends too early.
    fn after_name(node: &str, reader: &mut Reader<'_>) -> Option<Result<Self, Malformed>> {
        let flags = reader.u8()?;
        let interval = reader.u16()?;
        let duration = Duration::from_millis(interval.into());
        if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&duration) {
            return Some(Err(Malformed::Interval(interval)));
        }
        let (boot, sequence) = (reader.u64()?, reader.u64()?);
        let (digest, count) = (reader.u64()?, reader.u32()?);
        let macs = reader.u8()?;
        if usize::from(macs) > MOST_MACS {
            return Some(Err(Malformed::Macs(macs)));
        }
        let macs = list(macs.into(), 6, reader, |reader| reader.array().map(Mac))?;
        let heard = reader.u8()?;
        if usize::from(heard) > MOST_HEARD {
            return Some(Err(Malformed::Heard(heard)));
        }
        let heard = list(heard.into(), 8, reader, |reader| reader.u64())?;
        let changes = entries(reader)?;
        let page = Page {
            first: reader.u128()?,
            last: reader.u128()?,
            entries: entries(reader)?,
        };
        if !page.is_valid() {
            return Some(Err(Malformed::Page));
        }
        Some(Ok(Self {
            node: node.into(),
            boot,
            sequence,
            interval: duration,
            leaving: flags & LEAVING != 0,
            asking: flags & ASKING != 0,
            macs,
            heard,
            digest,
            count,
            changes,
            page,
        }))
    }
}

impl Page {
    fn is_valid(&self) -> bool {
        let positions = || self.entries.iter().map(|entry| position(entry.address));
        self.first <= self.last
            && positions().is_sorted_by(|one, next| one < next)
            && positions().all(|position| (self.first..=self.last).contains(&position))
    }
}

/// The name of the node in a datagram of this version that nobody has authenticated: for reports only.
#[must_use]
pub fn peek_node(datagram: &[u8]) -> Option<&str> {
    name(&mut Reader::new(datagram)).ok()
}

/// The beginning of a message up to its name.
fn name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    if reader.array().ok_or(Malformed::Short)? != MAGIC {
        return Err(Malformed::Magic);
    }
    match reader.u8().ok_or(Malformed::Short)? {
        VERSION => {}
        other => return Err(Malformed::Version(other)),
    }
    let length = reader.u8().ok_or(Malformed::Short)?;
    let name = reader.take(length.into()).ok_or(Malformed::Short)?;
    let name = str::from_utf8(name).map_err(|_| Malformed::Node)?;
    match is_subdomain(name) {
        true => Ok(name),
        false => Err(Malformed::Node),
    }
}

/// What Kubernetes takes as the name of a Node: labels of lower-case letters, digits and inner hyphens, with dots between
/// them.
fn is_subdomain(name: &str) -> bool {
    let inner = |octet: &u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || *octet == b'-';
    name.len() <= LONGEST_NAME
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|octet| inner(&octet))
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn entries(reader: &mut Reader<'_>) -> Option<Vec<Entry>> {
    let count = reader.u16()?;
    list(count.into(), Entry::LENGTH, reader, Entry::decode)
}

/// So many items of this length in octets. Memory is taken only for what is there.
fn list<T>(
    count: usize,
    length: usize,
    reader: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut items = Reader::new(reader.take(count * length)?);
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        list.push(item(&mut items)?);
    }
    Some(list)
}

impl Malformed {
    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "Short",
            Self::Long => "Long",
            Self::Magic => "Magic",
            Self::Version(_) => "Version",
            Self::Node => "Node",
            Self::Interval(_) => "Interval",
            Self::Macs(_) => "Macs",
            Self::Heard(_) => "Heard",
            Self::Page => "Page",
            Self::Trailing => "Trailing",
        }
    }
}
