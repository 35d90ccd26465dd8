use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::fsm::{
    Action, Backoff, Connection, Event, Payload, Role, State, Timer, Timers, keeps_dialled,
    transition,
};
use crate::notice::{ConnectionId, Counters, Dial, LocalAddresses, Notice, SessionView};
use crate::outside::Outside;
use crate::peer_config::PeerConfig;
use crate::session::Session;
use crate::wire::{CeaseSubcode, ErrorCode, Notification};

/// How long a dial may take; SYNs that are lost are repeated after 1 s and 3 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A session that lived this long did not fail at once: the waits start over.
const STABLE: Duration = Duration::from_secs(10);
/// So many failures in a row, and while we hold off in Idle the peer's connections are refused too.
const PATIENCE: u32 = 3;

/// One neighbour: its connections, of which at most one dialled and one accepted, and its session.
///
/// The state machine runs per connection; while there is none, `rest` is its state.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) config: PeerConfig,
    rest: State,
    timers: Timers,
    backoff: Backoff,
    connections: Vec<Connection>,
    pub(crate) session: Option<Session>,
    shown: (State, Duration),
    last_error: Option<String>,
    flaps: u64,
    counters: Counters,
}

/// Why something ends: what the peer is told, and what we tell of it.
#[derive(Debug)]
pub(crate) struct Cause {
    notification: Option<Notification>,
    words: String,
}

impl Cause {
    pub(crate) fn words(words: impl Into<String>) -> Self {
        Self {
            notification: None,
            words: words.into(),
        }
    }

    pub(crate) fn cease(subcode: CeaseSubcode, words: &str) -> Self {
        Self {
            notification: Some(Notification::cease(subcode)),
            words: words.into(),
        }
    }
}

impl Peer {
    pub(crate) fn new(now: Duration, config: PeerConfig) -> Self {
        Self {
            config,
            rest: State::Idle,
            timers: Timers::default(),
            backoff: Backoff::default(),
            connections: Vec::new(),
            session: None,
            shown: (State::Idle, now),
            last_error: None,
            flaps: 0,
            counters: Counters::default(),
        }
    }

    /// Dials, or waits for the peer when it is passive.
    pub(crate) fn start(&mut self, now: Duration, outside: &mut Outside) {
        let event = if self.config.passive {
            Event::StartPassive
        } else {
            Event::Start
        };
        self.step(now, None, event, None, outside);
    }

    /// Ends every connection; the peer stays Idle until it is started.
    pub(crate) fn stop(&mut self, now: Duration, cause: &Cause, outside: &mut Outside) {
        for id in self.connection_ids() {
            let cause = Cause {
                notification: cause.notification.clone(),
                words: cause.words.clone(),
            };
            self.step(now, Some(id), Event::Stop, Some(cause), outside);
        }
        self.rest = State::Idle;
        self.timers = Timers::default();
        self.backoff.reset();
        self.show_state(now, outside);
    }

    /// Takes a configuration over that leaves the session alone.
    pub(crate) fn adjust(&mut self, now: Duration, config: PeerConfig, outside: &mut Outside) {
        let passive_changed = config.passive != self.config.passive;
        self.config = config;
        if passive_changed && self.connections.is_empty() && self.rest == State::Active {
            self.timers.stop(Timer::ConnectRetry);
            self.start(now, outside);
        }
    }

    pub(crate) fn owns(&self, id: ConnectionId) -> bool {
        self.connections
            .iter()
            .any(|connection| connection.id == id)
    }

    pub(crate) fn handle_connected(
        &mut self,
        now: Duration,
        id: ConnectionId,
        addresses: LocalAddresses,
        outside: &mut Outside,
    ) {
        // Nobody else's OPEN can be pending on a connection that we have only now: without OPEN of ours it never was.
        let too_late = self
            .connections
            .iter()
            .any(|other| other.state >= State::OpenConfirm);
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        connection.addresses = Some(addresses);
        match too_late {
            true => self.end_connection(id, None, outside),
            false => self.step(now, Some(id), Event::TcpConnected, None, outside),
        }
        self.show_state(now, outside);
    }

    /// The connection's name; a connection that is refused gets one too and is closed with a NOTIFICATION.
    pub(crate) fn handle_accepted(
        &mut self,
        now: Duration,
        addresses: LocalAddresses,
        outside: &mut Outside,
    ) -> ConnectionId {
        let id = outside.next_connection();
        let mut connection = Connection::new(id, Role::Passive, &self.config);
        connection.addresses = Some(addresses);
        if let Some(subcode) = self.refusal() {
            self.counters.notifications_sent += 1;
            let last = connection.into_last(Some(&Notification::cease(subcode)));
            outside.notify(Notice::Close {
                connection: id,
                last,
            });
            return id;
        }
        // The peer dialled anew: it has given up what it dialled before.
        for old in self.connections_where(|old| old.role == Role::Passive) {
            self.end_connection(old, None, outside);
        }
        if self.rest == State::Idle && self.connections.is_empty() {
            self.timers.stop(Timer::IdleHold);
            self.step(now, None, Event::IdleHoldTimerExpiresPassive, None, outside);
        }
        self.connections.push(connection);
        self.step(now, Some(id), Event::TcpConnected, None, outside);
        id
    }

    /// The dial failed, or the connection ended.
    pub(crate) fn handle_closed(
        &mut self,
        now: Duration,
        id: ConnectionId,
        words: String,
        outside: &mut Outside,
    ) {
        self.step(
            now,
            Some(id),
            Event::TcpFails,
            Some(Cause::words(words)),
            outside,
        );
    }

    pub(crate) fn handle_bytes(
        &mut self,
        now: Duration,
        id: ConnectionId,
        mut bytes: &[u8],
        outside: &mut Outside,
    ) {
        while let Some(connection) = self.connections.iter_mut().find(|each| each.id == id) {
            let Some(received) = connection.receive(&mut bytes, &self.config) else {
                return;
            };
            self.handle_message(now, id, received.event, received.payload, outside);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration, outside: &mut Outside) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::ConnectRetry => self.handle_connect_retry(now, outside),
                Timer::IdleHold => {
                    let event = match self.config.passive {
                        true => Event::IdleHoldTimerExpiresPassive,
                        false => Event::IdleHoldTimerExpires,
                    };
                    self.step(now, None, event, None, outside);
                }
                Timer::Hold | Timer::Keepalive => {}
            }
        }
        for id in self.connection_ids() {
            while let Some(timer) = self
                .connection_mut(id)
                .and_then(|each| each.timers.expire(now))
            {
                let event = match timer {
                    Timer::Hold => Event::HoldTimerExpires,
                    Timer::Keepalive => Event::KeepaliveTimerExpires,
                    Timer::ConnectRetry | Timer::IdleHold => continue,
                };
                let cause = (timer == Timer::Hold).then(|| Cause::words("hold timer expired"));
                self.step(now, Some(id), event, cause, outside);
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let connections = self
            .connections
            .iter()
            .filter_map(|each| each.timers.next());
        connections.chain(self.timers.next()).min()
    }

    /// Appends at most about `budget` octets; whether there was anything.
    pub(crate) fn poll_transmit(
        &mut self,
        id: ConnectionId,
        budget: usize,
        out: &mut Vec<u8>,
        outside: &mut Outside,
    ) -> bool {
        let before = out.len();
        if let Some(connection) = self.connection_mut(id) {
            connection.take_messages(out);
        }
        if let Some(session) = self
            .session
            .as_mut()
            .filter(|session| session.connection == id)
        {
            let sent = session
                .adj_rib_out
                .poll_transmit(&mut outside.loc_rib, budget, out);
            self.counters.updates_sent += sent;
        }
        out.len() > before
    }

    pub(crate) fn view(&self) -> SessionView {
        let session = self.session.as_ref();
        let export = session.map(|session| session.adj_rib_out.export());
        SessionView {
            peer: self.config.name.clone(),
            address: self.config.address,
            local_asn: self.config.local_asn,
            remote_asn: self.config.remote_asn,
            state: self.shown.0,
            since: self.shown.1,
            families: export
                .map(|export| export.dialect().families)
                .unwrap_or_default(),
            no_next_hop: export
                .map(|export| export.no_next_hop())
                .unwrap_or_default(),
            remote_identifier: session.map(|session| session.remote_identifier),
            last_error: self.last_error.clone(),
            flaps: self.flaps,
            received: session.map_or(0, |session| session.adj_rib_in.accepted()),
            advertised: session.map_or(0, |session| session.adj_rib_out.advertised() as u64),
            counters: self.counters,
        }
    }

    fn handle_connect_retry(&mut self, now: Duration, outside: &mut Outside) {
        let dialled = self.connections_where(|each| each.role == Role::Active);
        match dialled.first() {
            Some(&id) if self.state_of(id) == State::Connect => {
                let words = format!(
                    "no answer from {} port {} within {} s",
                    self.config.address,
                    self.config.port,
                    CONNECT_TIMEOUT.as_secs()
                );
                self.fail_attempt(words, outside);
                self.step(
                    now,
                    Some(id),
                    Event::ConnectRetryTimerExpires,
                    None,
                    outside,
                );
            }
            Some(_) => {}
            None if self.rest == State::Active && !self.config.passive => {
                self.step(now, None, Event::ConnectRetryTimerExpires, None, outside);
            }
            None => {}
        }
    }

    fn handle_message(
        &mut self,
        now: Duration,
        id: ConnectionId,
        event: Event,
        payload: Payload,
        outside: &mut Outside,
    ) {
        let mut cause = None;
        match payload {
            Payload::Nothing => {}
            Payload::Open(negotiated) => {
                if self.state_of(id) == State::OpenSent {
                    if self.loses_collision(now, id, &negotiated, outside) {
                        return;
                    }
                    if let Some(connection) = self.connection_mut(id) {
                        connection.agree(negotiated);
                    }
                }
            }
            Payload::Update(update) => {
                if let Some(session) = &mut self.session {
                    session
                        .adj_rib_in
                        .handle_update(&update, &mut self.counters);
                }
            }
            Payload::RouteRefresh(refresh) => {
                if let Some(session) = self.session.as_mut().filter(|each| each.connection == id) {
                    session.handle_route_refresh(refresh, &outside.loc_rib);
                }
            }
            Payload::Notification(notification) => {
                self.counters.notifications_received += 1;
                cause = Some(Cause::words(format!(
                    "received NOTIFICATION: {notification}"
                )));
            }
            Payload::Defect(answer, words) => {
                cause = Some(Cause {
                    notification: Some(answer),
                    words,
                });
            }
        }
        self.step(now, Some(id), event, cause, outside);
    }

    /// Ends the connection that has to give way to another one, as soon as an OPEN tells who the peer is (RFC 4271 section
    /// 6.8). Whether it is this one.
    fn loses_collision(
        &mut self,
        now: Duration,
        id: ConnectionId,
        negotiated: &crate::fsm::Negotiated,
        outside: &mut Outside,
    ) -> bool {
        let ours = (self.config.identifier, self.config.local_asn);
        let theirs = (negotiated.remote_identifier, self.config.remote_asn);
        let winner = if keeps_dialled(ours, theirs) {
            Role::Active
        } else {
            Role::Passive
        };
        for other in self.connections_where(|other| other.id != id) {
            let loser = match self.state_of(other) {
                State::Established => id,
                State::OpenSent | State::OpenConfirm if self.role_of(id) == Some(winner) => other,
                State::OpenSent | State::OpenConfirm => id,
                State::Idle | State::Connect | State::Active => continue,
            };
            let cause = Cause::cease(CeaseSubcode::ConnectionCollision, "connection collision");
            self.step(
                now,
                Some(loser),
                Event::OpenCollisionDump,
                Some(cause),
                outside,
            );
            if loser == id {
                return true;
            }
        }
        false
    }

    /// One step of the state machine, for a connection or for the peer that has none.
    fn step(
        &mut self,
        now: Duration,
        id: Option<ConnectionId>,
        event: Event,
        mut cause: Option<Cause>,
        outside: &mut Outside,
    ) {
        let state = id.map_or(self.rest, |id| self.state_of(id));
        let (next, actions) = transition(state, event);
        for action in actions {
            self.act(now, id, *action, &mut cause, outside);
        }
        let ends = matches!(next, State::Idle | State::Active);
        match id.filter(|id| self.owns(*id)) {
            Some(id) if ends => {
                self.finish_connection(now, id, (event, next, actions), cause, outside)
            }
            Some(id) => {
                if let Some(connection) = self.connection_mut(id) {
                    connection.state = next;
                }
            }
            None if id.is_none() => self.rest = next,
            None => {}
        }
        self.show_state(now, outside);
    }

    fn act(
        &mut self,
        now: Duration,
        id: Option<ConnectionId>,
        action: Action,
        cause: &mut Option<Cause>,
        outside: &mut Outside,
    ) {
        let connection = id.and_then(|id| self.connections.iter_mut().find(|each| each.id == id));
        match (action, connection) {
            (Action::Dial, _) => self.dial(now, id, outside),
            (Action::SendOpen, Some(connection)) => connection.send_open(&self.config),
            (Action::StartOpenHoldTimer, Some(connection)) => {
                connection.start_open_hold(now);
                if connection.role == Role::Active {
                    self.timers.stop(Timer::ConnectRetry);
                }
            }
            (Action::SendKeepalive, Some(connection)) => {
                connection.send_keepalive(now, &mut outside.random);
            }
            (Action::StartTimers, Some(connection)) => {
                connection.restart_hold(now);
                self.drop_dial(outside);
            }
            (Action::RestartHoldTimer, Some(connection)) => connection.restart_hold(now),
            (Action::Establish, Some(_)) => self.establish(now, id, outside),
            (Action::NotifyUnexpected, Some(connection)) => {
                let answer = connection.unexpected();
                let words = format!("unexpected message in {}", connection.state);
                *cause = Some(Cause {
                    notification: Some(answer),
                    words,
                });
            }
            (Action::NotifyHoldTimerExpired, Some(_)) => {
                let answer = Notification::new(ErrorCode::HoldTimerExpired, Vec::new());
                *cause = Some(Cause {
                    notification: Some(answer),
                    words: "hold timer expired".into(),
                });
            }
            // What the event brought with it is sent when the connection is closed; timers of a peer that has no
            // connection left start there too; routes were read before.
            (
                Action::Notify
                | Action::StartConnectRetryTimer
                | Action::StartIdleHoldTimer
                | Action::ReceiveUpdate
                | Action::ReceiveRouteRefresh,
                _,
            )
            | (_, None) => {}
        }
    }

    fn dial(&mut self, now: Duration, old: Option<ConnectionId>, outside: &mut Outside) {
        if let Some(old) = old {
            self.end_connection(old, None, outside);
        }
        let id = outside.next_connection();
        self.connections
            .push(Connection::new(id, Role::Active, &self.config));
        self.timers
            .start(Timer::ConnectRetry, now + CONNECT_TIMEOUT);
        outside.notify(Notice::Dial(Dial {
            peer: self.config.name.clone(),
            connection: id,
        }));
    }

    /// One connection has come far enough: what is still being dialled is not needed.
    fn drop_dial(&mut self, outside: &mut Outside) {
        self.timers.stop(Timer::ConnectRetry);
        for id in self.connections_where(|each| each.state == State::Connect) {
            self.end_connection(id, None, outside);
        }
    }

    fn establish(&mut self, now: Duration, id: Option<ConnectionId>, outside: &mut Outside) {
        for other in self.connections_where(|each| Some(each.id) != id) {
            let cease = Notification::cease(CeaseSubcode::ConnectionCollision);
            self.end_connection(other, Some(&cease), outside);
        }
        let Some(connection) = self.connections.first() else {
            return;
        };
        let Some(session) = Session::new(now, &self.config, connection, &outside.loc_rib) else {
            return;
        };
        let (peer, export) = (self.config.name.clone(), session.adj_rib_out.export());
        let families = export.dialect().families;
        outside.notify(Notice::SessionUp {
            peer: peer.clone(),
            families,
        });
        if !export.no_next_hop().is_empty() {
            outside.notify(Notice::NoNextHop {
                peer,
                families: export.no_next_hop(),
            });
        }
        self.session = Some(session);
    }

    /// Closes the connection and, when it was the last, waits for the next try.
    fn finish_connection(
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
        } = cause.unwrap_or_else(|| Cause::words("stopped"));
        let notification = notification.filter(|_| {
            use Action::{Notify, NotifyHoldTimerExpired, NotifyUnexpected};
            let says =
                |action| matches!(action, Notify | NotifyHoldTimerExpired | NotifyUnexpected);
            actions.iter().copied().any(says)
        });
        let session = self.session.take_if(|session| session.connection == id);
        self.end_connection(id, notification.as_ref(), outside);
        match session {
            Some(session) => self.end_session(now, session, words, outside),
            None if matches!(event, Event::Stop | Event::OpenCollisionDump) => {}
            None => self.fail_attempt(words, outside),
        }
        if self.connections.is_empty() {
            self.rest = next;
            self.wait(now, actions, outside);
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

    fn end_session(
        &mut self,
        now: Duration,
        session: Session,
        reason: String,
        outside: &mut Outside,
    ) {
        if now.saturating_sub(session.since) >= STABLE {
            self.backoff.reset();
        }
        session.adj_rib_out.release(&mut outside.loc_rib);
        self.flaps += 1;
        self.last_error = Some(reason.clone());
        let peer = self.config.name.clone();
        outside.notify(Notice::SessionDown { peer, reason });
    }

    fn fail_attempt(&mut self, reason: String, outside: &mut Outside) {
        self.last_error = Some(reason.clone());
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

    fn end_connection(
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

    fn refusal(&self) -> Option<CeaseSubcode> {
        let held_off = self.rest == State::Idle && self.connections.is_empty();
        if self.session.is_some() {
            Some(CeaseSubcode::ConnectionCollision)
        } else if held_off && self.backoff.failures() > PATIENCE {
            Some(CeaseSubcode::ConnectionRejected)
        } else {
            None
        }
    }

    fn show_state(&mut self, now: Duration, outside: &mut Outside) {
        let state = self
            .connections
            .iter()
            .map(|each| each.state)
            .max()
            .unwrap_or(self.rest);
        if state != self.shown.0 {
            self.shown = (state, now);
            outside.notify(Notice::StateChanged {
                peer: self.config.name.clone(),
                state,
            });
        }
    }

    fn state_of(&self, id: ConnectionId) -> State {
        let connection = self.connections.iter().find(|each| each.id == id);
        connection.map_or(State::Idle, |connection| connection.state)
    }

    fn role_of(&self, id: ConnectionId) -> Option<Role> {
        self.connections
            .iter()
            .find(|each| each.id == id)
            .map(|connection| connection.role)
    }

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|each| each.id == id)
    }

    fn connection_ids(&self) -> Vec<ConnectionId> {
        self.connections_where(|_| true)
    }

    fn connections_where(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<ConnectionId> {
        self.connections
            .iter()
            .filter(|each| wanted(each))
            .map(|each| each.id)
            .collect()
    }
}
