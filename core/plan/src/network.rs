use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::net::IpAddr;

use bgp::Prefix;
use model::PodNetworkMode;

use crate::{Cni, Egress, Hop, Routes, Setting};

/// Pod CIDRs that the peers advertise, each with the next hops of its best paths.
pub type Learned = Arc<BTreeMap<Prefix, Vec<IpAddr>>>;

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
