use alloc::{collections::BTreeMap, vec::Vec};
use core::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use l2::Mac;
use model::Name;

/// This node's interfaces by index, as the kernel has them (rtnetlink(7)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links(pub BTreeMap<u32, Link>);

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub role: LinkRole,
    /// Set up, and with a carrier (IFF_UP and IFF_LOWER_UP).
    pub up: bool,
    /// Largest packet, in octets.
    pub mtu: u32,
    /// Addresses with the length of their subnet.
    pub addresses: Vec<IpNet>,
    /// A default route of IPv4 leaves through it.
    pub default_ipv4: bool,
    /// A default route of IPv6 leaves through it.
    pub default_ipv6: bool,
    /// Next hops of the default routes that leave through it and are not ours, of both families, sorted.
    pub gateways: Vec<IpAddr>,
    /// What ARP and NDP need; `None` where nobody can be asked who has an address, or where another interface speaks for
    /// this one.
    pub ethernet: Option<Ethernet>,
}

/// An interface on which addresses can be answered: Ethernet (ARPHRD_ETHER) with broadcast (IFF_BROADCAST), neither a
/// loopback (IFF_LOOPBACK) nor without ARP (IFF_NOARP), and part of no bond or bridge (IFLA_MASTER).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Its MAC (IFLA_ADDRESS).
    pub mac: Mac,
    /// Its lowest link-local address that can be used.
    pub link_local: Option<Ipv6Addr>,
}

/// What an interface is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRole {
    /// It leads to other machines.
    Uplink,
    /// It leads nowhere and only holds addresses: lo, dummy.
    Holder,
    /// It leads to pods or containers of this node.
    Container,
}

impl Links {
    /// The uplink that is up and has a subnet with the address in it, and its index: where a neighbour of that address is.
    pub fn on_link(&self, address: IpAddr) -> Option<(u32, &Link)> {
        let (index, link) = self.0.iter().find(|(_, link)| {
            let near = |subnet: &IpNet| subnet.contains(&address) && subnet.addr() != address;
            link.role == LinkRole::Uplink && link.up && link.addresses.iter().any(near)
        })?;
        Some((*index, link))
    }

    /// Whether the address is in a subnet of an interface that leads to other machines, whether that is up now or not.
    pub fn has_subnet_of(&self, address: IpAddr) -> bool {
        let subnets = self.uplinks().flat_map(|link| &link.addresses);
        let mut subnets = subnets.filter(|subnet| subnet.addr() != address);
        subnets.any(|subnet| subnet.contains(&address))
    }

    /// Whether there is such an interface, and it is up.
    pub fn is_up(&self, index: u32) -> bool {
        self.0.get(&index).is_some_and(|link| link.up)
    }

    /// The interface of that name, and its index.
    pub fn named(&self, name: &str) -> Option<(u32, &Link)> {
        let found = self.0.iter().find(|(_, link)| *link.name == *name);
        found.map(|(index, link)| (*index, link))
    }

    /// The interface that holds the address.
    pub fn holder(&self, address: IpAddr) -> Option<&Link> {
        let holds = |link: &&Link| link.addresses.iter().any(|own| own.addr() == address);
        self.0.values().find(holds)
    }

    /// The default gateways of this node, each with the index of its interface.
    pub fn gateways(&self) -> impl Iterator<Item = (u32, IpAddr)> {
        let each = self.0.iter();
        each.flat_map(|(index, link)| link.gateways.iter().map(|gateway| (*index, *gateway)))
    }

    /// Interfaces that lead to other machines.
    pub fn uplinks(&self) -> impl Iterator<Item = &Link> {
        self.0.values().filter(|link| link.role == LinkRole::Uplink)
    }
}

impl LinkRole {
    /// The role of an interface by name and kind (IFLA_INFO_KIND), and whether it is a loopback (IFF_LOOPBACK).
    pub fn of(name: &str, kind: Option<&str>, loopback: bool) -> Self {
        const CONTAINER: [&str; 9] = [
            "cni", "veth", "cali", "flannel", "docker", "virbr", "kube-", "lxc", "herald",
        ];
        if loopback || kind == Some("dummy") {
            return Self::Holder;
        }
        match CONTAINER.iter().any(|prefix| name.starts_with(prefix)) {
            true => Self::Container,
            false => Self::Uplink,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, role: LinkRole, up: bool, address: &str) -> Link {
        Link {
            name: name.into(),
            role,
            up,
            mtu: 1500,
            addresses: Vec::from([address.parse().unwrap()]),
            default_ipv4: false,
            default_ipv6: false,
            gateways: Vec::new(),
            ethernet: None,
        }
    }

    #[test]
    fn a_neighbour_is_on_the_link_that_is_up_and_has_its_subnet() {
        let links = Links(BTreeMap::from([
            (1, link("lo", LinkRole::Holder, true, "10.0.0.1/8")),
            (2, link("eth0", LinkRole::Uplink, true, "10.1.0.11/24")),
            (3, link("eth1", LinkRole::Uplink, false, "10.2.0.11/24")),
        ]));
        let on_link = |text: &str| links.on_link(text.parse().unwrap()).map(|(index, _)| index);
        assert_eq!(on_link("10.1.0.12"), Some(2));
        assert_eq!(on_link("10.1.0.11"), None, "our own address");
        assert_eq!(on_link("10.2.0.12"), None, "the link is down");
        assert_eq!(on_link("10.3.0.1"), None);
        let in_subnet = |text: &str| links.has_subnet_of(text.parse().unwrap());
        assert!(in_subnet("10.1.0.12") && in_subnet("10.2.0.12"));
        assert!(!in_subnet("10.3.0.1"), "only the loopback has it");
    }

    #[test]
    fn tells_uplinks_from_what_leads_to_pods() {
        let role = |name, kind| LinkRole::of(name, kind, false);
        assert_eq!(role("bond0", Some("bond")), LinkRole::Uplink);
        assert_eq!(role("veth1a2b", Some("veth")), LinkRole::Container);
        assert_eq!(role("herald0", Some("bridge")), LinkRole::Container);
        assert_eq!(role("vips", Some("dummy")), LinkRole::Holder);
        assert_eq!(LinkRole::of("lo", None, true), LinkRole::Holder);
        // In a container every uplink is one end of a veth pair.
        assert_eq!(role("eth1", Some("veth")), LinkRole::Uplink);
    }
}
