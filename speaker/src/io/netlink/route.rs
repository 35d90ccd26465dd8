//! Routes as messages of the kernel (linux/rtnetlink.h), and back.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what the kernel may tell is an open list"
)]

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use bgp::Prefix;
use netlink_packet_core::{NlasIterator, Parseable};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop,
        RouteProtocol, RouteScope, RouteType, RouteVia,
    },
};
use plan::{Hop, RouteKey, RouteTarget, Routes};

/// Metric of an IPv6 route that has none of its own, and of an IPv4 one (ipv6_route.h, IP6_RT_PRIO_USER).
const DEFAULT_METRIC: [u32; 2] = [0, 1024];
/// Destination (linux/rtnetlink.h).
const RTA_DST: u16 = 1;
/// Length of struct rtmsg, octets.
const HEADER: usize = 12;

/// Both families of a routing table.
pub(super) const FAMILIES: [AddressFamily; 2] = [AddressFamily::Inet, AddressFamily::Inet6];

/// Asks for the routes of the main table; with a protocol number, for those that carry it, where the kernel can tell.
pub(super) fn question(family: AddressFamily, protocol: Option<u8>) -> RouteNetlinkMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = protocol.unwrap_or_default().into();
    RouteNetlinkMessage::GetRoute(message)
}

/// A route of ours.
pub(super) fn encode(key: RouteKey, target: &RouteTarget, protocol: u8) -> RouteMessage {
    let mut message = encode_key(key, protocol);
    message.header.scope = RouteScope::Universe;
    match target {
        RouteTarget::Unreachable => message.header.kind = RouteType::Unreachable,
        RouteTarget::Via(hops) => {
            message.header.kind = RouteType::Unicast;
            let attributes = encode_hops(key.prefix.address().is_ipv4(), hops);
            message.attributes.extend(attributes);
        }
    }
    message
}

/// What tells a route of ours from all others.
pub(super) fn encode_key(key: RouteKey, protocol: u8) -> RouteMessage {
    let address = key.prefix.address();
    let mut message = RouteMessage::default();
    message.header.address_family = match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.destination_prefix_length = key.prefix.length();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = protocol.into();
    // A deletion of any scope (fib_semantics.c).
    message.header.scope = RouteScope::NoWhere;
    message.attributes = vec![
        RouteAttribute::Destination(address.into()),
        RouteAttribute::Priority(key.metric),
    ];
    message
}

/// Takes a route of ours from the main table into `routes`; another route is passed over. The kernel may tell the hops of
/// an IPv6 route one by one.
pub(super) fn decode(payload: &[u8], protocol: u8, routes: &mut Routes) {
    let Ok(message) = RouteMessage::parse(payload) else {
        return;
    };
    let header = &message.header;
    if header.protocol != RouteProtocol::from(protocol) || !is_main(header) {
        return;
    }
    let Some(key) = decode_key(&message) else {
        return;
    };
    let hops = match header.kind {
        RouteType::Unicast => decode_hops(&message.attributes),
        RouteType::Unreachable => {
            routes.insert(key, RouteTarget::Unreachable);
            return;
        }
        // Nothing that we install: without hops it differs from whatever should be there.
        _ => Vec::new(),
    };
    let target = routes.entry(key).or_insert(RouteTarget::Via(Vec::new()));
    if let RouteTarget::Via(known) = target {
        known.extend(hops);
        known.sort_unstable();
        known.dedup();
    }
}

/// What can be said of a route without decoding it, as a table may have a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    /// Destination.
    pub(super) prefix: Prefix,
    /// Who made it.
    pub(super) protocol: u8,
}

/// Looks at a route; `None`: it is not in the main table, or no entry of a table but of a cache.
pub(super) fn glance(payload: &[u8]) -> Option<Glance> {
    let header = RouteHeader::parse(payload).ok()?;
    if !is_main(&header) {
        return None;
    }
    let unspecified: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return None,
    };
    let attributes = NlasIterator::new(payload.get(HEADER..)?);
    let destination = attributes.flatten().find(|each| each.kind() == RTA_DST);
    let address = match destination {
        Some(each) => address(each.value())?,
        None => unspecified,
    };
    Some(Glance {
        prefix: Prefix::new(address, header.destination_prefix_length).ok()?,
        protocol: header.protocol.into(),
    })
}

/// Interfaces through which the default route leaves, if this is one.
pub(super) fn default_interfaces(payload: &[u8]) -> BTreeSet<u32> {
    let unicast = |message: &RouteMessage| message.header.kind == RouteType::Unicast;
    match RouteMessage::parse(payload) {
        Ok(message) if unicast(&message) => {
            let hops = message.attributes.iter().flat_map(interfaces);
            hops.collect()
        }
        Ok(_) | Err(_) => BTreeSet::new(),
    }
}

/// Next hops of a default route, if this is one and not ours.
pub(super) fn default_gateways(payload: &[u8], protocol: u8) -> Vec<Hop> {
    let Ok(message) = RouteMessage::parse(payload) else {
        return Vec::new();
    };
    let header = &message.header;
    let ours = header.protocol == RouteProtocol::from(protocol);
    match header.kind {
        RouteType::Unicast if !ours => decode_hops(&message.attributes),
        _ => Vec::new(),
    }
}

fn is_main(header: &RouteHeader) -> bool {
    header.table == RouteHeader::RT_TABLE_MAIN && !header.flags.contains(RouteFlags::Cloned)
}

fn interfaces(attribute: &RouteAttribute) -> Vec<u32> {
    match attribute {
        RouteAttribute::Oif(index) => vec![*index],
        RouteAttribute::MultiPath(hops) => hops.iter().map(|hop| hop.interface_index).collect(),
        _ => Vec::new(),
    }
}

fn encode_hops(ipv4: bool, hops: &[Hop]) -> Vec<RouteAttribute> {
    // Only an IPv4 route can have a next hop of the other family (RFC 8950, kernel 5.2).
    let gateway = |hop: &Hop| match hop.gateway {
        IpAddr::V6(gateway) if ipv4 => RouteAttribute::Via(RouteVia::Inet6(gateway)),
        IpAddr::V4(_) | IpAddr::V6(_) => RouteAttribute::Gateway(hop.gateway.into()),
    };
    if let [hop] = hops {
        return vec![gateway(hop), RouteAttribute::Oif(hop.interface)];
    }
    let legs = hops.iter().map(|hop| {
        let mut leg = RouteNextHop::default();
        leg.interface_index = hop.interface;
        leg.attributes = vec![gateway(hop)];
        leg
    });
    vec![RouteAttribute::MultiPath(legs.collect())]
}

fn decode_key(message: &RouteMessage) -> Option<RouteKey> {
    let (mut destination, [metric, metric_ipv6]) = (None, DEFAULT_METRIC);
    let (unspecified, mut metric): (IpAddr, u32) = match message.header.address_family {
        AddressFamily::Inet => (Ipv4Addr::UNSPECIFIED.into(), metric),
        AddressFamily::Inet6 => (Ipv6Addr::UNSPECIFIED.into(), metric_ipv6),
        _ => return None,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => destination = decode_address(address),
            RouteAttribute::Priority(priority) => metric = *priority,
            _ => {}
        }
    }
    let length = message.header.destination_prefix_length;
    let prefix = Prefix::new(destination.unwrap_or(unspecified), length).ok()?;
    Some(RouteKey { prefix, metric })
}

fn decode_hops(attributes: &[RouteAttribute]) -> Vec<Hop> {
    let (mut interface, mut hops) = (0, Vec::new());
    for attribute in attributes {
        match attribute {
            RouteAttribute::Oif(index) => interface = *index,
            RouteAttribute::MultiPath(legs) => hops.extend(legs.iter().filter_map(|leg| {
                let gateway = leg.attributes.iter().find_map(decode_gateway)?;
                let interface = leg.interface_index;
                Some(Hop { interface, gateway })
            })),
            _ => {}
        }
    }
    let gateway = attributes.iter().find_map(decode_gateway);
    hops.extend(gateway.map(|gateway| Hop { interface, gateway }));
    hops
}

fn decode_gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(address) => decode_address(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    }
}

fn decode_address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

/// Address of 4 or 16 octets.
pub(in crate::io) fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
    }
}

#[cfg(test)]
mod tests;
