//! What is generated from the types, and what is installed, agrees with what is committed.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says by a panic what it found"
)]

#[path = "../../examples/yaml.rs"]
mod yaml;

mod deploy;
mod generated;
