//! Kernel routes to what peers advertise.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{fmt, net::IpAddr};

use bgp::{Import, Prefix, ScopedAddress};
use model::AddressRange;

use crate::{Hop, IMPORTED_METRIC, Learned, Links, RouteKey, RouteTarget, Routes};

/// Why an accepted prefix gets no route on this node, although its next hop may be near. The names are what users see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// It leads to pods of this node.
    OwnPodRange,
    /// It is an address of this node.
    OwnAddress,
    /// It is inside a subnet that this node is on.
    OwnSubnet,
    /// It is inside a pool, or an aggregate of one: this node may announce it itself, and the router would send it back.
    InPool,
    /// It is the default route, and no rule is for that alone.
    DefaultRoute,
    /// It is no part of the unicast address space: loopback, link-local, multicast, or 0.0.0.0/8.
    NotUnicast,
}

/// What the rules of learned routes look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    /// What the peers advertise.
    pub(crate) learned: &'a Learned,
    /// What is accepted of which peer. What was learned by another filter is passed over: it may be a moment older.
    pub(crate) imports: &'a [&'a Import],
    /// This node's interfaces.
    pub(crate) links: &'a Links,
    /// This node's addresses as its Node has them.
    pub(crate) addresses: &'a [IpAddr],
    /// This node's own pod CIDRs.
    pub(crate) own_pods: &'a [Prefix],
    /// The cluster's pod ranges, as a PodNetwork has them: of these nothing is routed elsewhere that holds own ones.
    pub(crate) cluster_pods: &'a [Prefix],
    /// What pools hold, sorted, none overlapping another.
    pub(crate) pooled: &'a [AddressRange],
}

/// Routes, and what has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    pub(crate) routes: Routes,
    /// Prefixes with a next hop that is not on-link.
    pub(crate) off_link: Vec<(Prefix, IpAddr)>,
    pub(crate) left_out: BTreeMap<Prefix, LeftOut>,
}

impl LeftOut {
    /// Every reason, in the order in which they are asked.
    pub const ALL: [Self; 6] = [
        Self::NotUnicast,
        Self::DefaultRoute,
        Self::OwnPodRange,
        Self::OwnAddress,
        Self::OwnSubnet,
        Self::InPool,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnPodRange => "OwnPodRange",
            Self::OwnAddress => "OwnAddress",
            Self::OwnSubnet => "OwnSubnet",
            Self::InPool => "InPool",
            Self::DefaultRoute => "DefaultRoute",
            Self::NotUnicast => "NotUnicast",
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Imported {
    /// The routes that this node should have. The most specific route wins, as everywhere: one to a network around what is
    /// left out is no harm.
    pub(crate) fn new(surroundings: Surroundings<'_>) -> Self {
        let mut imported = Self::default();
        let mut near: BTreeMap<IpAddr, Option<u32>> = BTreeMap::new();
        for (prefix, next_hops) in surroundings.learned.iter() {
            if !surroundings
                .imports
                .iter()
                .any(|import| import.installs(prefix))
            {
                continue;
            }
            if let Some(reason) = surroundings.left_out(prefix) {
                imported.left_out.insert(*prefix, reason);
                continue;
            }
            let mut hops = BTreeSet::new();
            for &ScopedAddress {
                address: gateway,
                interface,
            } in next_hops.iter()
            {
                let interface = match interface {
                    // The router on an interface by which a peer is configured: there while that is up.
                    Some(index) => surroundings.links.is_up(index).then_some(index),
                    None => *near.entry(gateway).or_insert_with(|| {
                        surroundings.links.on_link(gateway).map(|(index, _)| index)
                    }),
                };
                match interface {
                    Some(interface) => {
                        hops.insert(Hop { interface, gateway });
                    }
                    // Our own address comes back to us when a router reflects what we advertise; nothing is missing.
                    None if surroundings.links.holder(gateway).is_some() => {}
                    None => imported.off_link.push((*prefix, gateway)),
                }
            }
            if !hops.is_empty() {
                let key = RouteKey {
                    prefix: *prefix,
                    metric: IMPORTED_METRIC,
                };
                let target = RouteTarget::Via(hops.into_iter().collect());
                imported.routes.insert(key, target);
            }
        }
        imported
    }
}

impl Surroundings<'_> {
    fn left_out(&self, prefix: &Prefix) -> Option<LeftOut> {
        LeftOut::ALL.into_iter().find(|reason| match reason {
            LeftOut::NotUnicast => is_not_unicast(prefix),
            LeftOut::DefaultRoute => {
                prefix.length() == 0 && !self.imports.iter().any(|import| import.names(prefix))
            }
            LeftOut::OwnPodRange => self.own_pods.iter().any(|own| {
                let of_cluster = |range: &Prefix| range.contains(prefix);
                own.contains(prefix)
                    || prefix.contains(own) && self.cluster_pods.iter().any(of_cluster)
            }),
            LeftOut::OwnAddress => prefix.is_host() && self.is_own(prefix.address()),
            LeftOut::OwnSubnet => {
                let links = self.links.0.values();
                let mut subnets = links.flat_map(|link| &link.addresses);
                subnets.any(|subnet| subnet.contains(&prefix.network()))
            }
            LeftOut::InPool => is_inside(self.pooled, prefix),
        })
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.links.holder(address).is_some()
    }
}

/// RFC 6890, as far as no router can lead there.
fn is_not_unicast(prefix: &Prefix) -> bool {
    let none = match prefix.address() {
        IpAddr::V4(address) => {
            let zero = address.octets().starts_with(&[0]) && prefix.length() > 0;
            zero || address.is_loopback() || address.is_link_local() || address.is_multicast()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unicast_link_local() || address.is_multicast()
        }
    };
    none && prefix.length() > 0
}

/// Whether one of the ranges, which are sorted and do not overlap, holds all of the prefix.
fn is_inside(ranges: &[AddressRange], prefix: &Prefix) -> bool {
    let (first, last) = (prefix.network().network(), prefix.network().broadcast());
    let above = ranges.partition_point(|range| range.first() <= first);
    let range = above.checked_sub(1).and_then(|below| ranges.get(below));
    range.is_some_and(|range| range.contains(first) && range.contains(last))
}
