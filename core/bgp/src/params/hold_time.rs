use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Seconds without a message after which a session is over: 0 (never) or 3 to 65535 (RFC 4271 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct HoldTime(u16);

impl HoldTime {
    /// The suggested value, 90 s (RFC 4271 section 10).
    pub const DEFAULT: Self = Self(90);
    /// No hold timer and no keepalives.
    pub const INFINITE: Self = Self(0);

    /// # Errors
    /// 1 and 2 seconds are not legal.
    pub const fn new(seconds: u16) -> Result<Self, InvalidHoldTime> {
        match seconds {
            1 | 2 => Err(InvalidHoldTime(seconds)),
            _ => Ok(Self(seconds)),
        }
    }

    /// Seconds, 0 for never.
    #[must_use]
    pub const fn seconds(self) -> u16 {
        self.0
    }

    /// The hold timer's length; none when it never runs.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        match self.0 {
            0 => None,
            seconds => Some(Duration::from_secs(seconds as u64)),
        }
    }
}

impl Default for HoldTime {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for HoldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

/// 1 and 2 seconds are not legal (RFC 4271 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hold time of {0} s is not legal: it is 0 or at least 3 s")]
pub struct InvalidHoldTime(pub u16);

impl TryFrom<u16> for HoldTime {
    type Error = InvalidHoldTime;

    fn try_from(seconds: u16) -> Result<Self, InvalidHoldTime> {
        Self::new(seconds)
    }
}

impl From<HoldTime> for u16 {
    fn from(hold_time: HoldTime) -> Self {
        hold_time.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_zero_or_at_least_three_seconds() {
        let legal: std::vec::Vec<bool> = (0..5).map(|s| HoldTime::new(s).is_ok()).collect();
        assert_eq!(legal, [true, false, false, true, true]);
        assert_eq!(HoldTime::INFINITE.duration(), None);
        assert_eq!(HoldTime::DEFAULT.duration(), Some(Duration::from_secs(90)));
    }
}
