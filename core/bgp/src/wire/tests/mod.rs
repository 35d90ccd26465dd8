#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names only what it expects"
)]

mod differential;
mod extended;
mod framing;
mod open;
mod rfc7606;
mod robustness;
mod round_trip;
mod writer;

use alloc::vec::Vec;

use super::codec::header;
use super::{DecodeError, Decoder, Dialect, Message, MessageType};

/// The octets of a message.
fn encode(message: &Message, dialect: &Dialect) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(dialect, &mut out).unwrap();
    out
}

/// All messages in these octets, which must end where a message ends.
fn decode_all(mut octets: &[u8], dialect: &Dialect) -> Result<Vec<Message>, DecodeError> {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    while let Some(message) = decoder.decode(&mut octets, dialect)? {
        messages.push(message);
    }
    assert_eq!(
        (decoder.buffered(), octets.len()),
        (0, 0),
        "something is left over"
    );
    Ok(messages)
}

/// A message with this body, whatever it holds.
fn framed(message_type: MessageType, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).unwrap();
    let mut octets = header(message_type, length).to_vec();
    octets.extend_from_slice(body);
    octets
}
