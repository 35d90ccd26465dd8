//! The body of an UPDATE, and the treatment of RFC 7606.

use bgp::wire::{Decoder, Dialect, Message, MessageType, Update};

use crate::bgp_message::{framed, read, refuse};
use crate::script::Script;

/// What is announced is of families that were agreed upon; what cannot be treated ends the session with a NOTIFICATION
/// that can be sent.
pub fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let dialect = script.dialect();
    if let Some(message) = framed(MessageType::Update, script.rest()) {
        treat(&message, &dialect);
    }
}

/// The UPDATE, if the session survives it.
pub(crate) fn treat(message: &[u8], dialect: &Dialect) -> Option<Update> {
    read(message, dialect);
    let treated = match Decoder::new().decode(&mut &*message, dialect) {
        Ok(Some(Message::Update(update))) => update.treat(dialect),
        Ok(other) => panic!("no UPDATE: {other:?}"),
        Err(_) => return None,
    };
    match treated {
        Ok(update) => {
            assert!(update.announced.iter().all(|reach| {
                !reach.prefixes.is_empty() && dialect.families.contains(reach.family)
            }));
            Some(update)
        }
        Err(error) => {
            refuse(&error);
            None
        }
    }
}
