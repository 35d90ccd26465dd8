mod aggregate;
mod damper;
mod router;
mod terms;

use alloc::{collections::BTreeMap, sync::Arc, vec, vec::Vec};
use core::net::IpAddr;

use bgp::{Import, PeerName, PeerSet, Prefix, Route, RouteAttributes};
use model::{Communities, Name, Node, PodNetwork};

use crate::{Guard, PlannedPeer, view::Resolved};
use aggregate::{Aggregates, Member, Presence};
use damper::Damper;
pub(crate) use router::Router;
pub(crate) use terms::Terms;
use terms::said_by;

/// The sessions that this node should hold, by name of the BGPPeer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peers(pub(crate) BTreeMap<PeerName, PlannedPeer>);

impl Peers {
    /// What is accepted of each of them.
    pub(crate) fn imports(&self) -> impl Iterator<Item = &Import> {
        let imports = self.0.values().map(|peer| &peer.config.import);
        imports.filter(|import| !import.is_closed())
    }

    /// Whether a peer of `set` exchanges routes of the address's family.
    pub(crate) fn take(&self, set: &PeerSet, address: IpAddr) -> bool {
        let family = Prefix::host(address).family();
        let takes = |peer: &PlannedPeer| peer.config.families.contains(&family);
        match set {
            PeerSet::All => self.0.values().any(takes),
            PeerSet::Only(names) => names.iter().filter_map(|name| self.0.get(name)).any(takes),
        }
    }

    /// Whether the peer of this name is in `set` and exchanges routes of the address's family.
    pub(crate) fn takes(&self, name: &str, set: &PeerSet, address: IpAddr) -> bool {
        let family = Prefix::host(address).family();
        let peer = self.0.get(name).filter(|_| set.contains(name));
        peer.is_some_and(|peer| peer.config.families.contains(&family))
    }
}

/// How an address is advertised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Places of the advertisements that count, sorted.
    pub(crate) places: Vec<usize>,
    /// What becomes of its packets that no Service takes; `None`: they are forwarded.
    pub(crate) guard: Option<Guard>,
    /// Endpoints of this node that serve it; `None`: traffic to it goes to endpoints of all nodes.
    pub(crate) endpoints: Option<u32>,
}

impl Grant {
    /// What an advertisement asks for.
    pub(crate) fn of(advertisement: &Resolved<Terms>, endpoints: Option<u32>) -> Self {
        Self {
            places: vec![advertisement.place],
            guard: advertisement.terms.guard,
            endpoints,
        }
    }

    /// What two advertisements, or two Services of one address, ask for together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.places.extend(other.places);
        self.places.sort_unstable();
        self.places.dedup();
        Self {
            places: self.places,
            guard: self.guard.max(other.guard),
            // Services that share an address have the same endpoints.
            endpoints: self.endpoints.zip(other.endpoints).map(|(a, b)| a.max(b)),
        }
    }
}

/// What is true of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) address: IpAddr,
    /// How this node advertises it; `None`: not at all.
    pub(crate) grant: Option<Grant>,
    /// Other nodes serve it and this one does not: places of the advertisements that would aggregate it here.
    pub(crate) elsewhere: Vec<usize>,
}

/// The routes by which this node's own pod CIDRs are advertised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodRoutes(pub(crate) BTreeMap<Prefix, Route>);

impl PodRoutes {
    /// Every node advertises its own, always; `communities`: none as long as names of theirs were never defined.
    pub(crate) fn new(
        pod_network: Option<&PodNetwork>,
        communities: Option<&Communities>,
        own: &Node,
    ) -> Self {
        let pod_network = pod_network.filter(|pod_network| pod_network.advertise);
        let (Some(pod_network), Some(communities)) = (pod_network, communities) else {
            return Self::default();
        };
        let route = Route {
            peers: named(&pod_network.peers),
            attributes: Arc::new(RouteAttributes {
                local_pref: pod_network.local_pref,
                ..said_by(communities.clone())
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
