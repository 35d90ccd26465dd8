//! What ends a session, and with which words: headers (RFC 4271 section 6.1), sections and prefixes (RFC 7606 sections 3
//! and 5.3), messages that may not come now (RFC 6608).

use alloc::vec::Vec;

use super::session::answer;
use super::{DIALECT, EXTERNAL, body, framed, mandatory};
use crate::wire::{
    Dialect, ErrorCode, FsmSubcode, HeaderSubcode, MessageType, RouteRefreshSubcode, UpdateSubcode,
};

fn update(body: &[u8]) -> Option<ErrorCode> {
    answer(&framed(MessageType::Update, body), &DIALECT)
}

fn all_end_with(subcode: UpdateSubcode, bodies: &[(&str, Vec<u8>)]) {
    for (what, body) in bodies {
        assert_eq!(update(body), Some(ErrorCode::Update(subcode)), "{what}");
    }
}

#[test]
fn prefixes_that_do_not_fit_reset_the_session() {
    let announced = |prefix: &[u8]| body(&[], &mandatory(None, &DIALECT), prefix);
    all_end_with(
        UpdateSubcode::InvalidNetworkField,
        &[
            ("33 bits withdrawn", body(&[33, 1, 2, 3, 4, 5], &[], &[])),
            ("a cut prefix withdrawn", body(&[24, 1, 2], &[], &[])),
            ("33 bits", announced(&[33, 1, 2, 3, 4, 5])),
            ("128 bits", announced(&[128; 17])),
            ("255 bits", announced(&[255; 33])),
            ("a cut prefix", announced(&[24, 1, 2])),
            ("an octet behind the prefixes", announced(&[8, 10, 9])),
        ],
    );
}

#[test]
fn sections_that_do_not_fit_reset_the_session() {
    all_end_with(
        UpdateSubcode::MalformedAttributeList,
        &[
            ("a withdrawn length too long", [0, 1, 0, 0].to_vec()),
            ("an attribute length too long", [0, 0, 0, 1].to_vec()),
            ("the longest length", [0xff, 0xff, 0, 0].to_vec()),
            ("both lengths too long", [0xff; 4].to_vec()),
            ("no second length", [0, 2, 8, 10].to_vec()),
        ],
    );
}

#[test]
fn prefixes_of_any_legal_length_pass() {
    let good = mandatory(None, &DIALECT);
    for bits in 0..=32_u8 {
        let prefix = [&[bits][..], &[10; 4][..usize::from(bits.div_ceil(8))]].concat();
        assert_eq!(update(&body(&prefix, &good, &prefix)), None, "{bits} bits");
    }
}

/// A message with a header of its own.
fn with_header(marker: u8, length: u16, code: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    [&[marker; 16], &[high, low, code][..], body].concat()
}

#[test]
fn a_wrong_header_resets_the_session() {
    use HeaderSubcode::{BadMessageLength, BadMessageType, ConnectionNotSynchronized};
    for (what, octets, expected) in [
        (
            "a marker of zeros",
            with_header(0, 19, 4, &[]),
            ConnectionNotSynchronized,
        ),
        (
            "a wrong marker and type",
            with_header(0xfe, 19, 77, &[]),
            ConnectionNotSynchronized,
        ),
        ("no length", with_header(0xff, 0, 4, &[]), BadMessageLength),
        (
            "less than a header",
            with_header(0xff, 18, 4, &[]),
            BadMessageLength,
        ),
        (
            "more than any message",
            with_header(0xff, 4097, 2, &[]),
            BadMessageLength,
        ),
        (
            "more than that",
            with_header(0xff, 0xffff, 2, &[]),
            BadMessageLength,
        ),
        (
            "a KEEPALIVE with a body",
            with_header(0xff, 20, 4, &[0]),
            BadMessageLength,
        ),
        (
            "a short UPDATE",
            with_header(0xff, 22, 2, &[0; 3]),
            BadMessageLength,
        ),
        (
            "a short NOTIFICATION",
            with_header(0xff, 20, 3, &[6]),
            BadMessageLength,
        ),
        (
            "a short OPEN",
            with_header(0xff, 28, 1, &[4; 9]),
            BadMessageLength,
        ),
        ("type 0", with_header(0xff, 19, 0, &[]), BadMessageType),
        ("type 6", with_header(0xff, 19, 6, &[]), BadMessageType),
        ("type 255", with_header(0xff, 19, 255, &[]), BadMessageType),
    ] {
        let expected = Some(ErrorCode::MessageHeader(expected));
        assert_eq!(answer(&octets, &EXTERNAL), expected, "{what}");
    }
}

#[test]
fn a_message_of_another_state_resets_the_session() {
    let open = framed(MessageType::Open, &[4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1, 0]);
    // Refused for its content before the state counts: it is not the AS that was configured.
    let refused = Some(ErrorCode::Open(crate::wire::OpenSubcode::BadPeerAs));
    assert_eq!(answer(&open, &EXTERNAL), refused);
    let open = framed(MessageType::Open, &[4, 0xfc, 0x01, 0, 90, 10, 0, 0, 1, 0]);
    let unexpected = FsmSubcode::UnexpectedMessageInEstablished;
    let unexpected = Some(ErrorCode::FiniteStateMachine(unexpected));
    assert_eq!(answer(&open, &EXTERNAL), unexpected);
}

/// Families that nobody agreed on are no error, wrong lengths are: a mark's of RFC 7313 section 5, any other's of RFC 4271
/// section 6.1.
#[test]
fn route_refreshes() {
    let [marks, plain] = [true, false].map(|enhanced_route_refresh| Dialect {
        enhanced_route_refresh,
        ..DIALECT
    });
    let wrong_mark = ErrorCode::RouteRefresh(RouteRefreshSubcode::InvalidMessageLength);
    let wrong = ErrorCode::MessageHeader(HeaderSubcode::BadMessageLength);
    for (body, expected) in [
        (&[0, 1, 0, 1][..], None),
        (&[0, 1, 1, 1], None),
        (&[0, 25, 0, 70], None),
        (&[0, 1, 99, 1], None),
        (&[], Some(wrong)),
        (&[0, 1, 0], Some(wrong)),
        (&[0, 1, 0, 1, 0], Some(wrong)),
        (&[0, 1, 1], Some(wrong_mark)),
        (&[0, 1, 2, 1, 0], Some(wrong_mark)),
    ] {
        let octets = framed(MessageType::RouteRefresh, body);
        assert_eq!(answer(&octets, &marks), expected, "{body:?}");
    }
    let octets = framed(MessageType::RouteRefresh, &[0, 1, 1]);
    assert_eq!(answer(&octets, &plain), Some(wrong), "not agreed upon");
}
