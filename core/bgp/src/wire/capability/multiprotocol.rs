use alloc::vec::Vec;

use crate::params::{Afi, Family, Safi};

/// AFI, a reserved octet that is not looked at, SAFI (RFC 4760 section 8).
pub(super) fn decode(value: &[u8]) -> Option<Family> {
    match *value {
        [high, low, _, safi] => Some(Family::new(
            Afi(u16::from_be_bytes([high, low])),
            Safi(safi),
        )),
        _ => None,
    }
}

pub(super) fn encode(family: Family, out: &mut Vec<u8>) {
    out.extend_from_slice(&family.afi.0.to_be_bytes());
    out.extend_from_slice(&[0, family.safi.0]);
}
