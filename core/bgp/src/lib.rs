//! One BGP speaker without IO: codec, session state machine and routing tables.
//!
//! * [`params`] holds the values that BGP and its users share: AS numbers, identifiers, prefixes, communities.
//! * [`wire`] turns bytes into messages and back.
//!
//! Invariants
//! * No clock, socket or randomness: time is a `Duration` since process start and is passed in.
//! * No input, however wrong, panics; every decode error maps to a NOTIFICATION of RFC 4271 or its successors.
//! * A [`params::Prefix`] has no host bits, so equal networks compare equal.
//! * What a message makes us allocate is bounded by the size of that message.
//!
//! How to drive the codec: keep one [`wire::Decoder`] per TCP connection and call it with what was read until it returns
//! nothing; an UPDATE comes out as a [`wire::RawUpdate`], whose `treat` applies RFC 7606. To send, encode a
//! [`wire::Message`], or, for many prefixes, one [`wire::AttributeBlock`] per group and any number of
//! [`wire::UpdateWriter`]s on it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod freshness;
mod fsm;
mod graceful_restart;
mod import;
mod kept;
mod notice;
mod outside;
pub mod params;
mod peer;
mod peer_config;
mod rejected;
mod remote_asn;
mod rib;
mod scope;
mod session;
mod speaker;
pub mod wire;

pub use fsm::State;
pub use graceful_restart::{BfdFate, Farewell, GracefulRestart, RestartAgreement, Restarted};
pub use import::{Excess, Import, ImportRule, InvalidLengths};
pub use notice::{ConnectionId, Counters, Dial, LocalAddresses, Notice, SessionView};
pub use params::{
    Afi, Asn, BgpIdentifier, Community, DEFAULT_LOCAL_PREF, ExtendedCommunity, Family, FamilySet,
    HoldTime, LargeCommunity, LinkBandwidth, Prefix, Safi,
};
pub use peer_config::{PeerConfig, PeerName};
pub use rejected::{RejectReason, Rejected};
pub use remote_asn::RemoteAsn;
pub use rib::{NextHops, PeerSet, Route};
pub use scope::{Interface, ScopedAddress};
pub use speaker::Speaker;
pub use wire::attr::RouteAttributes;
