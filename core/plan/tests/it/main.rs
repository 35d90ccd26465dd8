//! The rules of one node, driven from outside: what the watches tell goes in, sessions, routes and
//! nominations come out.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests: what is not there ends the test, and tables are long"
)]

mod aggregate;
mod announcers;
mod attributes;
mod bandwidth;
mod bfd;
mod decisions;
mod drain;
mod equivalence;
mod fixture;
mod gate;
mod import;
mod l2;
mod node_bfd;
mod peers;
mod pod_network;
mod snapshot;
mod timing;
mod unnumbered;
