//! What one node should do, and why not: the rules of announcing.
//!
//! [`Planner`] keeps the parsed world (`model::Cluster`) and says which BGP sessions this node holds, which prefixes it
//! advertises to whom, and which addresses it may answer for on layer 2. It is driven like every machine here: `handle_*` takes what happened, `handle_timeout` is
//! called when `poll_timeout` has come, and `poll_changes`, `poll_probe` give what is to be done.
//!
//! Invariants
//! * No plan, hence no withdrawal, before every kind of [`Planner::KINDS`] has had its first list; unless the lists do not
//!   come and what an earlier process knew is given ([`Planner::handle_snapshot`]).
//! * A change of one Service reruns the rules for its addresses only, and the result equals that of running all.
//! * One bad object never stops another one: peers, pools and advertisements that turn bad keep their last good value.
//! * Every pair of Service and address has one [`Decision`] per protocol, with the first reason that speaks against
//!   announcing.
//! * The data-plane gate delays becoming an announcer and never withdraws.
//! * No input panics; there is no clock and no IO.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bfd;
mod bgp;
mod cap;
mod cni;
mod community;
mod decision;
mod diff;
mod drain;
mod eligible;
mod gate;
mod holder;
mod imported;
mod l2;
mod last_good;
mod link;
mod loop_prevention;
mod nat;
mod neighbor;
mod network;
mod pass;
mod peer;
mod plan;
mod planner;
mod pod_network;
mod route;
mod setting;
mod snapshot;
mod view;

pub use self::bfd::is_with_node;
pub use cap::Capped;
pub use cni::{Cni, CniConfig};
pub use decision::{Decision, Decisions, Gap, Protocol, Skip};
pub use diff::{RouteDiff, RouteOp, apply, diff};
pub use drain::{DaemonSet, Departure, GIVE_WAY, Stage};
pub use gate::{GateMode, Outcome, Probe, ProbeTarget};
pub use imported::LeftOut;
pub use l2::NodeIps;
pub use link::{Ethernet, Link, LinkRole, Links};
pub use loop_prevention::Guard;
pub use nat::{Egress, FamilyEgress, SourceNat};
pub use neighbor::{Neighbor, Neighbors, find_neighbor};
pub use network::{Learned, NetworkPlan, Part};
pub use peer::{PlannedPeer, Unusable};
pub use plan::{Changes, Plan, Target};
pub use planner::{Options, Planner};
pub use route::{
    DIRECT_METRIC, Hop, IMPORTED_METRIC, ROUTE_PROTOCOL, RouteKey, RouteTarget, Routes,
};
pub use setting::Setting;
pub use snapshot::LISTS_WITHIN;
pub use view::NodeAddresses;
