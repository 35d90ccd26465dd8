//! RFC 7606: every attribute with every defect in every kind of session, and what must come of it.
//!
//! Each case goes through the codec and through a whole `Speaker`, which must come to the same; where the session may
//! stay, it is seen to be alive afterwards.

mod attributes;
mod defect;
mod details;
mod messages;
mod session;
mod values;

use alloc::vec::Vec;

use super::{decode_all, framed};
use crate::wire::generator::DIALECT;
use crate::wire::{Action, AsnWidth, DecodeError, Dialect, Message, MessageType, PeerType, Update};

const EXTERNAL: Dialect = Dialect {
    peer_type: PeerType::External,
    ..DIALECT
};
const OLD: Dialect = Dialect {
    asn_width: AsnWidth::Two,
    ..DIALECT
};
const OLD_EXTERNAL: Dialect = Dialect {
    peer_type: PeerType::External,
    ..OLD
};

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
const OLD_AS_PATH: &[u8] = &[0x40, 2, 4, 2, 1, 0xfd, 0xe9];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
/// 198.51.100.0/24, of which each case tells what becomes of it.
const PREFIX: &[u8] = &[24, 198, 51, 100];
const REACH: &[u8] = &[
    0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0x20, 1, 0xd, 0xb8,
];
const UNREACH: &[u8] = &[0, 2, 1, 32, 0x20, 1, 0xd, 0xb8];

fn attribute(flags: u8, code: u8, value: &[u8]) -> Vec<u8> {
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

/// The body of an UPDATE that announces [`PREFIX`], in which these octets take the place of the attribute `code`.
fn body_with(code: u8, octets: &[u8], dialect: &Dialect) -> Vec<u8> {
    let attributes = [&mandatory(Some(code), dialect), octets].concat();
    body(&[], &attributes, PREFIX)
}

/// An UPDATE of one prefix in which these attributes take the place of the one with their code.
fn update_with(attributes: &[u8], dialect: &Dialect) -> Result<Update, DecodeError> {
    receive(&body_with(attributes[1], attributes, dialect), dialect)
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

/// What codec and speaker make of the body, which must be the same.
fn verdict(body: &[u8], dialect: &Dialect) -> char {
    let decoded = outcome(receive(body, dialect));
    let lived = session::outcome(body, dialect);
    assert_eq!(decoded, lived, "codec and speaker: {body:?}");
    decoded
}
