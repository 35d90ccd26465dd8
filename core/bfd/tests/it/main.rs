//! Tests of the whole machine: one speaker whose peer is the test, and two that speak to each other over a link that
//! loses and delays, under a virtual clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test ends where its assumption does"
)]

mod arrivals;
mod coming_up;
mod leave;
mod pace;
mod pair;
mod poll;
mod scripted;
mod world;
