//! Everything that touches a socket or a file.

pub mod bfd;
pub mod bgp;
pub(crate) mod bridge;
mod clock;
pub(crate) mod cni;
pub mod conntrack;
mod file;
pub(crate) mod gate;
pub mod l2;
pub(crate) mod last_run;
pub mod netlink;
pub mod nft;
pub mod radv;
pub(crate) mod snapshot;
pub(crate) mod socket;
pub(crate) mod sysctl;
