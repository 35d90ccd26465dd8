//! Which node answers ARP and NDP for an address, and the answers: all that one node does on layer 2.
//!
//! [`Speaker`] is one node's part of an election that needs no API server. Each node judges only itself: its
//! heartbeats, authenticated by a key of the cluster, nominate it for the addresses that it may answer. All nodes rank
//! the nominations that they hear alike, so that one of them claims the address; the others keep silent.
//!
//! ```text
//!  what the plan says, interfaces, keys ─► Speaker ─► heartbeats (UDP), answers, probes, gratuitous ARP and NA (frames)
//!  heartbeats, ARP and NDP frames ───────►         ─► Notice: owned, lost, conflict; View for status and metrics
//! ```
//!
//! How to drive it: as every machine here. After a wake-up call [`Speaker::handle_timeout`] first, with a clock that
//! goes on while the machine sleeps: a process that was stopped gives up its addresses before it answers anybody, and
//! [`Notice::Stopped`] asks for the backlog to be dropped. Then hand in what has arrived, take the notices, and call
//! [`Speaker::poll_transmit`] until it gives nothing.
//!
//! Invariants
//! * Nodes that hear each other agree on one owner per address; a better claim ends a worse one.
//! * An owner answers only while its own heartbeats leave it.
//! * An address whose owner fell silent without a farewell is probed before it is taken over.
//! * What is not authenticated, was heard before, or comes from a process that has not proven to be alive now has no
//!   effect but on a counter.
//! * No input panics or makes memory grow without bound; there is no clock and no IO.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod announcer;
pub mod arp;
mod claim;
mod counters;
mod entries;
mod entry;
mod filter;
mod gratuitous;
pub mod heartbeat;
mod interface;
mod key;
mod life;
mod mac;
mod membership;
pub mod ndp;
mod nominee;
mod notice;
mod port;
mod rank;
mod reader;
mod said;
mod speaker;
mod view;
mod window;

pub use announcer::Announcer;
pub use counters::Counters;
pub use filter::InterfaceFilter;
pub use interface::{Interface, Interfaces};
pub use key::{Key, KeyRing, Unauthentic};
pub use mac::Mac;
pub use nominee::Nominee;
pub use notice::{Conflict, Gain, Loss, Notice};
pub use rank::{Rank, digest};
pub use speaker::{Config, Path, Speaker, Transmit};
pub use view::{Held, PeerView, Standing, View};

/// Name of a node: that of its Node object.
pub type NodeName = alloc::sync::Arc<str>;
