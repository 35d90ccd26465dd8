use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::{net::IpAddr, time::Duration};

use crate::{Counters, NodeName};

/// What status, metrics and debug page show of the election.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Every address that the plan nominates here, and how it stands.
    pub addresses: BTreeMap<IpAddr, Held>,
    /// Other nodes that are heard, by name.
    pub peers: BTreeMap<NodeName, PeerView>,
    /// There is a key to sign with.
    pub has_key: bool,
    /// Time between two heartbeats of this node; above 100 ms with more than 200 nodes.
    pub interval: Duration,
    /// Nodes of this cluster whose heartbeats failed authentication during the last minute, with a sentence each.
    pub unauthentic: BTreeMap<NodeName, String>,
    /// What has happened so far.
    pub counters: Counters,
}

/// One address at this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// How it stands.
    pub standing: Standing,
    /// Names of the interfaces on which it is, or would be, answered.
    pub interfaces: Vec<Arc<str>>,
    /// Who owns it, as far as this node knows.
    pub owner: Option<NodeName>,
}

/// What this node does about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It answers.
    Owner,
    /// Another node answers, or is to answer.
    NotOwner,
    /// It asks the segment whether somebody still has the address.
    Probing,
    /// The former owner is not heard and still answers on the segment.
    OwnerAliveOnSegment,
    /// The interfaces that the advertisements name are not there, not up, or no Ethernet.
    NoInterface,
    /// It has only just started, or been stopped, and listens first.
    Listening,
    /// It has no key for heartbeats yet.
    NoKey,
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// It is heard now.
    pub alive: bool,
    /// Interfaces on which it is heard; empty: only by way of its InternalIP.
    pub segments: Vec<Arc<str>>,
    /// How many addresses it is willing to answer.
    pub nominations: usize,
    /// How many it says that it answers.
    pub claims: usize,
    /// All that it nominates is known here.
    pub synced: bool,
}

impl Standing {
    /// As status and debug page name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::NotOwner => "NotOwner",
            Self::Probing => "Probing",
            Self::OwnerAliveOnSegment => "OwnerAliveOnSegment",
            Self::NoInterface => "NoInterface",
            Self::Listening => "Listening",
            Self::NoKey => "NoKey",
        }
    }
}
