//! What a node says of itself, every 100 ms: the message in a heartbeat datagram, without key identifier and tag.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use crate::{Mac, NodeName};

/// UDP port of heartbeats.
pub const PORT: u16 = 7903;
/// Longest message with its key identifier and tag, octets: fits the least MTU of IPv6 (RFC 8200 5).
pub const LONGEST: usize = 1200;
/// Most interfaces in one heartbeat.
pub const MOST_MACS: usize = 16;
/// Most boots of others in one heartbeat.
pub const MOST_HEARD: usize = 16;

/// One heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who speaks.
    pub node: NodeName,
    /// A random number that the process chose when it started.
    pub boot: u64,
    /// Grows by one with each heartbeat of this boot, whatever way it takes.
    pub sequence: u64,
    /// Time until the next one, in milliseconds; three missed are a death.
    pub interval: Duration,
    /// It takes leave: it will claim nothing any more.
    pub leaving: bool,
    /// It lacks part of what somebody nominates, and asks everybody to show more at once.
    pub asking: bool,
    /// The MACs of the interfaces on which it may answer.
    pub macs: Vec<Mac>,
    /// Boots of others that it hears, in turn: who finds its own boot here knows that the speaker is alive now.
    pub heard: Vec<u64>,
    /// [`digest`] of all its entries, and how many they are.
    pub digest: u64,
    /// How many entries it has.
    pub count: u32,
    /// Entries that changed lately, whatever their place.
    pub changes: Vec<Entry>,
    /// All entries of one range of addresses.
    pub page: Page,
}

/// All entries from `first` to `last`, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the range begins (IPv4 as ::ffff:a.b.c.d).
    pub first: u128,
    /// Where it ends, inclusive.
    pub last: u128,
    /// What is nominated in it.
    pub entries: Vec<Entry>,
}

/// What a node says about one address. Neither candidate nor claimed: it has nothing to do with it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address.
    pub address: IpAddr,
    /// How much the node is preferred.
    pub weight: u16,
    /// It is willing.
    pub candidate: bool,
    /// It answers now.
    pub claimed: bool,
    /// Process and interface have been well for the stability time.
    pub stable: bool,
    /// The address is in a subnet of its interface.
    pub on_subnet: bool,
}
