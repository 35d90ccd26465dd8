use serde::{Deserialize, Serialize};

use super::FaultReason;

/// Where the route came from (RFC 4271 section 5.1.1). Smaller is better.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(u8)]
pub enum Origin {
    /// Inside the originating AS.
    #[default]
    Igp = 0,
    /// The EGP protocol.
    Egp = 1,
    /// Anything else.
    Incomplete = 2,
}

impl Origin {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub(super) const fn decode(value: &[u8]) -> Result<Self, FaultReason> {
        match value {
            [0] => Ok(Self::Igp),
            [1] => Ok(Self::Egp),
            [2] => Ok(Self::Incomplete),
            [_] => Err(FaultReason::Value),
            _ => Err(FaultReason::Length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_octet_of_three_values() {
        for origin in [Origin::Igp, Origin::Egp, Origin::Incomplete] {
            assert_eq!(Origin::decode(&[origin.code()]), Ok(origin));
        }
        assert_eq!(Origin::decode(&[3]), Err(FaultReason::Value));
        assert_eq!(Origin::decode(&[]), Err(FaultReason::Length));
        assert_eq!(Origin::decode(&[0, 0]), Err(FaultReason::Length));
    }
}
