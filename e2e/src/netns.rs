//! Hosts on one machine: network namespaces joined by veth pairs, and router daemons of other makers in them.
//!
//! Everything carries the run's name, `hi-PID-START-N` (process id and start time of the process that made it, a
//! counter): two runs do not meet, and what a killed run left behind is known by its owner being gone and is
//! removed by the next [`Network::create`]. Dropping a [`Network`] ends what runs in its namespaces and removes
//! them and its folder, also after a failure.

mod bird;
mod daemon;
mod exabgp;
mod frr;
mod gobgp;
mod json;
mod namespace;
mod network;
mod node;
mod peer;
mod speaker;
mod stale;
mod unnumbered;

pub use bird::Bird;
pub use daemon::{Daemon, Signal};
pub use exabgp::ExaBgp;
pub use frr::Frr;
pub use gobgp::GoBgp;
pub use namespace::Namespace;
pub use network::Network;
pub use node::run_node;
pub use peer::{BfdPeer, BfdSettings, Notified, Originated, Peer, PeerSettings, Received};
pub use speaker::{
    Asns, BfdReport, Desired, DesiredBfd, DesiredImport, DesiredPeer, DesiredRestart, DesiredRoute,
    GeneratedRoutes, LearnedPrefixes, Request, SessionReport, Speaker,
};
