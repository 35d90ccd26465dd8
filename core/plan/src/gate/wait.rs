use core::time::Duration;

use super::Outcome;

/// Silence after which the data plane is taken to be ready.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Shortest and longest pause between two probes of one target.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// The pause is this part of the time waited so far.
const PAUSE_DIVISOR: u32 = 64;

/// How far one target has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    /// Nobody has asked yet.
    Unasked,
    /// Not ready so far.
    Closed {
        since: Duration,
        last_answer: Duration,
        next_probe: Duration,
    },
    Open,
}

impl Wait {
    pub(crate) fn closed(now: Duration) -> Self {
        Self::Closed {
            since: now,
            last_answer: now,
            next_probe: now,
        }
    }

    pub(crate) fn start(&mut self, now: Duration) {
        if let Self::Unasked = self {
            *self = Self::closed(now);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    pub(crate) fn handle_outcome(&mut self, now: Duration, outcome: Outcome) {
        let Self::Closed {
            since,
            last_answer,
            next_probe,
        } = self
        else {
            return;
        };
        let pause = now.saturating_sub(*since) / PAUSE_DIVISOR;
        *next_probe = now + pause.clamp(PAUSE.0, PAUSE.1);
        match outcome {
            Outcome::Ready => *self = Self::Open,
            Outcome::NotReady => *last_answer = now,
            Outcome::NoAnswer => {}
        }
    }

    pub(crate) fn next_probe(&self) -> Option<Duration> {
        match self {
            Self::Closed { next_probe, .. } => Some(*next_probe),
            Self::Unasked | Self::Open => None,
        }
    }

    pub(crate) fn patience_ends(&self) -> Option<Duration> {
        match self {
            Self::Closed { last_answer, .. } => Some(*last_answer + PATIENCE),
            Self::Unasked | Self::Open => None,
        }
    }
}
