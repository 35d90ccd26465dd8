//! Bidirectional forwarding detection of one node without IO: RFC 5880, single hop (RFC 5881) and multihop (RFC 5883).
//!
//! [`Speaker`] holds one session per peer, in asynchronous mode, without echo function and authentication.
//!
//! ```text
//!  peers and their profiles ─► Speaker ─► BFD Control packets (UDP)
//!  datagrams ────────────────►         ─► Notice: a session's state changed; SessionView for status and metrics
//! ```
//!
//! How to drive it: as every machine here. After a wake-up hand in the datagrams that have arrived, then call
//! [`Speaker::handle_timeout`], take the notices, and call [`Speaker::poll_transmit`] until it gives nothing; sleep until
//! [`Speaker::poll_timeout`]. Time is a `Duration` since some moment, and never goes back.
//!
//! Invariants
//! * Only a configured peer has a session; what anybody sends makes no memory grow.
//! * A changed profile never ends a session: it goes through a Poll Sequence.
//! * Packets never follow each other faster than the peer wants, nor than once a second while a session is not Up, but
//!   for the news of a state and the answer to a Poll.
//! * No input panics; there is no clock and no IO.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod arrival;
mod diagnostic;
mod discarded;
mod jitter;
mod negotiation;
mod notice;
mod packet;
mod peer_config;
mod random;
mod remote;
mod session;
mod speaker;
mod state;
mod view;

pub use arrival::Arrival;
pub use diagnostic::Diagnostic;
pub use discarded::Discarded;
pub use notice::{Notice, Transmit};
pub use packet::Packet;
pub use peer_config::{Hops, PeerConfig, PeerName, Profile};
pub use speaker::Speaker;
pub use state::State;
pub use view::SessionView;
