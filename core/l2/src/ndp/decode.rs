use core::net::Ipv6Addr;

use super::encode::Checksum;
use super::{
    ADVERTISEMENT, ETHERTYPE, HOP_LIMIT, ICMPV6, Message, OVERRIDE, Packet, ROUTER, SOLICITATION,
    SOLICITED, SOURCE_OPTION, TARGET_OPTION, solicited_node,
};
use crate::{Mac, reader::Reader};

/// Why a frame is no neighbor solicitation or advertisement that concerns us. All of it is the sender's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends before its packet, or the message, does.
    #[error("the frame ends before its message does")]
    Short,
    /// Another protocol, or another version of IP.
    #[error("the frame holds no IPv6 packet")]
    NotIpv6,
    /// The message does not follow the header at once. Neighbor Discovery has no use for extension headers.
    #[error("next header {0} is not ICMPv6")]
    NextHeader(u8),
    /// It may have come from another link (RFC 4861 section 7.1).
    #[error("hop limit {0} is not 255")]
    HopLimit(u8),
    /// The frame's source is a group: nobody can be answered there.
    #[error("the frame's source {0} is that of a group")]
    SourceMac(Mac),
    /// The packet's source is a group (RFC 4291 section 2.7).
    #[error("the packet's source {0} is that of a group")]
    Source(Ipv6Addr),
    /// The ICMPv6 checksum is wrong.
    #[error("the ICMPv6 checksum is wrong")]
    Checksum,
    /// Another ICMPv6 message.
    #[error("ICMPv6 type {0} is neither neighbor solicitation nor advertisement")]
    Type(u8),
    /// Its ICMPv6 code is not 0.
    #[error("ICMPv6 code {0} is not 0")]
    Code(u8),
    /// The target is a group.
    #[error("the target {0} is that of a group")]
    Target(Ipv6Addr),
    /// An option is empty, longer than the message, or no Ethernet address where one must be.
    #[error("an option does not have its length")]
    OptionLength,
    /// A probe that goes to something else than a solicited-node group (RFC 4861 section 7.1.1).
    #[error("a solicitation without source goes to {0}, which is no solicited-node group")]
    ProbeDestination(Ipv6Addr),
    /// A probe that gives a link-layer address (RFC 4861 section 7.1.1).
    #[error("a solicitation without source gives a link-layer address")]
    ProbeOption,
    /// An advertisement to a group that claims to be an answer (RFC 4861 section 7.1.2).
    #[error("an advertisement to a group claims to be solicited")]
    SolicitedGroup,
}

impl Packet {
    /// Reads a frame; octets after the packet are padding.
    ///
    /// # Errors
    /// It is neither message, or one that RFC 4861 section 7.1 wants discarded.
    pub fn decode(frame: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame);
        let destination_mac = mac(&mut reader)?;
        let source_mac = mac(&mut reader)?;
        if reader.u16().ok_or(Malformed::Short)? != ETHERTYPE {
            return Err(Malformed::NotIpv6);
        }
        if source_mac.is_multicast() {
            return Err(Malformed::SourceMac(source_mac));
        }
        let Header {
            source,
            destination,
            payload,
        } = Header::decode(&mut reader)?;
        let length = u16::try_from(payload.len()).map_err(|_| Malformed::Short)?;
        let mut sum = Checksum::of_pseudo_header(source, destination, length);
        sum.add(payload);
        if sum.finish() != 0 {
            return Err(Malformed::Checksum);
        }
        let packet = Self {
            destination_mac,
            source_mac,
            source,
            destination,
            message: Message::decode(payload)?,
        };
        packet.valid()
    }

    /// RFC 4861 sections 7.1.1 and 7.1.2, where message and addresses have to fit each other.
    fn valid(self) -> Result<Self, Malformed> {
        match self.message {
            Message::Solicitation { source_mac, .. } if self.source.is_unspecified() => {
                // Its group is one of solicited nodes, though not necessarily the target's.
                if solicited_node(self.destination) != self.destination {
                    return Err(Malformed::ProbeDestination(self.destination));
                }
                if source_mac.is_some() {
                    return Err(Malformed::ProbeOption);
                }
            }
            Message::Advertisement {
                solicited: true, ..
            } if self.destination.is_multicast() => return Err(Malformed::SolicitedGroup),
            Message::Solicitation { .. } | Message::Advertisement { .. } => {}
        }
        Ok(self)
    }
}

/// What we need of the IPv6 header (RFC 8200 section 3).
struct Header<'a> {
    source: Ipv6Addr,
    destination: Ipv6Addr,
    payload: &'a [u8],
}

impl<'a> Header<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let [version, ..] = reader.array::<4>().ok_or(Malformed::Short)?;
        if version >> 4 != 6 {
            return Err(Malformed::NotIpv6);
        }
        let length = reader.u16().ok_or(Malformed::Short)?;
        let next_header = reader.u8().ok_or(Malformed::Short)?;
        if next_header != ICMPV6 {
            return Err(Malformed::NextHeader(next_header));
        }
        let hop_limit = reader.u8().ok_or(Malformed::Short)?;
        if hop_limit != HOP_LIMIT {
            return Err(Malformed::HopLimit(hop_limit));
        }
        let source = address(reader)?;
        if source.is_multicast() {
            return Err(Malformed::Source(source));
        }
        Ok(Self {
            source,
            destination: address(reader)?,
            payload: reader.take(usize::from(length)).ok_or(Malformed::Short)?,
        })
    }
}

impl Message {
    fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let [icmp_type, code, ..] = reader.array::<4>().ok_or(Malformed::Short)?;
        if !matches!(icmp_type, SOLICITATION | ADVERTISEMENT) {
            return Err(Malformed::Type(icmp_type));
        }
        if code != 0 {
            return Err(Malformed::Code(code));
        }
        let [flags, ..] = reader.array::<4>().ok_or(Malformed::Short)?;
        let target = address(&mut reader)?;
        if target.is_multicast() {
            return Err(Malformed::Target(target));
        }
        if icmp_type == SOLICITATION {
            return Ok(Self::Solicitation {
                target,
                source_mac: link_layer_address(SOURCE_OPTION, reader)?,
            });
        }
        Ok(Self::Advertisement {
            target,
            router: flags & ROUTER != 0,
            solicited: flags & SOLICITED != 0,
            r#override: flags & OVERRIDE != 0,
            target_mac: link_layer_address(TARGET_OPTION, reader)?,
        })
    }
}

/// The first option of this type; the others are looked at for their length only (RFC 4861 section 4.6).
fn link_layer_address(wanted: u8, mut reader: Reader<'_>) -> Result<Option<Mac>, Malformed> {
    let mut found = None;
    while let Some(option) = reader.u8() {
        let units = reader.u8().ok_or(Malformed::OptionLength)?;
        let length = (usize::from(units) * 8).checked_sub(2);
        let value = length.and_then(|length| reader.take(length));
        let value = value.ok_or(Malformed::OptionLength)?;
        if option == wanted && found.is_none() {
            let octets = value.try_into().map_err(|_| Malformed::OptionLength)?;
            found = Some(Mac(octets));
        }
    }
    Ok(found)
}

impl Malformed {
    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "Short",
            Self::NotIpv6 => "NotIpv6",
            Self::NextHeader(_) => "NextHeader",
            Self::HopLimit(_) => "HopLimit",
            Self::SourceMac(_) => "SourceMac",
            Self::Source(_) => "Source",
            Self::Checksum => "Checksum",
            Self::Type(_) => "Type",
            Self::Code(_) => "Code",
            Self::Target(_) => "Target",
            Self::OptionLength => "OptionLength",
            Self::ProbeDestination(_) => "ProbeDestination",
            Self::ProbeOption => "ProbeOption",
            Self::SolicitedGroup => "SolicitedGroup",
        }
    }
}

fn mac(reader: &mut Reader<'_>) -> Result<Mac, Malformed> {
    reader.array().map(Mac).ok_or(Malformed::Short)
}

fn address(reader: &mut Reader<'_>) -> Result<Ipv6Addr, Malformed> {
    let octets = reader.array::<16>().ok_or(Malformed::Short)?;
    Ok(Ipv6Addr::from(octets))
}
