use alloc::vec::Vec;

use super::FaultReason;
use super::number::parts;
use crate::params::Community;

/// RFC 1997; length rule of RFC 7606 section 7.8.
pub(super) fn decode(value: &[u8]) -> Result<Vec<Community>, FaultReason> {
    Ok(parts(value)?
        .iter()
        .map(|octets| Community(u32::from_be_bytes(*octets)))
        .collect())
}

pub(super) fn encode(list: &[Community], out: &mut Vec<u8>) {
    list.iter()
        .for_each(|community| out.extend_from_slice(&community.0.to_be_bytes()));
}
