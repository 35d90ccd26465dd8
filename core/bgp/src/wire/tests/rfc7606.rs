//! Every attribute with every defect, and what must come of it.

use alloc::vec::Vec;

use super::{decode_all, framed};
use crate::params::{Asn, FamilySet};
use crate::wire::attr::{AsPath, FaultReason, NextHop};
use crate::wire::generator::DIALECT;
use crate::wire::{
    Action, AsnWidth, AttributeCode, DecodeError, Dialect, ErrorCode, Message, MessageType,
    PeerType, Update, UpdateSubcode,
};

const EXTERNAL: Dialect = Dialect {
    peer_type: PeerType::External,
    ..DIALECT
};
const OLD: Dialect = Dialect {
    asn_width: AsnWidth::Two,
    ..DIALECT
};

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
const OLD_AS_PATH: &[u8] = &[0x40, 2, 4, 2, 1, 0xfd, 0xe9];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
const PREFIX: &[u8] = &[24, 198, 51, 100];

type Attribute = Vec<u8>;

fn attribute(flags: u8, code: u8, value: &[u8]) -> Attribute {
    [&[flags, code, u8::try_from(value.len()).unwrap()], value].concat()
}

fn body(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u16::try_from(part.len()).unwrap().to_be_bytes();
    [
        &length(withdrawn)[..],
        withdrawn,
        &length(attributes),
        attributes,
        announced,
    ]
    .concat()
}

fn receive(body: &[u8], dialect: &Dialect) -> Result<Update, DecodeError> {
    match decode_all(&framed(MessageType::Update, body), dialect)?.pop() {
        Some(Message::Update(update)) => update.treat(dialect),
        other => panic!("{other:?}"),
    }
}

/// The mandatory attributes, but for those with the code of `replaced`.
fn mandatory(replaced: Option<u8>, dialect: &Dialect) -> Vec<u8> {
    let path = if dialect.asn_width == AsnWidth::Two {
        OLD_AS_PATH
    } else {
        AS_PATH
    };
    let attributes = [ORIGIN, path, NEXT_HOP].into_iter();
    attributes
        .filter(|attribute| Some(attribute[1]) != replaced)
        .flatten()
        .copied()
        .collect()
}

/// An UPDATE of one prefix in which these attributes take the place of the one with their code.
fn update_with(attributes: &[u8], dialect: &Dialect) -> Result<Update, DecodeError> {
    let mandatory = mandatory(attributes.get(1).copied(), dialect);
    receive(
        &body(&[], &[&mandatory, attributes].concat(), PREFIX),
        dialect,
    )
}

/// C: clean, D: attribute discard, W: treat as withdraw, R: session reset.
fn outcome(result: Result<Update, DecodeError>) -> char {
    let Ok(update) = result else { return 'R' };
    let worst = update.findings.iter().map(|finding| finding.action).max();
    let prefix = "198.51.100.0/24".parse().unwrap();
    let announced = update
        .announced
        .iter()
        .any(|reach| reach.prefixes.contains(&prefix));
    let withdrawn = update.withdrawn.contains(&prefix);
    assert!(announced != withdrawn, "{update:?}");
    match worst {
        None if announced => 'C',
        Some(Action::AttributeDiscard) if announced => 'D',
        Some(Action::TreatAsWithdraw) if withdrawn => 'W',
        _ => panic!("{update:?}"),
    }
}

struct Row {
    dialect: Dialect,
    flags: u8,
    code: u8,
    value: &'static [u8],
    /// One letter each: as it should be, wrong flags, one octet less, one more, empty, twice, over the end.
    expected: &'static str,
}

const fn row(flags: u8, code: u8, value: &'static [u8], expected: &'static str) -> Row {
    Row {
        dialect: DIALECT,
        flags,
        code,
        value,
        expected,
    }
}

const fn external(flags: u8, code: u8, value: &'static [u8], expected: &'static str) -> Row {
    Row {
        dialect: EXTERNAL,
        flags,
        code,
        value,
        expected,
    }
}

const fn old(flags: u8, code: u8, value: &'static [u8], expected: &'static str) -> Row {
    Row {
        dialect: OLD,
        flags,
        code,
        value,
        expected,
    }
}

const REACH: &[u8] = &[
    0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0x20, 1, 0xd, 0xb8,
];
const UNREACH: &[u8] = &[0, 2, 1, 32, 0x20, 1, 0xd, 0xb8];

const TABLE: &[Row] = &[
    row(0x40, 1, &[0], "CWWWWDW"),
    row(0x40, 2, &[2, 1, 0, 0, 0xfd, 0xe9], "CWWWCDW"),
    old(0x40, 2, &[2, 1, 0xfd, 0xe9], "CWWWCDW"),
    row(0x40, 3, &[192, 0, 2, 1], "CWWWWDW"),
    row(0x80, 4, &[0, 0, 0, 1], "CWWWWDW"),
    row(0x40, 5, &[0, 0, 0, 1], "CWWWWDW"),
    external(0x40, 5, &[0, 0, 0, 1], "DDDDDDW"),
    row(0x40, 6, &[], "CW-DCDW"),
    row(0xc0, 7, &[0, 0, 0xfd, 0xe9, 10, 0, 0, 1], "CWDDDDW"),
    old(0xc0, 7, &[0xfd, 0xe9, 10, 0, 0, 1], "CWDDDDW"),
    row(0xc0, 8, &[0, 1, 0, 2], "CWWWWDW"),
    row(0x80, 9, &[10, 0, 0, 1], "CWWWWDW"),
    external(0x80, 9, &[10, 0, 0, 1], "DDDDDDW"),
    row(0x80, 10, &[10, 0, 0, 1], "CWWWWDW"),
    external(0x80, 10, &[10, 0, 0, 1], "DDDDDDW"),
    row(0x80, 14, REACH, "CWRRRRW"),
    row(0x80, 15, UNREACH, "CWRRRRW"),
    row(0xc0, 16, &[0, 4, 0xfd, 0xe9, 0, 0, 0, 1], "CWWWWDW"),
    row(0xc0, 17, &[2, 1, 0, 1, 0, 0], "DDDDDDW"),
    old(0xc0, 17, &[2, 1, 0, 1, 0, 0], "CWDDDDW"),
    row(0xc0, 18, &[0, 1, 0, 0, 10, 0, 0, 1], "DDDDDDW"),
    old(0xc0, 18, &[0, 1, 0, 0, 10, 0, 0, 1], "CWDDDDW"),
    row(0xc0, 32, &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3], "CWWWWDW"),
    row(0xc0, 99, &[1, 2, 3], "CRCCCDW"),
    row(0x80, 99, &[1, 2, 3], "CRCCCDW"),
];

#[test]
fn every_attribute_with_every_defect() {
    for row in TABLE {
        let (flags, code, value) = (row.flags, row.code, row.value);
        let good = attribute(flags, code, value);
        let shorter = value
            .split_last()
            .map(|(_, shorter)| attribute(flags, code, shorter));
        // What is neither optional nor known has no right flags to confuse: it then claims to be well-known.
        let wrong_flags = if code == 99 { 0x40 } else { flags ^ 0x80 };
        let mut overrun = good.clone();
        overrun[2] += 1;
        let variants = [
            Some(good.clone()),
            Some(attribute(wrong_flags, code, value)),
            shorter,
            Some(attribute(flags, code, &[value, &[0xff]].concat())),
            Some(attribute(flags, code, &[])),
            Some([good.clone(), good].concat()),
            Some(overrun),
        ];
        let outcomes: std::string::String = variants
            .iter()
            .map(|variant| match variant {
                Some(attributes) => outcome(update_with(attributes, &row.dialect)),
                None => '-',
            })
            .collect();
        let Dialect {
            peer_type,
            asn_width,
            ..
        } = row.dialect;
        assert_eq!(
            outcomes, row.expected,
            "attribute {code}, {peer_type:?}, {asn_width:?}"
        );
    }
}

#[test]
fn the_transitive_bit_counts_like_the_optional_bit() {
    let known = TABLE.iter().filter(|row| row.code != 99);
    for row in known {
        let confused = attribute(row.flags ^ 0x40, row.code, row.value);
        let expected = row.expected.chars().nth(1).unwrap();
        let result = update_with(&confused, &row.dialect);
        assert_eq!(outcome(result), expected, "attribute {}", row.code);
    }
}

#[test]
fn wrong_flags_of_mp_reach_withdraw_its_prefixes() {
    let attributes = [ORIGIN, AS_PATH, &attribute(0xc0, 14, REACH)].concat();
    let update = receive(&body(&[], &attributes, &[]), &DIALECT).unwrap();
    assert_eq!(update.withdrawn, ["2001:db8::/32".parse().unwrap()]);
    assert_eq!(update.announced, []);
}

#[test]
fn wrong_flags_of_mp_unreach_alone_still_withdraw() {
    let update = receive(&body(&[], &attribute(0xc0, 15, UNREACH), &[]), &DIALECT).unwrap();
    assert_eq!(update.withdrawn, ["2001:db8::/32".parse().unwrap()]);
    assert_eq!(update.findings[0].action, Action::TreatAsWithdraw);
}

#[test]
fn flags_do_not_matter_where_they_carry_no_meaning() {
    for flags in [0xe0, 0xc1, 0xcf, 0xef] {
        assert_eq!(
            outcome(update_with(&attribute(flags, 8, &[0, 1, 0, 2]), &DIALECT)),
            'C'
        );
    }
    let long = [0xd0, 8, 0, 4, 0, 1, 0, 2];
    assert_eq!(outcome(update_with(&long, &DIALECT)), 'C');
}

#[test]
fn values_that_may_not_be() {
    let cases: &[(&Dialect, u8, u8, &[u8], char)] = &[
        (&DIALECT, 0x40, 1, &[3], 'W'),
        (&DIALECT, 0x40, 3, &[0, 0, 0, 0], 'W'),
        (&DIALECT, 0x40, 3, &[127, 0, 0, 1], 'W'),
        (&DIALECT, 0x40, 3, &[224, 0, 0, 5], 'W'),
        (&DIALECT, 0x40, 3, &[255, 255, 255, 255], 'W'),
        // AS 0
        (&DIALECT, 0x40, 2, &[2, 1, 0, 0, 0, 0], 'W'),
        (&DIALECT, 0xc0, 7, &[0, 0, 0, 0, 10, 0, 0, 1], 'D'),
        (&OLD, 0xc0, 17, &[2, 1, 0, 0, 0, 0], 'D'),
        (&OLD, 0xc0, 18, &[0, 0, 0, 0, 10, 0, 0, 1], 'D'),
        // no such segment, no numbers in it, fewer than counted
        (&DIALECT, 0x40, 2, &[5, 1, 0, 0, 0xfd, 0xe9], 'W'),
        (&DIALECT, 0x40, 2, &[0, 1, 0, 0, 0xfd, 0xe9], 'W'),
        (&DIALECT, 0x40, 2, &[2, 0], 'W'),
        (&DIALECT, 0x40, 2, &[2, 2, 0, 0, 0xfd, 0xe9], 'W'),
        (&OLD, 0xc0, 17, &[5, 1, 0, 1, 0, 0], 'D'),
        // sets and confederations
        (&DIALECT, 0x40, 2, &[1, 1, 0, 0, 0xfd, 0xe9], 'W'),
        (&EXTERNAL, 0x40, 2, &[1, 1, 0, 0, 0xfd, 0xe9], 'W'),
        (&DIALECT, 0x40, 2, &[4, 1, 0, 0, 0xfd, 0xe9], 'W'),
        (&OLD, 0xc0, 17, &[1, 1, 0, 1, 0, 0], 'W'),
        (&DIALECT, 0x40, 2, &[3, 1, 0, 0, 0xfd, 0xe9], 'C'),
        (&EXTERNAL, 0x40, 2, &[3, 1, 0, 0, 0xfd, 0xe9], 'W'),
        // no identifier, but a cluster
        (&DIALECT, 0x80, 9, &[0, 0, 0, 0], 'W'),
        (&DIALECT, 0x80, 10, &[0, 0, 0, 0], 'C'),
    ];
    for &(dialect, flags, code, value, expected) in cases {
        let result = update_with(&attribute(flags, code, value), dialect);
        assert_eq!(outcome(result), expected, "attribute {code}: {value:?}");
    }
}

#[test]
fn mandatory_attributes_that_are_missing() {
    for code in [1, 2, 3] {
        let result = receive(
            &body(&[], &mandatory(Some(code), &DIALECT), PREFIX),
            &DIALECT,
        );
        let findings = &result.as_ref().unwrap().findings;
        assert_eq!(findings[0].fault.code, AttributeCode(code));
        assert_eq!(findings[0].fault.reason, FaultReason::Missing);
        assert_eq!(outcome(result), 'W');
    }
}

#[test]
fn prefixes_in_mp_reach_need_no_next_hop_attribute() {
    let attributes = [ORIGIN, AS_PATH, &attribute(0x80, 14, REACH)].concat();
    let update = receive(&body(&[], &attributes, &[]), &DIALECT).unwrap();
    assert_eq!(update.findings, []);
    assert_eq!(
        update.announced[0].prefixes,
        ["2001:db8::/32".parse().unwrap()]
    );
}

#[test]
fn next_hops_of_mp_reach_have_the_length_of_their_family() {
    let plain = Dialect {
        extended_next_hop: false,
        ..DIALECT
    };
    for (afi, prefix, dialect, legal) in [
        (2, &[32, 0x20, 1, 0xd, 0xb8][..], &DIALECT, &[16, 32][..]),
        (1, PREFIX, &DIALECT, &[4, 16, 32]),
        (1, PREFIX, &plain, &[4]),
    ] {
        for length in 0..=64 {
            // 10.0.0.0 and a00::, and fe80:: in the place of a link-local address.
            let mut next_hop = std::vec![0; usize::from(length)];
            next_hop.iter_mut().take(1).for_each(|octet| *octet = 10);
            if let Some(link_local) = next_hop.get_mut(16..18) {
                link_local.copy_from_slice(&[0xfe, 0x80]);
            }
            let value = [&[0, afi, 1, length], &next_hop[..], &[0], prefix].concat();
            let attributes = [ORIGIN, AS_PATH, &attribute(0x80, 14, &value)].concat();
            let result = receive(&body(&[], &attributes, &[]), dialect);
            let accepted = result.is_ok_and(|update| update.findings.is_empty());
            assert_eq!(
                accepted,
                legal.contains(&length),
                "AFI {afi}, {length} octets"
            );
        }
    }
}

#[test]
fn a_next_hop_that_is_no_host_withdraws_what_it_was_for() {
    let mut value = REACH.to_vec();
    value[4..20].fill(0);
    let attributes = [ORIGIN, AS_PATH, &attribute(0x80, 14, &value)].concat();
    let update = receive(&body(&[], &attributes, &[]), &DIALECT).unwrap();
    assert_eq!(update.withdrawn, ["2001:db8::/32".parse().unwrap()]);
    assert_eq!(update.announced, []);
}

#[test]
fn sections_and_prefixes_that_do_not_fit_reset_the_session() {
    let subcode = |body: &[u8]| receive(body, &DIALECT).unwrap_err().to_notification().error;
    let good = mandatory(None, &DIALECT);
    for (body, expected) in [
        (
            body(&[33, 1, 2, 3, 4, 5], &[], &[]),
            UpdateSubcode::InvalidNetworkField,
        ),
        (
            body(&[24, 1, 2], &[], &[]),
            UpdateSubcode::InvalidNetworkField,
        ),
        (
            body(&[], &good, &[33, 1, 2, 3, 4, 5]),
            UpdateSubcode::InvalidNetworkField,
        ),
        (
            body(&[], &good, &[24, 1, 2]),
            UpdateSubcode::InvalidNetworkField,
        ),
        (
            Vec::from([0, 1, 0, 0]),
            UpdateSubcode::MalformedAttributeList,
        ),
        (
            Vec::from([0, 0, 0, 1]),
            UpdateSubcode::MalformedAttributeList,
        ),
        (
            Vec::from([0xff, 0xff, 0, 0]),
            UpdateSubcode::MalformedAttributeList,
        ),
    ] {
        assert_eq!(subcode(&body), ErrorCode::Update(expected), "{body:?}");
    }
}

#[test]
fn a_reset_tells_which_attribute_it_was() {
    let bad = attribute(0x80, 15, &[0, 2, 1, 129]);
    let error = update_with(&bad, &DIALECT).unwrap_err().to_notification();
    assert_eq!(
        error.error,
        ErrorCode::Update(UpdateSubcode::OptionalAttributeError)
    );
    assert_eq!(error.data(), bad);
    let bad = attribute(0x40, 99, &[1]);
    let error = update_with(&bad, &DIALECT).unwrap_err().to_notification();
    assert_eq!(
        error.error,
        ErrorCode::Update(UpdateSubcode::UnrecognizedWellKnownAttribute)
    );
    assert_eq!(error.data(), bad);
}

/// Section 5.2: nothing tells what to withdraw.
#[test]
fn a_defect_without_a_readable_prefix_resets_the_session() {
    let bad = attribute(0x40, 1, &[3]);
    assert_eq!(
        receive(&body(&[], &bad, &[]), &DIALECT),
        Err(DecodeError::MalformedAttributeList)
    );
    let harmless = attribute(0x40, 6, &[1]);
    let update = receive(&body(PREFIX, &harmless, &[]), &DIALECT).unwrap();
    assert_eq!(update.withdrawn, ["198.51.100.0/24".parse().unwrap()]);
}

#[test]
fn withdrawals_count_whatever_else_is_wrong() {
    let attributes = [
        &mandatory(Some(1), &DIALECT)[..],
        &attribute(0x80, 15, UNREACH),
    ]
    .concat();
    let update = receive(&body(&[8, 10], &attributes, PREFIX), &DIALECT).unwrap();
    let expected = ["10.0.0.0/8", "2001:db8::/32", "198.51.100.0/24"];
    assert_eq!(
        update.withdrawn,
        expected.map(|prefix| prefix.parse().unwrap())
    );
}

#[test]
fn the_first_of_two_counts() {
    let attributes = [
        &attribute(0x80, 4, &[0, 0, 0, 1])[..],
        &[0x80, 4, 4, 0, 0, 0, 2],
    ]
    .concat();
    let update = update_with(&attributes, &DIALECT).unwrap();
    assert_eq!(update.attributes.route.multi_exit_disc, Some(1));
}

#[test]
fn a_discarded_attribute_leaves_no_trace() {
    let update = update_with(&attribute(0x40, 5, &[0, 0, 0, 1]), &EXTERNAL).unwrap();
    assert_eq!(update.attributes.route.local_pref, None);
    let update = update_with(&attribute(0xc0, 7, &[0, 0, 0, 0, 10, 0, 0, 1]), &DIALECT).unwrap();
    assert_eq!(update.attributes.aggregator, None);
    let update = update_with(&attribute(0x80, 99, &[1]), &DIALECT).unwrap();
    assert_eq!(update.attributes.unknown, []);
}

#[test]
fn routes_of_other_families_are_passed_over() {
    let ipv4 = Dialect {
        families: FamilySet::IPV4,
        ..DIALECT
    };
    let update = update_with(&attribute(0x80, 14, REACH), &ipv4).unwrap();
    assert_eq!(update.announced.len(), 1);
    assert_eq!(update.findings[0].action, Action::AttributeDiscard);
    let evpn = attribute(0x80, 14, &[0, 25, 70, 4, 10, 0, 0, 1, 0, 2, 33]);
    assert_eq!(outcome(update_with(&evpn, &DIALECT)), 'D');
    let ipv6 = Dialect {
        families: FamilySet::IPV6,
        ..DIALECT
    };
    let update = update_with(&attribute(0x80, 14, REACH), &ipv6).unwrap();
    assert_eq!(update.announced.len(), 1);
    assert_eq!(
        update.announced[0].prefixes,
        ["2001:db8::/32".parse().unwrap()]
    );
}

#[test]
fn tells_end_of_rib_from_other_empty_updates() {
    let ipv6_end = attribute(0x80, 15, &[0, 2, 1]);
    for (attributes, expected) in [
        (&[][..], Some(crate::params::Family::IPV4_UNICAST)),
        (&ipv6_end, Some(crate::params::Family::IPV6_UNICAST)),
        (&[&ipv6_end, ORIGIN].concat(), None),
        (&attribute(0x80, 15, UNREACH), None),
    ] {
        let update = receive(&body(&[], attributes, &[]), &DIALECT).unwrap();
        assert_eq!(update.end_of_rib, expected, "{attributes:?}");
    }
}

#[test]
fn an_empty_update_ends_nothing_where_ipv4_was_not_negotiated() {
    let ipv6 = Dialect {
        families: FamilySet::IPV6,
        ..DIALECT
    };
    assert_eq!(receive(&body(&[], &[], &[]), &ipv6), Ok(Update::default()));
}

#[test]
fn rebuilds_the_path_of_a_2_octet_session() {
    let old_path = attribute(0x40, 2, &[2, 3, 0xfd, 0xe9, 0x5b, 0xa0, 0x5b, 0xa0]);
    let new_path = attribute(0xc0, 17, &[2, 2, 0, 1, 0x86, 0xa0, 0, 3, 0x0d, 0x40]);
    let update = update_with(&[old_path.clone(), new_path.clone()].concat(), &OLD).unwrap();
    let expected = AsPath::sequence(&[Asn(65001), Asn(100_000), Asn(200_000)]);
    assert_eq!(update.attributes.route.as_path, expected);
    // An aggregator that knew only two octets came later: the wide path is stale.
    let aggregators = [
        attribute(0xc0, 7, &[0xfd, 0xe9, 10, 0, 0, 1]),
        attribute(0xc0, 18, &[0, 1, 0, 0, 10, 0, 0, 2]),
    ];
    let attributes = [old_path, new_path, aggregators.concat()].concat();
    let update = update_with(&attributes, &OLD).unwrap();
    let stale = AsPath::sequence(&[Asn(65001), Asn::TRANS, Asn::TRANS]);
    assert_eq!(update.attributes.route.as_path, stale);
    assert_eq!(update.attributes.aggregator.unwrap().asn, Asn(65001));
}

#[test]
fn takes_the_next_hop_forms_of_unnumbered_peers() {
    for global in ["2001:db8::1", "::", "fe80::1"] {
        let global: core::net::Ipv6Addr = global.parse().unwrap();
        let link_local: core::net::Ipv6Addr = "fe80::1".parse().unwrap();
        let next_hop = [global.octets(), link_local.octets()].concat();
        let value = [&[0, 1, 1, 32], &next_hop[..], &[0], PREFIX].concat();
        let attributes = [ORIGIN, AS_PATH, &attribute(0x80, 14, &value)].concat();
        let update = receive(&body(&[], &attributes, &[]), &DIALECT).unwrap();
        let expected = NextHop::Ipv6WithLinkLocal { global, link_local };
        assert_eq!(update.announced[0].next_hop, expected);
    }
}
