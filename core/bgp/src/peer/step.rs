use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::{CONNECT_TIMEOUT, Cause, Peer};
use crate::fsm::{
    Action, Connection, Event, Negotiated, Payload, Role, State, Timer, keeps_dialled, transition,
};
use crate::notice::{ConnectionId, Dial, Notice};
use crate::outside::Outside;
use crate::session::Session;
use crate::wire::{CeaseSubcode, ErrorCode, Notification};

impl Peer {
    pub(super) fn handle_connect_retry(&mut self, now: Duration, outside: &mut Outside) {
        let dialled = self.connections_where(|each| each.role == Role::Active);
        match dialled.first() {
            Some(&id) if self.state_of(id) == State::Connect => {
                let words = format!(
                    "no answer from {} port {} within {} s",
                    self.config.shown_address(),
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

    pub(super) fn handle_message(
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
                if let Some(cause) = self.take_update(&update, outside) {
                    return self.end_for_excess(now, cause, outside);
                }
            }
            Payload::RouteRefresh(refresh) => self.take_route_refresh(now, id, refresh, outside),
            Payload::Notification(notification) => {
                self.counters.notifications_received += 1;
                cause = Some(Cause::received(&notification));
            }
            Payload::Defect(answer, words) => cause = Some(Cause::answer(answer, words)),
        }
        self.step(now, Some(id), event, cause, outside);
    }

    /// Ends the connection that has to give way to another one, as soon as an OPEN tells who the peer is (RFC 4271 section
    /// 6.8). Whether it is this one.
    fn loses_collision(
        &mut self,
        now: Duration,
        id: ConnectionId,
        negotiated: &Negotiated,
        outside: &mut Outside,
    ) -> bool {
        let ours = (self.config.identifier, self.config.local_asn);
        let theirs = (negotiated.remote_identifier, negotiated.remote_asn);
        let winner = if keeps_dialled(ours, theirs) {
            Role::Active
        } else {
            Role::Passive
        };
        for other in self.connections_where(|other| other.id != id) {
            let loser = match self.state_of(other) {
                State::Established if self.replaces(id) => {
                    let cause = Cause::words("the peer made a new connection");
                    self.step(now, Some(other), Event::TcpFails, Some(cause), outside);
                    continue;
                }
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

    /// Whether the peer made this connection because it has lost its session (RFC 4724 section 5).
    fn replaces(&self, id: ConnectionId) -> bool {
        self.session.as_ref().is_some_and(Session::gives_way)
            && self
                .connections
                .iter()
                .any(|each| each.id == id && each.replaces)
    }

    /// One step of the state machine, for a connection or for the peer that has none.
    pub(super) fn step(
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
        let restarting = self.restarting(now, outside);
        let connection = id.and_then(|id| self.connections.iter_mut().find(|each| each.id == id));
        match (action, connection) {
            (Action::Dial, _) => self.dial(now, id, outside),
            (Action::SendOpen, Some(connection)) => connection.send_open(&self.config, restarting),
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
                connection.restart_send_hold(now);
                self.drop_dial(outside);
            }
            (Action::RestartHoldTimer, Some(connection)) => connection.restart_hold(now),
            (Action::Establish, Some(_)) => self.establish(now, id, outside),
            (Action::NotifyUnexpected, Some(connection)) => {
                let answer = connection.unexpected();
                let words = format!("unexpected message in {}", connection.state);
                *cause = Some(Cause::answer(answer, words));
            }
            (Action::NotifyHoldTimerExpired, Some(_)) => {
                let answer = Notification::new(ErrorCode::HoldTimerExpired, Vec::new());
                *cause = Some(Cause::answer(answer, "hold timer expired"));
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
        let session = Session::new(now, &self.config, connection, &outside.loc_rib);
        let Some(mut session) = session else {
            return;
        };
        if let Some(kept) = self.kept.take() {
            session.resume(kept, &mut outside.learned);
        }
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
        self.shut_down = None;
        self.session = Some(session);
    }
}
