use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// An autonomous system number, 2 or 4 octets (RFC 6793). Shown as plain decimal (RFC 5396 asplain).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Asn(pub u32);

impl Asn {
    /// Stands for a 4-octet number where only 2 octets fit (RFC 6793 section 9).
    pub const TRANS: Self = Self(23456);

    /// Whether the number needs 4 octets.
    #[must_use]
    pub const fn is_4octet(self) -> bool {
        self.0 > 0xffff
    }

    /// AS 0 names no system and makes an attribute malformed (RFC 7607).
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The number as a 2-octet field carries it: itself, or [`Asn::TRANS`].
    #[must_use]
    pub fn to_2octet(self) -> u16 {
        u16::try_from(self.0).unwrap_or(23456)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u32> for Asn {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl From<u16> for Asn {
    fn from(value: u16) -> Self {
        Self(u32::from(value))
    }
}

/// The text is not a decimal number of 32 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an AS number is a decimal number from 0 to 4294967295")]
pub struct InvalidAsn;

impl FromStr for Asn {
    type Err = InvalidAsn;

    fn from_str(text: &str) -> Result<Self, InvalidAsn> {
        text.parse().map(Self).map_err(|_| InvalidAsn)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn carries_as_trans_where_two_octets_are_not_enough() {
        assert_eq!(Asn(65535).to_2octet(), 65535);
        assert_eq!(Asn(65536).to_2octet(), 23456);
        assert!(Asn(65536).is_4octet() && !Asn(65535).is_4octet());
    }

    #[test]
    fn reads_what_it_shows() {
        assert_eq!("4200000000".parse(), Ok(Asn(4_200_000_000)));
        assert_eq!(Asn(64512).to_string(), "64512");
        assert_eq!("4294967296".parse::<Asn>(), Err(InvalidAsn));
    }
}
