use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::{Cause, Peer};
use crate::fsm::{Action, Event, State, Timer};
use crate::notice::{ConnectionId, Notice};
use crate::outside::Outside;
use crate::session::Session;
use crate::wire::{CeaseSubcode, ErrorCode, Notification};

/// A session that lived this long did not fail at once: the waits start over.
const STABLE: Duration = Duration::from_secs(10);
/// So many failures in a row, and for a moment after the next ones the peer's connections are refused.
const PATIENCE: u32 = 3;
/// That moment. Not all of the idle hold: two sides that both hold off would refuse each other for ever.
const REFUSAL: Duration = Duration::from_secs(1);

impl Peer {
    /// Closes the connection and, when it was the last, waits for the next try.
    pub(super) fn finish_connection(
        &mut self,
        now: Duration,
        id: ConnectionId,
        (event, next, actions): (Event, State, &[Action]),
        cause: Option<Cause>,
        outside: &mut Outside,
    ) {
        let Cause {
            notification,
            words,
            hard,
            shuts_down,
        } = cause.unwrap_or_else(|| Cause::words("stopped"));
        let notification = notification.filter(|_| {
            use Action::{Notify, NotifyHoldTimerExpired, NotifyUnexpected};
            let says =
                |action| matches!(action, Notify | NotifyHoldTimerExpired | NotifyUnexpected);
            actions.iter().copied().any(says)
        });
        let session = self.session.take_if(|session| session.connection == id);
        let notification = match &session {
            Some(session) => notification.map(|each| session.harden(each)),
            None => notification,
        };
        self.end_connection(id, notification.as_ref(), outside);
        let hard = hard || notification.is_some_and(|each| each.is_hard_reset());
        if hard {
            self.forget_kept(outside);
        }
        let too_many = session.as_ref().filter(|_| event == Event::TooManyPrefixes);
        let penalty = too_many.map(|session| self.penalty.impose(now, session));
        if shuts_down {
            self.shut_down = Some(words.clone());
        }
        match session {
            Some(session) => {
                let keeps = Self::outlives(&session, event, hard);
                self.end_session(now, session, keeps, words, outside);
            }
            None if matches!(event, Event::Stop | Event::OpenCollisionDump) => {}
            None => self.fail_attempt(words, outside),
        }
        if self.connections.is_empty() {
            self.rest = next;
            match penalty {
                Some(wait) => self.keep_away(now, wait),
                None => self.wait(now, actions, outside),
            }
        } else if !self
            .connections
            .iter()
            .any(|other| other.state >= State::OpenConfirm)
        {
            // The other one may never get anywhere.
            self.rest = State::Active;
            self.wait(now, &[Action::StartConnectRetryTimer], outside);
        }
    }

    /// Why a connection ends that the peer does not read (RFC 9687). The NOTIFICATION follows what it has not read, so it
    /// arrives only if the peer begins to read at the last moment.
    pub(super) fn send_hold_cause(&self, id: ConnectionId) -> Option<Cause> {
        let connection = self.connections.iter().find(|each| each.id == id)?;
        let seconds = connection.send_hold()?.as_secs();
        Some(Cause::answer(
            Notification::new(ErrorCode::SendHoldTimerExpired, Vec::new()),
            format!("send hold timer expired: the peer has read nothing for {seconds} s"),
        ))
    }

    fn end_session(
        &mut self,
        now: Duration,
        mut session: Session,
        keeps: bool,
        reason: String,
        outside: &mut Outside,
    ) {
        if now.saturating_sub(session.since) >= STABLE {
            self.backoff.reset();
        }
        session.adj_rib_out.release(&mut outside.loc_rib);
        self.kept = match keeps {
            true => session.keep(now, &mut outside.learned),
            false => {
                session.adj_rib_in.release(&mut outside.learned);
                None
            }
        };
        self.flaps += 1;
        self.last_error = Some(reason.clone());
        let peer = self.config.name.clone();
        outside.notify(Notice::SessionDown { peer, reason });
    }

    /// Whoever asks why there is no session shall find what the peer's operator wrote, not only that nobody answers.
    pub(super) fn fail_attempt(&mut self, reason: String, outside: &mut Outside) {
        let told = match &self.shut_down {
            Some(words) if *words != reason => format!("{reason}; before that {words}"),
            Some(_) | None => reason.clone(),
        };
        self.last_error = Some(told);
        outside.notify(Notice::AttemptFailed {
            peer: self.config.name.clone(),
            reason,
        });
    }

    fn wait(&mut self, now: Duration, actions: &[Action], outside: &mut Outside) {
        let passive = self.config.passive;
        let (timer, wait) = if actions.contains(&Action::StartIdleHoldTimer) {
            // A passive peer comes when it likes: holding off for long would only miss it.
            let longest = self.backoff.advance();
            if self.backoff.failures() > PATIENCE {
                self.refuses_until = now + REFUSAL;
            }
            let wait = if passive {
                Duration::from_secs(1)
            } else {
                longest
            };
            (Timer::IdleHold, outside.random.jitter(wait))
        } else if actions.contains(&Action::StartConnectRetryTimer) && !passive {
            let longest = self.backoff.advance();
            let fixed = self.config.connect_retry;
            (
                Timer::ConnectRetry,
                fixed.unwrap_or_else(|| outside.random.jitter(longest)),
            )
        } else {
            return;
        };
        self.timers.start(timer, now + wait);
    }

    /// Idle is over.
    pub(super) fn leave_idle(&mut self, now: Duration, outside: &mut Outside) {
        self.penalty.end();
        let event = match self.config.passive {
            true => Event::IdleHoldTimerExpiresPassive,
            false => Event::IdleHoldTimerExpires,
        };
        self.step(now, None, event, None, outside);
    }

    pub(super) fn end_connection(
        &mut self,
        id: ConnectionId,
        notification: Option<&Notification>,
        outside: &mut Outside,
    ) {
        let Some(at) = self.connections.iter().position(|each| each.id == id) else {
            return;
        };
        self.counters.notifications_sent += u64::from(notification.is_some());
        let last = self.connections.swap_remove(at).into_last(notification);
        outside.notify(Notice::Close {
            connection: id,
            last,
        });
    }

    /// Why a connection to an address of ours that is not the source address is not taken.
    pub(super) fn astray(&self, local: IpAddr) -> Option<String> {
        let local = local.to_canonical();
        let source = self.config.source.filter(|source| *source != local)?;
        Some(format!(
            "the peer connected to {local}, and only connections to the source address {source} are taken"
        ))
    }

    /// The Cease that answers a connection to `local` which is not taken.
    pub(super) fn refusal(&self, now: Duration, local: IpAddr) -> Option<CeaseSubcode> {
        let waits = self.connections.is_empty() && now < self.refuses_until;
        if self.session.as_ref().is_some_and(|each| !each.gives_way()) {
            Some(CeaseSubcode::ConnectionCollision)
        } else if waits || self.astray(local).is_some() {
            Some(CeaseSubcode::ConnectionRejected)
        } else {
            None
        }
    }
}
