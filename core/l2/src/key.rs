use core::fmt;

mod ring;
#[cfg(test)]
mod tests;

pub use self::ring::KeyRing;

/// A key of the cluster for HMAC-SHA256 (RFC 2104): 32 octets. Debug prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Length of a key, octets.
    pub const LENGTH: usize = 32;

    /// Wraps a key.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The key itself, for who keeps it for the next process.
    pub const fn octets(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a datagram is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthentic {
    /// It is too short to carry a tag.
    #[error("too short for a tag")]
    Short,
    /// None of our keys has its key identifier.
    #[error("signed with a key that is not known here")]
    UnknownKey,
    /// The key is known and the tag is wrong.
    #[error("the tag is wrong")]
    WrongTag,
}

impl Unauthentic {
    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "Short",
            Self::UnknownKey => "UnknownKey",
            Self::WrongTag => "WrongTag",
        }
    }
}
