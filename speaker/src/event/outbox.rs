//! Events that wait for the API server; pure.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use cluster::{WriteError, event::ServiceEvent};

/// So many Events are sent at most within so much time: when all speakers start anew, every address gets another owner.
const BUDGET: (usize, Duration) = (50, Duration::from_secs(10));
/// Events that may wait; what is beyond is left out.
const WAITING: usize = 50;
/// How long an Event waits for an API server that is away.
const LONGEST: Duration = Duration::from_secs(60);
/// Pause after a failure that names none.
const PAUSE: Duration = Duration::from_secs(2);

/// What an Event is about; of one address and topic only the newest is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// Who answers the address.
    Owner,
    /// Who else claims it.
    Conflict,
}

/// One Event for one Service of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) address: IpAddr,
    pub(super) topic: Topic,
    pub(super) event: ServiceEvent,
    /// When it was written.
    pub(super) since: Duration,
}

/// What waits, and what was sent lately.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Letter>,
    /// When each of the last Events was sent, as many as the budget has.
    sent: VecDeque<Duration>,
    paused_until: Duration,
    dropped: u64,
}

impl Outbox {
    /// Whether an Event about this would be sent some time.
    pub(super) fn has_room(&mut self, now: Duration, about: (IpAddr, Topic)) -> bool {
        self.expire(now);
        let others = self.waiting.iter();
        others.filter(|letter| letter.about() != about).count() < WAITING
    }

    /// Takes the letters about one address and topic, which make earlier ones void.
    pub(super) fn push(&mut self, now: Duration, letters: Vec<Letter>) {
        self.expire(now);
        if let Some(first) = letters.first() {
            let about = first.about();
            self.keep(|letter| letter.about() != about);
        }
        for letter in letters {
            match self.waiting.len() < WAITING {
                true => self.waiting.push_back(letter),
                false => self.dropped += 1,
            }
        }
    }

    /// The next Event to send.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Letter> {
        self.expire(now);
        if self.poll_timeout()? > now {
            return None;
        }
        if self.sent.len() >= BUDGET.0 {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        self.waiting.pop_front()
    }

    /// When [`Self::poll`] has something.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let spent = self.sent.len() >= BUDGET.0;
        let earliest = self.sent.front().filter(|_| spent);
        let affordable = earliest.map_or(Duration::ZERO, |earliest| *earliest + BUDGET.1);
        (!self.waiting.is_empty()).then_some(self.paused_until.max(affordable))
    }

    /// Takes what became of an Event. One that may work later waits again, and goes under the same name then, so that it
    /// is there once however often it was sent.
    pub(super) fn handle_written(
        &mut self,
        now: Duration,
        letter: Letter,
        result: Result<(), WriteError>,
    ) {
        let pause = match result {
            Ok(()) => return,
            // The Service's namespace is gone or going: nobody is left to read it.
            Err(WriteError::NotFound | WriteError::Conflict | WriteError::Refused(_)) => {
                return self.leave_out(1);
            }
            Err(WriteError::Busy { after }) => after,
            Err(WriteError::Retry { after, cause: _ }) => after.unwrap_or(PAUSE),
        };
        self.paused_until = now + pause.max(PAUSE);
        let newer = self.waiting.iter().any(|other| other.replaces(&letter));
        match newer || self.waiting.len() >= WAITING {
            true => self.dropped += 1,
            false => self.waiting.push_front(letter),
        }
    }

    /// So many Events are not sent.
    pub(super) fn leave_out(&mut self, events: u64) {
        self.dropped += events;
    }

    /// How many were not sent.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn expire(&mut self, now: Duration) {
        self.keep(|letter| now.saturating_sub(letter.since) < LONGEST);
    }

    fn keep(&mut self, wanted: impl Fn(&Letter) -> bool) {
        let before = self.waiting.len();
        self.waiting.retain(wanted);
        self.dropped += before.saturating_sub(self.waiting.len()) as u64;
    }
}

impl Letter {
    fn about(&self) -> (IpAddr, Topic) {
        (self.address, self.topic)
    }

    fn replaces(&self, other: &Self) -> bool {
        self.about() == other.about() && self.since >= other.since
    }
}

#[cfg(test)]
mod tests {
    use model::ServiceKey;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn letter(since: Duration, address: u8, service: &str) -> Letter {
        Letter {
            address: [10, 9, 0, address].into(),
            topic: Topic::Owner,
            event: ServiceEvent {
                key: ServiceKey::new("shop", service),
                uid: "u".into(),
                reason: "L2Owner".into(),
                action: "Answer",
                warning: false,
                message: String::new(),
                at: None,
            },
            since,
        }
    }

    fn away() -> Result<(), WriteError> {
        Err(WriteError::Retry {
            after: None,
            cause: "away".into(),
        })
    }

    /// Pushes a change of so many addresses at a time.
    fn flood(outbox: &mut Outbox, now: Duration, addresses: u8) {
        for address in 0..addresses {
            match outbox.has_room(now, ([10, 9, 0, address].into(), Topic::Owner)) {
                true => outbox.push(now, vec![letter(now, address, "web")]),
                false => outbox.leave_out(1),
            }
        }
    }

    #[test]
    fn a_flood_is_fifty_events_in_ten_seconds_and_the_rest_is_counted() {
        let mut outbox = Outbox::default();
        flood(&mut outbox, at(0), 200);
        let mut sent = Vec::new();
        for now in 0..25 {
            let now = at(now);
            while let Some(letter) = outbox.poll(now) {
                sent.push(now);
                outbox.handle_written(now, letter, Ok(()));
            }
            if now == at(1) {
                flood(&mut outbox, now, 200);
            }
        }
        let within = |from, to| {
            sent.iter()
                .filter(|time| (from..to).contains(*time))
                .count()
        };
        assert_eq!((within(at(0), at(10)), within(at(10), at(20))), (50, 50));
        assert_eq!(outbox.dropped(), 300);
        assert_eq!(outbox.poll_timeout(), None);
    }

    #[test]
    fn says_when_the_next_one_can_be_afforded() {
        let mut outbox = Outbox::default();
        flood(&mut outbox, at(3), 50);
        while outbox.poll(at(3)).is_some() {}
        flood(&mut outbox, at(4), 1);
        assert_eq!(
            (outbox.poll(at(12)), outbox.poll_timeout()),
            (None, Some(at(13)))
        );
        assert!(outbox.poll(at(13)).is_some());
    }

    #[test]
    fn keeps_the_newest_of_an_address_while_the_api_server_is_away() {
        let mut outbox = Outbox::default();
        outbox.push(at(0), vec![letter(at(0), 1, "web")]);
        let first = outbox.poll(at(0)).unwrap();
        outbox.push(
            at(1),
            vec![letter(at(1), 1, "web"), letter(at(1), 1, "api")],
        );
        outbox.handle_written(at(1), first, away());
        assert_eq!(outbox.poll_timeout(), Some(at(3)));
        let services: Vec<_> = std::iter::from_fn(|| outbox.poll(at(3)))
            .map(|letter| (letter.since, letter.event.key.name.to_string()))
            .collect();
        assert_eq!(services, [(at(1), "web".into()), (at(1), "api".into())]);
        assert_eq!(outbox.dropped(), 1);
    }

    #[test]
    fn gives_up_after_a_minute() {
        let mut outbox = Outbox::default();
        outbox.push(at(0), vec![letter(at(0), 1, "web")]);
        outbox.push(at(30), vec![letter(at(30), 2, "web")]);
        let mut now = at(0);
        let mut last = now;
        while let Some(due) = outbox.poll_timeout() {
            now = now.max(due);
            let Some(letter) = outbox.poll(now) else {
                continue;
            };
            last = now;
            outbox.handle_written(now, letter, away());
        }
        assert_eq!(outbox.dropped(), 2);
        assert!(last < at(90), "{last:?}");
    }

    #[test]
    fn an_event_about_something_else_stays() {
        let mut outbox = Outbox::default();
        outbox.push(at(0), vec![letter(at(0), 1, "web")]);
        let conflict = Letter {
            topic: Topic::Conflict,
            ..letter(at(0), 1, "web")
        };
        outbox.push(at(0), vec![conflict]);
        outbox.push(at(0), vec![letter(at(0), 2, "web")]);
        assert_eq!(std::iter::from_fn(|| outbox.poll(at(0))).count(), 3);
        assert_eq!(outbox.dropped(), 0);
    }

    #[test]
    fn what_nobody_can_read_any_more_is_not_tried_again() {
        let mut outbox = Outbox::default();
        outbox.push(at(0), vec![letter(at(0), 1, "web")]);
        let letter = outbox.poll(at(0)).unwrap();
        outbox.handle_written(at(0), letter, Err(WriteError::NotFound));
        assert_eq!((outbox.poll_timeout(), outbox.dropped()), (None, 1));
    }
}
