//! Histories of users and faults, each ended by a time of peace and compared with the reference.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking"
)]

mod histories;
mod stories;
