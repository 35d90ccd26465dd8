//! What single fields of a BGPPeer mean.

use alloc::{format, string::String};
use core::{net::IpAddr, time::Duration};

use bgp::{Asn, BgpIdentifier, GracefulRestart, HoldTime, RemoteAsn};

use crate::{Name, Rejection, duration};

/// How long a router keeps our routes when the user does not say it.
pub(super) const DEFAULT_RESTART_TIME: Duration = Duration::from_secs(30);
/// Whose address a field wants.
pub(super) const OF_ROUTER: &str = "the router's";
const OF_NODE: &str = "the node's";

pub(super) fn parse_asn(field: &str, number: i64) -> Result<Asn, Rejection> {
    match u32::try_from(number) {
        Ok(asn @ 1..=4_294_967_294) if asn != 23_456 && asn != 65_535 => Ok(Asn(asn)),
        _ => Err(Rejection::new(
            field,
            format!("{number} is no usable AS number"),
            "use 1 to 4294967294 without the reserved 23456 and 65535",
        )),
    }
}

pub(super) fn parse_remote_asn(
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

pub(super) fn parse_address(field: &str, text: &str, whose: &str) -> Result<IpAddr, Rejection> {
    let reject = |what: &str, remedy: String| {
        Err(Rejection::new(
            field,
            format!("\"{text}\" is {what}"),
            remedy,
        ))
    };
    let Ok(address) = text.parse::<IpAddr>() else {
        return reject(
            "no IP address",
            format!("write {whose} address, such as 10.0.0.1 or fd00::1"),
        );
    };
    let remedy = format!("write {whose} own unicast address");
    match address {
        _ if address.is_unspecified() => reject("the unspecified address", remedy),
        _ if address.is_multicast() => reject("a multicast address", remedy),
        IpAddr::V4(v4) if v4.is_broadcast() => reject("the broadcast address", remedy),
        IpAddr::V4(v4) if v4.octets().starts_with(&[0]) => reject("in 0.0.0.0/8", remedy),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => reject(
            "an IPv4-mapped address",
            "write the IPv4 address itself".into(),
        ),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => reject(
            "a link-local address, which names no interface",
            format!("write {whose} global or unique local address"),
        ),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(address),
    }
}

/// The node's end of a session with the peer at this address, if its address is configured.
pub(super) fn parse_source(
    field: &str,
    text: Option<&str>,
    peer: Option<IpAddr>,
) -> Result<Option<IpAddr>, Rejection> {
    let Some(text) = text else { return Ok(None) };
    let source = parse_address(field, text, OF_NODE)?;
    let reject = |what, remedy| Err(Rejection::new(field, format!("{text} is {what}"), remedy));
    let Some(peer) = peer else {
        return Ok(Some(source));
    };
    if source == peer {
        return reject(
            "the peer's own address",
            "write the node's end of the session, or leave it out",
        );
    }
    match source.is_ipv4() == peer.is_ipv4() {
        true => Ok(Some(source)),
        false => reject(
            "not of the address family of spec.peerAddress",
            "write an address of the same family, or leave it out",
        ),
    }
}

pub(super) fn parse_hops(hops: Option<i32>, multi_hop: bool) -> Result<Option<u8>, Rejection> {
    let reject = |what, remedy| Err(Rejection::new("spec.ttlSecurityHops", what, remedy));
    match (hops, hops.map(u8::try_from)) {
        (None, _) | (_, None) => Ok(None),
        (Some(_), _) if multi_hop => reject(
            "it excludes ebgpMultiHop".into(),
            "set ttlSecurityHops to the distance of the router, and remove ebgpMultiHop",
        ),
        (_, Some(Ok(hops @ 1..=254))) => Ok(Some(hops)),
        (Some(hops), _) => reject(format!("{hops} is out of range"), "use 1 to 254"),
    }
}

pub(super) fn parse_port(port: i32) -> Result<u16, Rejection> {
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

pub(super) fn parse_router_id(field: &str, text: &str) -> Result<BgpIdentifier, Rejection> {
    text.parse().map_err(|_| {
        Rejection::new(
            field,
            format!("\"{text}\" is no BGP identifier"),
            "write four numbers such as 10.0.0.1, not 0.0.0.0",
        )
    })
}

/// RFC 4271 section 4.2: 0 or at least 3 s, whole seconds in 16 bits.
pub(super) fn parse_hold_time(text: Option<&str>) -> Result<HoldTime, Rejection> {
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
pub(super) fn parse_keepalive(
    text: Option<&str>,
    hold_time: HoldTime,
) -> Result<Option<Duration>, Rejection> {
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

pub(super) fn parse_connect_time(text: &str) -> Result<Duration, Rejection> {
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

pub(super) fn parse_graceful_restart(
    spec: &crds::BGPPeerSpec,
) -> Result<Option<GracefulRestart>, Rejection> {
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

pub(super) fn parse_secret(reference: &crds::SecretReference) -> Result<Name, Rejection> {
    match reference.name.is_empty() {
        false => Ok(reference.name.as_str().into()),
        true => Err(Rejection::new(
            "spec.passwordSecret.name",
            "the name is empty",
            "name a Secret in the install namespace, or leave passwordSecret out",
        )),
    }
}

pub(super) fn parse_profile(name: &str) -> Result<Name, Rejection> {
    match name.is_empty() {
        false => Ok(name.into()),
        true => Err(Rejection::new(
            "spec.bfdProfile",
            "the name is empty",
            "name a BFDProfile, or leave bfdProfile out for a session without BFD",
        )),
    }
}

pub(super) fn parse_ttl(multi_hop: bool, ttl: Option<i32>) -> Result<Option<u8>, Rejection> {
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
