//! Entries of neighbours that the kernel keeps resolved for us (linux/neighbour.h).
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what the kernel may tell is an open list"
)]

use std::{collections::BTreeMap, net::IpAddr};

use netlink_packet_core::Parseable;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{
        NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourMessage,
    },
};
use plan::Hop;

/// Entries that carry our protocol number, and whether the kernel keeps them resolved by itself.
pub(super) type Neighbors = BTreeMap<Hop, bool>;

/// Asks for the entries of a family.
pub(super) fn question(family: AddressFamily) -> RouteNetlinkMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    RouteNetlinkMessage::GetNeighbour(message)
}

/// An entry that the kernel shall keep resolved (NTF_EXT_MANAGED, kernel 5.16); an older one resolves it once.
pub(super) fn encode(hop: Hop, protocol: u8) -> NeighbourMessage {
    let mut message = encode_key(hop);
    message.header.flags = NeighbourFlags::Use;
    message.attributes.extend([
        NeighbourAttribute::Protocol(protocol.into()),
        NeighbourAttribute::ExtFlags(NeighbourExtFlags::Managed),
    ]);
    message
}

/// What names an entry.
pub(super) fn encode_key(hop: Hop) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    let (family, address) = match hop.gateway {
        IpAddr::V4(address) => (AddressFamily::Inet, NeighbourAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, NeighbourAddress::Inet6(address)),
    };
    message.header.family = family;
    message.header.ifindex = hop.interface;
    message.attributes = vec![NeighbourAttribute::Destination(address)];
    message
}

/// Takes an entry of ours into `neighbors`; another is passed over.
pub(super) fn decode(payload: &[u8], protocol: u8, neighbors: &mut Neighbors) {
    let Ok(message) = NeighbourMessage::parse(payload) else {
        return;
    };
    let (mut gateway, mut ours, mut managed) = (None, false, false);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => {
                gateway = Some(IpAddr::from(*address));
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => {
                gateway = Some(IpAddr::from(*address));
            }
            NeighbourAttribute::Protocol(number) => ours = *number == protocol.into(),
            NeighbourAttribute::ExtFlags(flags) => {
                managed = flags.contains(NeighbourExtFlags::Managed);
            }
            _ => {}
        }
    }
    let interface = message.header.ifindex;
    if let Some(gateway) = gateway.filter(|_| ours) {
        neighbors.insert(Hop { interface, gateway }, managed);
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;

    use super::*;

    fn decoded(message: &NeighbourMessage) -> Neighbors {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        let mut neighbors = Neighbors::new();
        decode(&bytes, 158, &mut neighbors);
        neighbors
    }

    #[test]
    fn reads_what_it_writes() {
        for gateway in ["10.0.0.2", "fe80::1"] {
            let hop = Hop {
                interface: 3,
                gateway: gateway.parse().unwrap(),
            };
            assert_eq!(decoded(&encode(hop, 158)), Neighbors::from([(hop, true)]));
            assert_eq!(decoded(&encode(hop, 3)), Neighbors::new(), "another's");
            assert_eq!(decoded(&encode_key(hop)), Neighbors::new(), "nobody's");
        }
    }
}
