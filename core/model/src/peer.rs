use core::{net::IpAddr, time::Duration};

use bgp::{Asn, BgpIdentifier, HoldTime};

use crate::{Name, Selectors};

/// A BGPPeer's spec, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Our AS number.
    pub my_asn: Asn,
    /// The peer's AS number.
    pub peer_asn: Asn,
    /// The peer's address.
    pub address: IpAddr,
    /// The peer's TCP port.
    pub port: u16,
    /// Our BGP identifier where the user fixes it.
    pub router_id: Option<BgpIdentifier>,
    /// Hold time offered in OPEN.
    pub hold_time: HoldTime,
    /// Fixed KEEPALIVE interval; `None`: a third of the negotiated hold time.
    pub keepalive_time: Option<Duration>,
    /// Fixed retry interval; `None`: jittered growth.
    pub connect_time: Option<Duration>,
    /// Nodes that hold the session.
    pub nodes: Selectors,
    /// Secret with key `password` in the install namespace.
    pub password_secret: Option<Name>,
    /// TTL of our packets when the peer is more than one hop away (`ebgpMultiHop`).
    pub multi_hop_ttl: Option<u8>,
    /// Families offered.
    pub families: Families,
    /// Never dial.
    pub passive: bool,
}

/// Which of the two unicast families a session offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// IPv4 unicast.
    pub ipv4: bool,
    /// IPv6 unicast.
    pub ipv6: bool,
}
