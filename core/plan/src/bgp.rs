use alloc::{collections::BTreeMap, sync::Arc, vec, vec::Vec};
use core::net::IpAddr;

use bgp::{PeerName, PeerSet, Prefix, Route, RouteAttributes};
use model::{Advertisement, Name, Node, PodNetwork};

use crate::{Guard, PlannedPeer};

/// The sessions that this node should hold, by name of the BGPPeer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peers(pub(crate) BTreeMap<PeerName, PlannedPeer>);

impl Peers {
    /// Whether a peer of `set` exchanges routes of the address's family.
    pub(crate) fn take(&self, set: &PeerSet, address: IpAddr) -> bool {
        let family = Prefix::host(address).family();
        let takes = |peer: &PlannedPeer| peer.config.families.contains(&family);
        match set {
            PeerSet::All => self.0.values().any(takes),
            PeerSet::Only(names) => names.iter().filter_map(|name| self.0.get(name)).any(takes),
        }
    }
}

/// How an address is advertised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// To whom.
    pub(crate) peers: PeerSet,
    /// What becomes of its packets that no Service takes; `None`: they are forwarded.
    pub(crate) guard: Option<Guard>,
}

impl Grant {
    /// What an advertisement asks for.
    pub(crate) fn of(advertisement: &Advertisement) -> Self {
        Self {
            peers: named(&advertisement.peers),
            guard: Guard::of(advertisement.loop_prevention),
        }
    }

    /// What two advertisements, or two Services of one address, ask for together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            peers: union(self.peers, &other.peers),
            guard: self.guard.max(other.guard),
        }
    }
}

/// Turns announced addresses into routes. Equal peer sets and attributes are one allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    attributes: Arc<RouteAttributes>,
}

impl Router {
    /// The routes of an address that is announced to `peers`; none for `None`.
    pub(crate) fn routes(&self, peers: Option<PeerSet>) -> Vec<Route> {
        match peers {
            Some(peers) => vec![Route {
                peers,
                attributes: self.attributes.clone(),
            }],
            None => Vec::new(),
        }
    }
}

/// The routes by which this node's own pod CIDRs are advertised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodRoutes(pub(crate) BTreeMap<Prefix, Route>);

impl PodRoutes {
    /// Every node advertises its own, always.
    pub(crate) fn new(pod_network: Option<&PodNetwork>, own: &Node) -> Self {
        let Some(pod_network) = pod_network.filter(|pod_network| pod_network.advertise) else {
            return Self::default();
        };
        let communities = &pod_network.communities;
        let route = Route {
            peers: named(&pod_network.peers),
            attributes: Arc::new(RouteAttributes {
                local_pref: pod_network.local_pref,
                communities: communities.standard.clone(),
                large_communities: communities.large.clone(),
                extended_communities: communities.extended.clone(),
                ..RouteAttributes::default()
            }),
        };
        let routes = own.pod_prefixes().map(|prefix| (prefix, route.clone()));
        Self(routes.collect())
    }
}

/// The peers of these names; without any, all.
pub(crate) fn named(names: &[Name]) -> PeerSet {
    match names {
        [] => PeerSet::All,
        names => PeerSet::only(names.to_vec()),
    }
}

/// Everybody in one of the two sets.
pub(crate) fn union(a: PeerSet, b: &PeerSet) -> PeerSet {
    match (&a, b) {
        (PeerSet::All, _) | (_, PeerSet::All) => PeerSet::All,
        (PeerSet::Only(x), PeerSet::Only(y)) if x == y => a,
        (PeerSet::Only(x), PeerSet::Only(y)) => {
            PeerSet::only(x.iter().chain(y.iter()).cloned().collect())
        }
    }
}
