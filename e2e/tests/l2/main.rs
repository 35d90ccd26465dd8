//! The end-to-end cases of layer 2. `make lab-up NETWORK=herald` starts the lab that they share: three nodes and a guest
//! on one segment without a router.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that fails here has failed"
)]

mod conflict;
mod failure;
mod interface;
mod local;
mod service;
mod untrusted;
