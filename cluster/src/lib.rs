//! The only crate that talks to Kubernetes.

mod client;
pub mod watch;

pub use client::{ConnectError, connect};
pub use kube::Client;
