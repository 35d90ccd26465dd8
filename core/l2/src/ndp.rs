//! Neighbor solicitations and advertisements (RFC 4861 sections 4.3 and 4.4) in Ethernet frames.

use core::net::Ipv6Addr;

use crate::Mac;

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::Malformed;

/// EtherType of IPv6.
pub const ETHERTYPE: u16 = 0x86dd;
/// All nodes of the link (RFC 4291 section 2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Next header of ICMPv6 (RFC 4443 section 1).
const ICMPV6: u8 = 58;
/// What no router can have touched (RFC 4861 section 3.1).
const HOP_LIMIT: u8 = 255;
/// ICMPv6 type of a neighbor solicitation.
const SOLICITATION: u8 = 135;
/// ICMPv6 type of a neighbor advertisement.
const ADVERTISEMENT: u8 = 136;
/// Source link-layer address option.
const SOURCE_OPTION: u8 = 1;
/// Target link-layer address option.
const TARGET_OPTION: u8 = 2;
/// Its router flag in the first octet after the checksum.
const ROUTER: u8 = 0x80;
/// Its solicited flag.
const SOLICITED: u8 = 0x40;
/// Its override flag.
const OVERRIDE: u8 = 0x20;

/// One message with the addresses of its frame and packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// To whom the frame goes.
    pub destination_mac: Mac,
    /// From whom it comes.
    pub source_mac: Mac,
    /// Source of the packet; `::` in a probe.
    pub source: Ipv6Addr,
    /// Destination of the packet.
    pub destination: Ipv6Addr,
    /// The message.
    pub message: Message,
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Who has the target?
    Solicitation {
        /// About whom.
        target: Ipv6Addr,
        /// Source link-layer address option.
        source_mac: Option<Mac>,
    },
    /// The target is here.
    Advertisement {
        /// About whom.
        target: Ipv6Addr,
        /// R: the sender forwards packets.
        router: bool,
        /// S: the answer to a solicitation.
        solicited: bool,
        /// O: replaces what the receiver has in its cache.
        r#override: bool,
        /// Target link-layer address option.
        target_mac: Option<Mac>,
    },
}

impl Packet {
    /// The answer to a solicitation: to who asked, at the source of the frame, whether or not it gave its link-layer
    /// address; to a probe, which has no source, to everybody (RFC 4861 section 7.2.4). It comes from the target itself, as
    /// a kernel answers for its own addresses: some clients take no other answer.
    #[must_use]
    pub const fn answer(request: &Self, own: Mac, router: bool) -> Self {
        let target = request.message.target();
        if request.source.is_unspecified() {
            return Self::unsolicited(own, target, router);
        }
        Self {
            destination_mac: request.source_mac,
            source_mac: own,
            source: target,
            destination: request.source,
            message: Message::Advertisement {
                target,
                router,
                solicited: true,
                r#override: true,
                target_mac: Some(own),
            },
        }
    }

    /// "I have it now", to everybody (RFC 4861 section 7.2.6).
    #[must_use]
    pub const fn unsolicited(own: Mac, address: Ipv6Addr, router: bool) -> Self {
        Self {
            destination_mac: group_mac(ALL_NODES),
            source_mac: own,
            source: address,
            destination: ALL_NODES,
            message: Message::Advertisement {
                target: address,
                router,
                solicited: false,
                r#override: true,
                target_mac: Some(own),
            },
        }
    }

    /// "Does anybody have it?", which teaches nobody a sender (RFC 4862 section 5.4.2).
    #[must_use]
    pub const fn probe(own: Mac, target: Ipv6Addr) -> Self {
        let destination = solicited_node(target);
        Self {
            destination_mac: group_mac(destination),
            source_mac: own,
            source: Ipv6Addr::UNSPECIFIED,
            destination,
            message: Message::Solicitation {
                target,
                source_mac: None,
            },
        }
    }
}

impl Message {
    /// The address that it is about.
    pub const fn target(&self) -> Ipv6Addr {
        match self {
            Self::Solicitation { target, .. } | Self::Advertisement { target, .. } => *target,
        }
    }
}

/// The group at which solicitations for the address arrive (RFC 4291 section 2.7.1).
#[must_use]
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let (high, low) = (u16::from_be_bytes([0xff, a]), u16::from_be_bytes([b, c]));
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, high, low)
}

/// The MAC of a group (RFC 2464 section 7).
const fn group_mac(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    Mac([0x33, 0x33, a, b, c, d])
}
