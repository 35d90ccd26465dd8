use alloc::vec::Vec;

use super::FaultReason;
use super::number::parts;
use crate::params::LargeCommunity;

/// RFC 8092 section 3; length rule of its section 6.
pub(super) fn decode(value: &[u8]) -> Result<Vec<LargeCommunity>, FaultReason> {
    let community = |&[a, b, c, d, e, f, g, h, i, j, k, l]: &[u8; 12]| LargeCommunity {
        global: u32::from_be_bytes([a, b, c, d]),
        local_1: u32::from_be_bytes([e, f, g, h]),
        local_2: u32::from_be_bytes([i, j, k, l]),
    };
    Ok(parts(value)?.iter().map(community).collect())
}

pub(super) fn encode(list: &[LargeCommunity], out: &mut Vec<u8>) {
    for community in list {
        for part in [community.global, community.local_1, community.local_2] {
            out.extend_from_slice(&part.to_be_bytes());
        }
    }
}
