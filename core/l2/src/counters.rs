use alloc::{collections::BTreeMap, sync::Arc};

use crate::{Gain, Loss};

/// What has happened since the start; all of it only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests answered, by interface and family (`IPv4`: ARP, `IPv6`: NDP).
    pub answered: BTreeMap<(Arc<str>, &'static str), u64>,
    /// Gratuitous ARP packets and unsolicited neighbor advertisements sent, by interface and family.
    pub gratuitous: BTreeMap<(Arc<str>, &'static str), u64>,
    /// Addresses that came to this node, by reason.
    pub gained: BTreeMap<Gain, u64>,
    /// Addresses that left this node, by reason.
    pub lost: BTreeMap<Loss, u64>,
    /// Heartbeats sent, on all ways.
    pub heartbeats_sent: u64,
    /// Heartbeats of others that were taken in.
    pub heartbeats_received: u64,
    /// Heartbeats that did not come when they should have, by node. A node that is gone for good is left out.
    pub heartbeats_missed: BTreeMap<Arc<str>, u64>,
    /// Heartbeats dropped, by reason: `Short`, `UnknownKey`, `WrongTag`, `Malformed`, `Replayed`, `OwnNode`,
    /// `TooManyNodes`.
    pub heartbeats_dropped: BTreeMap<&'static str, u64>,
    /// ARP and NDP frames dropped as malformed, by reason.
    pub frames_dropped: BTreeMap<&'static str, u64>,
    /// Claims of foreign hosts to addresses of ours.
    pub conflicts: u64,
    /// Defences against them (RFC 5227 section 2.4).
    pub defences: u64,
    /// Takeovers that did not happen, as the old owner answered a probe (`OwnerAliveOnSegment`).
    pub owner_alive: u64,
}
