use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::FaultReason;
use super::number::parts;

/// RFC 4456 section 8; length rule of RFC 7606 section 7.10. Unlike a BGP identifier a cluster id may be zero.
pub(super) fn decode(value: &[u8]) -> Result<Vec<Ipv4Addr>, FaultReason> {
    Ok(parts::<4>(value)?
        .iter()
        .map(|octets| Ipv4Addr::from(*octets))
        .collect())
}

pub(super) fn encode(list: &[Ipv4Addr], out: &mut Vec<u8>) {
    list.iter()
        .for_each(|cluster| out.extend_from_slice(&cluster.octets()));
}
