use alloc::vec::Vec;
use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::FaultReason;
use crate::params::Asn;
use crate::wire::AsnWidth;
use crate::wire::reader::Reader;

/// Who formed an aggregate (RFC 4271 section 5.1.7; AS4_AGGREGATOR: RFC 6793 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Aggregator {
    /// Its AS.
    pub asn: Asn,
    /// Its BGP identifier, by custom its address.
    pub address: Ipv4Addr,
}

impl Aggregator {
    /// Six octets, or eight with wide numbers (RFC 7606 section 7.7).
    pub(super) fn decode(value: &[u8], width: AsnWidth) -> Result<Self, FaultReason> {
        let mut reader = Reader::new(value);
        let asn = match width {
            AsnWidth::Two => reader.u16().map(Asn::from),
            AsnWidth::Four => reader.u32().map(Asn),
        };
        match (asn, reader.array::<4>(), reader.is_empty()) {
            (Some(asn), Some(address), true) => Ok(Self {
                asn,
                address: address.into(),
            }),
            _ => Err(FaultReason::Length),
        }
    }

    pub(super) fn encode(&self, width: AsnWidth, out: &mut Vec<u8>) {
        match width {
            AsnWidth::Two => out.extend_from_slice(&self.asn.to_2octet().to_be_bytes()),
            AsnWidth::Four => out.extend_from_slice(&self.asn.0.to_be_bytes()),
        }
        out.extend_from_slice(&self.address.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_a_length_for_each_width() {
        for length in 0..=12 {
            let value = std::vec![1; length];
            assert_eq!(
                Aggregator::decode(&value, AsnWidth::Two).is_ok(),
                length == 6
            );
            assert_eq!(
                Aggregator::decode(&value, AsnWidth::Four).is_ok(),
                length == 8
            );
        }
    }
}
