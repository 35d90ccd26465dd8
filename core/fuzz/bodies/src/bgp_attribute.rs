//! One path attribute, in an UPDATE that is good but for it.

use bgp::FamilySet;
use bgp::wire::{AsnWidth, Dialect, MessageType};

use crate::bgp_update::treat;
use crate::script::Script;

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
const OLD_AS_PATH: &[u8] = &[0x40, 2, 4, 2, 1, 0xfd, 0xe9];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
const PREFIX: &[u8] = &[24, 198, 51, 100];

/// Whatever the attribute holds, the prefix that the UPDATE names is announced or withdrawn, or the session ends.
pub fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let dialect = Dialect {
        families: FamilySet::BOTH,
        ..script.dialect()
    };
    let (flags, code) = (script.u8() & 0xef, script.u8());
    let value = script.octets();
    let path = match dialect.asn_width {
        AsnWidth::Two => OLD_AS_PATH,
        AsnWidth::Four => AS_PATH,
    };
    let others = [ORIGIN, path, NEXT_HOP].into_iter();
    let others = others.filter(|other| other[1] != code).flatten();
    let mut attributes: Vec<u8> = others.copied().collect();
    attributes.extend_from_slice(&[flags, code, u8::try_from(value.len()).unwrap()]);
    attributes.extend_from_slice(value);

    let mut body = vec![0, 0];
    body.extend_from_slice(&u16::try_from(attributes.len()).unwrap().to_be_bytes());
    body.extend_from_slice(&attributes);
    body.extend_from_slice(PREFIX);
    let message = crate::bgp_message::framed(MessageType::Update, &body).unwrap();
    let Some(update) = treat(&message, &dialect) else {
        return;
    };
    let prefix = "198.51.100.0/24".parse().unwrap();
    let announced = update.announced.iter();
    let announced = announced
        .flat_map(|reach| &reach.prefixes)
        .any(|p| *p == prefix);
    assert!(announced || update.withdrawn.contains(&prefix));
}
