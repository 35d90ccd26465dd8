use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::net::IpAddr;

use bgp::{PeerName, Prefix, Route};
use l2::{Key, Nominee};
use model::{Name, ServiceKey};

use crate::{
    Capped, Decisions, Guard, NetworkPlan, NodeAddresses, NodeIps, PlannedPeer, Stage, Unusable,
};

/// What this node should do now, and why it does not do the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Sessions, by name of the BGPPeer.
    pub peers: BTreeMap<PeerName, PlannedPeer>,
    /// Those of them that BFD watches over.
    pub bfd: BTreeMap<PeerName, bfd::PeerConfig>,
    /// Interfaces by which peers are configured: router advertisements are exchanged there.
    pub unnumbered: BTreeSet<Name>,
    /// Routes by prefix; no list is empty.
    pub routes: BTreeMap<Prefix, Vec<Route>>,
    /// What is decided about each address of each Service, and about each Service without an address.
    pub decisions: BTreeMap<Target, Decisions>,
    /// Objects that this node cannot use as they are written, by kind and name.
    pub unusable: Vec<Unusable>,
    /// This node's addresses, which are its next hops.
    pub addresses: NodeAddresses,
    /// Announced addresses and aggregates whose untranslated packets are stopped.
    pub guards: BTreeMap<Prefix, Guard>,
    /// Addresses that this node may answer for on layer 2, and how; which node does is up to the election.
    pub nominees: BTreeMap<IpAddr, Nominee>,
    /// Addresses that only some nodes are to announce by BGP, and how this one stands to them.
    pub capped: BTreeMap<IpAddr, Capped>,
    /// An advertisement that only some nodes are to announce selects this one, so that others have to hear from it.
    pub counts_announcers: bool,
    /// A L2Advertisement selects this node.
    pub takes_part_in_l2: bool,
    /// To whom heartbeats go; empty while nobody needs them of this node.
    pub nodes: Arc<NodeIps>,
    /// The keys of heartbeats that were last usable, oldest first.
    pub heartbeat_keys: Vec<Key>,
    /// The pod network's part.
    pub network: Arc<NetworkPlan>,
    /// Addresses that this node announces by BGP, each by itself or in an aggregate.
    pub addresses_announced: BTreeSet<IpAddr>,
    /// How far this node has left: what is not announced any more although nothing else stands against it.
    pub stage: Stage,
}

/// What a decision is about. Sorted by Service, so that all decisions of a Service stand together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The Service.
    pub service: ServiceKey,
    /// One of its addresses; `None`: it has none.
    pub address: Option<IpAddr>,
}

/// What one pass changed. Changes that were not taken yet can be merged: the latest value wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// All sessions that the node should hold, when they differ from those before.
    pub peers: Option<Vec<PlannedPeer>>,
    /// All interfaces by which peers are configured, when they differ from those before.
    pub unnumbered: Option<BTreeSet<Name>>,
    /// All sessions that BFD is to watch over, when they differ from those before.
    pub bfd: Option<Vec<bfd::PeerConfig>>,
    /// Changed prefixes with all their routes; an empty list withdraws.
    pub routes: BTreeMap<Prefix, Vec<Route>>,
    /// Changed addresses and aggregates whose untranslated packets are stopped; `None`: no longer.
    pub guards: BTreeMap<Prefix, Option<Guard>>,
    /// Changed addresses that this node may answer for; `None`: no longer.
    pub nominees: BTreeMap<IpAddr, Option<Nominee>>,
    /// Changed addresses that only some nodes are to announce by BGP; `None`: no longer.
    pub capped: BTreeMap<IpAddr, Option<Capped>>,
    /// Whether others have to hear what this node announces, when that changed.
    pub counts_announcers: Option<bool>,
    /// The cluster's nodes with their InternalIPs, when they differ from those before.
    pub nodes: Option<Arc<NodeIps>>,
    /// The keys of heartbeats, oldest first, when they differ from those before.
    pub heartbeat_keys: Option<Vec<Key>>,
    /// The pod network's part, when it differs from the one before.
    pub network: Option<Arc<NetworkPlan>>,
    /// The first full plan is in.
    pub complete: bool,
}

impl Plan {
    /// Decisions about the addresses of one Service.
    pub fn decisions_of<'a>(
        &'a self,
        service: &'a ServiceKey,
    ) -> impl Iterator<Item = (&'a Target, &'a Decisions)> {
        let from = Target {
            service: service.clone(),
            address: None,
        };
        self.decisions
            .range(from..)
            .take_while(move |(target, _)| target.service == *service)
    }

    /// The addresses that this node may answer for, and how many Services each of them has.
    pub fn services_of_nominees(&self) -> BTreeMap<IpAddr, u64> {
        let mut services = BTreeMap::new();
        if !self.nominees.is_empty() {
            let nominated = self.decisions.iter().filter(|(_, d)| d.l2.is_announce());
            for address in nominated.filter_map(|(target, _)| target.address) {
                *services.entry(address).or_default() += 1;
            }
        }
        services
    }

    /// How many addresses this node announces by BGP.
    pub fn announced(&self) -> usize {
        self.addresses_announced.len()
    }
}

impl Changes {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over what a later pass changed.
    pub fn merge(&mut self, later: Self) {
        self.peers = later.peers.or(self.peers.take());
        self.unnumbered = later.unnumbered.or(self.unnumbered.take());
        self.bfd = later.bfd.or(self.bfd.take());
        self.routes.extend(later.routes);
        self.guards.extend(later.guards);
        self.nominees.extend(later.nominees);
        self.capped.extend(later.capped);
        self.counts_announcers = later.counts_announcers.or(self.counts_announcers.take());
        self.nodes = later.nodes.or(self.nodes.take());
        self.heartbeat_keys = later.heartbeat_keys.or(self.heartbeat_keys.take());
        self.network = later.network.or(self.network.take());
        self.complete |= later.complete;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_change_of_a_prefix_replaces_the_earlier_one() {
        let prefix = Prefix::host("192.0.2.1".parse().unwrap());
        let route = Route {
            peers: bgp::PeerSet::All,
            attributes: Default::default(),
        };
        let mut pending = Changes {
            peers: Some(Vec::new()),
            routes: BTreeMap::from([(prefix, Vec::from([route]))]),
            complete: true,
            ..Changes::default()
        };
        let later = Changes {
            routes: BTreeMap::from([(prefix, Vec::new())]),
            ..Changes::default()
        };
        pending.merge(later);
        assert_eq!(pending.routes, BTreeMap::from([(prefix, Vec::new())]));
        assert!(pending.complete && pending.peers.is_some());
    }
}
