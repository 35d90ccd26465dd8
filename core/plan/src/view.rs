use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::ToString as _,
    vec::Vec,
};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp::Prefix;
use l2::{Key, Nominee};
use model::{
    AddressRange, Aggregation, BfdProfile, Cluster, HEARTBEAT_SECRET, Kind, L2Advertisement,
    Labels, Name, Node, Parsed, PodNetwork, Pool, Selection, Selectors, Settings,
};

use crate::{
    Links, Neighbors, Stage, Unusable,
    bfd::{Watched, node_profile, watched},
    bgp::{Peers, PodRoutes, Terms},
    community::Named,
    l2::terms,
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
    /// In the order in which their attributes count.
    pub(crate) advertisements: Vec<Resolved<Terms>>,
    pub(crate) l2_advertisements: Vec<Resolved<Nominee>>,
    pub(crate) peers: Peers,
    /// Sessions that BFD watches over.
    pub(crate) bfd: BTreeMap<Name, Watched>,
    /// A BGPPeer of this node says that what is accepted of it is installed.
    pub(crate) imports: bool,
    /// What pools hold, and the aggregates around it: nothing in there is routed to.
    pub(crate) pooled: Vec<AddressRange>,
    /// How BFD watches over the ways to other nodes.
    pub(crate) node_profile: Option<bfd::Profile>,
    /// The PodNetwork, or the last one that was usable.
    pub(crate) pod_network: Option<PodNetwork>,
    /// The PodNetwork object is gone.
    pub(crate) orphaned: bool,
    /// How this node's own pod CIDRs are advertised.
    pub(crate) pod_routes: PodRoutes,
    /// How far this node has left.
    pub(crate) stage: Stage,
}

/// One advertisement with its pools looked up, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved<T> {
    /// Its place in the list.
    pub(crate) place: usize,
    /// Ranges of the pools that it selects, sorted, none overlapping another.
    ranges: Vec<AddressRange>,
    services: Selectors,
    /// Whether it selects this node.
    pub(crate) here: bool,
    /// The nodes that it selects, where these are counted.
    pub(crate) crowd: BTreeSet<Name>,
    pub(crate) terms: T,
}

/// The node's own addresses, one of each family: where its services answer, and its next hops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeAddresses {
    /// First InternalIP of IPv4.
    pub ipv4: Option<Ipv4Addr>,
    /// First InternalIP of IPv6.
    pub ipv6: Option<Ipv6Addr>,
}

/// What outlives one view: last good values, keys and password generations.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pools: LastGood<Pool>,
    named: Named,
    l2_advertisements: LastGood<L2Advertisement>,
    bfd_profiles: LastGood<BfdProfile>,
    /// The last usable keys of heartbeats.
    pub(crate) heartbeat_keys: Vec<Key>,
    pub(crate) peers: PeerBook,
    pod_network: LastPodNetwork,
}

impl View {
    /// Resolves the configuration for `node`. Also gives what this node cannot use.
    pub(crate) fn new(
        node: &Name,
        ignore_exclude_label: bool,
        cluster: &Cluster,
        (links, neighbors): (Option<&Links>, &Neighbors),
        memory: &mut Memory,
    ) -> (Self, Vec<Unusable>) {
        let nobody = Node::default();
        let own = cluster.nodes.get(node).unwrap_or(&nobody);
        let mut unusable = Vec::new();
        let pools = memory.pools(cluster, &mut unusable);
        let names = memory.named.names(cluster, &mut unusable);
        let advertisements = memory
            .named
            .advertisements(cluster, &names, &mut unusable)
            .into_iter()
            .map(|(selection, terms)| {
                Resolved::new(&selection, &pools, own, terms).counting(&selection, cluster)
            });
        let advertisements = by_precedence(advertisements.collect());
        let l2_advertisements = resolve_all(
            (Kind::L2Advertisement, &mut memory.l2_advertisements),
            &cluster.l2_advertisements,
            &mut unusable,
            |a| Resolved::new(&a.selection, &pools, own, terms(a, &own.meta.labels)),
        );
        memory.take_heartbeat_keys(cluster, &mut unusable);
        let (pod_network, orphaned) = memory.pod_network.resolve(cluster, own, &mut unusable);
        let pod_network = pod_network.cloned();
        let pod_communities = memory
            .named
            .pod_network(pod_network.as_ref(), &names, &mut unusable);
        let learning = Learning::new(pod_network.as_ref(), own);
        let facts = (links, neighbors);
        let peers = memory
            .peers
            .resolve(cluster, (node, own), &learning, facts, &mut unusable);
        let profiles = &mut memory.bfd_profiles;
        let bfd = watched(cluster, &memory.peers, &peers, profiles, &mut unusable);
        let node_profile = node_profile((cluster, profiles), pod_network.as_ref(), &mut unusable);
        let view = Self {
            node: node.clone(),
            settings: cluster.settings.clone(),
            excluded: own.excluded_from_load_balancers() && !ignore_exclude_label,
            network_unavailable: own.network_unavailable,
            addresses: NodeAddresses::of(own),
            pooled: pooled(&pools, &advertisements),
            imports: memory.peers.imports(&peers),
            advertisements,
            l2_advertisements,
            peers: Peers(peers),
            bfd,
            node_profile,
            pod_routes: PodRoutes::new(pod_network.as_ref(), pod_communities, own),
            pod_network,
            orphaned,
            stage: Stage::Serving,
        };
        (view, unusable)
    }

    /// Whether an advertisement that only some nodes are to announce selects this one.
    pub(crate) fn counts_announcers(&self) -> bool {
        self.advertisements
            .iter()
            .any(|advertisement| advertisement.here && advertisement.terms.cap.is_some())
    }

    /// Whether an advertisement of layer 2 selects this node.
    pub(crate) fn takes_part_in_l2(&self) -> bool {
        self.l2_advertisements
            .iter()
            .any(|advertisement| advertisement.here)
    }
}

impl<T> Resolved<T> {
    fn new(
        selection: &Selection,
        pools: &BTreeMap<Name, (Labels, Pool)>,
        own: &Node,
        terms: T,
    ) -> Self {
        let chosen = pools
            .iter()
            .filter(|(name, (labels, _))| selection.selects_pool(name, labels));
        Self {
            place: 0,
            ranges: merge(
                chosen
                    .flat_map(|(_, (_, pool))| pool.ranges.iter().copied())
                    .collect(),
            ),
            services: selection.services.clone(),
            here: selection.nodes.matches(&own.meta.labels),
            crowd: BTreeSet::new(),
            terms,
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

impl Resolved<Terms> {
    /// With the nodes that it selects, if only some of them are to announce.
    fn counting(self, selection: &Selection, cluster: &Cluster) -> Self {
        let counted =
            |node: &&Node| self.terms.cap.is_some() && selection.nodes.matches(&node.meta.labels);
        let nodes = cluster.nodes.values().filter(counted);
        Self {
            crowd: nodes.map(|node| node.meta.name.clone()).collect(),
            ..self
        }
    }

    /// Whether a range of its pools holds all of the prefix.
    pub(crate) fn holds(&self, prefix: Prefix) -> bool {
        let network = prefix.network();
        let mut ranges = self.ranges.iter();
        ranges.any(|range| range.contains(network.network()) && range.contains(network.broadcast()))
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
            named: Named::new(),
            l2_advertisements: LastGood::new(),
            bfd_profiles: LastGood::new(),
            heartbeat_keys: Vec::new(),
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

    /// Keys that turn bad or vanish leave those in use that were good.
    fn take_heartbeat_keys(&mut self, cluster: &Cluster, unusable: &mut Vec<Unusable>) {
        match &cluster.heartbeat_keys {
            Some(Ok(keys)) => self.heartbeat_keys.clone_from(keys),
            Some(Err(rejection)) => unusable.push(Unusable::new(
                Kind::Secret.as_str(),
                &HEARTBEAT_SECRET.into(),
                rejection.to_string(),
            )),
            None => {}
        }
    }
}

/// What pools hold, and the aggregates around it.
fn pooled(
    pools: &BTreeMap<Name, (Labels, Pool)>,
    advertisements: &[Resolved<Terms>],
) -> Vec<AddressRange> {
    let aggregates = advertisements.iter().flat_map(|advertisement| {
        let aggregation = advertisement.terms.aggregation;
        let ranges = advertisement.ranges.iter();
        ranges.filter_map(move |range| widen(range, aggregation))
    });
    let pools = pools.values().flat_map(|(_, pool)| &pool.ranges);
    merge(pools.copied().chain(aggregates).collect())
}

/// The aggregates that hold the range.
fn widen(range: &AddressRange, aggregation: Aggregation) -> Option<AddressRange> {
    let network = |address: IpAddr| {
        let length = match address {
            IpAddr::V4(_) => aggregation.ipv4,
            IpAddr::V6(_) => aggregation.ipv6,
        };
        Prefix::new(address, length).ok()
    };
    let (first, last) = (network(range.first())?, network(range.last())?);
    AddressRange::new(first.network().network(), last.network().broadcast()).ok()
}

/// The advertisements in the order in which their attributes count.
fn by_precedence(mut advertisements: Vec<Resolved<Terms>>) -> Vec<Resolved<Terms>> {
    advertisements.sort_by(|a, b| a.terms.precedence.cmp(&b.terms.precedence));
    for (place, advertisement) in advertisements.iter_mut().enumerate() {
        advertisement.place = place;
    }
    advertisements
}

/// All advertisements of a kind, each as it was when it was last usable.
fn resolve_all<T: Clone + PartialEq, R>(
    (kind, good): (Kind, &mut LastGood<T>),
    objects: &BTreeMap<Name, Parsed<T>>,
    unusable: &mut Vec<Unusable>,
    resolve: impl Fn(&T) -> R,
) -> Vec<R> {
    good.retain(objects);
    let mut resolved = Vec::with_capacity(objects.len());
    for object in objects.values() {
        unusable.extend(Unusable::rejected(kind.as_str(), object));
        resolved.extend(good.resolve(object, |_| true).map(&resolve));
    }
    resolved
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
