use alloc::vec::Vec;

use super::FaultReason;
use super::number::parts;
use crate::params::ExtendedCommunity;

/// RFC 4360; length rule of RFC 7606 section 7.14.
pub(super) fn decode(value: &[u8]) -> Result<Vec<ExtendedCommunity>, FaultReason> {
    Ok(parts(value)?
        .iter()
        .map(|octets| ExtendedCommunity(u64::from_be_bytes(*octets)))
        .collect())
}

pub(super) fn encode(list: &[ExtendedCommunity], out: &mut Vec<u8>) {
    list.iter()
        .for_each(|community| out.extend_from_slice(&community.0.to_be_bytes()));
}
