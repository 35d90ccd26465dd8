//! The long cases of the pod network, for the lab of `make lab-up NETWORK=herald`: nodes that restart or are replaced,
//! kube-proxy's other mode, leaving, and real programs on top.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that fails here has failed"
)]

mod cleanup;
mod dns;
mod ingress;
mod policy;
mod program;
mod proxy_mode;
mod reboot;
