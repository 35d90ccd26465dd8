use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::wire::AttributeCode;
use crate::wire::message::patch;

/// The flags octet without its extended-length bit and the four unused ones (RFC 4271 section 4.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttributeFlags(u8);

impl AttributeFlags {
    /// Every implementation knows the attribute.
    pub const WELL_KNOWN: Self = Self(0x40);
    /// Not everybody knows it; who does not, drops it.
    pub const OPTIONAL: Self = Self(0x80);
    /// Not everybody knows it; who does not, passes it on.
    pub const OPTIONAL_TRANSITIVE: Self = Self(0xc0);
    /// Passed on by somebody who does not know it.
    pub const PARTIAL: Self = Self(0xe0);

    const EXTENDED_LENGTH: u8 = 0x10;
    const MEANINGFUL: u8 = 0xe0;

    pub(crate) const fn from_octet(octet: u8) -> Self {
        Self(octet & Self::MEANINGFUL)
    }

    /// Whether two octets of length follow.
    pub(crate) const fn has_extended_length(octet: u8) -> bool {
        octet & Self::EXTENDED_LENGTH != 0
    }

    /// Whether the attribute is optional.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Whether the attribute is passed on.
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// What an attribute that we know must have.
    #[must_use]
    pub const fn of(code: AttributeCode) -> Option<Self> {
        Some(match code {
            AttributeCode::ORIGIN
            | AttributeCode::AS_PATH
            | AttributeCode::NEXT_HOP
            | AttributeCode::LOCAL_PREF
            | AttributeCode::ATOMIC_AGGREGATE => Self::WELL_KNOWN,
            AttributeCode::MULTI_EXIT_DISC
            | AttributeCode::ORIGINATOR_ID
            | AttributeCode::CLUSTER_LIST
            | AttributeCode::MP_REACH_NLRI
            | AttributeCode::MP_UNREACH_NLRI => Self::OPTIONAL,
            AttributeCode::AGGREGATOR
            | AttributeCode::COMMUNITIES
            | AttributeCode::EXTENDED_COMMUNITIES
            | AttributeCode::AS4_PATH
            | AttributeCode::AS4_AGGREGATOR
            | AttributeCode::LARGE_COMMUNITIES => Self::OPTIONAL_TRANSITIVE,
            _ => return None,
        })
    }

    /// Whether the Optional or Transitive bit differs; Partial does not count (RFC 7606 section 3 c).
    #[must_use]
    pub const fn conflict_with(self, expected: Self) -> bool {
        (self.0 ^ expected.0) & 0xc0 != 0
    }
}

impl fmt::Debug for AttributeFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.0)
    }
}

/// Appends an attribute header and what `value` writes; the extended form only when it must be.
pub(crate) fn encode(
    flags: AttributeFlags,
    code: AttributeCode,
    out: &mut Vec<u8>,
    value: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[flags.0 | AttributeFlags::EXTENDED_LENGTH, code.0, 0, 0]);
    value(out);
    let length = out.len() - start - 4;
    match u8::try_from(length) {
        Ok(short) => {
            out.remove(start + 3);
            if let Some(header) = out.get_mut(start..start + 3) {
                header.copy_from_slice(&[flags.0, code.0, short]);
            }
        }
        // Longer than any message: the caller's limit refuses the whole.
        Err(_) => patch(out, start + 2, u16::try_from(length).unwrap_or(u16::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_the_extended_length_only_from_256_octets() {
        for (length, header) in [(255, &[0xc0, 8, 255][..]), (256, &[0xd0, 8, 1, 0])] {
            let mut out = Vec::from([9]);
            let flags = AttributeFlags::OPTIONAL_TRANSITIVE;
            encode(flags, AttributeCode::COMMUNITIES, &mut out, |out| {
                out.resize(out.len() + length, 7);
            });
            assert_eq!(out[1..=header.len()], *header);
            assert_eq!(out.len(), 1 + header.len() + length);
            assert!(out[header.len() + 1..].iter().all(|&octet| octet == 7));
        }
    }
}
