use alloc::vec::Vec;

use crate::params::{Afi, Family, Safi};
use crate::wire::reader::Reader;

/// A family and the address family its next hops may have (RFC 8950 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHopRule {
    /// Of the prefixes.
    pub family: Family,
    /// Of the next hop.
    pub next_hop: Afi,
}

/// Which families may have next hops of another family (RFC 8950 section 4).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedNextHop(pub Vec<NextHopRule>);

impl ExtendedNextHop {
    /// IPv4 prefixes with IPv6 next hops: the only case we use.
    #[must_use]
    pub fn ipv4_over_ipv6() -> Self {
        Self(
            [NextHopRule {
                family: Family::IPV4_UNICAST,
                next_hop: Afi::IPV6,
            }]
            .to_vec(),
        )
    }

    /// Whether IPv4 unicast may have IPv6 next hops.
    #[must_use]
    pub fn allows_ipv4_over_ipv6(&self) -> bool {
        let wanted = NextHopRule {
            family: Family::IPV4_UNICAST,
            next_hop: Afi::IPV6,
        };
        self.0.contains(&wanted)
    }

    /// Rules of six octets: AFI, SAFI in two octets, next hop AFI. A SAFI above 255 does not exist and is left out.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let mut rules = Vec::new();
        while !reader.is_empty() {
            let (afi, safi, next_hop) = (reader.u16()?, reader.u16()?, reader.u16()?);
            if let Ok(safi) = u8::try_from(safi) {
                let family = Family::new(Afi(afi), Safi(safi));
                rules.push(NextHopRule {
                    family,
                    next_hop: Afi(next_hop),
                });
            }
        }
        Some(Self(rules))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for rule in &self.0 {
            out.extend_from_slice(&rule.family.afi.0.to_be_bytes());
            out.extend_from_slice(&u16::from(rule.family.safi.0).to_be_bytes());
            out.extend_from_slice(&rule.next_hop.0.to_be_bytes());
        }
    }
}
