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
