//! The end-to-end cases. `make lab-up` starts the lab that they share; CONTRIBUTING.md says how to run one.
//!
//! Each case has its own namespace and pool. Cases that break nodes, routers or the controller are Exclusive:
//! they run alone, and the lab is restored after them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that fails here has failed"
)]

mod api;
mod attributes;
mod bad_input;
mod drain;
mod endpoints;
mod failure;
mod local;
mod node;
mod pod_network;
mod restart;
mod service;
mod session;
mod stale;
mod traffic;
