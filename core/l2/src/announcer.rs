use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::{IpAddr, Ipv6Addr};

use crate::{
    NodeName,
    heartbeat::{Advertising, Heartbeat, position},
};

/// Most addresses of one process that are kept.
const MOST: usize = 1 << 16;

/// Another node that is heard, and can announce an address by BGP of which only some nodes are to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announcer {
    /// Who.
    pub node: NodeName,
    /// It does so now.
    pub advertises: bool,
}

/// The addresses that a process can announce, and whether it does. No digest finds what was missed: all of it comes again,
/// page by page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Advertised(BTreeMap<u128, bool>);

impl Advertised {
    /// Takes over what a heartbeat says; gives what differs from before.
    pub(crate) fn take(&mut self, heartbeat: &Heartbeat) -> Vec<IpAddr> {
        let page = &heartbeat.page;
        let told = page
            .entries
            .iter()
            .map(|entry| (position(entry.address), entry.advertising));
        let told: BTreeMap<u128, Advertising> = told.collect();
        let known = self.0.range(page.first..=page.last);
        let gone = known.filter(|(at, _)| !told.contains_key(at));
        let gone: Vec<(u128, Advertising)> =
            gone.map(|(at, _)| (*at, Advertising::Unable)).collect();
        let changes = heartbeat.changes.iter();
        let changes = changes.map(|entry| (position(entry.address), entry.advertising));
        let mut differs = BTreeSet::new();
        for (at, advertising) in gone.into_iter().chain(told).chain(changes) {
            if self.set(at, advertising) {
                differs.insert(at);
            }
        }
        differs.into_iter().map(address).collect()
    }

    /// Whether it advertises the address; `None`: it cannot.
    pub(crate) fn get(&self, address: IpAddr) -> Option<bool> {
        self.0.get(&position(address)).copied()
    }

    /// The addresses that it can announce.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.0.keys().copied().map(address)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn set(&mut self, at: u128, advertising: Advertising) -> bool {
        let wanted = match advertising {
            Advertising::Unable => None,
            Advertising::Able => Some(false),
            Advertising::Advertises => Some(true),
        };
        if self.0.len() >= MOST && !self.0.contains_key(&at) {
            return false;
        }
        let former = match wanted {
            Some(advertises) => self.0.insert(at, advertises),
            None => self.0.remove(&at),
        };
        former != wanted
    }
}

/// Which address stands there.
fn address(position: u128) -> IpAddr {
    Ipv6Addr::from_bits(position).to_canonical()
}
