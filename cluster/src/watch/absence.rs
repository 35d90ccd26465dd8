//! When a kind that the API server answers with 404 counts as empty; pure.

use std::time::Duration;

/// How long a kind may be missing before it counts as empty: a CRD may be on its way.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Interval between attempts within that time.
const SOON: Duration = Duration::from_secs(1);
/// Interval between attempts after it: a CRD that is installed later is picked up.
const LATER: Duration = Duration::from_secs(10);

/// Counts the time for which one kind has been missing.
#[derive(Debug)]
pub(super) struct Absence {
    patience: Duration,
    since: Option<Duration>,
    reported: bool,
}

/// What follows from one more 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The kind counts as empty from now on; true once per absence.
    pub(super) report: bool,
    /// Wait this long before asking again.
    pub(super) retry_after: Duration,
}

impl Absence {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            since: None,
            reported: false,
        }
    }

    /// The API server served the kind.
    pub(super) fn handle_served(&mut self) {
        *self = Self::new(self.patience);
    }

    /// The API server answered 404.
    pub(super) fn handle_missing(&mut self, now: Duration) -> Verdict {
        let since = *self.since.get_or_insert(now);
        let over = now.saturating_sub(since) >= self.patience;
        let report = over && !self.reported;
        self.reported |= over;
        Verdict {
            report,
            retry_after: if over { LATER } else { SOON },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn reports_a_missing_kind_once_after_its_patience() {
        let mut absence = Absence::new(PATIENCE);
        assert!(!absence.handle_missing(at(5)).report);
        assert!(!absence.handle_missing(at(14)).report);
        assert_eq!(
            absence.handle_missing(at(15)),
            Verdict {
                report: true,
                retry_after: LATER
            }
        );
        assert!(!absence.handle_missing(at(16)).report);
    }

    #[test]
    fn starts_anew_when_the_kind_was_served_in_between() {
        let mut absence = Absence::new(PATIENCE);
        absence.handle_missing(at(0));
        absence.handle_served();
        assert!(!absence.handle_missing(at(12)).report);
        assert!(absence.handle_missing(at(22)).report);
    }

    #[test]
    fn a_kind_that_cannot_be_installed_later_is_reported_at_once() {
        assert!(Absence::new(Duration::ZERO).handle_missing(at(3)).report);
    }
}
