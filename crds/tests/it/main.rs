//! What is generated from the types agrees with what is committed.

#![allow(clippy::panic, reason = "a test says by a panic what it found")]

#[path = "../../examples/yaml.rs"]
mod yaml;

mod generated;
