//! One interface: when to speak there, and who was heard.

use alloc::collections::BTreeMap;
use core::{net::Ipv6Addr, time::Duration};

use crate::{Discarded, Message, random::Random};

/// Neighbours that are remembered on one interface: more than one is a fault already.
pub const MOST_NEIGHBORS: usize = 8;

/// The longest time between two advertisements of ours, jitter takes up to a quarter of it.
const INTERVAL: Duration = Duration::from_secs(10);
const JITTER: Duration = Duration::from_millis(2_500);
/// The first advertisements come faster (RFC 4861 section 6.2.4).
const INITIAL: u8 = 3;
/// Shortest time between two advertisements (RFC 4861 section 10, MIN_DELAY_BETWEEN_RAS).
const SPACING: Duration = Duration::from_secs(3);
/// Longest delay of an answer (RFC 4861 section 10, MAX_RA_DELAY_TIME).
const ANSWER_DELAY: Duration = Duration::from_millis(500);
/// Solicitations in a row, and the time between two (RFC 4861 section 10).
const SOLICITATIONS: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
/// So long a neighbour may be silent while another one is heard: it has been asked meanwhile.
const SILENCE: Duration = Duration::from_secs(35);
/// And so long when it is the only one: three times what routers wait at most (RFC 4861 section 6.2.1).
const LONGEST_SILENCE: Duration = Duration::from_secs(3 * 1800);

/// What is known of one interface.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) mac: [u8; 6],
    ready: bool,
    neighbors: BTreeMap<Ipv6Addr, Heard>,
    /// When to advertise next.
    advertise_at: Duration,
    advertised_at: Option<Duration>,
    initial: u8,
    solicit_at: Duration,
    solicitations: u8,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Duration,
    /// The link was away since then.
    doubted: bool,
}

impl Port {
    pub(crate) const fn new(mac: [u8; 6]) -> Self {
        Self {
            mac,
            ready: false,
            neighbors: BTreeMap::new(),
            advertise_at: Duration::ZERO,
            advertised_at: None,
            initial: 0,
            solicit_at: Duration::ZERO,
            solicitations: 0,
        }
    }

    /// The link comes or goes. Who was there before may have been replaced.
    pub(crate) fn set_ready(&mut self, now: Duration, ready: bool) {
        if ready && !self.ready {
            (self.advertise_at, self.initial) = (self.earliest(now), INITIAL);
            self.solicit(now);
            self.neighbors
                .values_mut()
                .for_each(|each| each.doubted = true);
        }
        self.ready = ready;
    }

    pub(crate) fn neighbors(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.neighbors.keys().copied()
    }

    /// An advertisement came.
    pub(crate) fn hear(&mut self, now: Duration, source: Ipv6Addr) -> Result<(), Discarded> {
        let known = self.neighbors.contains_key(&source);
        if !known {
            self.neighbors.retain(|_, each| !each.doubted);
            if self.neighbors.len() >= MOST_NEIGHBORS {
                return Err(Discarded::TooMany);
            }
            if !self.neighbors.is_empty() {
                // Who of the others is still there?
                self.solicit(now);
            }
        }
        let heard = Heard {
            at: now,
            doubted: false,
        };
        self.neighbors.insert(source, heard);
        if self.neighbors.len() == 1 {
            self.solicitations = 0;
        }
        Ok(())
    }

    /// A solicitation came: an answer is due soon, to everybody.
    pub(crate) fn answer(&mut self, now: Duration, random: &mut Random) {
        let soon = self.earliest(now).max(now + random.up_to(ANSWER_DELAY));
        self.advertise_at = self.advertise_at.min(soon);
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        let allowed = self.allowed_silence();
        self.neighbors.retain(|_, each| each.at + allowed > now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let allowed = self.allowed_silence();
        let silent = self.neighbors.values().map(|each| each.at + allowed);
        let advertise = self.ready.then_some(self.advertise_at);
        let solicit = (self.ready && self.solicitations > 0).then_some(self.solicit_at);
        silent.chain(advertise).chain(solicit).min()
    }

    /// What is to be sent now.
    pub(crate) fn poll_transmit(&mut self, now: Duration, random: &mut Random) -> Option<Message> {
        if !self.ready {
            return None;
        }
        if self.advertise_at <= now {
            self.advertised_at = Some(now);
            self.initial = self.initial.saturating_sub(1);
            self.advertise_at = now
                + match self.initial {
                    0 => INTERVAL - random.up_to(JITTER),
                    _ => SPACING,
                };
            return Some(Message::Advertisement);
        }
        if self.solicitations > 0 && self.solicit_at <= now {
            self.solicitations -= 1;
            self.solicit_at = now + SOLICITATION_INTERVAL;
            return Some(Message::Solicitation);
        }
        None
    }

    /// Nobody makes us ask faster than we may: what was asked is not asked again at once.
    fn solicit(&mut self, now: Duration) {
        self.solicit_at = self.solicit_at.max(now);
        self.solicitations = SOLICITATIONS;
    }

    fn earliest(&self, now: Duration) -> Duration {
        self.advertised_at
            .map_or(now, |last| now.max(last + SPACING))
    }

    fn allowed_silence(&self) -> Duration {
        match self.neighbors.len() {
            0 | 1 => LONGEST_SILENCE,
            _ => SILENCE,
        }
    }
}
