//! Facts about this node's interfaces, from messages of the kernel (linux/if_link.h, linux/if_addr.h).
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what the kernel may tell is an open list"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use l2::Mac;
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    address::{AddressAttribute, AddressFlags, AddressMessage},
    link::{LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage},
};
use plan::{Ethernet, Hop, Link, LinkRole, Links};

/// What was asked for apart and belongs together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inventory {
    /// Interfaces by index; their addresses and default routes stand beside.
    pub(super) links: BTreeMap<u32, Link>,
    /// Usable addresses by index of the interface.
    pub(super) addresses: BTreeMap<u32, Vec<IpNet>>,
    /// Usable link-local addresses by index of the interface.
    pub(super) link_locals: BTreeMap<u32, BTreeSet<Ipv6Addr>>,
    /// Interfaces with an IPv4 default route.
    pub(super) default_ipv4: BTreeSet<u32>,
    /// Interfaces with an IPv6 default route.
    pub(super) default_ipv6: BTreeSet<u32>,
    /// Next hops of default routes.
    pub(super) gateways: BTreeSet<Hop>,
}

impl Inventory {
    /// All of it together.
    pub(super) fn links(&self) -> Links {
        let join = |(index, link): (&u32, &Link)| {
            let link_locals = self.link_locals.get(index);
            let link_local = link_locals.and_then(|own| own.first().copied());
            let link = Link {
                ethernet: link.ethernet.map(|ethernet| Ethernet {
                    link_local,
                    ..ethernet
                }),
                addresses: self.addresses.get(index).cloned().unwrap_or_default(),
                default_ipv4: self.default_ipv4.contains(index),
                default_ipv6: self.default_ipv6.contains(index),
                gateways: self.gateways(*index),
                ..link.clone()
            };
            (*index, link)
        };
        Links(self.links.iter().map(join).collect())
    }

    fn gateways(&self, interface: u32) -> Vec<IpAddr> {
        let hops = self.gateways.iter();
        let there = hops.filter(|hop| hop.interface == interface);
        there.map(|hop| hop.gateway).collect()
    }

    /// Takes an address in.
    pub(super) fn add(&mut self, (index, own): (u32, Own)) {
        match own {
            Own::Routed(network) => self.addresses.entry(index).or_default().push(network),
            Own::LinkLocal(address) => {
                self.link_locals.entry(index).or_default().insert(address);
            }
        }
    }

    /// What default routes hang on: the kernel drops them without a word when an uplink goes down or loses its address.
    pub(super) fn carries_defaults(&self) -> Vec<(u32, bool, Option<&Vec<IpNet>>)> {
        let uplinks = self.links.iter();
        let uplinks = uplinks.filter(|(_, link)| link.role == LinkRole::Uplink);
        uplinks
            .map(|(index, link)| (*index, link.up, self.addresses.get(index)))
            .collect()
    }
}

/// An address of ours that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// With the length of its subnet.
    Routed(IpNet),
    /// Of IPv6. Those of IPv4 are given by hand, and subnets like any other.
    LinkLocal(Ipv6Addr),
}

/// An interface and its index, without addresses and default routes.
pub(super) fn decode_link(payload: &[u8]) -> Option<(u32, Link)> {
    let message = LinkMessage::parse(payload).ok()?;
    let flags = message.header.flags;
    let (mut name, mut kind, mut mtu) = (None, None, 0);
    let (mut mac, mut enslaved) = (None, false);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.as_str()),
            LinkAttribute::Mtu(octets) => mtu = *octets,
            LinkAttribute::Address(octets) => mac = <[u8; 6]>::try_from(&octets[..]).ok(),
            LinkAttribute::Controller(index) => enslaved = *index != 0,
            LinkAttribute::LinkInfo(infos) => {
                kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    let name = name?;
    let ethernet = mac.map(|mac| Ethernet {
        mac: Mac(mac),
        link_local: None,
    });
    let can_answer = message.header.link_layer_type == LinkLayerType::Ether
        && flags.contains(LinkFlags::Broadcast)
        && !flags.intersects(LinkFlags::Loopback | LinkFlags::Noarp)
        && !enslaved;
    let link = Link {
        name: name.into(),
        role: LinkRole::of(name, kind.as_deref(), flags.contains(LinkFlags::Loopback)),
        up: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        mtu,
        addresses: Vec::new(),
        default_ipv4: false,
        default_ipv6: false,
        gateways: Vec::new(),
        ethernet: ethernet.filter(|_| can_answer),
    };
    Some((message.header.index, link))
}

/// An address and the index of its interface, if it can be used.
pub(super) fn decode_address(payload: &[u8]) -> Option<(u32, Own)> {
    let message = AddressMessage::parse(payload).ok()?;
    let header = &message.header;
    let mut flags = AddressFlags::from_bits_retain(header.flags.bits().into());
    let (mut local, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(own) => local = Some(*own),
            AddressAttribute::Address(own) => address = Some(*own),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    let unusable = AddressFlags::Tentative | AddressFlags::Dadfailed;
    if flags.intersects(unusable) {
        return None;
    }
    // On a point-to-point link the other one is the neighbour's.
    let own = local.or(address)?;
    let own = match own {
        IpAddr::V6(own) if own.is_unicast_link_local() => Own::LinkLocal(own),
        IpAddr::V4(_) | IpAddr::V6(_) => Own::Routed(IpNet::new(own, header.prefix_len).ok()?),
    };
    Some((header.index, own))
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;
    use netlink_packet_route::{AddressFamily, link::InfoKind};

    use super::*;

    fn link(name: &str, kind: Option<InfoKind>, flags: LinkFlags) -> (u32, Link) {
        let kind = kind.map(|kind| LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]));
        link_with(name, flags, Vec::from_iter(kind))
    }

    fn link_with(name: &str, flags: LinkFlags, more: Vec<LinkAttribute>) -> (u32, Link) {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.flags = flags;
        message.header.link_layer_type = LinkLayerType::Ether;
        message.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Mtu(1400),
        ];
        message.attributes.extend(more);
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        decode_link(&bytes).unwrap()
    }

    fn address(own: &str, length: u8, flags: AddressFlags) -> Option<(u32, Own)> {
        let own: IpAddr = own.parse().unwrap();
        let mut message = AddressMessage::default();
        message.header.family = match own {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message.header.index = 7;
        message.header.prefix_len = length;
        message.attributes = vec![
            AddressAttribute::Address(own),
            AddressAttribute::Flags(flags),
        ];
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        decode_address(&bytes)
    }

    #[test]
    fn an_interface_is_up_when_it_is_set_up_and_has_a_carrier() {
        let up = LinkFlags::Up | LinkFlags::LowerUp;
        let (index, uplink) = link("eth0", None, up);
        assert_eq!((index, uplink.up, uplink.mtu), (7, true, 1400));
        assert_eq!(uplink.role, LinkRole::Uplink);
        assert!(!link("eth0", None, LinkFlags::Up).1.up);
        let (_, dummy) = link("vips", Some(InfoKind::Dummy), up);
        assert_eq!(dummy.role, LinkRole::Holder);
        assert_eq!(
            link("lo", None, LinkFlags::Loopback).1.role,
            LinkRole::Holder
        );
        let (_, veth) = link("veth1", Some(InfoKind::Veth), up);
        assert_eq!(veth.role, LinkRole::Container);
    }

    #[test]
    fn counts_addresses_that_can_be_used() {
        let usable = AddressFlags::Permanent;
        let network = |text: &str| Some((7, Own::Routed(text.parse().unwrap())));
        assert_eq!(address("10.0.0.5", 24, usable), network("10.0.0.5/24"));
        assert_eq!(address("fd00::5", 64, usable), network("fd00::5/64"));
        let link_local = Own::LinkLocal("fe80::5".parse().unwrap());
        assert_eq!(address("fe80::5", 64, usable), Some((7, link_local)));
        assert_eq!(address("fe80::5", 64, AddressFlags::Tentative), None);
        assert_eq!(address("fd00::5", 64, AddressFlags::Tentative), None);
        let failed = AddressFlags::Permanent | AddressFlags::Dadfailed;
        assert_eq!(address("fd00::5", 64, failed), None);
    }

    #[test]
    fn answers_on_ethernet_that_can_broadcast_and_belongs_to_no_other_interface() {
        const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];
        let mac = || LinkAttribute::Address(MAC.to_vec());
        let ethernet = |flags, more: Vec<LinkAttribute>| link_with("eth0", flags, more).1.ethernet;
        let broadcast = LinkFlags::Up | LinkFlags::Broadcast;
        let expected = Ethernet {
            mac: Mac(MAC),
            link_local: None,
        };
        assert_eq!(ethernet(broadcast, vec![mac()]), Some(expected));
        let free = LinkAttribute::Controller(0);
        assert_eq!(ethernet(broadcast, vec![mac(), free]), Some(expected));
        let enslaved = LinkAttribute::Controller(3);
        assert_eq!(ethernet(broadcast, vec![mac(), enslaved]), None);
        assert_eq!(ethernet(broadcast, vec![]), None);
        assert_eq!(ethernet(LinkFlags::Up, vec![mac()]), None);
        for flag in [LinkFlags::Noarp, LinkFlags::Loopback] {
            assert_eq!(ethernet(broadcast | flag, vec![mac()]), None);
        }
    }

    #[test]
    fn joins_interfaces_with_their_addresses_and_default_routes() {
        let mut inventory = Inventory::default();
        let mac = LinkAttribute::Address(vec![2, 0, 0, 0, 0, 7]);
        let (index, eth0) = link_with("eth0", LinkFlags::Broadcast, vec![mac]);
        inventory.links.insert(index, eth0);
        let address = "10.0.0.5/24".parse().unwrap();
        inventory.add((index, Own::Routed(address)));
        for own in ["fe80::9", "fe80::5"] {
            inventory.add((index, Own::LinkLocal(own.parse().unwrap())));
        }
        inventory.default_ipv6.insert(index);
        for (interface, gateway) in [(7, "fe80::1"), (7, "10.0.0.1"), (8, "10.1.0.1")] {
            let gateway = gateway.parse().unwrap();
            inventory.gateways.insert(Hop { interface, gateway });
        }
        let Links(links) = inventory.links();
        let eth0 = &links[&7];
        assert_eq!(eth0.addresses, [address]);
        assert!(eth0.default_ipv6 && !eth0.default_ipv4);
        let gateways = ["10.0.0.1", "fe80::1"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(eth0.gateways, gateways);
        let link_local = eth0.ethernet.and_then(|ethernet| ethernet.link_local);
        assert_eq!(link_local, Some("fe80::5".parse().unwrap()));
    }
}
