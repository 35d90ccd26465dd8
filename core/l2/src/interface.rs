use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::Mac;

/// The Ethernet interfaces of this node that are up and can broadcast, by index.
pub type Interfaces = BTreeMap<u32, Interface>;

/// One interface on which addresses can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: Arc<str>,
    /// Its own MAC, which answers give.
    pub mac: Mac,
    /// Its link-local address, once it may be used: without one the interface does not speak IPv6.
    pub link_local: Option<Ipv6Addr>,
    /// Its addresses with the length of their subnets.
    pub addresses: Vec<IpNet>,
    /// It leads to other machines: chosen where an advertisement names no interface.
    pub uplink: bool,
    /// It forwards IPv6 packets: the R flag of its neighbor advertisements (RFC 4861 4.4).
    pub router: bool,
}

impl Interface {
    /// Whether the address is in one of its subnets.
    pub fn is_on_subnet(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|subnet| subnet.contains(&address))
    }

    /// Whether the address's family can be spoken here.
    pub fn speaks(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(_) => self.link_local.is_some(),
        }
    }
}
