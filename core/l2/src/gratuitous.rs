use core::time::Duration;

/// Announcements within the first second of owning an address.
const BURST: u8 = 5;
/// Time between them.
const SPACING: Duration = Duration::from_millis(200);
/// A rival's claim starts the burst again at most that often.
const AGAIN: Duration = Duration::from_secs(1);

/// When an owner tells the segment unasked: at once, five times within the first second, then every now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gratuitous {
    started: Duration,
    sent: u8,
    next: Option<Duration>,
}

impl Gratuitous {
    pub(crate) const fn new(now: Duration) -> Self {
        Self {
            started: now,
            sent: 0,
            next: Some(now),
        }
    }

    /// Somebody may have told the segment otherwise.
    pub(crate) fn restart(&mut self, now: Duration) {
        if self.sent >= BURST || now >= self.started + AGAIN {
            *self = Self::new(now);
        }
    }

    /// Whether one is due; the one after it comes by its own time.
    pub(crate) fn take(&mut self, now: Duration, interval: Option<Duration>) -> bool {
        if self.next.is_none_or(|next| next > now) {
            return false;
        }
        self.sent = self.sent.saturating_add(1);
        self.next = match self.sent < BURST {
            true => Some(now + SPACING),
            false => interval.map(|interval| now + interval),
        };
        true
    }

    pub(crate) const fn poll_timeout(&self) -> Option<Duration> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn times(interval: Option<Duration>, until: u64) -> Vec<u64> {
        let mut schedule = Gratuitous::new(Duration::ZERO);
        let mut times = Vec::new();
        for now in (0..until).map(Duration::from_millis) {
            if schedule.take(now, interval) {
                times.push(u64::try_from(now.as_millis()).unwrap());
            }
        }
        times
    }

    #[test]
    fn tells_five_times_within_a_second_and_then_now_and_then() {
        let every_two = Some(Duration::from_secs(2));
        assert_eq!(
            times(every_two, 5_000),
            [0, 200, 400, 600, 800, 2_800, 4_800]
        );
        assert_eq!(times(None, 5_000), [0, 200, 400, 600, 800]);
    }

    #[test]
    fn a_rival_starts_it_again_but_not_without_end() {
        let mut schedule = Gratuitous::new(Duration::ZERO);
        assert!(schedule.take(Duration::ZERO, None));
        schedule.restart(Duration::from_millis(10));
        assert_eq!(schedule.poll_timeout(), Some(SPACING));
        schedule.restart(AGAIN);
        assert_eq!(schedule.poll_timeout(), Some(AGAIN));
    }
}
