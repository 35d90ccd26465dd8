//! What a broken peer sends, and what we answer.
//!
//! Cases without [`Effect::Ends`] are those of RFC 7606 that do not end the session; the others expect the code of
//! RFC 4271 section 6 or of the RFC named beside the case.

use crate::raw_peer::{
    ASN, KEEPALIVE, OPEN, ROUTE_REFRESH, UPDATE, attribute, header, message, open, update,
};

/// One thing said, and its effect.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(super) when: When,
    pub(super) bytes: Vec<u8>,
    pub(super) effect: Effect,
}

/// How far the session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    OpenSent,
    OpenConfirm,
    Established,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The UPDATE counts as it is.
    Stays,
    /// Treat-as-withdraw.
    Withdraws,
    /// Attribute discard.
    Discards,
    /// NOTIFICATION with this code and subcode.
    Ends(u8, u8),
}

use Effect::{Discards, Ends, Stays, Withdraws};
use When::{Established, OpenConfirm, OpenSent};

/// Every case.
pub(crate) fn table() -> Vec<Case> {
    let mut cases = headers_and_opens();
    cases.extend(unexpected_messages());
    cases.extend(updates());
    cases.extend(mandatory_attributes());
    cases.extend(optional_attributes());
    cases
}

fn headers_and_opens() -> Vec<Case> {
    let us = [10, 0, 9, 2];
    vec![
        case(
            "marker",
            Established,
            header(0, 19, KEEPALIVE, &[]),
            Ends(1, 1),
        ),
        case(
            "length-below-19",
            Established,
            header(0xff, 18, KEEPALIVE, &[]),
            Ends(1, 2),
        ),
        case(
            "length-above-4096",
            Established,
            header(0xff, 4097, UPDATE, &[]),
            Ends(1, 2),
        ),
        case(
            "keepalive-with-body",
            Established,
            message(KEEPALIVE, &[0]),
            Ends(1, 2),
        ),
        case(
            "route-refresh-too-short",
            Established,
            message(ROUTE_REFRESH, &[0, 1, 0]),
            // RFC 7313 has a code of its own, for those who have agreed on it.
            Ends(1, 2),
        ),
        case("message-type", Established, message(9, &[]), Ends(1, 3)),
        case("open-version", OpenSent, open(3, ASN, 90, us), Ends(2, 1)),
        case("open-as", OpenSent, open(4, ASN + 1, 90, us), Ends(2, 2)),
        case(
            "open-identifier",
            OpenSent,
            open(4, ASN, 90, [0; 4]),
            Ends(2, 3),
        ),
        case("open-hold-time", OpenSent, open(4, ASN, 2, us), Ends(2, 6)),
    ]
}

/// RFC 6608: the subcode says which state the message met.
fn unexpected_messages() -> Vec<Case> {
    let us = [10, 0, 9, 2];
    vec![
        case(
            "keepalive-before-open",
            OpenSent,
            message(KEEPALIVE, &[]),
            Ends(5, 1),
        ),
        case(
            "update-before-keepalive",
            OpenConfirm,
            update(&[], &[]),
            Ends(5, 2),
        ),
        case(
            "second-open",
            Established,
            message(OPEN, &open(4, ASN, 90, us)[19..]),
            Ends(5, 3),
        ),
    ]
}

/// Errors that leave no way to tell what the message is about (RFC 7606 sections 3 and 5).
fn updates() -> Vec<Case> {
    let good = [origin(), path(), next_hop()];
    vec![
        case(
            "withdrawn-beyond-the-end",
            Established,
            message(UPDATE, &[0, 9, 0, 0]),
            Ends(3, 1),
        ),
        case(
            "attributes-beyond-the-end",
            Established,
            message(UPDATE, &[0, 0, 0, 9]),
            Ends(3, 1),
        ),
        case(
            "prefix-length-33",
            Established,
            update(&good, &[33, 203, 0, 113, 0, 0]),
            Ends(3, 10),
        ),
        case(
            "prefix-cut-short",
            Established,
            update(&good, &[24, 203, 0]),
            Ends(3, 10),
        ),
        case(
            "well-known-unknown",
            Established,
            with(attribute(0x40, 99, &[1])),
            Ends(3, 2),
        ),
        case(
            "two-mp-reach",
            Established,
            with([mp_reach(), mp_reach()].concat()),
            Ends(3, 1),
        ),
        case("good", Established, update(&good, PREFIX), Stays),
    ]
}

/// Errors in one attribute that come with all mandatory ones in order.
fn optional_attributes() -> Vec<Case> {
    let with = |name, flags, kind, value: &[u8], effect| {
        case(
            name,
            Established,
            with(attribute(flags, kind, value)),
            effect,
        )
    };
    vec![
        // RFC 7606 section 3 (g): all but the first are discarded.
        with("origin-twice", 0x40, 1, &[1], Discards),
        with("unknown-transitive", 0xc0, 99, &[1, 2], Stays),
        with("med-length", 0x80, 4, &[0, 0, 1], Withdraws),
        with("med-flags", 0x40, 4, &[0, 0, 0, 1], Withdraws),
        with("communities-length", 0xc0, 8, &[1, 2, 3], Withdraws),
        with(
            "extended-communities-length",
            0xc0,
            16,
            &[1, 2, 3],
            Withdraws,
        ),
        with("large-communities-length", 0xc0, 32, &[1; 11], Withdraws),
        with("local-pref-from-outside", 0x40, 5, &[1], Discards),
        with("originator-id-from-outside", 0x80, 9, &[1, 2, 3], Discards),
        with("cluster-list-from-outside", 0x80, 10, &[1, 2, 3], Discards),
        with("atomic-aggregate-length", 0x40, 6, &[1], Discards),
        with("aggregator-length", 0xc0, 7, &[1, 2, 3], Discards),
        with("as4-path-garbage", 0xc0, 17, &[9, 9, 9], Discards),
    ]
}

/// Errors in a mandatory attribute or in the length of all of them.
fn mandatory_attributes() -> Vec<Case> {
    let path_of = |value: &[u8]| vec![origin(), attribute(0x40, 2, value), next_hop()];
    let origin_of = |flags, value: &[u8]| vec![attribute(flags, 1, value), path(), next_hop()];
    let withdraws = |name, attributes: Vec<Vec<u8>>| {
        case(name, Established, update(&attributes, PREFIX), Withdraws)
    };
    let short_next_hop = attribute(0x40, 3, &[192, 0, 2]);
    let cut_short = vec![0xc0, 8, 200, 1];
    vec![
        withdraws("origin-flags", origin_of(0xc0, &[0])),
        withdraws("origin-value", origin_of(0x40, &[9])),
        withdraws("origin-length", origin_of(0x40, &[0, 0])),
        withdraws("path-segment-type", path_of(&[7, 1, 0xfc, 0])),
        withdraws("path-segment-overrun", path_of(&[2, 5, 0xfc, 0])),
        withdraws("path-segment-empty", path_of(&[2, 0])),
        // RFC 7607.
        withdraws("path-with-as-0", path_of(&[2, 1, 0, 0])),
        withdraws("no-path", vec![origin(), next_hop()]),
        withdraws("no-origin", vec![path(), next_hop()]),
        withdraws("no-next-hop", vec![origin(), path()]),
        withdraws("next-hop-length", vec![origin(), path(), short_next_hop]),
        withdraws(
            "last-attribute-cut-short",
            vec![origin(), path(), next_hop(), cut_short],
        ),
    ]
}

const PREFIX: &[u8] = &[24, 203, 0, 113];

fn origin() -> Vec<u8> {
    attribute(0x40, 1, &[0])
}

/// In 2-octet numbers: the raw peer has no 4-octet capability.
fn path() -> Vec<u8> {
    attribute(0x40, 2, &[2, 1, 0xfc, 0])
}

fn next_hop() -> Vec<u8> {
    attribute(0x40, 3, &[192, 0, 2, 254])
}

/// 198.51.100.0/24 by MP_REACH_NLRI.
fn mp_reach() -> Vec<u8> {
    attribute(0x80, 14, &[0, 1, 1, 4, 192, 0, 2, 254, 0, 24, 198, 51, 100])
}

/// A good UPDATE with one more attribute.
fn with(more: Vec<u8>) -> Vec<u8> {
    update(&[origin(), path(), next_hop(), more], PREFIX)
}

fn case(name: &'static str, when: When, bytes: Vec<u8>, effect: Effect) -> Case {
    Case {
        name,
        when,
        bytes,
        effect,
    }
}
