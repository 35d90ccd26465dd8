use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// A community (RFC 1997), shown as `65000:100`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Community(pub u32);

impl Community {
    /// Prefer other paths: this one is about to go (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xffff_0000);
    /// Discard traffic to the prefix (RFC 7999).
    pub const BLACKHOLE: Self = Self(0xffff_029a);
    /// Not to be advertised outside the AS or confederation (RFC 1997).
    pub const NO_EXPORT: Self = Self(0xffff_ff01);
    /// Not to be advertised to any peer (RFC 1997).
    pub const NO_ADVERTISE: Self = Self(0xffff_ff02);
    /// Not to be advertised to external peers (RFC 1997).
    pub const NO_EXPORT_SUBCONFED: Self = Self(0xffff_ff03);

    /// `high:low`.
    #[must_use]
    pub const fn new(high: u16, low: u16) -> Self {
        Self(((high as u32) << 16) | low as u32)
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0 >> 16, self.0 & 0xffff)
    }
}

impl FromStr for Community {
    type Err = InvalidCommunity;

    fn from_str(text: &str) -> Result<Self, InvalidCommunity> {
        let (high, low) = text.split_once(':').ok_or(InvalidCommunity)?;
        Ok(Self::new(number(high)?, number(low)?))
    }
}

/// A large community (RFC 8092), shown as `4200000000:1:2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LargeCommunity {
    /// Whose community it is, usually an AS number.
    pub global: u32,
    /// First part that its owner defines.
    pub local_1: u32,
    /// Second part that its owner defines.
    pub local_2: u32,
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.global, self.local_1, self.local_2)
    }
}

impl FromStr for LargeCommunity {
    type Err = InvalidCommunity;

    fn from_str(text: &str) -> Result<Self, InvalidCommunity> {
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or(InvalidCommunity).and_then(number);
        let community = Self {
            global: part()?,
            local_1: part()?,
            local_2: part()?,
        };
        match parts.next() {
            None => Ok(community),
            Some(_) => Err(InvalidCommunity),
        }
    }
}

/// An extended community (RFC 4360): eight octets as one number, type in the upper bits. Shown as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExtendedCommunity(pub u64);

impl fmt::Display for ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:016x}", self.0)
    }
}

impl FromStr for ExtendedCommunity {
    type Err = InvalidCommunity;

    fn from_str(text: &str) -> Result<Self, InvalidCommunity> {
        let digits = text.strip_prefix("0x").ok_or(InvalidCommunity)?;
        match digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => u64::from_str_radix(digits, 16)
                .map(Self)
                .map_err(|_| InvalidCommunity),
            false => Err(InvalidCommunity),
        }
    }
}

/// The text is not a community of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a community has the form 65000:100, a large one 65000:1:2, an extended one 0x and 16 hex digits"
)]
pub struct InvalidCommunity;

/// Digits only: the standard parser would accept a plus sign too.
fn number<T: FromStr>(text: &str) -> Result<T, InvalidCommunity> {
    match text.bytes().all(|digit| digit.is_ascii_digit()) {
        true => text.parse().map_err(|_| InvalidCommunity),
        false => Err(InvalidCommunity),
    }
}

macro_rules! as_text {
    ($($kind:ty),*) => {$(
        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<String> for $kind {
            type Error = InvalidCommunity;

            fn try_from(text: String) -> Result<Self, InvalidCommunity> {
                text.parse()
            }
        }

        impl From<$kind> for String {
            fn from(community: $kind) -> Self {
                alloc::format!("{community}")
            }
        }
    )*};
}
as_text!(Community, LargeCommunity, ExtendedCommunity);

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn reads_what_it_shows() {
        for text in ["65535:0", "0:1"] {
            assert_eq!(text.parse::<Community>().unwrap().to_string(), text);
        }
        assert_eq!("65535:0".parse(), Ok(Community::GRACEFUL_SHUTDOWN));
        let text = "4200000000:1:4294967295";
        assert_eq!(text.parse::<LargeCommunity>().unwrap().to_string(), text);
        let text = "0x0004fde84cbebc20";
        assert_eq!(text.parse::<ExtendedCommunity>().unwrap().to_string(), text);
    }

    #[test]
    fn refuses_what_is_not_a_community() {
        for text in ["", "1", "65536:1", "1:65536", "+1:1", "1:-1", "1:2:3", ":1"] {
            assert_eq!(text.parse::<Community>(), Err(InvalidCommunity), "{text}");
        }
        for text in ["1:2", "1:2:3:4", "1:2:4294967296", "1:+2:3"] {
            assert_eq!(
                text.parse::<LargeCommunity>(),
                Err(InvalidCommunity),
                "{text}"
            );
        }
        for text in ["0x1", "00000000000000000", "0x+000000000000001"] {
            assert_eq!(
                text.parse::<ExtendedCommunity>(),
                Err(InvalidCommunity),
                "{text}"
            );
        }
    }
}
