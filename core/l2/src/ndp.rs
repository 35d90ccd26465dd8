//! Neighbor solicitations and advertisements (RFC 4861 sections 4.3 and 4.4) in Ethernet frames.

use core::net::Ipv6Addr;

use crate::Mac;

/// EtherType of IPv6.
pub const ETHERTYPE: u16 = 0x86dd;

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
