use std::string::String;

use super::defect::Defect;
use super::{DIALECT, EXTERNAL, OLD, OLD_EXTERNAL, REACH, UNREACH, body_with, verdict};
use crate::wire::{AsnWidth, AttributeCode, Dialect};

/// The sessions: iBGP and eBGP with 4-octet numbers, then with 2-octet numbers.
const SESSIONS: [Dialect; 4] = [DIALECT, EXTERNAL, OLD, OLD_EXTERNAL];

/// One attribute, and what comes of each defect: C clean, D attribute discard, W treat as withdraw, R session reset, `-`
/// not possible. The letters are in the order of [`Defect::ALL`]:
///
/// ```text
/// good, other flags, long form
/// | optional, transitive, both flags
/// |   | shorter, longer, empty
/// |   |   | twice, missing
/// |   |   |  | length too long, too short, cut after flags, after code
/// CCC WWW WWW DW WWWW
/// ```
struct Row {
    code: AttributeCode,
    flags: u8,
    /// With 4-octet numbers.
    value: &'static [u8],
    /// With 2-octet numbers.
    old: &'static [u8],
    /// In the order of [`SESSIONS`].
    expected: [&'static str; 4],
}

const fn row(code: AttributeCode, flags: u8, value: &'static [u8], expected: &'static str) -> Row {
    Row {
        code,
        flags,
        value,
        old: value,
        expected: [expected; 4],
    }
}

impl Row {
    /// From another AS it is not what it is inside.
    const fn external(mut self, expected: &'static str) -> Self {
        let [internal, _, old, _] = self.expected;
        self.expected = [internal, expected, old, expected];
        self
    }

    /// What it holds, and what comes of it, with 2-octet numbers.
    const fn old(mut self, value: &'static [u8], expected: &'static str) -> Self {
        let [internal, external, ..] = self.expected;
        self.old = value;
        self.expected = [internal, external, expected, expected];
        self
    }
}

const TABLE: &[Row] = &[
    // 7.1: any length but 1, any value but 0, 1, 2: treat as withdraw.
    row(AttributeCode::ORIGIN, 0x40, &[0], "CCC WWW WWW DW WWWW"),
    // 7.2: segments must fit. Without any segment the path is that of a route of the peer's own AS.
    row(
        AttributeCode::AS_PATH,
        0x40,
        &[2, 1, 0, 0, 0xfd, 0xe9],
        "CCC WWW WWC DW WWWW",
    )
    .old(&[2, 1, 0xfd, 0xe9], "CCC WWW WWC DW WWWW"),
    // 7.3
    row(
        AttributeCode::NEXT_HOP,
        0x40,
        &[192, 0, 2, 1],
        "CCC WWW WWW DW WWWW",
    ),
    // 7.4
    row(
        AttributeCode::MULTI_EXIT_DISC,
        0x80,
        &[0, 0, 0, 1],
        "CCC WWW WWW DC WWWW",
    ),
    // 7.5: from another AS discarded whatever it holds.
    row(
        AttributeCode::LOCAL_PREF,
        0x40,
        &[0, 0, 0, 1],
        "CCC WWW WWW DC WWWW",
    )
    .external("DDD DDD DDD DC WWWW"),
    // 7.6: any length but 0: attribute discard.
    row(
        AttributeCode::ATOMIC_AGGREGATE,
        0x40,
        &[],
        "CCC WWW -DC DC W-WW",
    ),
    // 7.7
    row(
        AttributeCode::AGGREGATOR,
        0xc0,
        &[0, 0, 0xfd, 0xe9, 10, 0, 0, 1],
        "CCC WWW DDD DC WWWW",
    )
    .old(&[0xfd, 0xe9, 10, 0, 0, 1], "CCC WWW DDD DC WWWW"),
    // 7.8
    row(
        AttributeCode::COMMUNITIES,
        0xc0,
        &[0, 1, 0, 2],
        "CCC WWW WWW DC WWWW",
    ),
    // 7.9
    row(
        AttributeCode::ORIGINATOR_ID,
        0x80,
        &[10, 0, 0, 1],
        "CCC WWW WWW DC WWWW",
    )
    .external("DDD DDD DDD DC WWWW"),
    // 7.10
    row(
        AttributeCode::CLUSTER_LIST,
        0x80,
        &[10, 0, 0, 1],
        "CCC WWW WWW DC WWWW",
    )
    .external("DDD DDD DDD DC WWWW"),
    // 7.11, 5.3: what cannot be read may have announced anything. Section 3 g: twice resets.
    row(
        AttributeCode::MP_REACH_NLRI,
        0x80,
        REACH,
        "CCC WWW RRR RC WRWW",
    ),
    // 7.12, 5.3, 3 g
    row(
        AttributeCode::MP_UNREACH_NLRI,
        0x80,
        UNREACH,
        "CCC WWW RRR RC WRWW",
    ),
    // 7.14
    row(
        AttributeCode::EXTENDED_COMMUNITIES,
        0xc0,
        &[0, 2, 0xfd, 0xe9, 0, 0, 0, 1],
        "CCC WWW WWW DC WWWW",
    ),
    // The link bandwidth (draft-ietf-idr-link-bandwidth): an extended community like others.
    row(
        AttributeCode::EXTENDED_COMMUNITIES,
        0xc0,
        &[0x40, 4, 0xfd, 0xe9, 0x49, 0x74, 0x24, 0],
        "CCC WWW WWW DC WWWW",
    ),
    // RFC 6793 section 4.1: not needed in a 4-octet session and discarded; section 6: malformed ones too.
    row(
        AttributeCode::AS4_PATH,
        0xc0,
        &[2, 1, 0, 1, 0, 0],
        "DDD DDD DDD DC WWWW",
    )
    .old(&[2, 1, 0, 1, 0, 0], "CCC WWW DDD DC WWWW"),
    row(
        AttributeCode::AS4_AGGREGATOR,
        0xc0,
        &[0, 1, 0, 0, 10, 0, 0, 1],
        "DDD DDD DDD DC WWWW",
    )
    .old(&[0, 1, 0, 0, 10, 0, 0, 1], "CCC WWW DDD DC WWWW"),
    // RFC 8092 section 6
    row(
        AttributeCode::LARGE_COMMUNITIES,
        0xc0,
        &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
        "CCC WWW WWW DC WWWW",
    ),
    // AIGP, which we do not know: optional, and passed over. What claims to be well-known resets (RFC 4271 section 6.3).
    row(
        AttributeCode(26),
        0x80,
        &[1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 1],
        "CCC RCR CCC DC WWWW",
    ),
    // Any other.
    row(AttributeCode(99), 0xc0, &[1, 2, 3], "CCC RCR CCC DC WWWW"),
];

#[test]
fn every_attribute_with_every_defect_in_every_session() {
    for row in TABLE {
        for (dialect, expected) in SESSIONS.iter().zip(row.expected) {
            let value = match dialect.asn_width {
                AsnWidth::Four => row.value,
                AsnWidth::Two => row.old,
            };
            let outcome = |defect: Defect| match defect.apply(row.flags, row.code.0, value) {
                Some(octets) => verdict(&body_with(row.code.0, &octets, dialect), dialect),
                None => '-',
            };
            let outcomes: String = Defect::ALL.map(outcome).iter().collect();
            assert_eq!(
                outcomes,
                expected.replace(' ', ""),
                "{}, {:?}, {:?}",
                row.code,
                dialect.peer_type,
                dialect.asn_width
            );
        }
    }
}

/// A defect is found wherever the attribute stands; what runs over the end hides what follows it.
#[test]
fn the_place_of_the_attribute_does_not_matter() {
    for row in TABLE {
        for defect in Defect::ALL {
            let length_lies = matches!(
                defect,
                Defect::LengthTooLong
                    | Defect::LengthTooShort
                    | Defect::CutAfterFlags
                    | Defect::CutAfterCode
            );
            let Some(octets) = defect.apply(row.flags, row.code.0, row.value) else {
                continue;
            };
            if length_lies {
                continue;
            }
            let mandatory = super::mandatory(Some(row.code.0), &DIALECT);
            let first = super::body(&[], &[&octets, &mandatory[..]].concat(), super::PREFIX);
            let last = body_with(row.code.0, &octets, &DIALECT);
            assert_eq!(
                verdict(&first, &DIALECT),
                verdict(&last, &DIALECT),
                "{} {defect:?}",
                row.code
            );
        }
    }
}
