//! With whom a session is that is configured by interface.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::net::Ipv6Addr;

use bgp::Interface;
use model::Name;

use crate::Links;

/// Link-local addresses of the routers that are heard, by index of the interface on which they are.
pub type Neighbors = BTreeMap<u32, BTreeSet<Ipv6Addr>>;

/// The router on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Where it is.
    pub interface: Interface,
    /// Its link-local address.
    pub address: Ipv6Addr,
}

/// The router on the interface of that name, and what is wrong, in a sentence with the remedy. A router that was found
/// before stays the one while it is heard: nobody breaks a session by calling himself a router, too.
pub fn find_neighbor(
    name: &Name,
    links: &Links,
    neighbors: &Neighbors,
    before: Option<&Neighbor>,
) -> (Option<Neighbor>, Option<String>) {
    let Some((index, link)) = links.named(name) else {
        let words = format!(
            "NoInterface: spec.interface: this node has no interface {name}; create it, correct spec.interface, or \
             exclude this node in spec.nodeSelectors"
        );
        return (None, Some(words));
    };
    let Some(ethernet) = link.ethernet else {
        let words = format!(
            "NoInterface: spec.interface: {name} is no Ethernet interface of its own; name the bond or bridge that it \
             belongs to, or write spec.peerAddress"
        );
        return (None, Some(words));
    };
    let nobody = BTreeSet::new();
    let heard = neighbors.get(&index).unwrap_or(&nobody);
    let before = before.filter(|before| before.interface.index == index);
    let before = before
        .map(|before| before.address)
        .filter(|address| heard.contains(address));
    let found = |address| Neighbor {
        interface: Interface {
            index,
            name: name.clone(),
        },
        address,
    };
    let only = heard.first().copied().filter(|_| heard.len() == 1);
    let chosen = before.or(only);
    let problem = match (heard.len(), chosen) {
        (1, _) => None,
        (0, _) if !link.up => Some(format!(
            "NoNeighbor: spec.interface: {name} is down; connect it and set it up"
        )),
        (0, _) if ethernet.link_local.is_none() => Some(format!(
            "NoInterface: spec.interface: {name} has no link-local address; enable IPv6 on it \
             (net.ipv6.conf.{name}.disable_ipv6=0)"
        )),
        (0, _) => Some(format!(
            "NoNeighbor: spec.interface: no router is heard on {name}; let it send router advertisements there (FRR: \
             neighbor IFACE interface remote-as external)"
        )),
        (_, chosen) => Some(ambiguous(name, heard, chosen)),
    };
    (chosen.map(found), problem)
}

fn ambiguous(name: &Name, heard: &BTreeSet<Ipv6Addr>, chosen: Option<Ipv6Addr>) -> String {
    let list: Vec<String> = heard.iter().map(Ipv6Addr::to_string).collect();
    let list = list.join(" and ");
    let session = match chosen {
        Some(chosen) => format!("the session stays with {chosen} while that is heard"),
        None => "there is no session".to_string(),
    };
    format!(
        "AmbiguousNeighbor: spec.interface: {list} are routers on {name}, and {session}; let one router alone send router \
         advertisements there, or write spec.peerAddress"
    )
}
