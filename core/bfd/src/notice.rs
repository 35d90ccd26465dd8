use core::net::IpAddr;

use crate::{Diagnostic, PeerName, State};

/// What the machine tells its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A session went from one state to another. What depends on the peer is to be torn down when `from` is Up, `to` is
    /// Down, and `remote_admin_down` is not set (RFC 5882 section 3.2).
    StateChanged {
        /// Whose session.
        peer: PeerName,
        /// The state before.
        from: State,
        /// The state now.
        to: State,
        /// Why.
        diagnostic: Diagnostic,
        /// The peer said AdminDown: somebody took its session down on purpose, which says nothing about the path
        /// (RFC 5880 section 6.8.16).
        remote_admin_down: bool,
        /// The peer's BFD does not share the fate of its control plane (C bit of what it sent last): when it goes down, the
        /// peer has not merely restarted (RFC 5882 section 4.3).
        remote_independent: bool,
    },
    /// The peer is none of ours any more, and was told so as far as it listened: its sockets can be closed. Not said of a
    /// name that is used again by then.
    Forgotten {
        /// Who.
        peer: PeerName,
    },
}

/// What is to be sent; the octets are in the buffer. The destination port is 4784 when `multihop`, else 3784; TTL (hop
/// limit) is 255; the source port is the same for all packets of a session, 49152 to 65535 (RFC 5881 sections 4 and 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Whose session; perhaps of a peer that has been taken away, and gets its last words.
    pub peer: PeerName,
    /// Where to.
    pub remote: IpAddr,
    /// Where from, as configured.
    pub local: Option<IpAddr>,
    /// The interface, as configured.
    pub interface: Option<u32>,
    /// It is a session of RFC 5883.
    pub multihop: bool,
}
