//! The drivers of the kernel, each in a network namespace of its own: what they make of routes, neighbours and nftables,
//! what they heal, and what they leave alone. Needs root; `make kernel` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends at the first surprise"
)]

mod bfd;
mod direct;
mod imported;
mod l2;
mod links;
mod neighbors;
mod node;
mod packets;
mod routes;
mod scale;
mod tables;
mod wire;
