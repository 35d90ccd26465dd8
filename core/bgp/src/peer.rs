mod cause;
mod end;
mod excess;
mod restart;
mod step;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::fsm::{Backoff, Connection, Event, Role, State, Timer, Timers};
use crate::graceful_restart::BfdFate;
use crate::import::Import;
use crate::kept::Kept;
use crate::notice::{ConnectionId, Counters, LocalAddresses, Notice, SessionView};
use crate::outside::Outside;
use crate::peer_config::PeerConfig;
use crate::rib::{AdjRibIn, Outcome};
use crate::session::Session;
use crate::wire::{CeaseSubcode, Notification};

pub(crate) use cause::Cause;
use excess::Penalty;

/// How long a dial may take; SYNs that are lost are repeated after 1 s and 3 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One neighbour: its connections, of which at most one dialled and one accepted, and its session.
///
/// The state machine runs per connection; while there is none, `rest` is its state.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) config: PeerConfig,
    rest: State,
    timers: Timers,
    backoff: Backoff,
    refuses_until: Duration,
    penalty: Penalty,
    connections: Vec<Connection>,
    pub(crate) session: Option<Session>,
    /// Of the session before, while there is none.
    kept: Option<Kept>,
    shown: (State, Duration),
    last_error: Option<String>,
    /// What the peer said when its operator shut it down, while there was no session since.
    shut_down: Option<String>,
    flaps: u64,
    counters: Counters,
}

impl Peer {
    pub(crate) fn new(now: Duration, config: PeerConfig) -> Self {
        Self {
            config,
            rest: State::Idle,
            timers: Timers::default(),
            backoff: Backoff::default(),
            refuses_until: Duration::ZERO,
            penalty: Penalty::default(),
            connections: Vec::new(),
            session: None,
            kept: None,
            shown: (State::Idle, now),
            last_error: None,
            shut_down: None,
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
            self.step(now, Some(id), Event::Stop, Some(cause.clone()), outside);
        }
        self.forget_kept(outside);
        self.rest = State::Idle;
        self.timers = Timers::default();
        self.backoff.reset();
        self.refuses_until = Duration::ZERO;
        self.penalty = Penalty::default();
        self.show_state(now, outside);
    }

    /// Whether a new configuration can be taken over without an end of the session.
    pub(crate) fn can_adjust(&self, config: &PeerConfig) -> bool {
        let mut sessions = self.session.iter();
        // A peer that cannot send its routes again does so only at the start of a session.
        let has_all = config.import.narrows(&self.config.import);
        self.config.keeps_session(config) && sessions.all(|each| has_all || each.can_refresh)
    }

    /// Takes a configuration over that leaves the session alone.
    pub(crate) fn adjust(&mut self, now: Duration, config: PeerConfig, outside: &mut Outside) {
        let passive_changed = config.passive != self.config.passive;
        let before = core::mem::replace(&mut self.config, config);
        if before.import != self.config.import {
            self.adjust_import(now, &before.import, outside);
        }
        if passive_changed && self.connections.is_empty() && self.rest == State::Active {
            self.timers.stop(Timer::ConnectRetry);
            self.start(now, outside);
        }
    }

    fn adjust_import(&mut self, now: Duration, before: &Import, outside: &mut Outside) {
        let import = &self.config.import;
        let mut outcome = Outcome {
            counters: &mut self.counters,
            learned: &mut outside.learned,
        };
        if let Some(kept) = &mut self.kept {
            kept.adj_rib_in.handle_import(import, &mut outcome);
        }
        let session = self.session.as_mut();
        let exceeded = session.and_then(|each| each.handle_import(before, import, &mut outcome));
        match exceeded.and_then(|family| excess::cause(import, family)) {
            Some(cause) => self.end_for_excess(now, cause, outside),
            None => self.forgive(now, outside),
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
        // Of a connection that stands already there is nothing new to tell.
        let Some(connection) = self
            .connection_mut(id)
            .filter(|each| each.state == State::Connect)
        else {
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
        if let Some(words) = self
            .astray(addresses.local)
            .filter(|_| self.session.is_none())
        {
            self.fail_attempt(words, outside);
        }
        if let Some(subcode) = self.refusal(now, addresses.local) {
            self.counters.notifications_sent += 1;
            let last = connection.into_last(Some(&Notification::cease(subcode)));
            outside.notify(Notice::Close {
                connection: id,
                last,
            });
            return id;
        }
        // The peer dialled anew: it has given up what it dialled before. A session ends only when its OPEN shows that it is
        // the peer who is back.
        connection.replaces = self.session.is_some();
        let session = self.session.as_ref().map(|session| session.connection);
        for old in
            self.connections_where(|old| old.role == Role::Passive && Some(old.id) != session)
        {
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

    /// The way to the peer is broken, says BFD: a session ends, an attempt goes on.
    pub(crate) fn handle_bfd_down(&mut self, now: Duration, fate: BfdFate, outside: &mut Outside) {
        let session = self.session.as_ref().map(|session| session.connection);
        if let Some(id) = session {
            let cause = Cause::cease(CeaseSubcode::BfdDown, "BFD went down");
            self.step(now, Some(id), Event::BfdDown, Some(cause), outside);
        }
        self.doubt(fate, session.is_some(), outside);
    }

    pub(crate) fn handle_bytes(
        &mut self,
        now: Duration,
        id: ConnectionId,
        mut bytes: &[u8],
        outside: &mut Outside,
    ) {
        self.counters.octets_received += bytes.len() as u64;
        while let Some(connection) = self.connections.iter_mut().find(|each| each.id == id) {
            let Some(received) = connection.receive(&mut bytes, &self.config) else {
                return;
            };
            self.handle_message(now, id, received.event, received.payload, outside);
        }
    }

    /// The socket took octets of the connection.
    pub(crate) fn handle_written(&mut self, now: Duration, id: ConnectionId) {
        if let Some(connection) = self.connection_mut(id) {
            connection.restart_send_hold(now);
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration, outside: &mut Outside) {
        self.expire_routes(now, outside);
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::ConnectRetry => self.handle_connect_retry(now, outside),
                Timer::IdleHold => self.leave_idle(now, outside),
                Timer::Hold | Timer::Keepalive | Timer::SendHold => {}
            }
        }
        for id in self.connection_ids() {
            while let Some(timer) = self
                .connection_mut(id)
                .and_then(|each| each.timers.expire(now))
            {
                let (event, cause) = match timer {
                    Timer::Hold => {
                        let cause = Cause::words("hold timer expired");
                        (Event::HoldTimerExpires, Some(cause))
                    }
                    Timer::Keepalive => (Event::KeepaliveTimerExpires, None),
                    Timer::SendHold => (Event::SendHoldTimerExpires, self.send_hold_cause(id)),
                    Timer::ConnectRetry | Timer::IdleHold => continue,
                };
                self.step(now, Some(id), event, cause, outside);
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let connections = self
            .connections
            .iter()
            .filter_map(|each| each.timers.next());
        connections
            .chain(self.timers.next())
            .chain(self.routes_expire())
            .min()
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
            session.take_requests(out);
            let sent = session
                .adj_rib_out
                .poll_transmit(&mut outside.loc_rib, budget, out);
            self.counters.updates_sent += sent;
        }
        self.counters.octets_sent += (out.len() - before) as u64;
        out.len() > before
    }

    pub(crate) fn view(&self) -> SessionView {
        let session = self.session.as_ref();
        let export = session.map(|session| session.adj_rib_out.export());
        let known = self.config.remote_asn.known(self.config.local_asn);
        SessionView {
            peer: self.config.name.clone(),
            address: self.config.address,
            interface: self.config.interface.clone(),
            local_asn: self.config.local_asn,
            remote_asn: session.map(|session| session.remote_asn).or(known),
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
            graceful_restart: session.and_then(|session| session.restart),
            received: self.adj_rib_in().map_or(0, AdjRibIn::accepted),
            stale: self.adj_rib_in().map_or(0, AdjRibIn::stale),
            excess: self.excess(),
            advertised: session.map_or(0, |session| session.adj_rib_out.advertised() as u64),
            counters: self.counters,
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
