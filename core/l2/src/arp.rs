//! ARP over Ethernet for IPv4 (RFC 826, RFC 5227).

use core::net::Ipv4Addr;

use crate::Mac;

/// EtherType of ARP.
pub const ETHERTYPE: u16 = 0x0806;
/// Octets of a frame, without padding.
pub const LENGTH: usize = 42;

/// One ARP packet with its Ethernet addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// To whom the frame goes.
    pub destination: Mac,
    /// Request or reply.
    pub operation: Operation,
    /// Who speaks.
    pub sender_mac: Mac,
    /// As whom; 0.0.0.0 in a probe (RFC 5227 section 1.1).
    pub sender: Ipv4Addr,
    /// To whom, in a reply.
    pub target_mac: Mac,
    /// About whom.
    pub target: Ipv4Addr,
}

/// `ar$op`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// 1
    Request,
    /// 2
    Reply,
}
