use core::time::Duration;

use model::Name;

use crate::WriteError;

/// How far the latest write of one object has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    phase: Phase,
    failures: u32,
    /// The version that the latest successful write made.
    landed: Option<Name>,
    /// A write decided on this version may still happen until then.
    unknown: Option<(Duration, Name)>,
    /// The API server refused the write, or the object is gone: nothing is held for it meanwhile.
    pub(crate) refused: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The next write may go.
    #[default]
    Idle,
    /// Sent, not answered.
    InFlight { uid: Name, version: Name },
    /// Done; the watch has yet to show this version or a newer one.
    Unseen { version: Name, until: Duration },
    /// Not before `until`; `tried` is the version that the write was decided on.
    Paused {
        until: Duration,
        tried: Name,
        failure: Failure,
    },
}

/// What is known of a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It was decided on an old version: any other one ends the pause.
    Outdated,
    /// It did not happen and will not.
    Refused,
    /// It may have happened.
    Unknown,
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A refusal is not healed by trying again soon.
const REFUSED_FACTOR: u32 = 5;
/// How long the watch may take to show what it must show.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the API server works on a request that nobody waits for any more.
const AFTERLIFE: Duration = Duration::from_secs(60);

impl Delivery {
    /// Whether a write may go now, `version` being the newest seen.
    pub(crate) fn is_ready(&self, now: Duration, version: &str) -> bool {
        match &self.phase {
            Phase::Idle => true,
            Phase::InFlight { .. } => false,
            Phase::Unseen {
                version: written,
                until,
            } => now >= *until || !is_older(version, written),
            Phase::Paused {
                until,
                tried,
                failure,
            } => now >= *until || (*failure == Failure::Outdated && **tried != *version),
        }
    }

    /// Whether what was last sent may still show up although `version` does not show it.
    pub(crate) fn may_land(&self, now: Duration, version: &str) -> bool {
        if self
            .landed
            .as_deref()
            .is_some_and(|landed| is_older(version, landed))
        {
            return true;
        }
        let may_happen = |(until, tried): &(Duration, Name)| now < *until && **tried == *version;
        matches!(self.phase, Phase::InFlight { .. })
            || self.unknown.as_ref().is_some_and(may_happen)
    }

    /// When to look again without any event.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Duration> + use<> {
        let first = match &self.phase {
            Phase::Idle | Phase::InFlight { .. } => None,
            Phase::Unseen { until, .. } | Phase::Paused { until, .. } => Some(*until),
        };
        let second = self.unknown.as_ref().map(|(until, _)| *until);
        first.into_iter().chain(second)
    }

    /// Whether any write was sent that nothing newer has made the past.
    pub(crate) fn was_sent(&self) -> bool {
        self.phase != Phase::Idle
    }

    pub(crate) fn sent(&mut self, (uid, version): (Name, Name)) {
        self.phase = Phase::InFlight { uid, version };
        self.refused = false;
    }

    /// Whether the write with this precondition is the one under way.
    pub(crate) fn awaits(&self, precondition: &(Name, Name)) -> bool {
        matches!(&self.phase, Phase::InFlight { uid, version }
            if *uid == precondition.0 && *version == precondition.1)
    }

    pub(crate) fn succeeded(&mut self, now: Duration, version: Name) {
        self.failures = 0;
        self.landed = Some(version.clone());
        self.phase = Phase::Unseen {
            version,
            until: now.saturating_add(PATIENCE),
        };
    }

    pub(crate) fn failed(&mut self, now: Duration, tried: Name, error: &WriteError) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pause();
        let (pause, failure) = match error {
            WriteError::Conflict | WriteError::NotFound => (PATIENCE, Failure::Outdated),
            WriteError::Refused(_) => (pause.saturating_mul(REFUSED_FACTOR), Failure::Refused),
            WriteError::Retry { after } => {
                self.unknown = Some((now.saturating_add(AFTERLIFE), tried.clone()));
                (pause.max(after.unwrap_or_default()), Failure::Unknown)
            }
        };
        self.refused = matches!(error, WriteError::NotFound | WriteError::Refused(_));
        let until = now.saturating_add(pause);
        self.phase = Phase::Paused {
            until,
            tried,
            failure,
        };
    }

    /// The object was edited: what was refused may be taken now.
    pub(crate) fn edited(&mut self) {
        if self.refused {
            (self.phase, self.refused, self.failures) = (Phase::Idle, false, 0);
        }
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(6);
        FIRST_PAUSE
            .saturating_mul(1 << doublings)
            .min(LONGEST_PAUSE)
    }
}

/// Whether resourceVersion `one` comes before `other`. They are decimal numbers that grow; of what
/// is none, anything else than `other` counts as newer.
fn is_older(one: &str, other: &str) -> bool {
    match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one < other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn sent() -> Delivery {
        let mut delivery = Delivery::default();
        delivery.sent(("u".into(), "7".into()));
        delivery
    }

    #[test]
    fn waits_until_the_watch_shows_what_was_written() {
        let mut delivery = sent();
        assert!(!delivery.is_ready(at(0), "7") && delivery.may_land(at(0), "7"));
        delivery.succeeded(at(0), "10".into());
        assert!(!delivery.is_ready(at(1), "9") && delivery.may_land(at(1), "9"));
        assert!(delivery.is_ready(PATIENCE, "9") && delivery.may_land(PATIENCE, "9"));
        assert!(delivery.is_ready(at(1), "10") && !delivery.may_land(at(1), "10"));
        assert!(delivery.is_ready(at(1), "11"));
    }

    #[test]
    fn a_conflict_waits_for_another_version() {
        let mut delivery = sent();
        delivery.failed(at(0), "7".into(), &WriteError::Conflict);
        assert!(!delivery.is_ready(at(1), "7") && delivery.is_ready(at(1), "8"));
        assert!(delivery.is_ready(PATIENCE, "7"));
    }

    #[test]
    fn pauses_grow_and_start_over_after_a_success() {
        let mut delivery = Delivery::default();
        let mut pauses = alloc::vec::Vec::new();
        for _ in 0..8 {
            delivery.failed(at(0), "7".into(), &WriteError::Retry { after: None });
            pauses.push(delivery.deadlines().next().unwrap().as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        delivery.succeeded(at(0), "8".into());
        delivery.failed(at(0), "8".into(), &WriteError::Retry { after: Some(at(9)) });
        assert_eq!(delivery.deadlines().next(), Some(at(9)));
    }

    #[test]
    fn a_lost_write_may_land_until_its_version_is_past() {
        let mut delivery = sent();
        delivery.failed(at(0), "7".into(), &WriteError::Retry { after: None });
        assert!(delivery.may_land(at(59), "7") && !delivery.may_land(at(1), "8"));
        assert!(!delivery.may_land(AFTERLIFE, "7"));
        assert_eq!(delivery.deadlines().last(), Some(AFTERLIFE));
    }

    #[test]
    fn a_refusal_ends_when_the_object_is_edited() {
        let mut delivery = sent();
        delivery.failed(at(0), "7".into(), &WriteError::Refused("no".into()));
        assert!(
            delivery.refused && !delivery.is_ready(at(1), "8") && !delivery.may_land(at(1), "7")
        );
        delivery.edited();
        assert!(delivery.is_ready(at(1), "8"));
    }
}
