use alloc::string::String;
use core::fmt;
use core::net::Ipv4Addr;
use core::num::NonZeroU32;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// A BGP identifier: any 32 bits but zero (RFC 6286), shown like an IPv4 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BgpIdentifier(NonZeroU32);

impl BgpIdentifier {
    /// The identifier with these 32 bits; none for zero.
    #[must_use]
    pub const fn new(bits: u32) -> Option<Self> {
        match NonZeroU32::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// The 32 bits, which collision detection compares as a number (RFC 4271 section 6.8).
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for BgpIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ipv4Addr::from_bits(self.bits()).fmt(f)
    }
}

impl fmt::Debug for BgpIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Zero, or not of the form a.b.c.d.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a BGP identifier has the form a.b.c.d and is not 0.0.0.0")]
pub struct InvalidIdentifier;

impl TryFrom<Ipv4Addr> for BgpIdentifier {
    type Error = InvalidIdentifier;

    fn try_from(address: Ipv4Addr) -> Result<Self, InvalidIdentifier> {
        Self::new(address.to_bits()).ok_or(InvalidIdentifier)
    }
}

impl FromStr for BgpIdentifier {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
        text.parse::<Ipv4Addr>()
            .map_err(|_| InvalidIdentifier)?
            .try_into()
    }
}

impl TryFrom<String> for BgpIdentifier {
    type Error = InvalidIdentifier;

    fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
        text.parse()
    }
}

impl From<BgpIdentifier> for String {
    fn from(identifier: BgpIdentifier) -> Self {
        alloc::format!("{identifier}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn is_shown_like_an_address_and_is_never_zero() {
        let identifier: BgpIdentifier = "10.0.0.1".parse().unwrap();
        assert_eq!(identifier.bits(), 0x0a00_0001);
        assert_eq!(identifier.to_string(), "10.0.0.1");
        assert_eq!("0.0.0.0".parse::<BgpIdentifier>(), Err(InvalidIdentifier));
        assert_eq!(BgpIdentifier::new(0), None);
    }
}
