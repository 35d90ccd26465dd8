use alloc::vec::Vec;

use crate::params::Asn;

/// The sender's AS number (RFC 6793 section 3).
pub(super) fn decode(value: &[u8]) -> Option<Asn> {
    value
        .try_into()
        .ok()
        .map(|octets| Asn(u32::from_be_bytes(octets)))
}

pub(super) fn encode(asn: Asn, out: &mut Vec<u8>) {
    out.extend_from_slice(&asn.0.to_be_bytes());
}
