//! The body of an UPDATE, and the treatment of RFC 7606.

use bgp::wire::{Decoder, Message, MessageType};

use crate::{bgp_message::refuse, script::Script};

/// What is announced is of families that were agreed upon; what cannot be treated ends the session with a NOTIFICATION
/// that can be sent.
pub fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let dialect = script.dialect();
    let body = script.rest();
    let Ok(length) = u16::try_from(body.len() + 19) else {
        return;
    };
    let mut message = vec![0xff; 16];
    message.extend_from_slice(&length.to_be_bytes());
    message.push(MessageType::Update.code());
    message.extend_from_slice(body);

    let decoded = Decoder::new().decode(&mut &*message, &dialect);
    let treated = match decoded {
        Ok(Some(Message::Update(update))) => update.treat(&dialect),
        Ok(other) => panic!("no UPDATE: {other:?}"),
        Err(error) => return refuse(&error),
    };
    match treated {
        Ok(update) => assert!(update.announced.iter().all(|reach| {
            !reach.prefixes.is_empty() && dialect.families.contains(reach.family)
        })),
        Err(error) => refuse(&error),
    }
}
