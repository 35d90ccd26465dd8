use core::net::IpAddr;

use crate::{
    Rank, digest,
    heartbeat::{Advertising, Entry},
};

impl Entry {
    /// What a node says about an address that it has nothing to do with.
    pub(crate) const fn none(address: IpAddr) -> Self {
        Self {
            address,
            weight: 0,
            candidate: false,
            claimed: false,
            stable: false,
            on_subnet: false,
            advertising: Advertising::Unable,
        }
    }

    /// Layer 2 has nothing to do with it.
    pub(crate) const fn is_none(&self) -> bool {
        !self.candidate && !self.claimed
    }

    /// Its place in the order.
    pub(crate) fn rank(&self, node: &str) -> Rank {
        Rank {
            stable: self.stable,
            on_subnet: self.on_subnet,
            weight: self.weight,
            digest: digest(node, self.address),
        }
    }
}
