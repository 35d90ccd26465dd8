mod cni;
mod nat;
mod routes;
mod setting;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::net::IpAddr;

use bgp::{NextHops, Prefix};
use model::{Name, Node, PodNetwork, PodNetworkMode};

use crate::{
    Cni, Egress, Hop, IMPORTED_METRIC, LeftOut, Links, RouteKey, Routes, Setting,
    imported::Imported,
};

/// Prefixes that the peers advertise and that are to be routed to, each with the next hops of its best paths.
pub type Learned = Arc<BTreeMap<Prefix, NextHops>>;

/// What this node's kernel and CNI folder should hold: routes to what peers advertise, and the pod network's part of the
/// plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkPlan {
    /// Mode of the PodNetwork; `None`: there never was one.
    pub mode: Option<PodNetworkMode>,
    /// The PodNetwork object is gone; what it made stays (`Orphaned`).
    pub orphaned: bool,
    /// This node's own pod CIDRs.
    pub pod_cidrs: Vec<Prefix>,
    /// Routes of ours in the main table.
    pub routes: Part<Routes>,
    /// Peers may still have to advertise what an earlier run has installed: what is left of it in the kernel stays.
    pub awaits_peers: bool,
    /// Neighbours whose entries are kept probed.
    pub neighbors: Part<BTreeSet<Hop>>,
    /// Translation of what pods send outside.
    pub egress: Part<Egress>,
    /// CNI configuration.
    pub cni: Cni,
    /// Kernel settings that must hold.
    pub settings: BTreeSet<Setting>,
    /// Ranges of other nodes whose direct route is left out, each with the node's address, as BFD says that the way there is
    /// broken (`BFDDown`).
    pub broken: Vec<(Prefix, IpAddr)>,
    /// Learned prefixes with a next hop through which they are not routed to, as it is not on-link (`NextHopNotOnLink`).
    pub off_link: Vec<(Prefix, IpAddr)>,
    /// Learned prefixes that this node routes to in no case.
    pub left_out: BTreeMap<Prefix, LeftOut>,
    /// A BGPPeer of this node says that what is accepted of it is installed.
    pub imports: bool,
    /// There is no PodNetwork, and an earlier one may have left routes, which stay: those to pods of nodes, which are inside
    /// these ranges, and all that are not imported. `None`: all routes of ours are planned.
    pub spared: Option<Vec<Prefix>>,
}

/// What the rules of the pod network look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// The PodNetwork, or the last one that was usable.
    pub(crate) pod_network: &'a PodNetwork,
    /// Its object is gone.
    pub(crate) orphaned: bool,
    /// Name of this node.
    pub(crate) node: &'a Name,
    /// All nodes.
    pub(crate) nodes: &'a BTreeMap<Name, Node>,
    /// This node's interfaces.
    pub(crate) links: &'a Links,
    /// Addresses on the link to which the way is broken, says BFD.
    pub(crate) broken: &'a BTreeSet<IpAddr>,
}

impl NetworkPlan {
    /// What this node should hold in this situation.
    pub(crate) fn new(situation: Situation<'_>) -> Self {
        let plan = Self {
            mode: Some(situation.pod_network.mode),
            orphaned: situation.orphaned,
            pod_cidrs: situation.own_cidrs(),
            ..Self::default()
        };
        match situation.pod_network.mode {
            PodNetworkMode::Advertise => Self {
                routes: Part::Absent,
                neighbors: Part::Absent,
                egress: Part::Absent,
                cni: Cni::Absent,
                ..plan
            },
            PodNetworkMode::Network => {
                let routes::Planned {
                    routes,
                    neighbors,
                    broken,
                } = routes::plan(situation);
                Self {
                    routes: Part::Present(routes),
                    neighbors: Part::Present(neighbors),
                    egress: nat::plan(situation),
                    cni: cni::plan(situation),
                    settings: setting::plan(situation),
                    broken,
                    ..plan
                }
            }
        }
    }

    /// What a node should hold for which there never was a PodNetwork.
    pub(crate) fn without_pod_network<'a>(nodes: impl Iterator<Item = &'a Node>) -> Self {
        Self {
            routes: Part::Present(Routes::new()),
            spared: Some(nodes.flat_map(Node::pod_prefixes).collect()),
            ..Self::default()
        }
    }

    /// The same, and the routes that were learned; `converged`: all that the peers have.
    pub(crate) fn with(self, imported: Imported, imports: bool, converged: bool) -> Self {
        let Imported {
            routes: learned,
            off_link,
            left_out,
        } = imported;
        let routes = match self.routes {
            Part::Absent if learned.is_empty() => Part::Absent,
            Part::Untouched | Part::Absent => Part::Present(learned),
            Part::Present(routes) => Part::Present(routes.into_iter().chain(learned).collect()),
        };
        Self {
            routes,
            off_link,
            left_out,
            imports,
            awaits_peers: !converged,
            ..self
        }
    }

    /// Whether a route of ours stays although nothing wants it.
    pub fn spares(&self, key: &RouteKey) -> bool {
        let of_pods = |ranges: &Vec<Prefix>| {
            key.metric != IMPORTED_METRIC || ranges.iter().any(|range| range.contains(&key.prefix))
        };
        self.routes == Part::Untouched || self.spared.as_ref().is_some_and(of_pods)
    }
}

impl<'a> Situation<'a> {
    fn own(&self) -> Option<&Node> {
        self.nodes.get(self.node)
    }

    /// `spec.podCIDRs` of this node.
    fn own_cidrs(&self) -> Vec<Prefix> {
        self.own()
            .into_iter()
            .flat_map(Node::pod_prefixes)
            .collect()
    }

    /// The other nodes, by name.
    fn others(&self) -> impl Iterator<Item = &'a Node> {
        let own = self.node;
        let nodes = self.nodes.values();
        nodes.filter(move |node| node.name() != own)
    }

    /// Ranges of nodes on a subnet of this one, with the way there, unless direct routes are switched off. Of two nodes that
    /// claim one range the first by name has it.
    pub(crate) fn direct(&self) -> Vec<(&'a Node, Prefix, Hop)> {
        let (own, mut taken) = (self.own_cidrs(), BTreeSet::new());
        let mut direct = Vec::new();
        for node in self.others().filter(|_| self.pod_network.direct) {
            for prefix in node.pod_prefixes() {
                if let Some(hop) = self.near(node, &prefix)
                    && !routes::overlaps(&own, &prefix)
                    && taken.insert(prefix)
                {
                    direct.push((node, prefix, hop));
                }
            }
        }
        direct
    }

    /// This node's address on the link of a neighbour.
    pub(crate) fn own_address(&self, neighbour: Hop) -> Option<IpAddr> {
        let link = self.links.0.get(&neighbour.interface)?;
        let mut own = self.own()?.internal_ips.iter().copied();
        own.find(|own| {
            let mut there = link.addresses.iter();
            let same_family = own.is_ipv4() == neighbour.gateway.is_ipv4();
            same_family && there.any(|each| each.addr() == *own)
        })
    }

    /// The address of the node, of the range's family, that is on a subnet of this one.
    fn near(&self, node: &Node, prefix: &Prefix) -> Option<Hop> {
        node.internal_ips.iter().find_map(|address| {
            let same_family = Prefix::host(*address).family() == prefix.family();
            let (interface, _) = self.links.on_link(*address).filter(|_| same_family)?;
            Some(Hop {
                interface,
                gateway: *address,
            })
        })
    }
}

/// A part of the node that Herald may own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part<T> {
    /// Hands off: whatever is there stays.
    #[default]
    Untouched,
    /// Switched off: what we made is removed.
    Absent,
    /// It should be this.
    Present(T),
}

impl<T> Part<T> {
    /// What should be there, if anything should.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Untouched | Self::Absent => None,
        }
    }
}
