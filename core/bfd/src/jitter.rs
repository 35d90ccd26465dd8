use core::time::Duration;

use crate::random::Random;

/// The part of its interval after which a packet follows the one before (RFC 5880 section 6.8.7), in thousandths of
/// thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jitter(u32);

impl Jitter {
    const WHOLE: u32 = 1_000_000;
    const LEAST: u32 = 750_000;
    /// With Detect Mult 1, so that the packet is there before the peer's detection time is over.
    const MOST_OF_ONE: u32 = 900_000;

    /// The wait for a packet that is in time for a peer that may miss `multiplier` less one of them.
    pub(crate) const fn roll(multiplier: u8, random: &mut Random) -> Self {
        let most = if multiplier <= 1 {
            Self::MOST_OF_ONE
        } else {
            Self::WHOLE
        };
        Self(Self::LEAST + random.next_u32() % (most - Self::LEAST + 1))
    }

    /// This part of an interval.
    pub(crate) fn of(self, interval: Duration) -> Duration {
        let nanos = interval.as_nanos() * u128::from(self.0) / u128::from(Self::WHOLE);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(1000);

    /// Counts of waits by twentieths of the interval.
    fn spread(multiplier: u8) -> [u32; 21] {
        let mut random = Random::new(7);
        let mut counts = [0; 21];
        for _ in 0..10_000 {
            let wait = Jitter::roll(multiplier, &mut random).of(INTERVAL);
            counts[usize::try_from(wait.as_millis()).unwrap() / 50] += 1;
        }
        counts
    }

    #[test]
    fn waits_are_spread_evenly_over_the_last_quarter() {
        let counts = spread(3);
        assert_eq!(counts[..15], [0; 15]);
        for count in &counts[15..20] {
            assert!((1_800..2_200).contains(count), "{counts:?}");
        }
    }

    #[test]
    fn waits_stay_below_nine_tenths_when_no_packet_may_be_missed() {
        let counts = spread(1);
        assert_eq!(counts[..15], [0; 15]);
        for count in &counts[15..18] {
            assert!((3_000..3_700).contains(count), "{counts:?}");
        }
        assert_eq!(counts[19..], [0; 2]);
    }

    #[test]
    fn the_longest_interval_has_its_part() {
        let longest = Duration::from_micros(u32::MAX.into());
        let wait = Jitter::roll(3, &mut Random::new(1)).of(longest);
        assert!(wait >= longest * 3 / 4 && wait <= longest);
    }
}
