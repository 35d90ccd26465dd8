//! What a node says of itself, every 100 ms: the message in a heartbeat datagram, without key identifier and tag.
//!
//! Version 1, all numbers big-endian:
//!
//! | octets | field |
//! |---|---|
//! | 4 | `HRLD` |
//! | 1 | version: 1 |
//! | 1 + 1 to 253 | length and name of the node, a DNS subdomain (RFC 1123 section 2.1) |
//! | 1 | 0x01 it leaves, 0x02 it asks; the other bits are sent as 0 and ignored |
//! | 2 | interval, milliseconds: 10 to 60,000 |
//! | 8, 8 | boot, sequence |
//! | 8, 4 | digest and count of all its entries |
//! | 1 + 6 each | count and MACs, at most 16 |
//! | 1 + 8 each | count and boots heard, at most 16 |
//! | 2 + 19 each | count and entries that changed |
//! | 16, 16 | first and last address of the page |
//! | 2 + 19 each | count and entries of the page, by address, each address once |
//!
//! An entry: 16 octets of address (IPv4 as ::ffff:a.b.c.d), 2 of weight, and 1 with 0x01 candidate, 0x02 claimed,
//! 0x04 stable, 0x08 on the subnet, 0x10 able to advertise, 0x20 (never without 0x10) advertises; the other bits are sent
//! as 0 and ignored. Digest and count are about the first four alone: a node that does not know the other two passes over
//! them and misses nothing. A datagram has the message, then the identifier of the key and the tag ([`KeyRing`]).

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use crate::{KeyRing, Mac, NodeName};

mod decode;
mod encode;
mod entry;
#[cfg(test)]
mod tests;

pub use decode::{Malformed, peek_node};
pub use entry::{digest, position};

/// UDP port of heartbeats.
pub const PORT: u16 = 7903;
/// Longest message with its key identifier and tag, octets: fits the least MTU of IPv6 (RFC 8200 5).
pub const LONGEST: usize = 1200;
/// Most interfaces in one heartbeat.
pub const MOST_MACS: usize = 16;
/// Most boots of others in one heartbeat.
pub const MOST_HEARD: usize = 16;
/// Shortest time between two heartbeats that is believed.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
/// Longest time between two heartbeats that is believed.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// What every message begins with.
const MAGIC: [u8; 4] = *b"HRLD";
/// The version of it that is described above.
const VERSION: u8 = 1;
/// Longest name of a node, octets.
const LONGEST_NAME: usize = 253;
/// Longest message, octets.
const LONGEST_MESSAGE: usize = LONGEST - KeyRing::OVERHEAD;
/// Octets of the fields that are always there.
const FIXED: usize = 75;
/// The flag of a node that leaves.
const LEAVING: u8 = 1;
/// The flag of a node that asks.
const ASKING: u8 = 2;

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

/// What a node says about one address. Neither candidate nor claimed: on layer 2 it has nothing to do with it any more.
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
    /// How it stands to announcing the address by BGP.
    pub advertising: Advertising,
}

/// How a node stands to announcing an address by BGP of which only some nodes are to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Advertising {
    /// It may not, or has no session with anybody who is to know.
    #[default]
    Unable,
    /// It may, and has a session for it.
    Able,
    /// It does.
    Advertises,
}
