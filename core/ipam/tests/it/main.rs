//! The Ledger against a small API server that can fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    reason = "a test ends at what it does not expect, and a table is long"
)]

mod allocation;
mod bfd;
mod configuration;
mod conflict;
mod delivery;
mod history;
mod object;
mod order;
mod request;
mod server;
mod sticky;
