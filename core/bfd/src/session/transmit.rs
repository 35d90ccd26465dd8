//! When packets go out, and what they say (RFC 5880 section 6.8.7).

use alloc::vec::Vec;
use core::time::Duration;

use super::Session;
use crate::{Diagnostic, Packet, State, jitter::Jitter, random::Random};

/// Packets that tell a peer of our leave.
const LAST_WORDS: u32 = 3;

/// What was sent, and what has to be sent besides the periodic packets.
#[derive(Debug)]
pub(super) struct Outbox {
    /// The peer wants an answer to its P.
    answer_due: bool,
    /// What the last packet said.
    said: Option<(State, Diagnostic)>,
    /// When the last packet was sent that was no answer, and the part of the interval that follows it.
    last: Option<Duration>,
    jitter: Jitter,
    sent: u64,
    leave: Option<Leave>,
}

/// We leave: so many packets more, but not after this time.
#[derive(Clone, Copy, Debug)]
struct Leave {
    words: u32,
    ends_at: Duration,
}

impl Outbox {
    pub(super) const fn new(jitter: Jitter) -> Self {
        Self {
            answer_due: false,
            said: None,
            last: None,
            jitter,
            sent: 0,
            leave: None,
        }
    }

    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// A packet with F is to be sent at once.
    pub(super) const fn answer(&mut self) {
        self.answer_due = true;
    }

    /// There is nobody any more to answer.
    pub(super) const fn forget(&mut self) {
        self.answer_due = false;
    }

    /// The last words begin.
    pub(super) fn take_leave(&mut self, now: Duration, interval: Duration) {
        self.answer_due = false;
        self.leave = Some(Leave {
            words: LAST_WORDS,
            ends_at: now.saturating_add(interval * LAST_WORDS),
        });
    }

    /// They were not the last.
    pub(super) const fn speak(&mut self) {
        self.leave = None;
    }

    pub(super) fn leave_ends_at(&self) -> Option<Duration> {
        self.leave.map(|leave| leave.ends_at)
    }
}

impl Session {
    /// We have left, and the peer knows it as far as it listens.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        let Some(leave) = self.outbox.leave else {
            return false;
        };
        let Some(remote) = &self.remote else {
            return true;
        };
        let knows = match remote.state {
            State::AdminDown | State::Down => leave.words < LAST_WORDS,
            State::Init | State::Up => leave.words == 0,
        };
        knows || leave.ends_at <= now
    }

    /// We have left, in words or not yet.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.outbox.leave.is_some()
    }

    /// A packet is due.
    pub(crate) fn has_to_transmit(&self, now: Duration) -> bool {
        self.transmit_deadline().is_some_and(|at| at <= now)
    }

    /// Time between periodic packets before jitter: never faster than the peer wants (section 6.8.2).
    pub(super) fn transmit_interval(&self) -> Duration {
        let wanted = self.remote.map(|remote| remote.required_min_rx);
        self.negotiation.transmit().max(wanted.unwrap_or_default())
    }

    /// When the next packet is to be sent; zero: at once.
    pub(super) fn transmit_deadline(&self) -> Option<Duration> {
        if self.config.profile.passive && self.remote.is_none() {
            return None;
        }
        let is_news = self.outbox.said != Some((self.state, self.diagnostic));
        if is_news || self.outbox.answer_due && self.remote.is_some() {
            return Some(Duration::ZERO);
        }
        if !self.is_periodic() {
            return None;
        }
        let wait = self.outbox.jitter.of(self.transmit_interval());
        let last = self.outbox.last;
        Some(last.map_or(Duration::ZERO, |last| last.saturating_add(wait)))
    }

    /// The peer wants periodic packets, or we have to ask it something.
    fn is_periodic(&self) -> bool {
        let Some(remote) = &self.remote else {
            return true;
        };
        let on_demand = remote.demand && remote.state == State::Up && self.state == State::Up;
        !remote.required_min_rx.is_zero() && (!on_demand || self.negotiation.is_polling())
    }

    /// Appends the packet that is due.
    pub(crate) fn transmit(&mut self, now: Duration, random: &mut Random, out: &mut Vec<u8>) {
        let is_final = self.outbox.answer_due;
        let is_poll = !is_final && self.negotiation.is_polling();
        let announced = self.negotiation.announced();
        let packet = Packet {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: is_poll,
            is_final,
            // BFD ends when the process does.
            control_plane_independent: false,
            demand: false,
            detect_multiplier: announced.multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.map_or(0, |remote| remote.discriminator),
            desired_min_tx: announced.transmit,
            required_min_rx: announced.receive,
            required_min_echo_rx: Duration::ZERO,
        };
        packet.encode(out);
        if is_poll {
            self.negotiation.handle_polled(now);
        }
        let outbox = &mut self.outbox;
        outbox.sent += 1;
        outbox.said = Some((self.state, self.diagnostic));
        outbox.answer_due = false;
        if !is_final {
            // From now, not from when it was due: two packets are never closer than the jitter allows.
            outbox.last = Some(now);
            outbox.jitter = Jitter::roll(announced.multiplier, random);
        }
        if let Some(leave) = &mut outbox.leave {
            leave.words = leave.words.saturating_sub(1);
        }
    }
}
