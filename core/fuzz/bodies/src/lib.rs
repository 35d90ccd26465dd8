//! What the fuzz targets do with their octets: plain functions that panic when something does not hold.
//!
//! `make fuzz` calls them with inputs that grow out of the corpora in `core/fuzz/corpus`; this crate's test replays the
//! corpora. An input that once failed belongs into its corpus.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a body fails by panicking"
)]

pub mod arp;
pub mod bfd_packet;
pub mod bfd_session;
pub mod bgp_attribute;
pub mod bgp_message;
pub mod bgp_notification;
pub mod bgp_open;
pub mod bgp_route_refresh;
pub mod bgp_speaker;
pub mod bgp_update;
pub mod heartbeat;
pub mod l2_speaker;
pub mod ndp;
pub mod radv;
mod script;

/// What a target does.
pub type Body = fn(&[u8]);

/// All bodies by the name of their target.
pub const BODIES: [(&str, Body); 14] = [
    ("arp", arp::run),
    ("bfd-packet", bfd_packet::run),
    ("bfd-session", bfd_session::run),
    ("bgp-attribute", bgp_attribute::run),
    ("bgp-message", bgp_message::run),
    ("bgp-notification", bgp_notification::run),
    ("bgp-open", bgp_open::run),
    ("bgp-route-refresh", bgp_route_refresh::run),
    ("bgp-speaker", bgp_speaker::run),
    ("bgp-update", bgp_update::run),
    ("heartbeat", heartbeat::run),
    ("l2-speaker", l2_speaker::run),
    ("ndp", ndp::run),
    ("radv", radv::run),
];
