use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp::wire::PeerType;
use bgp::{LocalAddresses, PeerConfig, Prefix};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use plan::NodeAddresses;

/// An address of one of our interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InterfaceAddress {
    interface: String,
    address: IpAddr,
    /// The subnet on that interface.
    subnet: Option<Prefix>,
}

/// All addresses of all interfaces, as they are now.
pub(super) fn interface_addresses() -> io::Result<Vec<InterfaceAddress>> {
    let found = getifaddrs()?.filter_map(|entry| {
        let address = ip_address(entry.address.as_ref()?)?;
        let length = entry
            .netmask
            .as_ref()
            .and_then(ip_address)
            .map(|mask| match mask {
                IpAddr::V4(mask) => mask.to_bits().leading_ones(),
                IpAddr::V6(mask) => mask.to_bits().leading_ones(),
            });
        let length = length.and_then(|length| u8::try_from(length).ok());
        let subnet = length.and_then(|length| Prefix::new(address, length).ok());
        Some(InterfaceAddress {
            interface: entry.interface_name,
            address,
            subnet,
        })
    });
    Ok(found.collect())
}

/// What the next hops of a session are made of: addresses of the interface that has `local`, the node's own first; the
/// node's IPv6 address when the interface has none and the peer is behind a router anyway; the node's own where both ends are
/// on this machine.
pub(super) fn local_addresses(
    local: IpAddr,
    peer: &PeerConfig,
    node: NodeAddresses,
    interfaces: &[InterfaceAddress],
) -> LocalAddresses {
    let local = local.to_canonical();
    if local.is_loopback() {
        return LocalAddresses {
            local,
            ipv4: node.ipv4,
            ipv6: node.ipv6,
            on_link: true,
        };
    }
    // Several interfaces can have one link-local address.
    let interface = match &peer.interface {
        Some(interface) => Some(&*interface.name),
        None => {
            let holder = interfaces.iter().find(|each| each.address == local);
            holder.map(|holder| &*holder.interface)
        }
    };
    let same: Vec<_> = interfaces
        .iter()
        .filter(|each| interface == Some(&*each.interface))
        .collect();
    let on_link = peer.interface.is_some()
        || same.iter().any(|each| {
            each.subnet
                .is_some_and(|subnet| subnet.contains_address(peer.address))
        });
    let behind_router =
        peer.multi_hop_ttl.is_some() || (peer.peer_type() == PeerType::Internal && !on_link);
    LocalAddresses {
        local,
        ipv4: prefer(
            node.ipv4,
            same.iter().filter_map(|each| usable_ipv4(each.address)),
        ),
        ipv6: prefer(
            node.ipv6,
            same.iter().filter_map(|each| global_ipv6(each.address)),
        )
        .or(node.ipv6.filter(|_| behind_router)),
        on_link,
    }
}

/// The preferred one when it is among them, else the first.
fn prefer<T: PartialEq>(preferred: Option<T>, found: impl Iterator<Item = T> + Clone) -> Option<T> {
    let is_there = found.clone().any(|each| Some(&each) == preferred.as_ref());
    match is_there {
        true => preferred,
        false => found.into_iter().next(),
    }
}

fn usable_ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => (!address.is_loopback()).then_some(address),
        IpAddr::V6(_) => None,
    }
}

fn global_ipv6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V6(address) => {
            (!address.is_loopback() && !address.is_unicast_link_local()).then_some(address)
        }
        IpAddr::V4(_) => None,
    }
}

fn ip_address(address: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = address
        .as_sockaddr_in()
        .map(|address| IpAddr::V4(address.ip()));
    ipv4.or_else(|| {
        address
            .as_sockaddr_in6()
            .map(|address| IpAddr::V6(address.ip()))
    })
}

#[cfg(test)]
mod tests {
    use bgp::{Asn, BgpIdentifier};

    use super::*;

    fn peer(address: &str) -> PeerConfig {
        let asns = [Asn(64512), Asn(64513)];
        let identifier = BgpIdentifier::new(1).unwrap();
        PeerConfig::new("tor".into(), address.parse().unwrap(), asns, identifier)
    }

    fn interfaces() -> Vec<InterfaceAddress> {
        let entry = |interface: &str, text: &str| {
            let (address, length) = text.split_once('/').unwrap();
            let address: IpAddr = address.parse().unwrap();
            let subnet = Prefix::new(address, length.parse().unwrap()).ok();
            InterfaceAddress {
                interface: interface.into(),
                address,
                subnet,
            }
        };
        vec![
            entry("eth0", "192.0.2.10/24"),
            entry("eth0", "fe80::10/64"),
            entry("eth0", "2001:db8::99/64"),
            entry("eth0", "2001:db8::10/64"),
            entry("eth1", "198.51.100.10/24"),
        ]
    }

    fn node() -> NodeAddresses {
        NodeAddresses {
            ipv4: None,
            ipv6: Some("2001:db8::10".parse().unwrap()),
        }
    }

    #[test]
    fn takes_the_nodes_own_address_of_the_sessions_interface() {
        let local = "192.0.2.10".parse().unwrap();
        let found = local_addresses(local, &peer("192.0.2.1"), node(), &interfaces());
        assert_eq!(found.ipv6, Some("2001:db8::10".parse().unwrap()));
        let stranger = NodeAddresses::default();
        let found = local_addresses(local, &peer("192.0.2.1"), stranger, &interfaces());
        assert_eq!(found.ipv6, Some("2001:db8::99".parse().unwrap()));
        assert!(found.on_link);
    }

    #[test]
    fn an_unnumbered_session_has_the_addresses_of_its_interface() {
        let mut interfaces = interfaces();
        let other = InterfaceAddress {
            interface: "eth1".into(),
            address: "fe80::10".parse().unwrap(),
            subnet: None,
        };
        interfaces.insert(0, other);
        let unnumbered = PeerConfig {
            interface: Some(bgp::Interface {
                index: 2,
                name: "eth0".into(),
            }),
            ..peer("fe80::1")
        };
        let local = "fe80::10".parse().unwrap();
        let found = local_addresses(local, &unnumbered, node(), &interfaces);
        assert_eq!((found.ipv6, found.on_link), (node().ipv6, true));
        assert_eq!(found.ipv4, Some([192, 0, 2, 10].into()));
    }

    #[test]
    fn an_address_of_another_interface_is_only_for_peers_behind_a_router() {
        let local = "198.51.100.10".parse().unwrap();
        let direct = peer("198.51.100.1");
        assert_eq!(
            local_addresses(local, &direct, node(), &interfaces()).ipv6,
            None
        );
        let far = PeerConfig {
            multi_hop_ttl: Some(5),
            ..peer("203.0.113.1")
        };
        let found = local_addresses(local, &far, node(), &interfaces());
        assert_eq!(found.ipv6, node().ipv6);
        assert!(!found.on_link);
    }

    #[test]
    fn a_session_within_this_machine_has_the_nodes_own_addresses() {
        let node = NodeAddresses {
            ipv4: Some(Ipv4Addr::new(192, 0, 2, 10)),
            ..node()
        };
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let found = local_addresses(local, &peer("127.0.0.2"), node, &interfaces());
        assert_eq!((found.ipv4, found.ipv6), (node.ipv4, node.ipv6));
    }

    #[test]
    fn a_session_from_a_loopback_address_has_it_as_its_next_hop() {
        let mut interfaces = interfaces();
        let loopback = |address: &str, length| InterfaceAddress {
            interface: "lo".into(),
            address: address.parse().unwrap(),
            subnet: Prefix::new(address.parse().unwrap(), length).ok(),
        };
        interfaces.push(loopback("203.0.113.1", 32));
        let far = PeerConfig {
            multi_hop_ttl: Some(255),
            ..peer("203.0.113.9")
        };
        let local = "203.0.113.1".parse().unwrap();
        let found = local_addresses(local, &far, node(), &interfaces);
        assert_eq!(found.local, local);
        assert_eq!((found.ipv6, found.on_link), (node().ipv6, false));
        interfaces.push(loopback("2001:db8:1::1", 128));
        let found = local_addresses(local, &far, node(), &interfaces);
        assert_eq!(found.ipv6, Some("2001:db8:1::1".parse().unwrap()));
    }

    #[test]
    fn finds_the_loopback_of_this_machine() {
        let found = interface_addresses().unwrap();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let entry = found.iter().find(|each| each.address == loopback).unwrap();
        assert_eq!(entry.subnet, Some("127.0.0.0/8".parse().unwrap()));
    }
}
