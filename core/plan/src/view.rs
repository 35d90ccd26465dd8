use alloc::{collections::BTreeMap, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{
    AddressRange, Advertisement, Cluster, Labels, Name, Node, PodNetwork, Pool, Selectors, Settings,
};

use crate::{
    Guard, Unusable,
    bgp::{Peers, PodRoutes, named},
    last_good::LastGood,
    peer::PeerBook,
    pod_network::{LastPodNetwork, Learning},
};

/// What this node knows of the configuration, resolved so that one address is decided quickly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) node: Name,
    pub(crate) settings: Settings,
    /// The label takes the node out, and no flag overrides it.
    pub(crate) excluded: bool,
    pub(crate) network_unavailable: bool,
    pub(crate) addresses: NodeAddresses,
    pub(crate) advertisements: Vec<Resolved>,
    pub(crate) peers: Peers,
    /// The PodNetwork, or the last one that was usable.
    pub(crate) pod_network: Option<PodNetwork>,
    /// The PodNetwork object is gone.
    pub(crate) orphaned: bool,
    /// How this node's own pod CIDRs are advertised.
    pub(crate) pod_routes: PodRoutes,
}

/// One BGPAdvertisement with its pools looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Ranges of the pools that it selects, sorted, none overlapping another.
    ranges: Vec<AddressRange>,
    services: Selectors,
    /// Whether it selects this node.
    pub(crate) here: bool,
    pub(crate) peers: bgp::PeerSet,
    /// What becomes of packets to the address that no Service takes.
    pub(crate) guard: Option<Guard>,
}

/// The node's own addresses, one of each family: where its services answer, and its next hops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeAddresses {
    /// First InternalIP of IPv4.
    pub ipv4: Option<Ipv4Addr>,
    /// First InternalIP of IPv6.
    pub ipv6: Option<Ipv6Addr>,
}

/// What outlives one view: last good values and password generations.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pools: LastGood<Pool>,
    advertisements: LastGood<Advertisement>,
    pub(crate) peers: PeerBook,
    pod_network: LastPodNetwork,
}

impl View {
    /// Resolves the configuration for `node`. Also gives what this node cannot use.
    pub(crate) fn new(
        node: &Name,
        ignore_exclude_label: bool,
        cluster: &Cluster,
        memory: &mut Memory,
    ) -> (Self, Vec<Unusable>) {
        let nobody = Node::default();
        let own = cluster.nodes.get(node).unwrap_or(&nobody);
        let mut unusable = Vec::new();
        let pools = memory.pools(cluster, &mut unusable);
        let advertisements = memory.advertisements(cluster, &pools, own, &mut unusable);
        let (pod_network, orphaned) = memory.pod_network.resolve(cluster, own, &mut unusable);
        let pod_network = pod_network.cloned();
        let learning = Learning::new(pod_network.as_ref(), own);
        let peers = memory
            .peers
            .resolve(cluster, node, own, &learning, &mut unusable);
        let view = Self {
            node: node.clone(),
            settings: cluster.settings.clone(),
            excluded: own.excluded_from_load_balancers() && !ignore_exclude_label,
            network_unavailable: own.network_unavailable,
            addresses: NodeAddresses::of(own),
            advertisements,
            peers: Peers(peers),
            pod_routes: PodRoutes::new(pod_network.as_ref(), own),
            pod_network,
            orphaned,
        };
        (view, unusable)
    }
}

impl Resolved {
    fn new(
        advertisement: &Advertisement,
        pools: &BTreeMap<Name, (Labels, Pool)>,
        own: &Node,
    ) -> Self {
        let selection = &advertisement.selection;
        let chosen = pools
            .iter()
            .filter(|(name, (labels, _))| selection.selects_pool(name, labels));
        Self {
            ranges: merge(
                chosen
                    .flat_map(|(_, (_, pool))| pool.ranges.iter().copied())
                    .collect(),
            ),
            services: selection.services.clone(),
            here: selection.nodes.matches(&own.meta.labels),
            peers: named(&advertisement.peers),
            guard: Guard::of(advertisement.loop_prevention),
        }
    }

    /// Whether the advertisement is for this address of a Service with these labels.
    pub(crate) fn covers(&self, address: IpAddr, labels: &Labels) -> bool {
        let above = self
            .ranges
            .partition_point(|range| range.first() <= address);
        let range = above.checked_sub(1).and_then(|last| self.ranges.get(last));
        range.is_some_and(|range| range.contains(address)) && self.services.matches(labels)
    }
}

impl NodeAddresses {
    pub(crate) fn of(node: &Node) -> Self {
        let mut found = Self::default();
        for address in &node.internal_ips {
            match *address {
                IpAddr::V4(address) => found.ipv4 = found.ipv4.or(Some(address)),
                IpAddr::V6(address) => found.ipv6 = found.ipv6.or(Some(address)),
            }
        }
        found
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            pools: LastGood::new(),
            advertisements: LastGood::new(),
            peers: PeerBook::new(),
            pod_network: LastPodNetwork::default(),
        }
    }

    fn pools(
        &mut self,
        cluster: &Cluster,
        unusable: &mut Vec<Unusable>,
    ) -> BTreeMap<Name, (Labels, Pool)> {
        self.pools.retain(&cluster.pools);
        let mut pools = BTreeMap::new();
        for (name, object) in &cluster.pools {
            unusable.extend(Unusable::rejected("IPAddressPool", object));
            if let Some(pool) = self.pools.resolve(object, |_| true) {
                pools.insert(name.clone(), (object.meta.labels.clone(), pool.clone()));
            }
        }
        pools
    }

    fn advertisements(
        &mut self,
        cluster: &Cluster,
        pools: &BTreeMap<Name, (Labels, Pool)>,
        own: &Node,
        unusable: &mut Vec<Unusable>,
    ) -> Vec<Resolved> {
        self.advertisements.retain(&cluster.advertisements);
        let mut resolved = Vec::new();
        for object in cluster.advertisements.values() {
            unusable.extend(Unusable::rejected("BGPAdvertisement", object));
            if let Some(advertisement) = self.advertisements.resolve(object, |_| true) {
                resolved.push(Resolved::new(advertisement, pools, own));
            }
        }
        resolved
    }
}

/// Sorts the ranges and joins those that overlap, so that a binary search finds the only candidate.
fn merge(mut ranges: Vec<AddressRange>) -> Vec<AddressRange> {
    ranges.sort_unstable();
    let mut merged: Vec<AddressRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let joined = merged
            .last()
            .filter(|last| last.contains(range.first()))
            .and_then(|last| AddressRange::new(last.first(), last.last().max(range.last())).ok());
        match (joined, merged.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            (_, _) => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn range(first: &str, last: &str) -> AddressRange {
        AddressRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
    }

    #[test]
    fn joins_overlapping_ranges_of_several_pools() {
        let merged = merge(vec![
            range("10.0.0.5", "10.0.0.9"),
            range("2001:db8::1", "2001:db8::2"),
            range("10.0.0.0", "10.0.0.255"),
            range("10.0.2.0", "10.0.2.9"),
        ]);
        let expected = vec![
            range("10.0.0.0", "10.0.0.255"),
            range("10.0.2.0", "10.0.2.9"),
            range("2001:db8::1", "2001:db8::2"),
        ];
        assert_eq!(merged, expected);
    }
}
