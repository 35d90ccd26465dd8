use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::{Event, Negotiated, Random, State, Timer, Timers, negotiate, open_message};
use crate::graceful_restart::Restarting;
use crate::notice::{ConnectionId, LocalAddresses};
use crate::peer_config::PeerConfig;
use crate::wire::{
    Decoder, Dialect, ErrorCode, FsmSubcode, Message, Notification, OpenSubcode, RawUpdate,
    RouteRefresh, Update,
};

/// Who opened a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// We did.
    Active,
    /// The peer did.
    Passive,
}

/// How long the peer may take to send its OPEN (RFC 4271 section 8.2.2, OpenSent).
const OPEN_HOLD: Duration = Duration::from_secs(4 * 60);

/// One TCP attempt, from the dial or the accept until it is closed.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) role: Role,
    pub(crate) state: State,
    pub(crate) timers: Timers,
    /// Known from `TcpConnected` on.
    pub(crate) addresses: Option<LocalAddresses>,
    /// Made by the peer while it had a session with us: when its OPEN is good, that session is over.
    pub(crate) replaces: bool,
    /// Known from OpenConfirm on.
    pub(crate) negotiated: Option<Negotiated>,
    decoder: Decoder,
    dialect: Dialect,
    /// OPEN and KEEPALIVE that wait to be written: never more than one of each.
    out: Vec<u8>,
}

/// What a message or its defect means to the state machine.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) event: Event,
    pub(crate) payload: Payload,
}

#[derive(Debug)]
pub(crate) enum Payload {
    Nothing,
    Open(Negotiated),
    Update(Box<Update>),
    RouteRefresh(RouteRefresh),
    /// The peer's words.
    Notification(Notification),
    /// Our answer to a defect, and the defect in words.
    Defect(Notification, String),
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, role: Role, config: &PeerConfig) -> Self {
        Self {
            id,
            role,
            state: match role {
                Role::Active => State::Connect,
                Role::Passive => State::Active,
            },
            timers: Timers::default(),
            addresses: None,
            replaces: false,
            negotiated: None,
            decoder: Decoder::new(),
            dialect: Dialect::initial(config.peer_type()),
            out: Vec::new(),
        }
    }

    /// Takes the next message off the front of `input`; nothing: all of it was taken.
    pub(crate) fn receive(&mut self, input: &mut &[u8], config: &PeerConfig) -> Option<Received> {
        let message = match self.decoder.decode(input, &self.dialect) {
            Ok(message) => message?,
            Err(error) => {
                let notification = error.to_notification();
                let event = match notification.error {
                    ErrorCode::Open(_) => Event::OpenError,
                    ErrorCode::Update(_) => Event::UpdateError,
                    ErrorCode::MessageHeader(_)
                    | ErrorCode::HoldTimerExpired
                    | ErrorCode::FiniteStateMachine(_)
                    | ErrorCode::Cease(_)
                    | ErrorCode::RouteRefresh(_)
                    | ErrorCode::SendHoldTimerExpired
                    | ErrorCode::Unknown { .. } => Event::HeaderError,
                };
                return Some(Received::defect(event, notification, error.to_string()));
            }
        };
        Some(match message {
            Message::Open(open) => match negotiate(config, &open) {
                Ok(negotiated) => Received::new(Event::BgpOpen, Payload::Open(negotiated)),
                Err(error) => Received::defect(
                    Event::OpenError,
                    error.to_notification(config.family_set()),
                    error.to_string(),
                ),
            },
            Message::Keepalive => Received::new(Event::KeepaliveMessage, Payload::Nothing),
            Message::Update(update) => self.treat(update),
            Message::RouteRefresh(refresh) => {
                Received::new(Event::RouteRefreshMessage, Payload::RouteRefresh(refresh))
            }
            Message::Notification(notification) => {
                let version = ErrorCode::Open(OpenSubcode::UnsupportedVersionNumber);
                let event = match notification.error == version {
                    true => Event::NotificationVersionError,
                    false => Event::Notification,
                };
                Received::new(event, Payload::Notification(notification))
            }
        })
    }

    /// Before a session stands an UPDATE is unexpected, whatever it holds.
    fn treat(&self, update: RawUpdate) -> Received {
        if self.state != State::Established {
            return Received::new(Event::UpdateMessage, Payload::Nothing);
        }
        match update.treat(&self.dialect) {
            Ok(update) => Received::new(Event::UpdateMessage, Payload::Update(Box::new(update))),
            Err(error) => Received::defect(
                Event::UpdateError,
                error.to_notification(),
                error.to_string(),
            ),
        }
    }

    /// Both OPENs are good: from now on messages are as agreed.
    pub(crate) fn agree(&mut self, negotiated: Negotiated) {
        self.dialect = negotiated.dialect;
        self.negotiated = Some(negotiated);
    }

    pub(crate) fn send_open(&mut self, config: &PeerConfig, restarting: Restarting) {
        self.send(&Message::Open(open_message(config, restarting)));
    }

    /// Sends a KEEPALIVE unless one is waiting already, and plans the next.
    pub(crate) fn send_keepalive(&mut self, now: Duration, random: &mut Random) {
        if self.state != State::Established || self.out.is_empty() {
            self.send(&Message::Keepalive);
        }
        if let Some(interval) = self.negotiated.as_ref().and_then(|agreed| agreed.keepalive) {
            self.timers
                .start(Timer::Keepalive, now + random.jitter(interval));
        }
    }

    /// Waits for the OPEN, however long the hold time will be.
    pub(crate) fn start_open_hold(&mut self, now: Duration) {
        self.timers.start(Timer::Hold, now + OPEN_HOLD);
    }

    /// Runs the hold timer as negotiated; with hold time 0 it does not run.
    pub(crate) fn restart_hold(&mut self, now: Duration) {
        let hold = self
            .negotiated
            .as_ref()
            .and_then(|agreed| agreed.hold_time.duration());
        match hold {
            Some(hold) => self.timers.start(Timer::Hold, now + hold),
            None => self.timers.stop(Timer::Hold),
        }
    }

    /// Runs the send hold timer anew: something was sent (RFC 9687 section 3.2). Before both OPENs are known, and with hold
    /// time 0, it does not run.
    pub(crate) fn restart_send_hold(&mut self, now: Duration) {
        if let Some(longest) = self.send_hold() {
            self.timers.start(Timer::SendHold, now + longest);
        }
    }

    /// How long nothing may be taken from us.
    pub(crate) fn send_hold(&self) -> Option<Duration> {
        self.negotiated.as_ref().and_then(|agreed| agreed.send_hold)
    }

    /// What an unexpected message is answered with (RFC 6608).
    pub(crate) fn unexpected(&self) -> Notification {
        let subcode = match self.state {
            State::OpenSent => FsmSubcode::UnexpectedMessageInOpenSent,
            State::OpenConfirm => FsmSubcode::UnexpectedMessageInOpenConfirm,
            State::Established => FsmSubcode::UnexpectedMessageInEstablished,
            State::Idle | State::Connect | State::Active => FsmSubcode::Unspecified,
        };
        Notification::new(ErrorCode::FiniteStateMachine(subcode), Vec::new())
    }

    /// Moves what waits into `out`; whether there was anything.
    pub(crate) fn take_messages(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.out.is_empty();
        out.append(&mut self.out);
        any
    }

    /// What waits, and then the NOTIFICATION.
    pub(crate) fn into_last(mut self, notification: Option<&Notification>) -> Vec<u8> {
        if let Some(notification) = notification {
            self.send(&Message::Notification(notification.clone()));
        }
        self.out
    }

    /// Our own OPEN, KEEPALIVE and NOTIFICATION always fit.
    fn send(&mut self, message: &Message) {
        let encoded = message.encode(&self.dialect, &mut self.out);
        debug_assert_eq!(encoded, Ok(()));
    }
}

impl Received {
    const fn new(event: Event, payload: Payload) -> Self {
        Self { event, payload }
    }

    const fn defect(event: Event, answer: Notification, words: String) -> Self {
        Self {
            event,
            payload: Payload::Defect(answer, words),
        }
    }
}
