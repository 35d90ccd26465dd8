//! Tests of the whole machine: several speakers on segments, under virtual clocks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends where its assumption does"
)]

mod announcers;
mod carry;
mod client;
mod clock;
mod crowd;
mod faults;
mod histories;
mod layout;
mod network;
mod node;
mod random;
mod reference;
mod settled;
mod spread;
mod stories;
mod traffic;
mod witness;
mod world;
