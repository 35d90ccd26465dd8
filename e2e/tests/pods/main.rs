//! The end-to-end cases of the pod network. `make lab-up NETWORK=herald` starts the lab that they share: three nodes
//! in two subnets that have no pod network but Herald's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that fails here has failed"
)]

mod admission;
mod advertise;
mod cni_type;
mod kernel;
mod outside;
mod pod;
mod repair;
mod service;
