//! MULTI_EXIT_DISC, LOCAL_PREF and ORIGINATOR_ID: four octets (RFC 4271 section 4.3, RFC 4456 section 8).

use alloc::vec::Vec;

use super::FaultReason;

pub(super) fn decode(value: &[u8]) -> Result<u32, FaultReason> {
    value
        .try_into()
        .map(u32::from_be_bytes)
        .map_err(|_| FaultReason::Length)
}

pub(super) fn encode(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// Splits a value into parts of `N` octets; at least one, and nothing left over (RFC 7606 sections 7.8, 7.10, 7.14).
pub(super) fn parts<const N: usize>(value: &[u8]) -> Result<&[[u8; N]], FaultReason> {
    match value.as_chunks::<N>() {
        (parts, []) if !parts.is_empty() => Ok(parts),
        _ => Err(FaultReason::Length),
    }
}
