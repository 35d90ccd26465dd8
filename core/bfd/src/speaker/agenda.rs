use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

/// Which session is to be looked at when: one entry per session.
#[derive(Debug)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Duration, u32)>,
    by_session: BTreeMap<u32, Duration>,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self {
            by_time: BTreeSet::new(),
            by_session: BTreeMap::new(),
        }
    }

    pub(super) fn set(&mut self, session: u32, at: Option<Duration>) {
        let before = match at {
            Some(at) => self.by_session.insert(session, at),
            None => self.by_session.remove(&session),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, session));
        }
        if let Some(at) = at {
            self.by_time.insert((at, session));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The sessions whose time has come, earliest first.
    pub(super) fn due(&self, now: Duration) -> impl Iterator<Item = u32> {
        let due = self.by_time.range(..=(now, u32::MAX));
        due.map(|(_, session)| *session)
    }
}
