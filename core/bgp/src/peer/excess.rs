//! A peer that advertises more than may be, and whose session ends over it.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Cause, Peer};
use crate::fsm::{Event, Timer};
use crate::import::{Excess, Import};
use crate::outside::Outside;
use crate::params::{Family, FamilySet};
use crate::session::Session;
use crate::wire::{CeaseSubcode, ErrorCode, Notification};

/// The wait after the first time; it doubles.
const FIRST: Duration = Duration::from_secs(60);
/// The longest wait. A session that lived longer was no such failure: the waits start over.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// How often in a row a peer had too many prefixes, and of what.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Penalty {
    times: u32,
    /// The peer is kept away now over these; none: it is not.
    families: FamilySet,
}

impl Penalty {
    /// How long the peer is kept away whose session ends now.
    pub(super) fn impose(&mut self, now: Duration, session: &Session) -> Duration {
        self.families = session.adj_rib_in.overflowed();
        self.advance(now.saturating_sub(session.since))
    }

    /// The peer may come.
    pub(super) fn end(&mut self) {
        self.families = FamilySet::NONE;
    }

    fn advance(&mut self, lasted: Duration) -> Duration {
        if lasted >= LONGEST {
            self.times = 0;
        }
        let wait = FIRST * (1 << self.times.min(5));
        self.times = self.times.saturating_add(1);
        wait.min(LONGEST)
    }
}

/// Why the session ends in which there is more of a family than may be; nothing where that is only counted.
pub(super) fn cause(import: &Import, family: Family) -> Option<Cause> {
    let limit = import.max_prefixes;
    let words = format!(
        "more than {limit} prefixes of {family} pass the import filter: the session is tried again later"
    );
    match import.excess {
        Excess::Ignore => None,
        Excess::Cease => Some(Cause::answer(notification(family, limit), words)),
    }
}

/// With the family and its limit as data (RFC 4486 section 4).
fn notification(family: Family, limit: u32) -> Notification {
    let mut data = Vec::from(family.afi.0.to_be_bytes());
    data.push(family.safi.0);
    data.extend(limit.to_be_bytes());
    Notification::new(ErrorCode::Cease(CeaseSubcode::MaximumPrefixes), data)
}

impl Peer {
    /// Ends the session for this cause.
    pub(super) fn end_for_excess(&mut self, now: Duration, cause: Cause, outside: &mut Outside) {
        if let Some(id) = self.session.as_ref().map(|session| session.connection) {
            let rejected = Notification::cease(CeaseSubcode::ConnectionRejected);
            for other in self.connections_where(|other| other.id != id) {
                self.end_connection(other, Some(&rejected), outside);
            }
            self.step(now, Some(id), Event::TooManyPrefixes, Some(cause), outside);
        }
    }

    /// The peer is not dialled, and refused when it comes.
    pub(super) fn keep_away(&mut self, now: Duration, wait: Duration) {
        self.refuses_until = now + wait;
        self.timers.start(Timer::IdleHold, now + wait);
    }

    /// Another filter: what the peer was kept away for may not be so any more.
    pub(super) fn forgive(&mut self, now: Duration, outside: &mut Outside) {
        let kept_away = !self.penalty.families.is_empty();
        self.penalty = Penalty::default();
        if kept_away {
            self.refuses_until = now;
            self.timers.stop(Timer::IdleHold);
            self.leave_idle(now, outside);
        }
    }

    /// Families of which the peer has more than may be, or had when its session ended over it.
    pub(super) fn excess(&self) -> FamilySet {
        let session = self.session.as_ref();
        session.map_or(self.penalty.families, |each| each.adj_rib_in.overflowed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_a_minute_to_half_an_hour_and_start_over_after_a_long_session() {
        let mut penalty = Penalty::default();
        let minutes = |penalty: &mut Penalty, lasted| penalty.advance(lasted).as_secs() / 60;
        let short = Duration::from_secs(20);
        let waits: Vec<_> = (0..7).map(|_| minutes(&mut penalty, short)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(minutes(&mut penalty, LONGEST), 1);
        assert_eq!(minutes(&mut penalty, short), 2);
    }
}
