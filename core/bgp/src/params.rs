//! Values that the protocol and its users share.

mod asn;
mod community;
mod family;
mod hold_time;
mod identifier;
mod link_bandwidth;
mod prefix;

pub use asn::{Asn, InvalidAsn};
pub use community::{Community, ExtendedCommunity, InvalidCommunity, LargeCommunity};
pub use family::{Afi, Family, FamilySet, Safi};
pub use hold_time::{HoldTime, InvalidHoldTime};
pub use identifier::{BgpIdentifier, InvalidIdentifier};
pub use link_bandwidth::LinkBandwidth;
pub use prefix::{InvalidPrefix, Prefix};

/// LOCAL_PREF of a route that has none: inside our AS it is sent so, and what comes without counts so.
pub const DEFAULT_LOCAL_PREF: u32 = 100;
