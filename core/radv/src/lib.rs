//! Which router is on a link, and how it learns of us: router advertisements and solicitations (RFC 4861 section 6)
//! between BGP speakers that are configured by interface and not by address.
//!
//! ```text
//!  interfaces with a peer on them ─► Speaker ─► advertisements (lifetime 0, no prefixes) and solicitations (ICMPv6)
//!  ICMPv6 messages ────────────────►         ─► neighbors: link-local addresses by interface
//! ```
//!
//! Our advertisements make nobody route through us and configure nothing: they only say that we are there. A neighbour
//! is whoever sends advertisements, whatever else they say. It is known until its interface is gone; when others are
//! heard as well, until it was silent for three of the intervals of its kind.
//!
//! How to drive it: as every machine here. After a wake-up hand in what has arrived, then call [`Speaker::handle_timeout`]
//! and [`Speaker::poll_transmit`] until it gives nothing; sleep until [`Speaker::poll_timeout`]. Time is a `Duration` since
//! some moment, and never goes back.
//!
//! Invariants
//! * Nothing is sent on an interface that is not handed in.
//! * Advertisements follow each other after 3 s at least, whatever asks for them.
//! * Of an interface at most eight neighbours are known. No input panics; there is no clock and no IO.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod discarded;
mod interface;
mod message;
mod random;
mod speaker;

pub use discarded::Discarded;
pub use interface::MOST_NEIGHBORS;
pub use message::Message;
pub use speaker::{Arrival, Counters, Interface, Neighbors, Speaker, Transmit};

/// Everybody on the link (RFC 4291 section 2.7.1).
pub const ALL_NODES: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Every router on the link.
pub const ALL_ROUTERS: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
