use alloc::format;
use core::{net::IpAddr, time::Duration};

use bgp::{Asn, BgpIdentifier, GracefulRestart, HoldTime, RemoteAsn};

use crate::{Condition, Meta, Name, Parsed, Rejection, Selectors, duration};

/// How long a router keeps our routes when the user does not say it.
const DEFAULT_RESTART_TIME: Duration = Duration::from_secs(30);

/// A BGPPeer's spec, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Our AS number.
    pub my_asn: Asn,
    /// The peer's AS number (`peerASN`), or which it may be (`dynamicASN`).
    pub remote_asn: RemoteAsn,
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
    /// What outlives a restart; `None`: nothing.
    pub graceful_restart: Option<GracefulRestart>,
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

impl Peer {
    /// A BGPPeer of which only this much is written, with the defaults of everything else.
    pub fn new([my_asn, peer_asn]: [Asn; 2], address: IpAddr) -> Self {
        Self {
            my_asn,
            remote_asn: RemoteAsn::Fixed(peer_asn),
            address,
            port: 179,
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
            multi_hop_ttl: None,
            families: Families {
                ipv4: true,
                ipv6: true,
            },
            passive: false,
        }
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
        let hold_time = parse_hold_time(spec.hold_time.as_deref())?;
        Ok(Self {
            my_asn: parse_asn("spec.myASN", spec.my_asn)?,
            remote_asn: parse_remote_asn(spec.peer_asn, spec.dynamic_asn)?,
            address: parse_address(&spec.peer_address)?,
            port: parse_port(spec.peer_port)?,
            router_id: spec.router_id.as_deref().map(parse_router_id).transpose()?,
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
            multi_hop_ttl: parse_ttl(spec.ebgp_multi_hop, spec.ebgp_multi_hop_ttl)?,
            families: Families::parse(&spec.families)?,
            passive: spec.passive,
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

fn parse_asn(field: &str, number: i64) -> Result<Asn, Rejection> {
    match u32::try_from(number) {
        Ok(asn @ 1..=4_294_967_294) if asn != 23_456 && asn != 65_535 => Ok(Asn(asn)),
        _ => Err(Rejection::new(
            field,
            format!("{number} is no usable AS number"),
            "use 1 to 4294967294 without the reserved 23456 and 65535",
        )),
    }
}

fn parse_remote_asn(
    number: Option<i64>,
    dynamic: Option<crds::DynamicAsn>,
) -> Result<RemoteAsn, Rejection> {
    let reject = |what| {
        Err(Rejection::new(
            "spec.peerASN",
            what,
            "set either peerASN, or dynamicASN to internal or external",
        ))
    };
    match (number, dynamic) {
        (Some(number), None) => Ok(RemoteAsn::Fixed(parse_asn("spec.peerASN", number)?)),
        (None, Some(crds::DynamicAsn::Internal)) => Ok(RemoteAsn::Internal),
        (None, Some(crds::DynamicAsn::External)) => Ok(RemoteAsn::External),
        (Some(_), Some(_)) => reject("it excludes dynamicASN"),
        (None, None) => reject("it is missing, and so is dynamicASN"),
    }
}

fn parse_address(text: &str) -> Result<IpAddr, Rejection> {
    let reject = |what: &str, remedy: &str| {
        Err(Rejection::new(
            "spec.peerAddress",
            format!("\"{text}\" is {what}"),
            remedy,
        ))
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        return reject(
            "no IP address",
            "write the router's address, such as 10.0.0.1 or fd00::1",
        );
    };
    let remedy = "write the router's own unicast address";
    match address {
        _ if address.is_unspecified() => reject("the unspecified address", remedy),
        _ if address.is_multicast() => reject("a multicast address", remedy),
        IpAddr::V4(v4) if v4.is_broadcast() => reject("the broadcast address", remedy),
        IpAddr::V4(v4) if v4.octets().starts_with(&[0]) => reject("in 0.0.0.0/8", remedy),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            reject("an IPv4-mapped address", "write the IPv4 address itself")
        }
        IpAddr::V6(v6) if v6.is_unicast_link_local() => reject(
            "a link-local address, which names no interface",
            "write the router's global or unique local address",
        ),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(address),
    }
}

fn parse_port(port: i32) -> Result<u16, Rejection> {
    u16::try_from(port)
        .ok()
        .filter(|&port| port != 0)
        .ok_or_else(|| {
            Rejection::new(
                "spec.peerPort",
                format!("{port} is no TCP port"),
                "use 1 to 65535",
            )
        })
}

fn parse_router_id(text: &str) -> Result<BgpIdentifier, Rejection> {
    text.parse().map_err(|_| {
        Rejection::new(
            "spec.routerID",
            format!("\"{text}\" is no BGP identifier"),
            "write four numbers such as 10.0.0.1, not 0.0.0.0",
        )
    })
}

/// RFC 4271 section 4.2: 0 or at least 3 s, whole seconds in 16 bits.
fn parse_hold_time(text: Option<&str>) -> Result<HoldTime, Rejection> {
    let field = "spec.holdTime";
    let Some(text) = text else {
        return Ok(HoldTime::DEFAULT);
    };
    let time = duration::parse(field, text)?;
    let seconds = u16::try_from(time.as_secs())
        .ok()
        .filter(|_| time.subsec_nanos() == 0);
    seconds
        .and_then(|seconds| HoldTime::new(seconds).ok())
        .ok_or_else(|| {
            Rejection::new(
                field,
                format!("\"{text}\" is no hold time of BGP"),
                "use 0s (never expires) or whole seconds from 3s to 65535s",
            )
        })
}

/// An interval at or above the hold time would end the session it is meant to keep.
fn parse_keepalive(text: Option<&str>, hold_time: HoldTime) -> Result<Option<Duration>, Rejection> {
    let field = "spec.keepaliveTime";
    let Some(text) = text else { return Ok(None) };
    let time = duration::parse(field, text)?;
    match hold_time.duration() {
        None if time.is_zero() => Ok(None),
        None => Err(Rejection::new(
            field,
            format!("\"{text}\" is set, but with holdTime 0s no keepalives are sent"),
            "remove it or set holdTime",
        )),
        Some(hold) if time >= Duration::from_secs(1) && time < hold => Ok(Some(time)),
        Some(_) => Err(Rejection::new(
            field,
            format!("\"{text}\" is not between 1s and the hold time of {hold_time}"),
            "use at most a third of holdTime",
        )),
    }
}

fn parse_connect_time(text: &str) -> Result<Duration, Rejection> {
    let field = "spec.connectTime";
    let time = duration::parse(field, text)?;
    match (Duration::from_secs(1)..=Duration::from_secs(65_535)).contains(&time) {
        true => Ok(time),
        false => Err(Rejection::new(
            field,
            format!("\"{text}\" is out of range"),
            "use 1s to 65535s, or leave it out for growing intervals",
        )),
    }
}

/// RFC 4724 section 3: whole seconds in 12 bits; 0 would keep nothing.
fn parse_graceful_restart(spec: &crds::BGPPeerSpec) -> Result<Option<GracefulRestart>, Rejection> {
    let notification = spec.graceful_restart_notification;
    if !spec.enable_graceful_restart {
        return match (&spec.graceful_restart_time, notification) {
            (None, false) => Ok(None),
            _ => Err(Rejection::new(
                "spec.enableGracefulRestart",
                "it is false, but gracefulRestartTime or gracefulRestartNotification is set",
                "leave them out, or enable it",
            )),
        };
    }
    let field = "spec.gracefulRestartTime";
    let restart_time = match spec.graceful_restart_time.as_deref() {
        None => DEFAULT_RESTART_TIME,
        Some(text) => duration::parse(field, text)?,
    };
    let legal = Duration::from_secs(1)..=Duration::from_secs(4095);
    match legal.contains(&restart_time) && restart_time.subsec_nanos() == 0 {
        true => Ok(Some(GracefulRestart {
            restart_time,
            notification,
        })),
        false => Err(Rejection::new(
            field,
            format!("{restart_time:?} is no restart time of BGP"),
            "use whole seconds from 1s to 4095s",
        )),
    }
}

fn parse_secret(reference: &crds::SecretReference) -> Result<Name, Rejection> {
    match reference.name.is_empty() {
        false => Ok(reference.name.as_str().into()),
        true => Err(Rejection::new(
            "spec.passwordSecret.name",
            "the name is empty",
            "name a Secret in the install namespace, or leave passwordSecret out",
        )),
    }
}

fn parse_ttl(multi_hop: bool, ttl: Option<i32>) -> Result<Option<u8>, Rejection> {
    let field = "spec.ebgpMultiHopTTL";
    match (multi_hop, ttl) {
        (false, None) => Ok(None),
        (true, None) => Ok(Some(u8::MAX)),
        (true, Some(ttl)) => match u8::try_from(ttl) {
            Ok(ttl @ 1..) => Ok(Some(ttl)),
            _ => Err(Rejection::new(
                field,
                format!("{ttl} is no TTL"),
                "use 1 to 255",
            )),
        },
        (false, Some(_)) => Err(Rejection::new(
            field,
            "it acts only with ebgpMultiHop",
            "set ebgpMultiHop to true or remove it",
        )),
    }
}

#[cfg(test)]
mod tests;
