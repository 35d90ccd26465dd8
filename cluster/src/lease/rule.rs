//! Who may act as leader; pure.
//!
//! ```text
//!              free, expired, or ours by an answer that was lost
//!   Following ───────────────────────────────────────────────────► claim written ► Leading
//!      ▲  read every 2 s                                                │ renew every 2 s
//!      └── somebody else claimed it (conflict)          read again ◄────┘ conflict
//!                                                            │ another holder, or 10 s without renewal
//!                                                            ▼
//!                                                           Lost
//! ```
//!
//! Expiry is counted on the local monotonic clock from the moment when the record was last seen to
//! change; no wall clock is compared. A leader counts from the start of its last successful write.
//! The record changed on the server after that start and was seen by others later still, so between
//! the last start of a write (10 s), its end (4 s later) and the earliest other claim (15 s) lies a
//! second, however late answers arrive. What this cannot cover is a process that is frozen between
//! the question whether it may write and the write.

use std::time::Duration;

/// How long a record that nobody renews still binds others.
pub(super) const DURATION: Duration = Duration::from_secs(15);
/// How long after its last renewal a leader starts writes.
pub(super) const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Interval of reads and renewals.
pub(super) const RETRY: Duration = Duration::from_secs(2);

/// The Lease as the API server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// `metadata.resourceVersion`.
    pub(super) version: String,
    /// `spec.holderIdentity`; empty: released.
    pub(super) holder: String,
    /// `spec.leaseDurationSeconds`.
    pub(super) duration: Duration,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing for so long.
    Wait(Duration),
    /// Read the Lease.
    Read,
    /// Write ourselves as holder, if the Lease is still at this version; `None`: if there is none.
    Claim(Option<String>),
    /// Another process may be the leader: stop.
    Lost,
}

/// One process that wants to lead.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    identity: String,
    /// When the last successful write of ours began; `None`: not the leader.
    renewed: Option<Duration>,
    /// The record as last seen, and when it was first seen so.
    seen: Option<(Record, Duration)>,
    /// What was learned allows the next step to be a claim.
    claim: bool,
    /// Another one holds the Lease.
    lost: bool,
    /// No step before this time.
    next: Duration,
}

impl Candidate {
    /// `identity` is of this process alone: a process that is started again takes another one.
    pub(super) fn new(identity: String) -> Self {
        let next = Duration::ZERO;
        Self {
            identity,
            renewed: None,
            seen: None,
            claim: false,
            lost: false,
            next,
        }
    }

    /// Writes may start before this time; `None`: none may.
    pub(super) fn may_write_until(&self) -> Option<Duration> {
        let renewed = self.renewed.filter(|_| !self.lost)?;
        Some(renewed + RENEW_DEADLINE)
    }

    pub(super) fn poll(&self, now: Duration) -> Step {
        let deadline = self.renewed.map(|renewed| renewed + RENEW_DEADLINE);
        if self.lost || deadline.is_some_and(|deadline| now >= deadline) {
            return Step::Lost;
        }
        let next = self.next.min(deadline.unwrap_or(self.next));
        if now < next {
            return Step::Wait(next - now);
        }
        match (&self.seen, self.claim) {
            (seen, true) => Step::Claim(seen.as_ref().map(|(record, _)| record.version.clone())),
            (_, false) => Step::Read,
        }
    }

    /// The Lease was read; `None`: there is none.
    pub(super) fn handle_read(&mut self, now: Duration, record: Option<Record>) {
        let changed = self.seen.as_ref().map(|(seen, _)| seen) != record.as_ref();
        if changed {
            self.seen = record.map(|record| (record, now));
        }
        let others = self
            .seen
            .as_ref()
            .filter(|(record, _)| record.holder != self.identity && !record.holder.is_empty());
        self.lost |= self.renewed.is_some() && others.is_some();
        self.claim = others.is_none_or(|(record, since)| now - *since >= record.duration);
        if !self.claim {
            self.next = now + RETRY;
        }
    }

    /// A claim that began at `started` was accepted and made this record.
    pub(super) fn handle_claimed(&mut self, started: Duration, now: Duration, record: Record) {
        self.renewed = Some(started);
        self.seen = Some((record, now));
        self.claim = true;
        self.next = started + RETRY;
    }

    /// A claim was refused, because the Lease had changed.
    pub(super) fn handle_conflict(&mut self, now: Duration) {
        self.claim = false;
        self.next = now;
    }

    /// A read or claim that began at `started` had no answer, or a useless one.
    pub(super) fn handle_failed(&mut self, started: Duration, now: Duration) {
        self.next = now.max(started + RETRY);
    }

    /// The last record seen with us as its holder.
    pub(super) fn held(&self) -> Option<&Record> {
        self.seen
            .as_ref()
            .map(|(record, _)| record)
            .filter(|record| record.holder == self.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn record(version: &str, holder: &str) -> Record {
        Record {
            version: version.into(),
            holder: holder.into(),
            duration: DURATION,
        }
    }

    fn leader() -> Candidate {
        let mut candidate = Candidate::new("a".into());
        candidate.handle_read(at(0), None);
        candidate.handle_claimed(at(0), at(1), record("1", "a"));
        candidate
    }

    #[test]
    fn takes_a_lease_that_is_not_there() {
        let mut candidate = Candidate::new("a".into());
        assert_eq!(candidate.poll(at(0)), Step::Read);
        candidate.handle_read(at(0), None);
        assert_eq!(candidate.poll(at(0)), Step::Claim(None));
        assert_eq!(candidate.may_write_until(), None);
    }

    #[test]
    fn takes_a_released_lease_at_once() {
        let mut candidate = Candidate::new("a".into());
        candidate.handle_read(at(0), Some(record("7", "")));
        assert_eq!(candidate.poll(at(0)), Step::Claim(Some("7".into())));
    }

    #[test]
    fn waits_for_the_whole_duration_since_the_record_was_first_seen() {
        let mut candidate = Candidate::new("a".into());
        candidate.handle_read(at(100), Some(record("7", "b")));
        assert_eq!(candidate.poll(at(100)), Step::Wait(RETRY));
        candidate.handle_read(at(114), Some(record("7", "b")));
        assert_eq!(candidate.poll(at(116)), Step::Read);
        candidate.handle_read(at(116), Some(record("7", "b")));
        assert_eq!(candidate.poll(at(116)), Step::Claim(Some("7".into())));
    }

    #[test]
    fn a_renewal_starts_the_wait_anew() {
        let mut candidate = Candidate::new("a".into());
        candidate.handle_read(at(0), Some(record("7", "b")));
        candidate.handle_read(at(14), Some(record("8", "b")));
        candidate.handle_read(at(28), Some(record("8", "b")));
        assert_eq!(candidate.poll(at(28)), Step::Wait(RETRY));
    }

    #[test]
    fn renews_every_two_seconds_from_the_start_of_the_last_renewal() {
        let leader = leader();
        assert_eq!(leader.poll(at(1)), Step::Wait(at(1)));
        assert_eq!(leader.poll(at(2)), Step::Claim(Some("1".into())));
    }

    #[test]
    fn is_lost_ten_seconds_after_the_start_of_the_last_renewal() {
        let mut leader = leader();
        leader.handle_failed(at(2), at(6));
        assert_eq!(leader.may_write_until(), Some(at(10)));
        assert_eq!(leader.poll(at(9)), Step::Claim(Some("1".into())));
        assert_eq!(leader.poll(at(10)), Step::Lost);
    }

    #[test]
    fn a_conflict_with_an_own_late_renewal_is_no_loss() {
        let mut leader = leader();
        leader.handle_conflict(at(3));
        assert_eq!(leader.poll(at(3)), Step::Read);
        leader.handle_read(at(3), Some(record("2", "a")));
        assert_eq!(leader.poll(at(3)), Step::Claim(Some("2".into())));
    }

    #[test]
    fn another_holder_is_a_loss_at_once() {
        let mut leader = leader();
        leader.handle_conflict(at(3));
        leader.handle_read(at(3), Some(record("2", "b")));
        assert_eq!(leader.poll(at(3)), Step::Lost);
        assert_eq!(leader.may_write_until(), None);
    }
}

#[cfg(test)]
mod simulation;
