//! Which session a name or an address belongs to.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use crate::{Arrival, PeerConfig, PeerName};

/// What a packet without Your Discriminator is told apart by (RFC 5881 section 3, RFC 5883 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Endpoint {
    remote: IpAddr,
    multihop: bool,
    local: Option<IpAddr>,
    interface: Option<u32>,
}

impl Endpoint {
    fn of(config: &PeerConfig) -> Self {
        Self {
            remote: config.remote.to_canonical(),
            multihop: config.hops.is_multi(),
            local: config.local.map(|local| local.to_canonical()),
            interface: config.interface,
        }
    }

    fn takes(&self, arrival: &Arrival) -> bool {
        let local = arrival.local.to_canonical();
        self.local.is_none_or(|own| own == local)
            && self.interface.is_none_or(|own| own == arrival.interface)
    }

    /// How much of our side it names.
    fn precision(&self) -> u8 {
        u8::from(self.local.is_some()) + u8::from(self.interface.is_some())
    }
}

/// A session with `one` can go on as `other`: only our side of it differs.
pub(super) fn is_same_peer(one: &PeerConfig, other: &PeerConfig) -> bool {
    let [one, other] = [one, other].map(Endpoint::of);
    (one.remote, one.multihop) == (other.remote, other.multihop)
}

/// One configuration per name and per endpoint: the first of each.
pub(super) fn unique(
    peers: impl IntoIterator<Item = PeerConfig>,
) -> BTreeMap<PeerName, PeerConfig> {
    let mut endpoints = BTreeSet::new();
    let mut unique = BTreeMap::new();
    for peer in peers {
        if !unique.contains_key(&peer.name) && endpoints.insert(Endpoint::of(&peer)) {
            unique.insert(peer.name.clone(), peer);
        }
    }
    unique
}

/// The discriminators of all sessions by name and by address.
#[derive(Debug)]
pub(super) struct Directory {
    by_name: BTreeMap<PeerName, u32>,
    by_remote: BTreeMap<(IpAddr, bool), BTreeMap<Endpoint, u32>>,
}

impl Directory {
    pub(super) const fn new() -> Self {
        Self {
            by_name: BTreeMap::new(),
            by_remote: BTreeMap::new(),
        }
    }

    pub(super) fn insert(&mut self, discriminator: u32, config: &PeerConfig) {
        let endpoint = Endpoint::of(config);
        let remote = (endpoint.remote, endpoint.multihop);
        self.by_name.insert(config.name.clone(), discriminator);
        let endpoints = self.by_remote.entry(remote).or_default();
        endpoints.insert(endpoint, discriminator);
    }

    pub(super) fn remove(&mut self, discriminator: u32, config: &PeerConfig) {
        let endpoint = Endpoint::of(config);
        let remote = (endpoint.remote, endpoint.multihop);
        if self.find_name(&config.name) == Some(discriminator) {
            self.by_name.remove(&config.name);
        }
        if let Some(endpoints) = self.by_remote.get_mut(&remote) {
            endpoints.retain(|_, of| *of != discriminator);
            if endpoints.is_empty() {
                self.by_remote.remove(&remote);
            }
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &PeerName> {
        self.by_name.keys()
    }

    /// All of them, by name.
    pub(super) fn discriminators(&self) -> impl Iterator<Item = u32> {
        self.by_name.values().copied()
    }

    pub(super) fn find_name(&self, name: &PeerName) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The session that a packet is for by its addresses: of several, the one that names most of them.
    pub(super) fn find_arrival(&self, arrival: &Arrival) -> Option<u32> {
        let remote = (arrival.remote.to_canonical(), arrival.multihop);
        let endpoints = self.by_remote.get(&remote)?.iter();
        let takers = endpoints.filter(|(endpoint, _)| endpoint.takes(arrival));
        let best = takers.max_by_key(|(endpoint, _)| endpoint.precision());
        best.map(|(_, discriminator)| *discriminator)
    }

    /// The sessions with this peer, wherever they end here.
    pub(super) fn find_peer(&self, config: &PeerConfig) -> Vec<u32> {
        let endpoint = Endpoint::of(config);
        let endpoints = self.by_remote.get(&(endpoint.remote, endpoint.multihop));
        let discriminators = endpoints.into_iter().flat_map(BTreeMap::values);
        discriminators.copied().collect()
    }
}
