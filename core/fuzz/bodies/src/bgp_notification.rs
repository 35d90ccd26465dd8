//! A NOTIFICATION, and the words in it, which users are shown.

use bgp::wire::{Decoder, Message, MessageType};

use crate::bgp_message::{framed, read};
use crate::script::Script;

/// What is shown has no control characters, whatever the other operator wrote.
pub fn run(octets: &[u8]) {
    let mut script = Script::new(octets);
    let dialect = script.dialect();
    let Some(message) = framed(MessageType::Notification, script.rest()) else {
        return;
    };
    read(&message, &dialect);
    let decoded = Decoder::new().decode(&mut &*message, &dialect);
    if let Ok(Some(Message::Notification(notification))) = decoded {
        let shown = notification.to_string();
        assert!(!shown.is_empty() && !shown.chars().any(char::is_control));
        let words = notification.shutdown_communication().unwrap_or_default();
        assert!(words.len() <= 3 * 255 && !words.chars().any(char::is_control));
    }
}
