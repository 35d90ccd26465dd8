use alloc::vec::Vec;

use crate::{Name, Selectors};

/// A BGPAdvertisement's spec, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// Pools by name.
    pub pools: Vec<Name>,
    /// Pools by label; with `pools` empty too: all pools.
    pub pool_selectors: Selectors,
    /// Services that are advertised.
    pub services: Selectors,
    /// Nodes that announce.
    pub nodes: Selectors,
    /// BGPPeers by name; empty: all peers of the node.
    pub peers: Vec<Name>,
}
