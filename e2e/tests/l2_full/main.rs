//! The long cases of layer 2: nodes rebooted, the segment parted, speakers rolled, many addresses, keys rotated. They
//! share the lab of the other cases of layer 2.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a case that fails here has failed"
)]

mod flow;
mod heartbeat;
mod key;
mod many;
mod parted;
mod reboot;
mod rollout;
mod scene;
