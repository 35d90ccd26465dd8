//! The lab: a real Kubernetes cluster, a real router and a client behind it, as containers on this machine.
//!
//! There are two flavours (`Network`): two nodes with a pod network that the harness writes, and three nodes in two
//! subnets whose only pod network is Herald's.
//! `Lab::up` builds what is missing, deploys the containerlab topology in `topologies/`, starts the control
//! plane and the nodes, and leaves a state folder (`target/lab`) behind; `Lab::attach` finds a lab by that
//! folder, `Lab::down` removes everything that carries the lab's name, also after a killed run.
//! The cases in `tests/it` (the first flavour), `tests/pods`, `tests/l2` and their long ones (the second) share one
//! lab; each has its own namespace and pool (`case`), and those that break nodes, routers or the controller take the lab
//! for themselves and restore it.
//!
//! Nothing here sleeps to wait for an effect: `await_condition` asks again until a generous deadline.

mod artifact;
pub mod bench;
pub mod boot;
pub mod case;
pub mod client;
pub mod cluster;
pub mod command;
pub mod condition;
mod control_plane;
mod docker;
mod engine;
pub mod fetch;
mod foreign;
pub mod herald;
pub mod lab;
pub mod machine;
mod meanwhile;
pub mod mesh;
pub mod netns;
pub mod network;
pub mod node;
mod pki;
mod restore;
pub mod router;
pub mod segment;
pub mod snapshot;
mod state;
pub mod step;
pub mod stream;
mod topology;
pub mod workload;

pub use case::{Case, Isolation, run};
pub use condition::await_condition;
pub use lab::Lab;
pub use network::Network;
