//! Values that can be read and may not be, next to some that look strange and are legal.

use alloc::vec::Vec;

use super::{
    DIALECT, EXTERNAL, OLD, OLD_EXTERNAL, REACH, UNREACH, attribute, body_with, mandatory, verdict,
};
use crate::wire::attr::AttributeFlags;
use crate::wire::{AttributeCode, Dialect};

/// What it is, the value, and what must come of it.
type Case = (&'static str, &'static [u8], char);

fn all_hold(dialect: &Dialect, code: AttributeCode, cases: &[Case]) {
    let flags = AttributeFlags::of(code).unwrap();
    let flags = u8::from(flags.is_optional()) << 7 | u8::from(flags.is_transitive()) << 6;
    for &(what, value, expected) in cases {
        let octets = attribute(flags, code.0, value);
        let outcome = verdict(&body_with(code.0, &octets, dialect), dialect);
        assert_eq!(outcome, expected, "{code}, {what}: {value:?}");
    }
}

/// RFC 7606 sections 7.1 and 7.3, RFC 4271 section 6.3.
#[test]
fn origins_and_next_hops() {
    use AttributeCode as A;
    all_hold(
        &DIALECT,
        A::ORIGIN,
        &[
            ("EGP", &[1], 'C'),
            ("INCOMPLETE", &[2], 'C'),
            ("an origin of no name", &[3], 'W'),
        ],
    );
    all_hold(&EXTERNAL, A::ORIGIN, &[("the last octet", &[255], 'W')]);
    all_hold(
        &DIALECT,
        A::NEXT_HOP,
        &[
            ("no host", &[0, 0, 0, 0], 'W'),
            ("loopback", &[127, 0, 0, 1], 'W'),
            ("a group", &[224, 0, 0, 5], 'W'),
            ("reserved", &[240, 0, 0, 1], 'W'),
            ("an IPv6 address", &[0x20; 16], 'W'),
        ],
    );
    all_hold(
        &EXTERNAL,
        A::NEXT_HOP,
        &[("all", &[255, 255, 255, 255], 'W')],
    );
    all_hold(
        &DIALECT,
        A::MULTI_EXIT_DISC,
        &[("the largest MED", &[255; 4], 'C')],
    );
    all_hold(
        &DIALECT,
        A::LOCAL_PREF,
        &[("the least preference", &[0; 4], 'C')],
    );
}

/// RFC 7606 section 7.2, RFC 7607, RFC 9774, RFC 5065 section 5.
#[test]
fn paths() {
    use AttributeCode as A;
    all_hold(
        &DIALECT,
        A::AS_PATH,
        &[
            ("AS 0", &[2, 1, 0, 0, 0, 0], 'W'),
            ("segment kind 0", &[0, 1, 0, 0, 0xfd, 0xe9], 'W'),
            ("segment kind 5", &[5, 1, 0, 0, 0xfd, 0xe9], 'W'),
            ("an empty segment", &[2, 0], 'W'),
            ("an empty segment behind", &[2, 1, 0, 0, 0, 9, 2, 0], 'W'),
            ("a kind without count", &[2, 1, 0, 0, 0, 9, 2], 'W'),
            ("fewer than counted", &[2, 2, 0, 0, 0xfd, 0xe9], 'W'),
            ("old numbers in a wide session", &[2, 2, 0, 8, 0, 9], 'W'),
            ("two sequences", &[2, 1, 0, 0, 0, 9, 2, 1, 0, 0, 0, 8], 'C'),
            ("AS_SET", &[1, 1, 0, 0, 0xfd, 0xe9], 'W'),
            ("AS_CONFED_SET", &[4, 1, 0, 0, 0xfd, 0xe9], 'W'),
            ("AS_CONFED_SEQUENCE", &[3, 1, 0, 0, 0xfd, 0xe9], 'C'),
        ],
    );
    all_hold(
        &EXTERNAL,
        A::AS_PATH,
        &[
            ("AS 0 behind others", &[2, 2, 0, 0, 0, 9, 0, 0, 0, 0], 'W'),
            // RFC 6793 section 4.2.2: an old speaker's neighbour, whose own number does not fit.
            ("AS_TRANS", &[2, 1, 0, 0, 0x5b, 0xa0], 'C'),
            ("the last number", &[2, 1, 255, 255, 255, 255], 'C'),
            ("segment kind 255", &[255, 1, 0, 0, 0xfd, 0xe9], 'W'),
            ("AS_SET", &[1, 1, 0, 0, 0xfd, 0xe9], 'W'),
            ("AS_SET behind", &[2, 1, 0, 0, 0, 9, 1, 1, 0, 0, 0, 8], 'W'),
            ("AS_CONFED_SET", &[4, 1, 0, 0, 0xfd, 0xe9], 'W'),
            ("AS_CONFED_SEQUENCE", &[3, 1, 0, 0, 0xfd, 0xe9], 'W'),
        ],
    );
    all_hold(
        &OLD_EXTERNAL,
        A::AS_PATH,
        &[("AS 0 in two octets", &[2, 2, 0, 9, 0, 0], 'W')],
    );
    all_hold(
        &OLD,
        A::AS_PATH,
        &[
            ("AS_TRANS", &[2, 2, 0, 9, 0x5b, 0xa0], 'C'),
            ("wide numbers in an old session", &[2, 1, 0, 0, 0, 9], 'W'),
        ],
    );
}

/// RFC 6793 section 6, RFC 7607, RFC 9774.
#[test]
fn wide_paths_and_aggregators() {
    use AttributeCode as A;
    all_hold(
        &OLD,
        A::AS4_PATH,
        &[
            ("AS 0", &[2, 1, 0, 0, 0, 0], 'D'),
            ("AS_TRANS", &[2, 1, 0, 0, 0x5b, 0xa0], 'C'),
            ("segment kind 5", &[5, 1, 0, 1, 0, 0], 'D'),
            ("fewer than counted", &[2, 2, 0, 1, 0, 0], 'D'),
            (
                "longer than the AS_PATH",
                &[2, 2, 0, 1, 0, 0, 0, 1, 0, 1],
                'C',
            ),
            ("AS_SET", &[1, 1, 0, 1, 0, 0], 'W'),
        ],
    );
    all_hold(
        &OLD_EXTERNAL,
        A::AS4_PATH,
        &[("AS_CONFED_SEQUENCE", &[3, 1, 0, 1, 0, 0], 'C')],
    );
    all_hold(
        &OLD,
        A::AS4_AGGREGATOR,
        &[("AS 0", &[0, 0, 0, 0, 10, 0, 0, 1], 'D')],
    );
    all_hold(
        &DIALECT,
        A::AGGREGATOR,
        &[
            ("AS 0", &[0, 0, 0, 0, 10, 0, 0, 1], 'D'),
            ("AS_TRANS", &[0, 0, 0x5b, 0xa0, 10, 0, 0, 1], 'C'),
            ("no address", &[0, 0, 0, 9, 0, 0, 0, 0], 'C'),
        ],
    );
    all_hold(
        &OLD,
        A::AGGREGATOR,
        &[
            ("AS 0", &[0, 0, 10, 0, 0, 1], 'D'),
            ("AS_TRANS", &[0x5b, 0xa0, 10, 0, 0, 1], 'C'),
        ],
    );
}

/// RFC 7606 sections 7.8 to 7.10 and 7.14, RFC 8092 section 6.
#[test]
fn communities_and_reflectors() {
    use AttributeCode as A;
    all_hold(
        &DIALECT,
        A::COMMUNITIES,
        &[
            ("reserved ones", &[0, 0, 0, 1, 255, 255, 255, 255], 'C'),
            ("the same twice", &[0, 1, 0, 2, 0, 1, 0, 2], 'C'),
            ("one and a half", &[0, 1, 0, 2, 0, 1], 'W'),
        ],
    );
    all_hold(
        &DIALECT,
        A::EXTENDED_COMMUNITIES,
        &[
            ("unknown kinds", &[255; 16], 'C'),
            ("one and a half", &[0; 12], 'W'),
        ],
    );
    all_hold(
        &DIALECT,
        A::LARGE_COMMUNITIES,
        &[("the same twice", &[1; 24], 'C')],
    );
    all_hold(
        &EXTERNAL,
        A::LARGE_COMMUNITIES,
        &[("one and a half", &[1; 18], 'W')],
    );
    all_hold(
        &DIALECT,
        A::ORIGINATOR_ID,
        &[("no identifier", &[0, 0, 0, 0], 'W')],
    );
    all_hold(
        &DIALECT,
        A::CLUSTER_LIST,
        &[
            ("cluster 0", &[0, 0, 0, 0], 'C'),
            ("one and a half", &[1, 1, 1, 1, 1, 1], 'W'),
        ],
    );
}

/// RFC 7606 sections 5.3, 7.11 and 7.12, RFC 4760 sections 3 and 7.
#[test]
fn multiprotocol() {
    use AttributeCode as A;
    const RESERVED: &[u8] = &{
        let mut value = [0; 26];
        value.copy_from_slice(REACH);
        value[20] = 77;
        value
    };
    const NO_HOST: &[u8] = &{
        let mut value = [0; 26];
        value.copy_from_slice(REACH);
        value[4] = 0xff;
        value
    };
    all_hold(
        &DIALECT,
        A::MP_REACH_NLRI,
        &[
            ("the reserved octet", RESERVED, 'C'),
            ("a next hop that is no host", NO_HOST, 'W'),
            ("no prefix", REACH.split_at(21).0, 'C'),
            ("no reserved octet", REACH.split_at(20).0, 'R'),
            ("half a next hop", REACH.split_at(12).0, 'R'),
            ("no next hop", REACH.split_at(3).0, 'R'),
            ("half a family", &[0, 2], 'R'),
            ("L2VPN", &[0, 25, 70, 4, 10, 0, 0, 1, 0, 2, 33], 'D'),
        ],
    );
    all_hold(
        &DIALECT,
        A::MP_UNREACH_NLRI,
        &[
            ("L2VPN", &[0, 25, 70, 2, 33], 'D'),
            ("half a family", &[0, 2], 'R'),
            ("129 bits", &[0, 2, 1, 129], 'R'),
            ("33 bits of IPv4", &[0, 1, 1, 33, 1, 2, 3, 4, 5], 'R'),
            ("host bits", &[0, 2, 1, 1, 0xff], 'C'),
            ("octets behind a prefix", &[0, 2, 1, 8, 32, 64], 'R'),
        ],
    );
    all_hold(
        &EXTERNAL,
        A::MP_UNREACH_NLRI,
        &[
            ("IPv6 multicast", &[0, 2, 2, 200], 'D'),
            ("255 bits", &[0, 2, 1, 255], 'R'),
        ],
    );
}

/// Next hops have 16 or 32 octets (RFC 2545), 4 for IPv4, and more there only by agreement (RFC 8950).
#[test]
fn next_hops_of_mp_reach_have_the_length_of_their_family() {
    let plain = Dialect {
        extended_next_hop: false,
        ..DIALECT
    };
    for (afi, prefix, dialect, legal) in [
        (2, &[32, 0x20, 1, 0xd, 0xb8][..], &DIALECT, &[16, 32][..]),
        (1, &[24, 198, 51, 101], &DIALECT, &[4, 16, 32]),
        (1, &[24, 198, 51, 101], &plain, &[4]),
    ] {
        for length in 0..=64 {
            // 10.0.0.0 and a00::, and fe80:: in the place of a link-local address.
            let mut next_hop = std::vec![0; usize::from(length)];
            next_hop.iter_mut().take(1).for_each(|octet| *octet = 10);
            if let Some(link_local) = next_hop.get_mut(16..18) {
                link_local.copy_from_slice(&[0xfe, 0x80]);
            }
            let value = [&[0, afi, 1, length], &next_hop[..], &[0], prefix].concat();
            let outcome = verdict(
                &body_with(14, &attribute(0x80, 14, &value), dialect),
                dialect,
            );
            let expected = if legal.contains(&length) { 'C' } else { 'R' };
            assert_eq!(outcome, expected, "AFI {afi}, {length} octets");
        }
    }
}

/// Section 3 h: the most severe of all counts, in whatever order they come.
#[test]
fn the_most_severe_of_several_defects_counts() {
    let discard = attribute(0x40, 6, &[1]);
    let withdraw = attribute(0x80, 4, &[1]);
    let reset = attribute(0x80, 15, &[0, 2, 1, 129]);
    let with = |attributes: &[&[u8]]| {
        let attributes = [&mandatory(None, &DIALECT)[..], &attributes.concat()].concat();
        verdict(&super::body(&[], &attributes, super::PREFIX), &DIALECT)
    };
    assert_eq!(with(&[&discard, &withdraw]), 'W');
    assert_eq!(with(&[&withdraw, &discard]), 'W');
    assert_eq!(with(&[&discard, &withdraw, &reset]), 'R');
    assert_eq!(with(&[&reset, &discard]), 'R');
}

/// As many attributes as a message holds, each of them twice.
#[test]
fn a_message_full_of_duplicates_is_no_more_than_a_discard() {
    let unknown = attribute(0xc0, 99, &[]);
    let many: Vec<u8> = unknown.repeat(1300);
    let attributes = [&mandatory(None, &DIALECT)[..], &many].concat();
    assert_eq!(
        verdict(&super::body(&[], &attributes, super::PREFIX), &DIALECT),
        'D'
    );
    let unreach = attribute(0x80, 15, UNREACH).repeat(100);
    let attributes = [&mandatory(None, &DIALECT)[..], &unreach].concat();
    assert_eq!(
        verdict(&super::body(&[], &attributes, super::PREFIX), &DIALECT),
        'R'
    );
}
