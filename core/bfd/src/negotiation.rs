use core::time::Duration;

use crate::{Profile, State};

/// Interval between packets of a session that is not Up (RFC 5880 section 6.8.3).
pub(crate) const SLOW: Duration = Duration::from_secs(1);
/// No answer to a Poll takes longer than this.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_micros(u32::MAX as u64);

/// What a packet of ours says of the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// Desired Min TX Interval.
    pub(crate) transmit: Duration,
    /// Required Min RX Interval.
    pub(crate) receive: Duration,
    /// Detect Mult.
    pub(crate) multiplier: u8,
}

impl Parameters {
    /// What the profile asks for in this state.
    pub(crate) fn wanted(profile: &Profile, state: State) -> Self {
        let transmit = within(profile.transmit_interval);
        Self {
            transmit: match state {
                State::Up => transmit,
                State::AdminDown | State::Down | State::Init => transmit.max(SLOW),
            },
            receive: within(profile.receive_interval),
            multiplier: profile.detect_multiplier.max(1),
        }
    }
}

/// Whole microseconds, as the peer reads it.
fn within(interval: Duration) -> Duration {
    let micros = interval.clamp(SHORTEST, LONGEST).as_micros();
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// What we announce, what of it is in use, and the Poll Sequence in between (RFC 5880 sections 6.5 and 6.8.3).
#[derive(Debug)]
pub(crate) struct Negotiation {
    announced: Parameters,
    /// At most what is announced: packets come later only when the peer knows it.
    transmit: Duration,
    /// At least what is announced: packets are missed sooner only when the peer sends them sooner.
    receive: Duration,
    poll: Poll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    /// The peer knows what is announced.
    Idle,
    /// Packets carry P until one with F comes: when the first and the last of them were sent.
    Active { sent: Option<(Duration, Duration)> },
    /// F came, and another one may be on its way. The next Poll Sequence begins after a packet without F that comes
    /// not before `until`; else nobody could tell which of them is answered.
    Settling { until: Duration },
}

impl Negotiation {
    pub(crate) const fn new(parameters: Parameters) -> Self {
        Self {
            announced: parameters,
            transmit: parameters.transmit,
            receive: parameters.receive,
            poll: Poll::Idle,
        }
    }

    /// What packets say.
    pub(crate) const fn announced(&self) -> Parameters {
        self.announced
    }

    /// Our Desired Min TX Interval for the time between packets.
    pub(crate) const fn transmit(&self) -> Duration {
        self.transmit
    }

    /// Our Required Min RX Interval for the detection time.
    pub(crate) const fn receive(&self) -> Duration {
        self.receive
    }

    /// Packets carry P.
    pub(crate) const fn is_polling(&self) -> bool {
        matches!(self.poll, Poll::Active { .. })
    }

    /// Announces what is wanted as soon as it may. While the session is Up that is one change after the other, and what
    /// could make the one or the other side miss packets waits for the peer's F.
    pub(crate) fn announce(&mut self, wanted: Parameters, is_up: bool) {
        if wanted == self.announced || is_up && self.poll != Poll::Idle {
            return;
        }
        self.announced = wanted;
        self.poll = Poll::Active { sent: None };
        if is_up {
            self.transmit = self.transmit.min(wanted.transmit);
            self.receive = self.receive.max(wanted.receive);
        } else {
            self.take_effect();
        }
    }

    /// A packet with P was sent.
    pub(crate) const fn handle_polled(&mut self, now: Duration) {
        if let Poll::Active { sent } = &mut self.poll {
            let first = match *sent {
                Some((first, _)) => first,
                None => now,
            };
            *sent = Some((first, now));
        }
    }

    /// A packet came, with F or without.
    pub(crate) fn handle_packet(&mut self, now: Duration, is_final: bool) {
        match self.poll {
            Poll::Active {
                sent: Some((first, last)),
            } if is_final => {
                // The way there and back took no longer than since the first P; twice that, as delays vary.
                let round_trip = now.saturating_sub(first).saturating_mul(2);
                let until = last.saturating_add(round_trip.min(LONGEST_ROUND_TRIP));
                self.poll = Poll::Settling { until };
                self.take_effect();
            }
            Poll::Settling { until } if !is_final && now >= until => self.poll = Poll::Idle,
            Poll::Idle | Poll::Active { .. } | Poll::Settling { .. } => {}
        }
    }

    /// The session came Up, where nothing waits for an answer yet, or is not Up any more, or there is no peer to ask: what
    /// is announced is in use.
    pub(crate) fn end_poll(&mut self) {
        self.poll = Poll::Idle;
        self.take_effect();
    }

    const fn take_effect(&mut self) {
        self.transmit = self.announced.transmit;
        self.receive = self.announced.receive;
    }
}
