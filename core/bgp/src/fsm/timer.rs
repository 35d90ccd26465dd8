use core::time::Duration;

/// The timers of a peer or of one of its connections (RFC 4271 section 8.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    /// Dial again, or give up a dial.
    ConnectRetry,
    /// Leave Idle.
    IdleHold,
    /// The peer has been silent for too long.
    Hold,
    /// Send KEEPALIVE.
    Keepalive,
    /// The peer has read nothing for too long (RFC 9687).
    SendHold,
}

impl Timer {
    const ALL: [Self; 5] = [
        Self::ConnectRetry,
        Self::IdleHold,
        Self::Hold,
        Self::Keepalive,
        Self::SendHold,
    ];
}

/// A deadline per timer, as time since process start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timers {
    connect_retry: Option<Duration>,
    idle_hold: Option<Duration>,
    hold: Option<Duration>,
    keepalive: Option<Duration>,
    send_hold: Option<Duration>,
}

impl Timers {
    /// Runs the timer until `deadline`.
    pub(crate) fn start(&mut self, timer: Timer, deadline: Duration) {
        *self.slot(timer) = Some(deadline);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        *self.slot(timer) = None;
    }

    /// The next deadline.
    pub(crate) fn next(&self) -> Option<Duration> {
        [
            self.connect_retry,
            self.idle_hold,
            self.hold,
            self.keepalive,
            self.send_hold,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Takes out one timer that has expired.
    pub(crate) fn expire(&mut self, now: Duration) -> Option<Timer> {
        let timer = Timer::ALL
            .into_iter()
            .find(|&timer| self.slot(timer).is_some_and(|at| at <= now))?;
        self.stop(timer);
        Some(timer)
    }

    fn slot(&mut self, timer: Timer) -> &mut Option<Duration> {
        match timer {
            Timer::ConnectRetry => &mut self.connect_retry,
            Timer::IdleHold => &mut self.idle_hold,
            Timer::Hold => &mut self.hold,
            Timer::Keepalive => &mut self.keepalive,
            Timer::SendHold => &mut self.send_hold,
        }
    }
}

/// Waits that double from 1 s to 30 s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    const LONGEST: Duration = Duration::from_secs(30);

    /// How long to wait now; the next time, longer.
    pub(crate) fn advance(&mut self) -> Duration {
        let wait = Duration::from_secs(1 << self.failures.min(5)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// Failures in a row.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Numbers for jitter only: they need to differ, not to be secret (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The duration times a factor from 0.75 to 1 (RFC 4271 section 10).
    pub(crate) fn jitter(&mut self, duration: Duration) -> Duration {
        let quarter = duration / 4;
        duration - quarter.mul_f64(self.fraction())
    }

    /// From 0 to below 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        f64::from((mixed >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_takes_off_a_quarter_at_most() {
        let mut random = Random::new(7);
        let waits: std::vec::Vec<_> = (0..1000)
            .map(|_| random.jitter(Duration::from_secs(40)))
            .collect();
        assert!(waits.iter().all(|wait| (30..=40).contains(&wait.as_secs())));
        assert!(waits.iter().any(|wait| *wait < Duration::from_secs(32)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_secs(38)));
    }

    #[test]
    fn waits_grow_to_half_a_minute_and_start_over() {
        let mut backoff = Backoff::default();
        let waits: std::vec::Vec<_> = (0..7).map(|_| backoff.advance().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.advance().as_secs(), 1);
    }

    #[test]
    fn expires_each_timer_once() {
        let mut timers = Timers::default();
        timers.start(Timer::Hold, Duration::from_secs(3));
        timers.start(Timer::Keepalive, Duration::from_secs(1));
        assert_eq!(timers.next(), Some(Duration::from_secs(1)));
        assert_eq!(
            timers.expire(Duration::from_secs(1)),
            Some(Timer::Keepalive)
        );
        assert_eq!(timers.expire(Duration::from_secs(1)), None);
        timers.stop(Timer::Hold);
        assert_eq!(timers.next(), None);
    }
}
