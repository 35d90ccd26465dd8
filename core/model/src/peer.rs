mod field;
mod import;
mod node_override;
mod place;

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use bgp::{Asn, BgpIdentifier, GracefulRestart, HoldTime, Import, RemoteAsn};

use crate::{Condition, Labels, Meta, Name, Parsed, Rejection, Selectors};

use field::{
    DEFAULT_RESTART_TIME, parse_asn, parse_connect_time, parse_graceful_restart, parse_hold_time,
    parse_hops, parse_keepalive, parse_port, parse_profile, parse_remote_asn, parse_router_id,
    parse_secret, parse_source, parse_ttl,
};

pub use node_override::NodeOverride;
pub use place::Place;

/// A BGPPeer's spec, parsed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Peer {
    /// Our AS number.
    pub my_asn: Asn,
    /// The peer's AS number (`peerASN`), or which it may be (`dynamicASN`).
    pub remote_asn: RemoteAsn,
    /// Where the peer is.
    pub place: Place,
    /// The peer's TCP port.
    pub port: u16,
    /// Our end of the session, an address of the node and of the peer's family; `None`: what the node's routes say.
    pub source: Option<IpAddr>,
    /// Our BGP identifier where the user fixes it.
    pub router_id: Option<BgpIdentifier>,
    /// Hold time offered in OPEN.
    pub hold_time: HoldTime,
    /// Fixed KEEPALIVE interval; `None`: a third of the negotiated hold time.
    pub keepalive_time: Option<Duration>,
    /// Fixed retry interval; `None`: jittered growth.
    pub connect_time: Option<Duration>,
    /// What outlives a restart; `None`: nothing.
    pub graceful_restart: Option<GracefulRestart>,
    /// Nodes that hold the session.
    pub nodes: Selectors,
    /// Secret with key `password` in the install namespace.
    pub password_secret: Option<Name>,
    /// BFDProfile that watches over the way to the peer.
    pub bfd_profile: Option<Name>,
    /// TTL of our packets when the peer is more than one hop away (`ebgpMultiHop`).
    pub multi_hop_ttl: Option<u8>,
    /// How many hops away the peer may be at most, 1 to 254 (GTSM, RFC 5082).
    pub ttl_security_hops: Option<u8>,
    /// Families offered.
    pub families: Families,
    /// What is accepted of the peer's routes; by default nothing (RFC 8212).
    pub import: Import,
    /// Never dial.
    pub passive: bool,
    /// What differs on some nodes; [`Peer::on`] applies it.
    pub overrides: Vec<NodeOverride>,
}

/// Which of the two unicast families a session offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Families {
    /// IPv4 unicast.
    pub ipv4: bool,
    /// IPv6 unicast.
    pub ipv6: bool,
}

impl Peer {
    /// A BGPPeer of which only this much is written, with the defaults of everything else.
    pub fn new([my_asn, peer_asn]: [Asn; 2], address: IpAddr) -> Self {
        Self {
            my_asn,
            remote_asn: RemoteAsn::Fixed(peer_asn),
            place: Place::Address(address),
            port: 179,
            source: None,
            router_id: None,
            hold_time: HoldTime::DEFAULT,
            keepalive_time: None,
            connect_time: None,
            graceful_restart: Some(GracefulRestart {
                restart_time: DEFAULT_RESTART_TIME,
                notification: false,
            }),
            nodes: Selectors::default(),
            password_secret: None,
            bfd_profile: None,
            multi_hop_ttl: None,
            ttl_security_hops: None,
            families: Families {
                ipv4: true,
                ipv6: true,
            },
            import: Import::default(),
            passive: false,
            overrides: Vec::new(),
        }
    }

    /// The peer as a node with these labels has it: the first override that selects the node is applied, none is left.
    pub fn on(&self, labels: &Labels) -> Self {
        let mut peer = self.clone();
        let overrides = core::mem::take(&mut peer.overrides);
        if let Some(found) = overrides
            .into_iter()
            .find(|each| each.nodes.matches(labels))
        {
            peer.my_asn = found.my_asn.unwrap_or(peer.my_asn);
            peer.source = found.source.or(peer.source);
            peer.router_id = found.router_id.or(peer.router_id);
        }
        peer
    }

    /// Parses a BGPPeer.
    pub fn parse(object: &crds::BGPPeer) -> Parsed<Self> {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        Parsed {
            meta: Meta::parse(&object.metadata, conditions.map(Condition::parse).collect()),
            value: Self::parse_spec(&object.spec),
        }
    }

    fn parse_spec(spec: &crds::BGPPeerSpec) -> Result<Self, Rejection> {
        let place = Place::parse(spec)?;
        let address = place.address();
        let hold_time = parse_hold_time(spec.hold_time.as_deref())?;
        Ok(Self {
            my_asn: parse_asn("spec.myASN", spec.my_asn)?,
            remote_asn: parse_remote_asn(spec.peer_asn, spec.dynamic_asn)?,
            place,
            port: parse_port(spec.peer_port)?,
            source: parse_source(
                "spec.sourceAddress",
                spec.source_address.as_deref(),
                address,
            )?,
            router_id: spec
                .router_id
                .as_deref()
                .map(|text| parse_router_id("spec.routerID", text))
                .transpose()?,
            hold_time,
            keepalive_time: parse_keepalive(spec.keepalive_time.as_deref(), hold_time)?,
            connect_time: spec
                .connect_time
                .as_deref()
                .map(parse_connect_time)
                .transpose()?,
            graceful_restart: parse_graceful_restart(spec)?,
            nodes: Selectors::parse("spec.nodeSelectors", &spec.node_selectors)?,
            password_secret: spec
                .password_secret
                .as_ref()
                .map(parse_secret)
                .transpose()?,
            bfd_profile: spec.bfd_profile.as_deref().map(parse_profile).transpose()?,
            multi_hop_ttl: parse_ttl(spec.ebgp_multi_hop, spec.ebgp_multi_hop_ttl)?,
            ttl_security_hops: parse_hops(spec.ttl_security_hops, spec.ebgp_multi_hop)?,
            families: Families::parse(&spec.families)?,
            import: import::parse(spec.import.as_ref())?,
            passive: spec.passive,
            overrides: NodeOverride::parse_all(&spec.node_overrides, address)?,
        })
    }
}

impl Families {
    fn parse(families: &[crds::AddressFamily]) -> Result<Self, Rejection> {
        let count = |family| families.iter().filter(|&&listed| listed == family).count();
        let (ipv4, ipv6) = (
            count(crds::AddressFamily::IPv4),
            count(crds::AddressFamily::IPv6),
        );
        match (ipv4, ipv6) {
            (0, 0) => Ok(Self {
                ipv4: true,
                ipv6: true,
            }),
            (0 | 1, 0 | 1) => Ok(Self {
                ipv4: ipv4 == 1,
                ipv6: ipv6 == 1,
            }),
            _ => Err(Rejection::new(
                "spec.families",
                "a family is listed twice",
                "list IPv4 and IPv6 at most once each",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
