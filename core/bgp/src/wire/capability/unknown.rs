use alloc::vec::Vec;

use crate::wire::CapabilityCode;

/// A capability that we do not know, kept as it came: it must never hurt (RFC 5492 section 3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownCapability {
    code: CapabilityCode,
    value: Vec<u8>,
}

impl UnknownCapability {
    /// At most 255 octets of the value are kept: more has no room in an OPEN.
    #[must_use]
    pub fn new(code: CapabilityCode, value: &[u8]) -> Self {
        Self {
            code,
            value: value.iter().copied().take(usize::from(u8::MAX)).collect(),
        }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> CapabilityCode {
        self.code
    }

    /// The value, at most 255 octets.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}
