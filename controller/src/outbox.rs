//! Events that wait until statuses leave room for them; pure.

use std::{collections::VecDeque, time::Duration};

use cluster::{WriteError, event::ServiceEvent};

/// Events under way at a time while no status is.
const IN_FLIGHT: usize = 8;
/// Events that may wait; what is beyond is dropped, as the condition says the same.
const WAITING: usize = 20_000;
/// How often one Event is tried.
const TRIES: u8 = 4;
/// Pause after a failure that names none.
const PAUSE: Duration = Duration::from_secs(2);

/// An Event and how often it was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) event: ServiceEvent,
    tries: u8,
}

/// What waits, and what is under way.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Letter>,
    in_flight: usize,
    paused_until: Duration,
    dropped: u64,
}

impl Outbox {
    pub(crate) fn push(&mut self, event: ServiceEvent) {
        self.put(Letter { event, tries: 0 });
    }

    /// The next Event to send; `statuses`: how many status writes are under way.
    pub(crate) fn poll(&mut self, now: Duration, statuses: usize) -> Option<Letter> {
        let room = if statuses == 0 { IN_FLIGHT } else { 1 };
        if self.in_flight >= room || now < self.paused_until {
            return None;
        }
        let letter = self.waiting.pop_front()?;
        self.in_flight += 1;
        Some(letter)
    }

    /// When to ask again without anything else happening.
    pub(crate) fn poll_timeout(&self, now: Duration) -> Option<Duration> {
        (!self.waiting.is_empty() && now < self.paused_until).then_some(self.paused_until)
    }

    pub(crate) fn handle_sent(
        &mut self,
        now: Duration,
        letter: Letter,
        result: Result<(), WriteError>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let pause = match result {
            Ok(()) => return,
            // Its namespace is gone or going: nobody is left to read it.
            Err(WriteError::NotFound | WriteError::Conflict | WriteError::Refused(_)) => None,
            Err(WriteError::Busy { after }) => Some(after),
            Err(WriteError::Retry { after, cause: _ }) => Some(after.unwrap_or(PAUSE)),
        };
        match pause {
            Some(pause) if letter.tries < TRIES => {
                self.paused_until = now + pause.min(PAUSE);
                self.put(Letter {
                    tries: letter.tries + 1,
                    ..letter
                });
            }
            Some(_) | None => self.dropped += 1,
        }
    }

    /// How many Events were given up.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn put(&mut self, letter: Letter) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back(letter);
        } else {
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use model::ServiceKey;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn filled(count: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for number in 0..count {
            outbox.push(ServiceEvent {
                key: ServiceKey::new("n", format!("s{number}")),
                uid: "u".into(),
                reason: "Assigned".into(),
                action: "Allocate",
                warning: false,
                message: String::new(),
                at: None,
            });
        }
        outbox
    }

    fn polled(outbox: &mut Outbox, now: Duration, statuses: usize) -> usize {
        std::iter::from_fn(|| outbox.poll(now, statuses)).count()
    }

    #[test]
    fn statuses_go_first() {
        let mut outbox = filled(20);
        assert_eq!(polled(&mut outbox, at(0), 32), 1);
        assert_eq!(polled(&mut outbox, at(0), 0), IN_FLIGHT - 1);
    }

    #[test]
    fn keeps_the_order_of_events() {
        let mut outbox = filled(2);
        assert_eq!(&*outbox.poll(at(0), 0).unwrap().event.key.name, "s0");
        assert_eq!(&*outbox.poll(at(0), 0).unwrap().event.key.name, "s1");
    }

    #[test]
    fn waits_for_a_busy_api_server_and_tries_again() {
        let mut outbox = filled(2);
        let letter = outbox.poll(at(0), 0).unwrap();
        outbox.handle_sent(at(0), letter, Err(WriteError::Busy { after: at(1) }));
        assert_eq!(outbox.poll(at(0), 0), None);
        assert_eq!(outbox.poll_timeout(at(0)), Some(at(1)));
        assert_eq!(polled(&mut outbox, at(1), 0), 2);
        assert_eq!(outbox.dropped(), 0);
    }

    #[test]
    fn gives_up_what_is_refused_or_fails_again_and_again() {
        let mut outbox = filled(2);
        let letter = outbox.poll(at(0), 0).unwrap();
        outbox.handle_sent(at(0), letter, Err(WriteError::Refused("no".into())));
        let mut now = at(0);
        while let Some(letter) = outbox.poll(now, 0) {
            now += PAUSE;
            let failed = WriteError::Retry {
                after: None,
                cause: "away".into(),
            };
            outbox.handle_sent(now, letter, Err(failed));
            now += PAUSE;
        }
        assert_eq!(outbox.dropped(), 2);
        assert_eq!(outbox.in_flight, 0);
    }

    #[test]
    fn drops_what_nobody_could_read_any_more() {
        let mut outbox = filled(WAITING + 3);
        assert_eq!(outbox.dropped(), 3);
        assert!(outbox.poll(at(0), 0).is_some());
    }
}
