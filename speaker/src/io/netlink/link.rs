//! Facts about this node's interfaces, from messages of the kernel (linux/if_link.h, linux/if_addr.h).
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what the kernel may tell is an open list"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::{
    address::{AddressAttribute, AddressFlags, AddressMessage},
    link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};
use plan::{Link, LinkRole, Links};

/// What was asked for apart and belongs together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inventory {
    /// Interfaces by index; their addresses and default routes stand beside.
    pub(super) links: BTreeMap<u32, Link>,
    /// Usable addresses by index of the interface.
    pub(super) addresses: BTreeMap<u32, Vec<IpNet>>,
    /// Interfaces with an IPv4 default route.
    pub(super) default_ipv4: BTreeSet<u32>,
    /// Interfaces with an IPv6 default route.
    pub(super) default_ipv6: BTreeSet<u32>,
}

impl Inventory {
    /// All of it together.
    pub(super) fn links(&self) -> Links {
        let join = |(index, link): (&u32, &Link)| {
            let link = Link {
                addresses: self.addresses.get(index).cloned().unwrap_or_default(),
                default_ipv4: self.default_ipv4.contains(index),
                default_ipv6: self.default_ipv6.contains(index),
                ..link.clone()
            };
            (*index, link)
        };
        Links(self.links.iter().map(join).collect())
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

/// An interface and its index, without addresses and default routes.
pub(super) fn decode_link(payload: &[u8]) -> Option<(u32, Link)> {
    let message = LinkMessage::parse(payload).ok()?;
    let flags = message.header.flags;
    let (mut name, mut kind, mut mtu) = (None, None, 0);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.as_str()),
            LinkAttribute::Mtu(octets) => mtu = *octets,
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
    let link = Link {
        name: name.into(),
        role: LinkRole::of(name, kind.as_deref(), flags.contains(LinkFlags::Loopback)),
        up: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        mtu,
        addresses: Vec::new(),
        default_ipv4: false,
        default_ipv6: false,
    };
    Some((message.header.index, link))
}

/// An address with the length of its subnet and the index of its interface, if it can be used and is not link-local.
pub(super) fn decode_address(payload: &[u8]) -> Option<(u32, IpNet)> {
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
    let link_local = match own {
        // These are given by hand, and subnets like any other.
        IpAddr::V4(_) => false,
        IpAddr::V6(own) => own.is_unicast_link_local(),
    };
    let network = IpNet::new(own, header.prefix_len).ok()?;
    (!link_local).then_some((header.index, network))
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;
    use netlink_packet_route::{AddressFamily, link::InfoKind};

    use super::*;

    fn link(name: &str, kind: Option<InfoKind>, flags: LinkFlags) -> (u32, Link) {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.flags = flags;
        message.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Mtu(1400),
        ];
        let kind = kind.map(|kind| LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]));
        message.attributes.extend(kind);
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        decode_link(&bytes).unwrap()
    }

    fn address(own: &str, length: u8, flags: AddressFlags) -> Option<(u32, IpNet)> {
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
    fn counts_addresses_that_can_be_used_elsewhere_than_on_the_link() {
        let usable = AddressFlags::Permanent;
        let network = |text: &str| Some((7, text.parse().unwrap()));
        assert_eq!(address("10.0.0.5", 24, usable), network("10.0.0.5/24"));
        assert_eq!(address("fd00::5", 64, usable), network("fd00::5/64"));
        assert_eq!(address("fe80::5", 64, usable), None);
        assert_eq!(address("fd00::5", 64, AddressFlags::Tentative), None);
        let failed = AddressFlags::Permanent | AddressFlags::Dadfailed;
        assert_eq!(address("fd00::5", 64, failed), None);
    }

    #[test]
    fn joins_interfaces_with_their_addresses_and_default_routes() {
        let mut inventory = Inventory::default();
        let (index, eth0) = link("eth0", None, LinkFlags::Up);
        inventory.links.insert(index, eth0);
        let address = "10.0.0.5/24".parse().unwrap();
        inventory.addresses.insert(index, vec![address]);
        inventory.default_ipv6.insert(index);
        let Links(links) = inventory.links();
        let eth0 = &links[&7];
        assert_eq!(eth0.addresses, [address]);
        assert!(eth0.default_ipv6 && !eth0.default_ipv4);
    }
}
