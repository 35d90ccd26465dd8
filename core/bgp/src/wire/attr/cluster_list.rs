use alloc::vec::Vec;

use super::FaultReason;
use super::number::parts;
use crate::params::BgpIdentifier;

/// RFC 4456 section 8; length rule of RFC 7606 section 7.10. A cluster id is set like a BGP identifier, so zero is none.
pub(super) fn decode(value: &[u8]) -> Result<Vec<BgpIdentifier>, FaultReason> {
    let identifier = |octets: &[u8; 4]| BgpIdentifier::new(u32::from_be_bytes(*octets));
    parts(value)?
        .iter()
        .map(|octets| identifier(octets).ok_or(FaultReason::Value))
        .collect()
}

pub(super) fn encode(list: &[BgpIdentifier], out: &mut Vec<u8>) {
    list.iter()
        .for_each(|identifier| out.extend_from_slice(&identifier.bits().to_be_bytes()));
}
