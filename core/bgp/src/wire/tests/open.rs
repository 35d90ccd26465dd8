use alloc::vec::Vec;

use super::{decode_all, encode, framed};
use crate::params::{Asn, BgpIdentifier, Family, HoldTime};
use crate::wire::capability::{Capability, ExtendedNextHop, UnknownCapability};
use crate::wire::generator::DIALECT;
use crate::wire::{
    CapabilityCode, DecodeError, ErrorCode, Message, MessageType, Open, OpenSubcode,
};

const GOOD: [u8; 10] = [4, 0xfd, 0xe9, 0, 90, 10, 0, 0, 1, 0];

fn decode(body: &[u8]) -> Result<Open, DecodeError> {
    match decode_all(&framed(MessageType::Open, body), &DIALECT)?.pop() {
        Some(Message::Open(open)) => Ok(open),
        other => panic!("{other:?}"),
    }
}

fn with(position: usize, octets: &[u8]) -> Vec<u8> {
    let mut body = GOOD.to_vec();
    body.splice(position..position + octets.len(), octets.iter().copied());
    body
}

/// The body with these optional parameters in the classic form.
fn with_parameters(parameters: &[u8]) -> Vec<u8> {
    let mut body = GOOD.to_vec();
    body[9] = u8::try_from(parameters.len()).unwrap();
    body.extend_from_slice(parameters);
    body
}

#[test]
fn says_what_is_wrong_with_the_right_code() {
    let cases = [
        (
            with(0, &[3]),
            OpenSubcode::UnsupportedVersionNumber,
            &[0, 4][..],
        ),
        (with(1, &[0, 0]), OpenSubcode::BadPeerAs, &[]),
        (with(3, &[0, 1]), OpenSubcode::UnacceptableHoldTime, &[]),
        (with(3, &[0, 2]), OpenSubcode::UnacceptableHoldTime, &[]),
        (with(5, &[0, 0, 0, 0]), OpenSubcode::BadBgpIdentifier, &[]),
        (with(9, &[1]), OpenSubcode::Unspecific, &[]),
        ([&GOOD[..], &[2, 0]].concat(), OpenSubcode::Unspecific, &[]),
        (
            with_parameters(&[1, 0]),
            OpenSubcode::UnsupportedOptionalParameter,
            &[],
        ),
        (with_parameters(&[2, 1]), OpenSubcode::Unspecific, &[]),
        (with_parameters(&[2, 1, 65]), OpenSubcode::Unspecific, &[]),
        (
            with_parameters(&[2, 2, 65, 4]),
            OpenSubcode::Unspecific,
            &[],
        ),
        (
            with_parameters(&[2, 6, 65, 4, 0, 0, 0, 0]),
            OpenSubcode::BadPeerAs,
            &[],
        ),
    ];
    for (body, subcode, data) in cases {
        let notification = decode(&body).unwrap_err().to_notification();
        assert_eq!(notification.error, ErrorCode::Open(subcode), "{body:?}");
        assert_eq!(notification.data(), data, "{body:?}");
    }
}

#[test]
fn takes_an_open_without_parameters() {
    let open = decode(&GOOD).unwrap();
    assert_eq!(open.asn(), Asn(65001));
    assert_eq!(open.hold_time, HoldTime::DEFAULT);
    assert_eq!(open.capabilities, []);
}

#[test]
fn takes_the_as_from_the_capability() {
    let identifier = BgpIdentifier::new(1).unwrap();
    let open = Open::new(
        Asn(4_200_000_000),
        HoldTime::DEFAULT,
        identifier,
        Vec::new(),
    );
    assert_eq!(open.asn_field, 23456);
    assert_eq!(open.asn(), Asn(4_200_000_000));
}

/// Several parameters of one capability each, FQDN with domain among them, as FRR 8 sends them.
#[test]
fn takes_the_open_of_an_frr_that_has_a_domain_name() {
    let mut parameters = Vec::from([
        2, 6, 1, 4, 0, 1, 0, 1, 2, 2, 128, 0, 2, 2, 2, 0, 2, 2, 70, 0,
    ]);
    parameters.extend_from_slice(&[2, 6, 65, 4, 0, 0, 0xfd, 0xe9, 2, 2, 6, 0]);
    parameters.extend_from_slice(&[2, 16, 73, 14, 3, b't', b'o', b'r', 9]);
    parameters.extend_from_slice(b"lab.local");
    parameters.extend_from_slice(&[2, 4, 64, 2, 0x40, 120]);
    let open = decode(&with_parameters(&parameters)).unwrap();
    assert!(
        open.capabilities
            .contains(&Capability::Multiprotocol(Family::IPV4_UNICAST))
    );
    assert!(open.capabilities.contains(&Capability::RouteRefresh));
    let fqdn = UnknownCapability::new(CapabilityCode::FQDN, b"\x03tor\x09lab.local");
    assert!(open.capabilities.contains(&Capability::Unknown(fqdn)));
    assert_eq!(open.asn(), Asn(65001));
}

#[test]
fn a_capability_with_a_wrong_length_counts_as_not_sent() {
    let open = decode(&with_parameters(&[2, 5, 1, 3, 0, 1, 1])).unwrap();
    let [Capability::Unknown(unknown)] = &open.capabilities[..] else {
        panic!("{:?}", open.capabilities);
    };
    assert_eq!(
        (unknown.code(), unknown.value()),
        (CapabilityCode::MULTIPROTOCOL, &[0, 1, 1][..])
    );
}

/// RFC 5492 section 3 leaves a capability that cannot be read to its own RFC; none of ours asks for an end of the session.
#[test]
fn no_capability_of_a_wrong_length_hurts() {
    for (code, legal) in [(1, 4), (2, 0), (5, 6), (6, 0), (65, 4)] {
        for length in 0..=20_u8 {
            let value = std::vec![1; usize::from(length)];
            let parameters = [&[2, length + 2, code, length], &value[..]].concat();
            let open = decode(&with_parameters(&parameters)).unwrap();
            let known = !matches!(open.capabilities[..], [Capability::Unknown(_)]);
            // Of RFC 8950 there may be any number of rules, also none.
            let expected = length == legal || (code == 5 && length % 6 == 0);
            assert_eq!(known, expected, "capability {code} of {length} octets");
        }
    }
}

/// RFC 5492 section 4: several of one capability are legal, in one parameter or in many; of numbers the first counts.
#[test]
fn capabilities_may_come_twice() {
    let twice = [65, 4, 0, 0, 0xfd, 0xe9, 65, 4, 0, 0, 0xfd, 0xea];
    let together = [&[2, 12], &twice[..]].concat();
    let apart = [&[2, 6], &twice[..6], &[2, 6], &twice[6..]].concat();
    for parameters in [together, apart] {
        let open = decode(&with_parameters(&parameters)).unwrap();
        assert_eq!((open.asn(), open.capabilities.len()), (Asn(65001), 2));
    }
}

/// RFC 9072 section 2: any of the two forms, parameters of any size, and nothing behind them.
#[test]
fn extended_parameters_must_fit_their_lengths() {
    let with_extended = |parameters: &[u8]| {
        let mut body = GOOD.to_vec();
        body[9] = 255;
        body.extend_from_slice(parameters);
        decode(&body)
    };
    assert!(with_extended(&[255, 0, 5, 2, 0, 2, 2, 0]).is_ok());
    assert!(with_extended(&[255, 0, 0]).is_ok());
    for (what, parameters) in [
        ("too long", &[255, 0, 6, 2, 0, 2, 2, 0][..]),
        ("too short", &[255, 0, 4, 2, 0, 2, 2, 0]),
        ("no length", &[255]),
        ("half a length", &[255, 0]),
        ("a parameter too long", &[255, 0, 5, 2, 0, 3, 2, 0]),
        ("half a parameter length", &[255, 0, 2, 2, 0]),
        ("a capability too long", &[255, 0, 5, 2, 0, 2, 2, 1]),
    ] {
        assert_eq!(
            with_extended(parameters),
            Err(DecodeError::MalformedOpen),
            "{what}"
        );
    }
}

#[test]
fn takes_the_numbers_at_the_edges() {
    assert_eq!(decode(&with(1, &[255, 255])).unwrap().asn(), Asn(65535));
    assert_eq!(decode(&with(3, &[0, 3])).unwrap().hold_time.seconds(), 3);
    assert_eq!(decode(&with(3, &[0, 0])).unwrap().hold_time.seconds(), 0);
    assert_eq!(
        decode(&with(5, &[255; 4])).unwrap().identifier.bits(),
        u32::MAX
    );
    for version in [0, 1, 2, 3, 5, 255] {
        let refused = Err(DecodeError::UnsupportedVersion(version));
        assert_eq!(decode(&with(0, &[version])), refused);
    }
}

#[test]
fn reads_the_extended_form_whatever_the_old_length_says() {
    let mut body = GOOD.to_vec();
    body[9] = 3;
    body.extend_from_slice(&[255, 0, 9, 2, 0, 6, 65, 4, 0, 1, 0, 0]);
    assert_eq!(decode(&body).unwrap().asn(), Asn(65536));
}

#[test]
fn writes_the_extended_form_only_when_it_must() {
    for (value, extended) in [(251, false), (252, true)] {
        let capability = UnknownCapability::new(CapabilityCode(200), &std::vec![0; value]);
        let open = Open {
            capabilities: Vec::from([Capability::Unknown(capability)]),
            ..decode(&GOOD).unwrap()
        };
        let octets = encode(&Message::Open(open.clone()), &DIALECT);
        assert_eq!(octets[19 + 10] == 255, extended);
        assert_eq!(
            decode_all(&octets, &DIALECT),
            Ok(Vec::from([Message::Open(open)]))
        );
    }
}

#[test]
fn finds_out_whether_ipv4_may_go_over_ipv6() {
    let open = decode(&with_parameters(&[2, 8, 5, 6, 0, 1, 0, 1, 0, 2])).unwrap();
    let expected = Capability::ExtendedNextHop(ExtendedNextHop::ipv4_over_ipv6());
    assert_eq!(open.capabilities, [expected]);
    assert!(ExtendedNextHop::ipv4_over_ipv6().allows_ipv4_over_ipv6());
    assert!(!ExtendedNextHop::default().allows_ipv4_over_ipv6());
}
