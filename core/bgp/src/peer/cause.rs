use alloc::format;
use alloc::string::String;

use crate::wire::{CeaseSubcode, ErrorCode, Notification};

/// Why something ends: what the peer is told, and what we tell of it.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(super) notification: Option<Notification>,
    pub(super) words: String,
    /// The peer said that no routes may be kept (RFC 8538 section 4).
    pub(super) hard: bool,
    /// The peer was shut down by its operator, and is not expected back soon.
    pub(super) shuts_down: bool,
}

impl Cause {
    pub(crate) fn words(words: impl Into<String>) -> Self {
        Self {
            notification: None,
            words: words.into(),
            hard: false,
            shuts_down: false,
        }
    }

    pub(crate) fn cease(subcode: CeaseSubcode, words: &str) -> Self {
        Self {
            notification: Some(Notification::cease(subcode)),
            words: words.into(),
            hard: false,
            shuts_down: false,
        }
    }

    /// Cease/Administrative Shutdown, with words for the other operator (RFC 9003).
    pub(crate) fn shutdown(message: &str) -> Self {
        let subcode = CeaseSubcode::AdministrativeShutdown;
        Self::answer(Notification::shutdown(subcode, message), "shut down")
    }

    pub(super) fn answer(notification: Notification, words: impl Into<String>) -> Self {
        Self {
            notification: Some(notification),
            words: words.into(),
            hard: false,
            shuts_down: false,
        }
    }

    pub(super) fn received(notification: &Notification) -> Self {
        let inside = notification.inside();
        let said = inside.as_ref().unwrap_or(notification);
        Self {
            notification: None,
            words: format!("received NOTIFICATION: {notification}"),
            hard: notification.is_hard_reset(),
            shuts_down: said.error == ErrorCode::Cease(CeaseSubcode::AdministrativeShutdown),
        }
    }
}
