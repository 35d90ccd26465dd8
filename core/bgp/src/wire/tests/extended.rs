//! Messages around 4,096 and up to 65,535 octets (RFC 8654); rustbgpd agrees.

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;
use rustbgpd_wire as other;

use super::{decode_all, encode, framed};
use crate::params::{Asn, Community, Family, Prefix};
use crate::wire::attr::{AsPath, NextHop, RouteAttributes};
use crate::wire::capability::{Capability, UnknownCapability};
use crate::wire::generator::{self, DIALECT};
use crate::wire::{
    AttributeBlock, CapabilityCode, CeaseSubcode, DecodeError, Dialect, EncodeError, ErrorCode,
    Message, MessageType, Notification, UpdateWriter,
};

const LONG: Dialect = Dialect {
    max_message_length: Dialect::EXTENDED_LENGTH,
    ..DIALECT
};

/// A message of this type and length, in octets, that can be read.
fn message_of(message_type: MessageType, length: usize) -> Vec<u8> {
    let body = length - 19;
    let body = match message_type {
        // Withdraws the default route again and again.
        MessageType::Update => {
            let withdrawn = u16::try_from(body - 4).unwrap();
            let mut octets = withdrawn.to_be_bytes().to_vec();
            octets.resize(body, 0);
            octets
        }
        _ => std::vec![6; body],
    };
    framed(message_type, &body)
}

fn accepts(octets: &[u8], dialect: &Dialect) -> bool {
    match decode_all(octets, dialect) {
        Ok(messages) => messages.len() == 1,
        Err(error) => {
            let length = u16::try_from(octets.len()).unwrap();
            assert_eq!(error, DecodeError::BadMessageLength(length));
            false
        }
    }
}

#[test]
fn each_limit_is_exact_and_rustbgpd_has_the_same() {
    use MessageType::{Notification, Update};
    for (message_type, length, standard, extended) in [
        (Update, 4096, true, true),
        (Update, 4097, false, true),
        (Update, 65535, false, true),
        (Notification, 4096, true, true),
        (Notification, 4097, false, true),
        (Notification, 65535, false, true),
    ] {
        let octets = message_of(message_type, length);
        for (dialect, accepted) in [(&DIALECT, standard), (&LONG, extended)] {
            assert_eq!(
                accepts(&octets, dialect),
                accepted,
                "{message_type:?} of {length}"
            );
            let mut theirs = Bytes::copy_from_slice(&octets);
            let read = other::decode_message(&mut theirs, dialect.max_message_length);
            assert_eq!(read.is_ok(), accepted, "{message_type:?} of {length}");
        }
    }
}

#[test]
fn an_open_stays_short_whatever_was_agreed() {
    let open = |count| {
        let capability = UnknownCapability::new(CapabilityCode(200), &[0; 255]);
        let capabilities = std::vec![Capability::Unknown(capability); count];
        let identifier = crate::params::BgpIdentifier::new(1).unwrap();
        let hold_time = crate::params::HoldTime::DEFAULT;
        Message::Open(crate::wire::Open::new(
            Asn(65001),
            hold_time,
            identifier,
            capabilities,
        ))
    };
    let mut out = Vec::new();
    assert_eq!(open(15).encode(&LONG, &mut out), Ok(()));
    let refused = EncodeError::TooLong { limit: 4096 };
    assert_eq!(open(16).encode(&LONG, &mut out), Err(refused));
    // A KEEPALIVE has one length, a ROUTE-REFRESH another, and each its own error.
    assert!(decode_all(&framed(MessageType::Keepalive, &[0; 5000]), &LONG).is_err());
    assert!(decode_all(&framed(MessageType::RouteRefresh, &[0; 5000]), &LONG).is_err());
    assert!(decode_all(&framed(MessageType::Open, &[4; 5000]), &LONG).is_err());
}

#[test]
fn a_notification_is_cut_to_what_the_peer_takes() {
    let error = ErrorCode::Cease(CeaseSubcode::OutOfResources);
    let notification = Notification::new(error, std::vec![7; 70_000]);
    let message = Message::Notification(notification);
    for (dialect, length) in [(&DIALECT, 4096), (&LONG, 65535)] {
        let octets = encode(&message, dialect);
        assert_eq!(octets.len(), length);
        let read = decode_all(&octets, dialect).unwrap();
        let [Message::Notification(read)] = &read[..] else {
            panic!("{read:?}")
        };
        assert_eq!((read.error, read.data().len()), (error, length - 21));
    }
}

#[test]
fn fills_every_long_message_to_the_last_octet() {
    let attributes = RouteAttributes {
        as_path: AsPath::sequence(&[Asn(65001)]),
        multi_exit_disc: Some(1),
        large_communities: BTreeSet::from(["1:2:3".parse().unwrap()]),
        ..RouteAttributes::default()
    };
    let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
    let block = AttributeBlock::new(Family::IPV4_UNICAST, next_hop, &attributes, &LONG).unwrap();
    // 23 octets around 42 of attributes leave room for exactly 13,094 prefixes of 5 octets.
    let (octets, count) = announce(&block, &hosts(20_000));
    assert_eq!((octets.len(), count), (65535, 13_094));
}

/// Sixteen thousand communities: more than the length octets of attributes and messages can count.
#[test]
fn refuses_attributes_that_no_message_holds() {
    let attributes = |count| RouteAttributes {
        communities: (0..count).map(Community).collect(),
        ..RouteAttributes::default()
    };
    let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
    let block = |count, dialect| {
        AttributeBlock::new(Family::IPV4_UNICAST, next_hop, &attributes(count), dialect).map(drop)
    };
    assert_eq!(block(16_300, &LONG), Ok(()));
    for count in [16_384, 20_000, 40_000] {
        let refused = EncodeError::TooLong { limit: 65535 };
        assert_eq!(block(count, &LONG), Err(refused), "{count}");
    }
    let refused = EncodeError::TooLong { limit: 4096 };
    assert_eq!(block(16_300, &DIALECT), Err(refused));
}

fn hosts(count: u32) -> Vec<Prefix> {
    (0..count)
        .map(|host| Prefix::host(core::net::Ipv4Addr::from_bits(0x0a00_0000 + host).into()))
        .collect()
}

/// One UPDATE, and how many of the prefixes went into it.
fn announce(block: &AttributeBlock, prefixes: &[Prefix]) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    let mut writer = UpdateWriter::announce(block, &mut out);
    let fitting = prefixes.iter().take_while(|each| writer.push(each)).count();
    writer.finish();
    (out, fitting)
}

/// Announced prefixes as rustbgpd reads them, and the UPDATE as it writes it again.
fn through_rustbgpd(octets: &[u8]) -> (Vec<std::string::String>, Vec<u8>) {
    let mut octets = Bytes::copy_from_slice(octets);
    let limit = other::EXTENDED_MAX_MESSAGE_LEN;
    let message = other::decode_message(&mut octets, limit).unwrap();
    let again = other::encode_message_with_limit(&message, limit).unwrap();
    let other::Message::Update(update) = message else {
        panic!("no UPDATE")
    };
    let parsed = update.parse_revised(true, true, false, &[]).unwrap();
    assert_eq!(parsed.malformed, []);
    let classic = parsed.update.announced.iter().map(|entry| entry.prefix);
    let mut prefixes: Vec<_> = classic
        .map(|prefix| std::format!("{}/{}", prefix.addr, prefix.len))
        .collect();
    for attribute in &parsed.update.attributes {
        if let other::PathAttribute::MpReachNlri(reach) = attribute {
            prefixes.extend(reach.announced.iter().map(|entry| match entry.prefix {
                other::Prefix::V4(prefix) => std::format!("{}/{}", prefix.addr, prefix.len),
                other::Prefix::V6(prefix) => std::format!("{}/{}", prefix.addr, prefix.len),
            }));
        }
    }
    (prefixes, again.to_vec())
}

fn group() -> impl Strategy<Value = (Family, NextHop, RouteAttributes, Vec<Prefix>)> {
    generator::known_family().prop_flat_map(|family| {
        (
            Just(family),
            generator::next_hop(family),
            generator::route_attributes(),
            prop::collection::vec(generator::prefix(family), 1000..12_000),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rustbgpd_reads_our_long_updates_and_we_read_its_own(
        (family, next_hop, attributes, prefixes) in group()
    ) {
        let block = AttributeBlock::new(family, next_hop, &attributes, &LONG).unwrap();
        let (octets, fitting) = announce(&block, &prefixes);
        prop_assert!(octets.len() > 4096);
        let expected: Vec<_> = prefixes[..fitting].iter().map(ToString::to_string).collect();
        let (read, again) = through_rustbgpd(&octets);
        prop_assert_eq!(read, expected);
        prop_assert_eq!(
            decode_all(&again, &LONG).unwrap(), decode_all(&octets, &LONG).unwrap()
        );
    }
}
