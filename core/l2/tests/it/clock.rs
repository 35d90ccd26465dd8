use std::time::Duration;

/// A node's clock: it began somewhere else than the world's, and goes faster or slower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    offset: Duration,
    /// Nanoseconds of the world that pass here as a million.
    pace: u64,
}

impl Clock {
    /// `drift` in parts per million, -10,000 to 10,000.
    pub(crate) fn new(offset: Duration, drift: i32) -> Self {
        let pace = 1_000_000_i64 - i64::from(drift);
        Self {
            offset,
            pace: u64::try_from(pace).unwrap(),
        }
    }

    /// What it shows at a moment of the world.
    pub(crate) fn shows(&self, world: Duration) -> Duration {
        let passed = world.as_nanos() * 1_000_000 / u128::from(self.pace);
        self.offset + Duration::from_nanos(u64::try_from(passed).unwrap())
    }

    /// The first moment of the world at which it shows so much.
    pub(crate) fn reaches(&self, shown: Duration) -> Duration {
        let passed = shown.saturating_sub(self.offset).as_nanos() * u128::from(self.pace);
        Duration::from_nanos(u64::try_from(passed.div_ceil(1_000_000)).unwrap())
    }
}

#[test]
fn a_clock_shows_what_it_reaches() {
    for drift in [-10_000, -3, 0, 1, 10_000] {
        let clock = Clock::new(Duration::from_secs(7), drift);
        for micros in [0, 1, 999_999, 12_345_678] {
            let shown = Duration::from_secs(7) + Duration::from_micros(micros);
            let at = clock.reaches(shown);
            assert!(clock.shows(at) >= shown, "{drift} {micros}");
        }
    }
}
