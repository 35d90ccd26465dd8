use alloc::vec::Vec;

use super::codec::{HEADER_LENGTH, MARKER};
use super::{
    DecodeError, Dialect, EncodeError, MessageType, Notification, Open, RawUpdate, RouteRefresh,
};

/// One message (RFC 4271 section 4, RFC 2918).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Opens a session.
    Open(Open),
    /// Routes; to be read through [`RawUpdate::treat`].
    Update(RawUpdate),
    /// Ends a session.
    Notification(Notification),
    /// Restarts the hold timer.
    Keepalive,
    /// Asks for routes again, or marks begin and end of the answer.
    RouteRefresh(RouteRefresh),
}

impl Message {
    /// The type in the header.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        match self {
            Self::Open(_) => MessageType::Open,
            Self::Update(_) => MessageType::Update,
            Self::Notification(_) => MessageType::Notification,
            Self::Keepalive => MessageType::Keepalive,
            Self::RouteRefresh(_) => MessageType::RouteRefresh,
        }
    }

    /// Appends the message, header included.
    ///
    /// # Errors
    /// The message does not fit the session's limit, or a field its length octets; `out` is then as it was.
    pub fn encode(&self, dialect: &Dialect, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        let written = self.write(dialect, out);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Reads what follows the header.
    pub(super) fn decode_body(
        message_type: MessageType,
        body: &[u8],
        dialect: &Dialect,
    ) -> Result<Self, DecodeError> {
        Ok(match message_type {
            MessageType::Open => Self::Open(Open::decode(body)?),
            MessageType::Update => Self::Update(RawUpdate::decode(body, dialect)?),
            MessageType::Notification => Self::Notification(Notification::decode(body)?),
            MessageType::Keepalive => Self::Keepalive,
            MessageType::RouteRefresh => Self::RouteRefresh(RouteRefresh::decode(body, dialect)?),
        })
    }

    fn write(&self, dialect: &Dialect, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        let limit = self.message_type().limit(dialect);
        out.extend_from_slice(&MARKER);
        out.extend_from_slice(&[0, 0, self.message_type().code()]);
        match self {
            Self::Open(open) => open.encode(out)?,
            Self::Update(update) => update.encode(dialect, out)?,
            Self::Notification(notification) => notification.encode(limit, out),
            Self::Keepalive => {}
            Self::RouteRefresh(refresh) => refresh.encode(out),
        }
        let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
        // The OPEN's own limit keeps the length octets honest: nothing longer than `limit` leaves.
        if out.len() - start > usize::from(limit) {
            return Err(EncodeError::TooLong { limit });
        }
        patch(out, start + HEADER_LENGTH - 3, length);
        Ok(())
    }
}

/// Overwrites two octets that were left open for a length.
pub(super) fn patch(out: &mut [u8], position: usize, length: u16) {
    if let Some(field) = out.get_mut(position..position + 2) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}
