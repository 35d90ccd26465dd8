//! Whole speakers under a virtual clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends where its assumption does"
)]

mod bfd;
mod collision;
mod excess;
mod extended;
mod fabric;
mod farewell;
mod learn;
mod memory;
mod pair;
mod refresh;
mod restart;
mod restart_storm;
mod retry;
mod robustness;
mod scripted;
mod send_hold;
mod session;
