use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::codec::HEADER_LENGTH;
use super::reader::Reader;
use super::{CeaseSubcode, DecodeError, Dialect, ErrorCode};

/// Why a session ends (RFC 4271 section 4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Code and subcode.
    pub error: ErrorCode,
    data: Vec<u8>,
}

impl Notification {
    /// Octets of data that fit the longest message (RFC 8654).
    pub const MAX_DATA: usize = Dialect::EXTENDED_LENGTH as usize - HEADER_LENGTH - 2;

    /// A NOTIFICATION with data, cut to [`Notification::MAX_DATA`].
    #[must_use]
    pub fn new(error: ErrorCode, mut data: Vec<u8>) -> Self {
        data.truncate(Self::MAX_DATA);
        Self { error, data }
    }

    /// A Cease without words.
    #[must_use]
    pub const fn cease(subcode: CeaseSubcode) -> Self {
        Self {
            error: ErrorCode::Cease(subcode),
            data: Vec::new(),
        }
    }

    /// A Cease that tells the other operator why; at most 255 octets of the text are sent (RFC 9003).
    #[must_use]
    pub fn shutdown(subcode: CeaseSubcode, text: &str) -> Self {
        let octets = text
            .char_indices()
            .map(|(at, letter)| at + letter.len_utf8());
        let end = octets
            .take_while(|&end| end <= usize::from(u8::MAX))
            .last()
            .unwrap_or(0);
        let mut data = Vec::with_capacity(end + 1);
        data.push(u8::try_from(end).unwrap_or(u8::MAX));
        data.extend(text.bytes().take(end));
        Self {
            error: ErrorCode::Cease(subcode),
            data,
        }
    }

    /// Says the same, and that nothing may be kept over it (RFC 8538 section 3): code, subcode and data go inside.
    #[must_use]
    pub fn hard_reset(inside: &Self) -> Self {
        let mut data = Vec::new();
        inside.encode(u16::MAX, &mut data);
        Self::new(ErrorCode::Cease(CeaseSubcode::HardReset), data)
    }

    /// What a hard reset is about (RFC 8538 section 3); none without, or when it does not tell.
    #[must_use]
    pub fn inside(&self) -> Option<Self> {
        let inside = Self::decode(&self.data).ok()?;
        self.is_hard_reset().then_some(inside)
    }

    /// Whether no routes may be kept over it (RFC 8538 section 4).
    #[must_use]
    pub fn is_hard_reset(&self) -> bool {
        self.error == ErrorCode::Cease(CeaseSubcode::HardReset)
    }

    /// The data as it came.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// What the other operator wrote, when the session was shut down or reset by hand (RFC 9003). For display: octets that
    /// are no UTF-8 and control characters are replaced.
    #[must_use]
    pub fn shutdown_communication(&self) -> Option<String> {
        use CeaseSubcode::{AdministrativeReset, AdministrativeShutdown};
        let ErrorCode::Cease(AdministrativeShutdown | AdministrativeReset) = self.error else {
            return None;
        };
        let (&length, text) = self.data.split_first()?;
        let text = text.get(..usize::from(length)).unwrap_or(text);
        let text = String::from_utf8_lossy(text);
        let text: String = text
            .chars()
            .map(|c| {
                if c.is_control() {
                    char::REPLACEMENT_CHARACTER
                } else {
                    c
                }
            })
            .collect();
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let [code, subcode] = reader.array().ok_or(DecodeError::BadMessageLength(0))?;
        Ok(Self::new(
            ErrorCode::from_codes(code, subcode),
            reader.rest().to_vec(),
        ))
    }

    /// Data that does not fit the session's longest message is cut: the peer has sent it, and need not get all of it back.
    pub(super) fn encode(&self, limit: u16, out: &mut Vec<u8>) {
        let (code, subcode) = self.error.codes();
        out.extend_from_slice(&[code, subcode]);
        let room = usize::from(limit).saturating_sub(HEADER_LENGTH + 2);
        out.extend(self.data.iter().take(room));
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        if let Some(inside) = self.inside().filter(|inside| !inside.is_hard_reset()) {
            write!(f, ": {inside}")?;
        }
        match self.shutdown_communication() {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn shows_what_the_other_operator_wrote() {
        let notice = Notification::shutdown(CeaseSubcode::AdministrativeShutdown, "back at 9");
        assert_eq!(notice.data(), b"\x09back at 9");
        assert_eq!(
            notice.to_string(),
            "Cease/Administrative Shutdown (back at 9)"
        );
    }

    #[test]
    fn cuts_a_long_text_between_letters() {
        let notice = Notification::shutdown(CeaseSubcode::AdministrativeReset, &"ä".repeat(200));
        assert_eq!(notice.data().len(), 255);
        assert_eq!(notice.shutdown_communication(), Some("ä".repeat(127)));
    }

    #[test]
    fn makes_any_text_printable() {
        let error = ErrorCode::Cease(CeaseSubcode::AdministrativeShutdown);
        let notice = Notification::new(error, b"\xff\x1b[31m\xc3".to_vec());
        assert_eq!(
            notice.shutdown_communication().unwrap(),
            "\u{fffd}[31m\u{fffd}"
        );
        assert_eq!(
            Notification::new(error, [0].to_vec()).shutdown_communication(),
            None
        );
    }

    #[test]
    fn a_hard_reset_carries_what_it_is_about() {
        let inside = Notification::shutdown(CeaseSubcode::AdministrativeShutdown, "moved");
        let hard = Notification::hard_reset(&inside);
        let mut out = Vec::new();
        hard.encode(Dialect::STANDARD_LENGTH, &mut out);
        assert_eq!(out, b"\x06\x09\x06\x02\x05moved");
        assert_eq!(hard.inside(), Some(inside.clone()));
        let words = "Cease/Hard Reset: Cease/Administrative Shutdown (moved)";
        assert_eq!(hard.to_string(), words);
        assert!(hard.is_hard_reset() && !inside.is_hard_reset());
        assert_eq!(inside.inside(), None);
    }

    #[test]
    fn a_hard_reset_that_does_not_tell_why_or_names_itself_is_one_all_the_same() {
        for data in [&[][..], &[6], &[6, 9, 6, 9, 6, 9]] {
            let error = ErrorCode::Cease(CeaseSubcode::HardReset);
            let hard = Notification::new(error, data.to_vec());
            assert_eq!(hard.to_string(), "Cease/Hard Reset");
            assert!(hard.is_hard_reset());
        }
    }

    #[test]
    fn reads_text_only_where_it_may_stand() {
        let error = ErrorCode::Cease(CeaseSubcode::PeerDeconfigured);
        assert_eq!(
            Notification::new(error, b"\x02hi".to_vec()).shutdown_communication(),
            None
        );
    }
}
