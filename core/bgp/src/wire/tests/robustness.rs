use alloc::vec::Vec;

use proptest::prelude::*;

use super::{encode, framed};
use crate::params::FamilySet;
use crate::wire::generator::{self, DIALECT};
use crate::wire::{
    AsnWidth, DecodeError, Decoder, Dialect, ErrorCode, Message, MessageType, PeerType,
};

/// Decodes and treats all there is; what leaves as an error must be a NOTIFICATION that can be sent.
fn survive(octets: &[u8], dialect: &Dialect) {
    let mut input = octets;
    let mut decoder = Decoder::new();
    let error = loop {
        match decoder.decode(&mut input, dialect) {
            Ok(Some(Message::Update(update))) => match update.treat(dialect) {
                Ok(update) => {
                    let reach = update.announced.iter();
                    assert!(reach.into_iter().all(|reach| {
                        !reach.prefixes.is_empty() && dialect.families.contains(reach.family)
                    }));
                }
                Err(error) => break error,
            },
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => break error,
        }
    };
    legal(&error);
}

fn legal(error: &DecodeError) {
    let notification = error.to_notification();
    assert!(
        !matches!(notification.error, ErrorCode::Unknown { .. }),
        "{error:?}"
    );
    let octets = encode(&Message::Notification(notification), &DIALECT);
    assert!(octets.len() <= 4096);
}

fn dialect() -> impl Strategy<Value = Dialect> {
    let families = prop_oneof![
        Just(FamilySet::NONE),
        Just(FamilySet::IPV4),
        Just(FamilySet::IPV6),
        Just(FamilySet::BOTH)
    ];
    let length = prop_oneof![
        Just(Dialect::STANDARD_LENGTH),
        Just(Dialect::EXTENDED_LENGTH)
    ];
    (any::<[bool; 4]>(), families, length).prop_map(
        |([internal, wide, extended, marks], families, max)| Dialect {
            peer_type: if internal {
                PeerType::Internal
            } else {
                PeerType::External
            },
            asn_width: if wide { AsnWidth::Four } else { AsnWidth::Two },
            families,
            extended_next_hop: extended,
            enhanced_route_refresh: marks,
            max_message_length: max,
        },
    )
}

fn message_type() -> impl Strategy<Value = MessageType> {
    (1..=5u8).prop_map(|code| MessageType::from_code(code).unwrap())
}

/// Octets that often look like attributes: a few flags, known codes, small lengths.
fn almost_attributes() -> impl Strategy<Value = Vec<u8>> {
    let flags = prop_oneof![
        Just(0x40u8),
        Just(0x80),
        Just(0xc0),
        Just(0xd0),
        any::<u8>()
    ];
    let code = prop_oneof![0..20u8, Just(32u8), any::<u8>()];
    let value = prop::collection::vec(prop_oneof![0..5u8, any::<u8>()], 0..40);
    let attribute = (flags, code, 0..3u8, value).prop_map(|(flags, code, skew, value)| {
        let length = u8::try_from(value.len()).unwrap() + skew / 2;
        [&[flags & 0xef, code, length], value.as_slice()].concat()
    });
    prop::collection::vec(attribute, 0..10).prop_map(|attributes| attributes.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn survives_any_octets(
        octets in prop::collection::vec(any::<u8>(), 0..600), dialect in dialect()
    ) {
        survive(&octets, &dialect);
    }

    #[test]
    fn survives_any_body(
        message_type in message_type(),
        body in prop::collection::vec(any::<u8>(), 0..600),
        dialect in dialect(),
    ) {
        survive(&framed(message_type, &body), &dialect);
    }

    #[test]
    fn survives_what_looks_like_an_update(
        attributes in almost_attributes(),
        prefixes in prop::collection::vec(0..33u8, 0..30),
        dialect in dialect(),
    ) {
        let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
        let body = [&[0, 0], &length[..], &attributes, &prefixes].concat();
        survive(&framed(MessageType::Update, &body), &dialect);
    }

    #[test]
    fn survives_messages_with_octets_changed(
        message in generator::message(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        dialect in dialect(),
    ) {
        let mut octets = encode(&message, &DIALECT);
        // The header stays whole, so that the change reaches the body.
        if octets.len() > 19 {
            for (position, octet) in changes {
                let body = octets.len() - 19;
                octets[19 + position.index(body)] = octet;
            }
        }
        survive(&octets, &dialect);
    }

    #[test]
    fn survives_messages_that_are_cut(
        message in generator::message(), end in any::<prop::sample::Index>(), dialect in dialect()
    ) {
        let octets = encode(&message, &DIALECT);
        let body = &octets[19..];
        survive(&framed(message.message_type(), &body[..end.index(body.len() + 1)]), &dialect);
    }
}

#[test]
fn a_notification_about_the_longest_attribute_fits() {
    legal(&DecodeError::OptionalAttribute(std::vec![0; 65535]));
    legal(&DecodeError::UnrecognizedWellKnown(std::vec![0; 65535]));
    legal(&DecodeError::InvalidRouteRefreshLength(std::vec![0; 65535]));
}
