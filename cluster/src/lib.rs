//! The only crate that talks to Kubernetes.
//!
//! * [`connect`] makes the client.
//! * [`watch`] turns API objects into `model::Change`s, one at a time; no API object is kept.
//! * [`Writer`] sends everything that is written: statuses ([`status`]), Events ([`event`]), the key of
//!   heartbeats and the Lease ([`lease`]). It bounds the time of each request, counts it, and starts none once the
//!   Lease may be lost.
//!
//! Invariants
//! * No rule of the product is here: what is written was decided by `ipam` or the speaker.
//! * Statuses are written by server-side apply under one of the two [`Manager`]s.
//! * A request that fails is reported, never repeated here; watches reconnect by themselves.

mod client;
mod daemon_set;
pub mod event;
mod gate;
mod heartbeat_secret;
pub mod lease;
mod outcome;
pub mod status;
pub mod watch;
mod writer;

pub use client::{ConnectError, connect};
pub use daemon_set::{DaemonSetUnknown, daemon_set_stays};
pub use gate::Gate;
pub use heartbeat_secret::{HeartbeatSecret, read_heartbeat_secret, write_heartbeat_secret};
pub use kube::Client;
pub use outcome::{Outcome, WriteError};
pub use writer::{Manager, Target, Writer};
