//! What a treated UPDATE holds, attribute by attribute.

use super::{
    AS_PATH, Action, DIALECT, DecodeError, Dialect, EXTERNAL, OLD, ORIGIN, PREFIX, REACH, UNREACH,
    Update, attribute, body, mandatory, outcome, receive, update_with,
};
use crate::params::{Asn, FamilySet};
use crate::wire::attr::{AsPath, FaultReason, NextHop};
use crate::wire::{AttributeCode, ErrorCode, UpdateSubcode};

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
fn a_next_hop_that_is_no_host_withdraws_what_it_was_for() {
    let mut value = REACH.to_vec();
    value[4..20].fill(0);
    let attributes = [ORIGIN, AS_PATH, &attribute(0x80, 14, &value)].concat();
    let update = receive(&body(&[], &attributes, &[]), &DIALECT).unwrap();
    assert_eq!(update.withdrawn, ["2001:db8::/32".parse().unwrap()]);
    assert_eq!(update.announced, []);
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
