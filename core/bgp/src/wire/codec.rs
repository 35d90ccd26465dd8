use alloc::vec::Vec;

use super::{DecodeError, Dialect, Message, MessageType};

/// Octets of a header (RFC 4271 section 4.1).
pub(super) const HEADER_LENGTH: usize = 19;
/// All ones (RFC 4271 section 4.1).
pub(super) const MARKER: [u8; 16] = [0xff; 16];

/// Cuts the stream of one TCP connection into messages.
///
/// Keeps at most the part of one message that has not come yet; a message that lies whole in the input is decoded from
/// there. After an error the connection is lost: nothing more comes out.
#[derive(Debug, Default)]
pub struct Decoder {
    partial: Vec<u8>,
    failed: bool,
}

impl Decoder {
    /// For a new connection.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            partial: Vec::new(),
            failed: false,
        }
    }

    /// Takes the next message off the front of `input`. Nothing: all input was taken, and more is needed.
    ///
    /// The dialect counts from the next message on: it changes after the OPENs were compared.
    ///
    /// # Errors
    /// What came is no message; the connection is to be closed with [`DecodeError::to_notification`].
    pub fn decode(
        &mut self,
        input: &mut &[u8],
        dialect: &Dialect,
    ) -> Result<Option<Message>, DecodeError> {
        if self.failed {
            *input = &[];
            return Ok(None);
        }
        let message = self.next_message(input, dialect);
        self.failed = message.is_err();
        message
    }

    /// Octets of a message that has not come whole; at most the session's longest message.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.partial.len()
    }

    fn next_message(
        &mut self,
        input: &mut &[u8],
        dialect: &Dialect,
    ) -> Result<Option<Message>, DecodeError> {
        if self.partial.is_empty() {
            // The fast path: nothing is copied when the message is whole.
            if let Some(header) = Header::decode(input, dialect)?
                && let Some((message, rest)) = input.split_at_checked(header.length)
            {
                *input = rest;
                return header.decode_body(message, dialect).map(Some);
            }
        }
        if !self.fill(HEADER_LENGTH, input) {
            return Ok(None);
        }
        let Some(header) = Header::decode(&self.partial, dialect)? else {
            return Ok(None);
        };
        if !self.fill(header.length, input) {
            return Ok(None);
        }
        let message = header.decode_body(&self.partial, dialect);
        self.partial.clear();
        message.map(Some)
    }

    /// Moves input until `octets` are there; whether they are.
    fn fill(&mut self, octets: usize, input: &mut &[u8]) -> bool {
        let missing = octets.saturating_sub(self.partial.len());
        let (taken, rest) = input.split_at_checked(missing).unwrap_or((*input, &[]));
        self.partial.extend_from_slice(taken);
        *input = rest;
        self.partial.len() >= octets
    }
}

/// A header for a message of this length in octets.
pub(super) fn header(message_type: MessageType, length: u16) -> [u8; HEADER_LENGTH] {
    let mut header = [0xff; HEADER_LENGTH];
    let [high, low] = length.to_be_bytes();
    if let Some(fields) = header.last_chunk_mut() {
        *fields = [high, low, message_type.code()];
    }
    header
}

struct Header {
    message_type: MessageType,
    length: usize,
}

impl Header {
    /// Nothing when the header has not come whole. The marker is looked at first, then the length, then the type, as in
    /// RFC 4271 section 6.1.
    fn decode(bytes: &[u8], dialect: &Dialect) -> Result<Option<Self>, DecodeError> {
        let Some((marker, [high, low, code, ..])) = bytes.split_first_chunk::<16>() else {
            return Ok(None);
        };
        if *marker != MARKER {
            return Err(DecodeError::ConnectionNotSynchronized);
        }
        let length = u16::from_be_bytes([*high, *low]);
        if usize::from(length) < HEADER_LENGTH || length > dialect.max_message_length {
            return Err(DecodeError::BadMessageLength(length));
        }
        let message_type =
            MessageType::from_code(*code).ok_or(DecodeError::BadMessageType(*code))?;
        match message_type.allows(length, dialect) {
            true => Ok(Some(Self {
                message_type,
                length: usize::from(length),
            })),
            false => Err(DecodeError::BadMessageLength(length)),
        }
    }

    fn decode_body(&self, message: &[u8], dialect: &Dialect) -> Result<Message, DecodeError> {
        let body = message.get(HEADER_LENGTH..).unwrap_or_default();
        Message::decode_body(self.message_type, body, dialect)
    }
}

impl MessageType {
    /// Longest message of this type in octets: extended messages do not change OPEN and KEEPALIVE (RFC 8654 section 3).
    pub(super) fn limit(self, dialect: &Dialect) -> u16 {
        match self {
            Self::Open => Dialect::STANDARD_LENGTH,
            Self::Keepalive => 19,
            Self::Update | Self::Notification | Self::RouteRefresh => dialect.max_message_length,
        }
    }

    /// Whether a message of this type can have this length; that of ROUTE-REFRESH has an error of its own.
    fn allows(self, length: u16, dialect: &Dialect) -> bool {
        let least = match self {
            Self::Open => 29,
            Self::Update => 23,
            Self::Notification => 21,
            Self::Keepalive | Self::RouteRefresh => 19,
        };
        (least..=self.limit(dialect)).contains(&length)
    }
}
