use alloc::vec::Vec;

use super::{FaultReason, NextHop};
use crate::params::{Afi, Family, Prefix, Safi};
use crate::wire::reader::Reader;
use crate::wire::{Dialect, nlri};

/// Prefixes that can be reached, with their next hop (RFC 4760 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpReach {
    /// One that was negotiated.
    pub family: Family,
    /// Of a kind that fits the family.
    pub next_hop: NextHop,
    /// All of this family.
    pub prefixes: Vec<Prefix>,
}

impl MpReach {
    /// AFI, SAFI, next hop with its length, a reserved octet, prefixes. Other families than the session's are not read.
    pub(super) fn decode(value: &[u8], dialect: &Dialect) -> Result<Self, FaultReason> {
        let mut reader = Reader::new(value);
        let family = decode_family(&mut reader)?;
        if !dialect.families.contains(family) {
            return Err(FaultReason::FamilyNotNegotiated(family));
        }
        let length = reader.u8().ok_or(FaultReason::Length)?;
        let octets = reader
            .take(usize::from(length))
            .ok_or(FaultReason::NextHopLength)?;
        let next_hop = NextHop::decode(octets)?;
        if !next_hop.fits(family, dialect.extended_next_hop) {
            return Err(FaultReason::NextHopLength);
        }
        reader.u8().ok_or(FaultReason::Length)?;
        let prefixes = nlri::decode(reader.rest(), family).map_err(|_| FaultReason::Nlri)?;
        Ok(Self {
            family,
            next_hop,
            prefixes,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_start(self.family, &self.next_hop, out);
        self.prefixes
            .iter()
            .for_each(|prefix| nlri::encode(prefix, out));
    }
}

/// Appends all that stands before the prefixes.
pub(crate) fn encode_start(family: Family, next_hop: &NextHop, out: &mut Vec<u8>) {
    encode_family(family, out);
    next_hop.encode(out);
    out.push(0);
}

pub(super) fn decode_family(reader: &mut Reader<'_>) -> Result<Family, FaultReason> {
    let (afi, safi) = reader.u16().zip(reader.u8()).ok_or(FaultReason::Length)?;
    Ok(Family::new(Afi(afi), Safi(safi)))
}

pub(crate) fn encode_family(family: Family, out: &mut Vec<u8>) {
    out.extend_from_slice(&family.afi.0.to_be_bytes());
    out.push(family.safi.0);
}
