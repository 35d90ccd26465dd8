use alloc::vec::Vec;

use crate::params::{Afi, Family, Safi};
use crate::wire::reader::Reader;

/// Flag of the first field: the sender has restarted (RFC 4724 section 3).
const RESTARTING: u16 = 0x8000;
/// Flag of the first field: the sender keeps routes over a NOTIFICATION too (RFC 8538 section 2).
const NOTIFICATION: u16 = 0x4000;
/// The bits of the first field that are the restart time.
const TIME: u16 = 0x0fff;
/// Flag of a family: the forwarding state was preserved (RFC 4724 section 3).
const FORWARDING: u8 = 0x80;

/// A family in the capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RestartFamily {
    /// Of routes whose forwarding state the sender can preserve over a restart.
    pub family: Family,
    /// F-bit: it has preserved it now.
    pub forwarding: bool,
}

/// What the sender of an OPEN says of its restarts (RFC 4724 section 3, RFC 8538 section 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RestartTerms {
    /// R-bit: it has restarted, and nobody shall wait for its End-of-RIB.
    pub restarting: bool,
    /// N-bit: routes are kept over a NOTIFICATION and an expired hold timer too.
    pub notification: bool,
    /// Seconds until it is back, 0 to 4095; encoding cuts more to that.
    pub restart_seconds: u16,
    /// In the order sent. None: the sender only promises End-of-RIB.
    pub families: Vec<RestartFamily>,
}

impl RestartTerms {
    /// Most families that fit a capability.
    pub const MAX_FAMILIES: usize = (u8::MAX as usize - 2) / 4;

    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let first = reader.u16()?;
        let mut families = Vec::new();
        while !reader.is_empty() {
            let (afi, [safi, flags]) = (reader.u16()?, reader.array()?);
            families.push(RestartFamily {
                family: Family::new(Afi(afi), Safi(safi)),
                forwarding: flags & FORWARDING != 0,
            });
        }
        Some(Self {
            restarting: first & RESTARTING != 0,
            notification: first & NOTIFICATION != 0,
            restart_seconds: first & TIME,
            families,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set, bit| if set { bit } else { 0 };
        let first = self.restart_seconds.min(TIME)
            | flag(self.restarting, RESTARTING)
            | flag(self.notification, NOTIFICATION);
        out.extend_from_slice(&first.to_be_bytes());
        for RestartFamily { family, forwarding } in &self.families {
            out.extend_from_slice(&family.afi.0.to_be_bytes());
            out.extend_from_slice(&[family.safi.0, if *forwarding { FORWARDING } else { 0 }]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_on_the_wire_as_the_rfcs_draw_it() {
        let terms = RestartTerms {
            restarting: true,
            notification: true,
            restart_seconds: 120,
            families: [
                RestartFamily {
                    family: Family::IPV4_UNICAST,
                    forwarding: true,
                },
                RestartFamily {
                    family: Family::IPV6_UNICAST,
                    forwarding: false,
                },
            ]
            .to_vec(),
        };
        let mut out = Vec::new();
        terms.encode(&mut out);
        assert_eq!(out, [0xc0, 120, 0, 1, 1, 0x80, 0, 2, 1, 0]);
        assert_eq!(RestartTerms::decode(&out), Some(terms));
    }

    #[test]
    fn passes_over_bits_that_mean_nothing_yet() {
        let terms = RestartTerms::decode(&[0x30, 1, 0, 1, 1, 0x7f]).unwrap();
        assert_eq!((terms.restarting, terms.notification), (false, false));
        assert_eq!(terms.restart_seconds, 1);
        assert!(!terms.families[0].forwarding);
    }

    #[test]
    fn has_a_legal_length_or_cannot_be_read() {
        for length in (0..=255_usize).filter(|length| *length < 2 || (length - 2) % 4 != 0) {
            assert_eq!(RestartTerms::decode(&std::vec![0; length]), None);
        }
        assert_eq!(RestartTerms::decode(&[0, 0]), Some(RestartTerms::default()));
    }

    #[test]
    fn a_time_that_has_no_room_is_the_longest() {
        let terms = RestartTerms {
            restart_seconds: u16::MAX,
            ..RestartTerms::default()
        };
        let mut out = Vec::new();
        terms.encode(&mut out);
        assert_eq!(out, [0x0f, 0xff]);
    }
}
