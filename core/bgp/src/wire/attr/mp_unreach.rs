use alloc::vec::Vec;

use super::FaultReason;
use super::mp_reach::{decode_family, encode_family};
use crate::params::{Family, Prefix};
use crate::wire::reader::Reader;
use crate::wire::{Dialect, nlri};

/// Prefixes that can no longer be reached (RFC 4760 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpUnreach {
    /// One that was negotiated.
    pub family: Family,
    /// All of this family; none at all is End-of-RIB (RFC 4724 section 2).
    pub prefixes: Vec<Prefix>,
}

impl MpUnreach {
    pub(super) fn decode(value: &[u8], dialect: &Dialect) -> Result<Self, FaultReason> {
        let mut reader = Reader::new(value);
        let family = decode_family(&mut reader)?;
        if !dialect.families.contains(family) {
            return Err(FaultReason::FamilyNotNegotiated(family));
        }
        let prefixes = nlri::decode(reader.rest(), family).map_err(|_| FaultReason::Nlri)?;
        Ok(Self { family, prefixes })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_family(self.family, out);
        self.prefixes
            .iter()
            .for_each(|prefix| nlri::encode(prefix, out));
    }
}
