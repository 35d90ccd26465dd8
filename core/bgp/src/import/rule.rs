use serde::{Deserialize, Serialize};

use crate::params::Prefix;

/// Prefixes of some lengths inside a network, as routers write it in their prefix lists (`ge`, `le`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRule {
    /// They are inside this one, or are it.
    pub(super) prefix: Prefix,
    /// They have so many bits, or more.
    shortest: u8,
    /// They have so many bits, or fewer.
    longest: u8,
    /// How often our own AS may stand in AS_PATH of their routes.
    pub allow_own_asn: u8,
    /// Whether their routes are for the routing table too.
    pub install: bool,
}

/// Why there are no prefixes of these lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLengths {
    /// The shortest is longer than the longest.
    #[error("from {shortest} to {longest} bits there is no length")]
    Empty {
        /// Bits.
        shortest: u8,
        /// Bits.
        longest: u8,
    },
    /// The shortest would not be inside the network.
    #[error("a prefix of {shortest} bits is not inside one of {length}")]
    Outside {
        /// Bits.
        shortest: u8,
        /// Bits of the network.
        length: u8,
    },
    /// An address has fewer bits.
    #[error("an address of this family has {most} bits, not {longest}")]
    TooLong {
        /// Bits.
        longest: u8,
        /// Bits of an address.
        most: u8,
    },
}

impl ImportRule {
    /// For all prefixes inside `prefix`, to be installed, without our own AS in their path.
    #[must_use]
    pub fn within(prefix: Prefix) -> Self {
        Self {
            prefix,
            shortest: prefix.length(),
            longest: prefix.most(),
            allow_own_asn: 0,
            install: true,
        }
    }

    /// For those of them that have `shortest` to `longest` bits.
    ///
    /// # Errors
    /// There are none.
    pub fn of_lengths(prefix: Prefix, shortest: u8, longest: u8) -> Result<Self, InvalidLengths> {
        let (length, most) = (prefix.length(), prefix.most());
        if longest > most {
            return Err(InvalidLengths::TooLong { longest, most });
        }
        if shortest < length {
            return Err(InvalidLengths::Outside { shortest, length });
        }
        if shortest > longest {
            return Err(InvalidLengths::Empty { shortest, longest });
        }
        Ok(Self {
            shortest,
            longest,
            ..Self::within(prefix)
        })
    }

    pub(super) fn is_for(&self, prefix: &Prefix) -> bool {
        (self.shortest..=self.longest).contains(&prefix.length()) && self.prefix.contains(prefix)
    }

    pub(super) fn is_for_one(&self) -> bool {
        self.longest == self.prefix.length()
    }

    /// Whether the other one is for everything that this one is for, on the same terms or better ones.
    pub(super) fn narrows(&self, wider: &Self) -> bool {
        wider.prefix.contains(&self.prefix)
            && wider.shortest <= self.shortest
            && self.longest <= wider.longest
            && self.allow_own_asn <= wider.allow_own_asn
    }
}
