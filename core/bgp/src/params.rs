//! Values that the protocol and its users share.

mod asn;
mod community;
mod family;
mod hold_time;
mod identifier;
mod prefix;

pub use asn::{Asn, InvalidAsn};
pub use community::{Community, ExtendedCommunity, InvalidCommunity, LargeCommunity};
pub use family::{Afi, Family, FamilySet, Safi};
pub use hold_time::{HoldTime, InvalidHoldTime};
pub use identifier::{BgpIdentifier, InvalidIdentifier};
pub use prefix::{InvalidPrefix, Prefix};
