use serde::{Deserialize, Serialize};

use super::{Asn, ExtendedCommunity};

/// How much traffic a route takes beside others of its prefix, in octets per second (draft-ietf-idr-link-bandwidth). What
/// counts is the ratio between routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkBandwidth(pub u64);

/// Type and subtype: two-octet AS specific, transitive across systems (RFC 4360 section 2), link bandwidth.
const TRANSITIVE: u64 = 0x0004;
const NON_TRANSITIVE: u64 = 0x4004;

impl LinkBandwidth {
    /// The community as it leaves our AS; the non-transitive form would be dropped at its border.
    #[must_use]
    pub fn transitive(self, asn: Asn) -> ExtendedCommunity {
        self.community(TRANSITIVE, asn)
    }

    /// The community as it is sent inside our AS.
    #[must_use]
    pub fn non_transitive(self, asn: Asn) -> ExtendedCommunity {
        self.community(NON_TRANSITIVE, asn)
    }

    /// Two octets of AS number, AS_TRANS for longer ones, and an IEEE 754 single.
    fn community(self, kind: u64, asn: Asn) -> ExtendedCommunity {
        let asn = u16::try_from(asn.0).map_or(Asn::TRANS.0.into(), u64::from);
        let value = (self.0 as f32).to_bits();
        ExtendedCommunity(kind << 48 | asn << 32 | u64::from(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_form_that_the_session_can_carry() {
        let three = LinkBandwidth(3_000_000);
        for (community, expected) in [
            (three.transitive(Asn(64512)), 0x0004_fc00_4a37_1b00),
            (three.non_transitive(Asn(64512)), 0x4004_fc00_4a37_1b00),
            (three.transitive(Asn(4_200_000_000)), 0x0004_5ba0_4a37_1b00),
            (LinkBandwidth(0).transitive(Asn(1)), 0x0004_0001_0000_0000),
        ] {
            assert_eq!(community, ExtendedCommunity(expected));
        }
    }
}
