//! Everything that touches a socket or a file.

pub mod bgp;
pub(crate) mod bridge;
pub(crate) mod cni;
mod file;
pub(crate) mod gate;
pub mod l2;
pub mod netlink;
pub mod nft;
mod socket;
pub(crate) mod sysctl;
