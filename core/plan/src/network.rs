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

use crate::{Cni, Egress, Hop, Links, Routes, Setting};

/// Pod CIDRs that the peers advertise, each with the next hops of its best paths.
pub type Learned = Arc<BTreeMap<Prefix, NextHops>>;

/// What this node's kernel and CNI folder should hold: the pod network's part of the plan.
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
    /// Learned pod CIDRs that are not installed, as no next hop is on-link (`NextHopNotOnLink`).
    pub off_link: Vec<(Prefix, IpAddr)>,
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
    /// What the peers advertise.
    pub(crate) learned: &'a Learned,
    /// That is all that they have.
    pub(crate) converged: bool,
}

impl NetworkPlan {
    /// What this node should hold in this situation.
    pub(crate) fn new(situation: Situation<'_>) -> Self {
        let plan = Self {
            mode: Some(situation.pod_network.mode),
            orphaned: situation.orphaned,
            pod_cidrs: situation.own_cidrs(),
            awaits_peers: !situation.converged,
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
                    off_link,
                } = routes::plan(situation);
                Self {
                    routes: Part::Present(routes),
                    neighbors: Part::Present(neighbors),
                    egress: nat::plan(situation),
                    cni: cni::plan(situation),
                    settings: setting::plan(situation),
                    off_link,
                    ..plan
                }
            }
        }
    }
}

impl Situation<'_> {
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
    fn others(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values().filter(|node| node.name() != self.node)
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
