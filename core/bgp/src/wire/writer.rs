use alloc::vec::Vec;

use super::attr;
use super::codec::{HEADER_LENGTH, header};
use super::message::patch;
use super::{AttributeBlock, AttributeCode, Dialect, MessageType, nlri};
use crate::params::{Family, Prefix};

/// Writes one UPDATE prefix by prefix into the caller's buffer; nothing is allocated beside it.
///
/// ```
/// # use bgp::{params::*, wire::{*, attr::*}};
/// # let mut dialect = Dialect::initial(PeerType::External);
/// # dialect.families = FamilySet::IPV4;
/// # let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
/// let prefixes = ["198.51.100.1/32".parse().unwrap(), "198.51.100.2/32".parse().unwrap()];
/// let block = AttributeBlock::new(Family::IPV4_UNICAST, next_hop, &RouteAttributes::default(), &dialect)?;
/// let mut out = Vec::new();
/// let mut writer = UpdateWriter::announce(&block, &mut out);
/// let sent = prefixes.iter().take_while(|prefix| writer.push(prefix)).count();
/// writer.finish();
/// assert_eq!(sent, 2);
/// # Ok::<(), EncodeError>(())
/// ```
#[derive(Debug)]
#[must_use = "an UPDATE is whole only after `finish`"]
pub struct UpdateWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Where the message begins.
    start: usize,
    /// Where the prefixes begin.
    prefixes: usize,
    /// Where the prefixes must end, so that what follows them fits.
    end: usize,
    family: Family,
    layout: Layout<'a>,
}

/// Which part of the UPDATE holds the prefixes.
#[derive(Clone, Copy, Debug)]
enum Layout<'a> {
    /// The field at the end.
    Announced,
    /// The field at the beginning.
    Withdrawn,
    /// An MP attribute in front, then these attributes.
    Multiprotocol(&'a [u8]),
}

impl<'a> UpdateWriter<'a> {
    /// Begins an UPDATE that announces prefixes.
    pub fn announce(block: &'a AttributeBlock, out: &'a mut Vec<u8>) -> Self {
        let start = begin(out);
        out.extend_from_slice(&[0, 0]);
        let limit = usize::from(block.limit);
        let Some(next_hop) = block.multiprotocol else {
            // What does not fit 16 bits was refused together with the block.
            let length = u16::try_from(block.octets.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&block.octets);
            let (prefixes, end) = (out.len(), start + limit);
            let (family, layout) = (block.family, Layout::Announced);
            return Self {
                out,
                start,
                prefixes,
                end,
                family,
                layout,
            };
        };
        begin_multiprotocol(AttributeCode::MP_REACH_NLRI, out);
        attr::encode_reach_start(block.family, &next_hop, out);
        let (prefixes, end) = (out.len(), start + limit - block.octets.len());
        let layout = Layout::Multiprotocol(&block.octets);
        Self {
            out,
            start,
            prefixes,
            end,
            family: block.family,
            layout,
        }
    }

    /// Begins an UPDATE that withdraws prefixes of a family.
    pub fn withdraw(family: Family, dialect: &Dialect, out: &'a mut Vec<u8>) -> Self {
        let start = begin(out);
        let limit = start + usize::from(dialect.max_message_length);
        out.extend_from_slice(&[0, 0]);
        let (layout, end) = match family {
            Family::IPV4_UNICAST => (Layout::Withdrawn, limit - 2),
            _ => {
                begin_multiprotocol(AttributeCode::MP_UNREACH_NLRI, out);
                attr::encode_family(family, out);
                (Layout::Multiprotocol(&[]), limit)
            }
        };
        let prefixes = out.len();
        Self {
            out,
            start,
            prefixes,
            end,
            family,
            layout,
        }
    }

    /// Adds a prefix. False: it does not fit any more, or is of another family, and was not added.
    #[must_use = "a prefix that does not fit goes into the next UPDATE"]
    pub fn push(&mut self, prefix: &Prefix) -> bool {
        let fits = self.out.len() + nlri::encoded_length(prefix) <= self.end;
        if fits && prefix.family() == self.family {
            nlri::encode(prefix, self.out);
            return true;
        }
        false
    }

    /// Completes the UPDATE; its octets. Without a prefix nothing is written at all.
    pub fn finish(self) -> usize {
        if self.out.len() == self.prefixes {
            self.out.truncate(self.start);
            return 0;
        }
        let field = self.start + HEADER_LENGTH;
        match self.layout {
            Layout::Announced => {}
            Layout::Withdrawn => {
                patch_length(self.out, field);
                self.out.extend_from_slice(&[0, 0]);
            }
            Layout::Multiprotocol(rest) => {
                patch_length(self.out, field + 4 + 2);
                self.out.extend_from_slice(rest);
                patch_length(self.out, field + 2);
            }
        }
        let length = self.out.len() - self.start;
        patch(
            self.out,
            self.start + HEADER_LENGTH - 3,
            u16::try_from(length).unwrap_or(u16::MAX),
        );
        length
    }
}

/// Appends the UPDATE that says that all of a family was sent (RFC 4724 section 2).
pub fn encode_end_of_rib(family: Family, out: &mut Vec<u8>) {
    match family {
        Family::IPV4_UNICAST => {
            out.extend_from_slice(&header(MessageType::Update, 23));
            out.extend_from_slice(&[0, 0, 0, 0]);
        }
        _ => {
            out.extend_from_slice(&header(MessageType::Update, 29));
            out.extend_from_slice(&[0, 0, 0, 6]);
            out.extend_from_slice(&[0x80, AttributeCode::MP_UNREACH_NLRI.0, 3]);
            attr::encode_family(family, out);
        }
    }
}

/// Writes a header whose length is patched at the end; where the message begins.
fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&header(MessageType::Update, 0));
    start
}

/// Total attribute length, then an attribute header whose length has two octets.
fn begin_multiprotocol(code: AttributeCode, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0, 0x90, code.0, 0, 0]);
}

/// Writes into two octets how many follow them.
fn patch_length(out: &mut [u8], position: usize) {
    let length = out.len().saturating_sub(position + 2);
    patch(out, position, u16::try_from(length).unwrap_or(u16::MAX));
}
