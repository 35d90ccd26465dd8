//! Herald's machines together, under a virtual clock and random faults.
//!
//! One [`World`] holds an API server ([`Api`]), a controller that drives `ipam::Ledger`, nodes that drive
//! `plan::Planner` and `bgp::Speaker`, and a router that is a `bgp::Speaker` too and whose table is read off the wire.
//! Nothing here decides anything: it moves changes, writes and bytes, late, twice or not at all, and [`mod@reference`] says
//! in the plainest way what must come out once the world is left in peace.
//!
//! Invariants: the same seed and the same steps give the same run; nothing reads a clock; a change of order, delay and
//! loss is all that a fault may do.

#![allow(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    clippy::large_enum_variant,
    reason = "test code: a wrong world may panic, and the reference says only what it looks at"
)]

mod api;
mod controller;
mod endpoint;
mod network;
mod node;
mod object;
mod random;
pub mod reference;
mod router;
mod world;

pub use api::{Api, Watched, WatcherId};
pub use object::{Fixture, ServiceShape};
pub use random::Random;
pub use router::Router;
pub use world::World;
