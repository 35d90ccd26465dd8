use alloc::vec::Vec;

use proptest::prelude::*;

use super::{decode_all, encode, framed};
use crate::wire::generator::{self, DIALECT};
use crate::wire::{DecodeError, Decoder, Dialect, ErrorCode, HeaderSubcode, Message, MessageType};

proptest! {
    #[test]
    fn the_cuts_of_the_stream_do_not_matter(
        messages in prop::collection::vec(generator::message(), 1..4),
        sizes in prop::collection::vec(1..400usize, 1..40),
    ) {
        let octets: Vec<u8> = messages.iter().flat_map(|m| encode(m, &DIALECT)).collect();
        let mut decoder = Decoder::new();
        let mut decoded = Vec::new();
        let mut rest = octets.as_slice();
        for size in sizes.iter().cycle() {
            let (mut chunk, tail) = rest.split_at(rest.len().min(*size));
            rest = tail;
            while let Some(message) = decoder.decode(&mut chunk, &DIALECT).unwrap() {
                decoded.push(message);
            }
            prop_assert!(chunk.is_empty());
            prop_assert!(decoder.buffered() < usize::from(DIALECT.max_message_length));
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(decoded, messages);
        prop_assert_eq!(decoder.buffered(), 0);
    }
}

#[test]
fn refuses_a_broken_marker_before_anything_else() {
    let mut octets = framed(MessageType::Keepalive, &[]);
    octets[3] = 0;
    octets[18] = 99;
    assert_eq!(
        decode_all(&octets, &DIALECT),
        Err(DecodeError::ConnectionNotSynchronized)
    );
}

#[test]
fn refuses_an_unknown_type_and_returns_it() {
    let mut octets = framed(MessageType::Keepalive, &[]);
    octets[18] = 6;
    let error = decode_all(&octets, &DIALECT).unwrap_err();
    let notification = error.to_notification();
    assert_eq!(
        notification.error,
        ErrorCode::MessageHeader(HeaderSubcode::BadMessageType)
    );
    assert_eq!(notification.data(), [6]);
}

#[test]
fn refuses_lengths_that_the_type_cannot_have_and_returns_them() {
    let extended = Dialect {
        max_message_length: Dialect::EXTENDED_LENGTH,
        ..DIALECT
    };
    for (message_type, length, dialect) in [
        (MessageType::Keepalive, 0, DIALECT),
        (MessageType::Keepalive, 18, DIALECT),
        (MessageType::Keepalive, 20, DIALECT),
        (MessageType::Open, 28, DIALECT),
        (MessageType::Open, 4097, DIALECT),
        (MessageType::Open, 4097, extended),
        (MessageType::Update, 22, DIALECT),
        (MessageType::Update, 4097, DIALECT),
        (MessageType::Notification, 20, DIALECT),
        (MessageType::RouteRefresh, 4097, DIALECT),
    ] {
        let mut octets = framed(message_type, &[]);
        octets[16..18].copy_from_slice(&u16::to_be_bytes(length));
        let error = Decoder::new()
            .decode(&mut octets.as_slice(), &dialect)
            .unwrap_err();
        assert_eq!(
            error,
            DecodeError::BadMessageLength(length),
            "{message_type:?}"
        );
        assert_eq!(error.to_notification().data(), length.to_be_bytes());
    }
}

#[test]
fn takes_long_messages_only_where_they_were_agreed_on() {
    let mut body = Vec::from([0x17, 0x70]);
    body.resize(2 + 6000, 0);
    body.extend_from_slice(&[0, 0]);
    let octets = framed(MessageType::Update, &body);
    assert!(decode_all(&octets, &DIALECT).is_err());
    let extended = Dialect {
        max_message_length: Dialect::EXTENDED_LENGTH,
        ..DIALECT
    };
    let [Message::Update(update)] = &decode_all(&octets, &extended).unwrap()[..] else {
        panic!("not one UPDATE");
    };
    assert_eq!(update.withdrawn.len(), 6000);
}

#[test]
fn gives_nothing_more_after_an_error() {
    let mut decoder = Decoder::new();
    let mut bad: &[u8] = &[0; 19];
    assert!(decoder.decode(&mut bad, &DIALECT).is_err());
    let octets = framed(MessageType::Keepalive, &[]);
    let mut good = octets.as_slice();
    assert_eq!(decoder.decode(&mut good, &DIALECT), Ok(None));
    assert!(good.is_empty());
}
