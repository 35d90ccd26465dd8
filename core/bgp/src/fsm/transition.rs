use core::fmt;

/// States of RFC 4271 section 8.2.2.
///
/// ```text
///          Start, IdleHoldTimerExpires
///   Idle ------------------------------> Connect <----------.
///    | ^                                  |   |             | ConnectRetryTimerExpires
///    | | any error: NOTIFICATION,         |   | TcpFails    |
///    | | idle hold                        |   v             |
///    | |                                  |  Active --------'
///    | '--- OpenSent, OpenConfirm,        |   |  ^
///    |      Established                   |   |  | TcpFails in OpenSent
///    |                                    |   |  |
///    |  Start of a passive peer           v   v  |
///    '-------------------------> Active   OpenSent
///                                            | BgpOpen
///                                            v
///                                         OpenConfirm
///                                            | KeepaliveMessage
///                                            v
///                                         Established
/// ```
///
/// Of the optional parts of RFC 4271 section 8.1.1 we have damping (idle hold) and passive start, and not the delayed
/// OPEN. Deviations: a failed dial leads to Active instead of Idle, so that the peer can reach us until the next try; no
/// NOTIFICATION answers a NOTIFICATION in OpenSent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Neither dials nor accepts.
    #[default]
    Idle,
    /// Dials.
    Connect,
    /// Waits: for the peer to connect, or for the time to dial again.
    Active,
    /// Our OPEN is out.
    OpenSent,
    /// Both OPENs are good.
    OpenConfirm,
    /// Routes flow.
    Established,
}

impl State {
    /// Every state, in the order a session passes them.
    pub const ALL: [Self; 6] = [
        Self::Idle,
        Self::Connect,
        Self::Active,
        Self::OpenSent,
        Self::OpenConfirm,
        Self::Established,
    ];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Events of RFC 4271 section 8.1 that can happen to us. Left out are those of the delayed OPEN (12, 20); 14 to 17 are
/// one, and so are the kinds of start that end alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Event {
    /// Events 1, 3, 6: the peer was configured.
    Start,
    /// Events 4, 5, 7: a passive peer was configured.
    StartPassive,
    /// Events 2, 8: removed, changed, or we end.
    Stop,
    /// Event 8, of a peer that may try again later: it advertises more prefixes than may be.
    TooManyPrefixes,
    /// Event 9.
    ConnectRetryTimerExpires,
    /// Event 10.
    HoldTimerExpires,
    /// Event 11.
    KeepaliveTimerExpires,
    /// Event 29 (RFC 9687 section 3.2): nothing could be sent for too long.
    SendHoldTimerExpires,
    /// Event 13, of a peer that we dial.
    IdleHoldTimerExpires,
    /// Event 13, of a passive peer.
    IdleHoldTimerExpiresPassive,
    /// Events 14, 16, 17: the connection stands, whoever dialled.
    TcpConnected,
    /// Events 15, 18.
    TcpFails,
    /// Event 19.
    BgpOpen,
    /// Event 21.
    HeaderError,
    /// Event 22.
    OpenError,
    /// Event 23.
    OpenCollisionDump,
    /// Event 24.
    NotificationVersionError,
    /// Event 25.
    Notification,
    /// Event 26.
    KeepaliveMessage,
    /// Event 27.
    UpdateMessage,
    /// Event 28.
    UpdateError,
    /// ROUTE-REFRESH came (RFC 2918).
    RouteRefreshMessage,
    /// The BFD session to the peer went from Up to Down (RFC 5882 section 4.2).
    BfdDown,
}

impl Event {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 23] = [
        Self::Start,
        Self::StartPassive,
        Self::Stop,
        Self::TooManyPrefixes,
        Self::ConnectRetryTimerExpires,
        Self::HoldTimerExpires,
        Self::KeepaliveTimerExpires,
        Self::SendHoldTimerExpires,
        Self::IdleHoldTimerExpires,
        Self::IdleHoldTimerExpiresPassive,
        Self::TcpConnected,
        Self::TcpFails,
        Self::BgpOpen,
        Self::HeaderError,
        Self::OpenError,
        Self::OpenCollisionDump,
        Self::NotificationVersionError,
        Self::Notification,
        Self::KeepaliveMessage,
        Self::UpdateMessage,
        Self::UpdateError,
        Self::RouteRefreshMessage,
        Self::BfdDown,
    ];
}

/// What a transition makes us do. Whatever leads to Idle or Active also closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Action {
    /// Dial, and give up after the connect timeout.
    Dial,
    /// Dial again later.
    StartConnectRetryTimer,
    /// Start again later.
    StartIdleHoldTimer,
    /// Send OPEN.
    SendOpen,
    /// Wait for the OPEN no longer than 4 minutes.
    StartOpenHoldTimer,
    /// Run the negotiated hold and keepalive timers.
    StartTimers,
    /// A message came.
    RestartHoldTimer,
    /// Send KEEPALIVE, and the next one later.
    SendKeepalive,
    /// The session begins.
    Establish,
    /// Send the NOTIFICATION that belongs to the event.
    Notify,
    /// Send the NOTIFICATION for an unexpected message in this state (RFC 6608).
    NotifyUnexpected,
    /// Send Hold Timer Expired.
    NotifyHoldTimerExpired,
    /// Read the routes.
    ReceiveUpdate,
    /// Send the routes again.
    ReceiveRouteRefresh,
}

/// The whole table: the next state and what is done on the way.
pub(crate) const fn transition(state: State, event: Event) -> (State, &'static [Action]) {
    match state {
        State::Idle => idle(event),
        State::Connect => connect(event),
        State::Active => active(event),
        State::OpenSent => open_sent(event),
        State::OpenConfirm => open_confirm(event),
        State::Established => established(event),
    }
}

const fn idle(event: Event) -> (State, &'static [Action]) {
    match event {
        Event::Start | Event::IdleHoldTimerExpires => (State::Connect, &[Action::Dial]),
        Event::StartPassive | Event::IdleHoldTimerExpiresPassive => (State::Active, &[]),
        Event::Stop
        | Event::TooManyPrefixes
        | Event::ConnectRetryTimerExpires
        | Event::HoldTimerExpires
        | Event::KeepaliveTimerExpires
        | Event::SendHoldTimerExpires
        | Event::TcpConnected
        | Event::TcpFails
        | Event::BgpOpen
        | Event::HeaderError
        | Event::OpenError
        | Event::OpenCollisionDump
        | Event::NotificationVersionError
        | Event::Notification
        | Event::KeepaliveMessage
        | Event::UpdateMessage
        | Event::UpdateError
        | Event::RouteRefreshMessage
        | Event::BfdDown => (State::Idle, &[]),
    }
}

const fn connect(event: Event) -> (State, &'static [Action]) {
    match event {
        Event::Start | Event::StartPassive | Event::TooManyPrefixes | Event::BfdDown => {
            (State::Connect, &[])
        }
        Event::ConnectRetryTimerExpires => (State::Connect, &[Action::Dial]),
        Event::TcpConnected => (
            State::OpenSent,
            &[Action::SendOpen, Action::StartOpenHoldTimer],
        ),
        Event::TcpFails => (State::Active, &[Action::StartConnectRetryTimer]),
        Event::Stop => (State::Idle, &[]),
        Event::HoldTimerExpires
        | Event::KeepaliveTimerExpires
        | Event::SendHoldTimerExpires
        | Event::IdleHoldTimerExpires
        | Event::IdleHoldTimerExpiresPassive
        | Event::BgpOpen
        | Event::HeaderError
        | Event::OpenError
        | Event::OpenCollisionDump
        | Event::NotificationVersionError
        | Event::Notification
        | Event::KeepaliveMessage
        | Event::UpdateMessage
        | Event::UpdateError
        | Event::RouteRefreshMessage => (State::Idle, &[Action::StartIdleHoldTimer]),
    }
}

const fn active(event: Event) -> (State, &'static [Action]) {
    match event {
        Event::Start => (State::Connect, &[Action::Dial]),
        Event::StartPassive | Event::TooManyPrefixes | Event::BfdDown => (State::Active, &[]),
        Event::ConnectRetryTimerExpires => (State::Connect, &[Action::Dial]),
        Event::TcpConnected => (
            State::OpenSent,
            &[Action::SendOpen, Action::StartOpenHoldTimer],
        ),
        Event::TcpFails => (State::Active, &[Action::StartConnectRetryTimer]),
        Event::Stop => (State::Idle, &[]),
        Event::HoldTimerExpires
        | Event::KeepaliveTimerExpires
        | Event::SendHoldTimerExpires
        | Event::IdleHoldTimerExpires
        | Event::IdleHoldTimerExpiresPassive
        | Event::BgpOpen
        | Event::HeaderError
        | Event::OpenError
        | Event::OpenCollisionDump
        | Event::NotificationVersionError
        | Event::Notification
        | Event::KeepaliveMessage
        | Event::UpdateMessage
        | Event::UpdateError
        | Event::RouteRefreshMessage => (State::Idle, &[Action::StartIdleHoldTimer]),
    }
}

const fn open_sent(event: Event) -> (State, &'static [Action]) {
    match event {
        Event::Start
        | Event::StartPassive
        | Event::TooManyPrefixes
        | Event::TcpConnected
        | Event::BfdDown => (State::OpenSent, &[]),
        Event::BgpOpen => (
            State::OpenConfirm,
            &[Action::SendKeepalive, Action::StartTimers],
        ),
        Event::TcpFails => (State::Active, &[Action::StartConnectRetryTimer]),
        Event::NotificationVersionError | Event::Notification => {
            (State::Idle, &[Action::StartIdleHoldTimer])
        }
        Event::Stop => (State::Idle, &[Action::Notify]),
        Event::OpenCollisionDump | Event::HeaderError | Event::OpenError | Event::UpdateError => {
            (State::Idle, &[Action::Notify, Action::StartIdleHoldTimer])
        }
        Event::HoldTimerExpires => (
            State::Idle,
            &[Action::NotifyHoldTimerExpired, Action::StartIdleHoldTimer],
        ),
        Event::ConnectRetryTimerExpires
        | Event::KeepaliveTimerExpires
        | Event::SendHoldTimerExpires
        | Event::IdleHoldTimerExpires
        | Event::IdleHoldTimerExpiresPassive
        | Event::KeepaliveMessage
        | Event::UpdateMessage
        | Event::RouteRefreshMessage => unexpected(),
    }
}

const fn open_confirm(event: Event) -> (State, &'static [Action]) {
    match event {
        Event::Start
        | Event::StartPassive
        | Event::TooManyPrefixes
        | Event::TcpConnected
        | Event::BfdDown => (State::OpenConfirm, &[]),
        Event::KeepaliveMessage => (
            State::Established,
            &[Action::RestartHoldTimer, Action::Establish],
        ),
        Event::KeepaliveTimerExpires => (State::OpenConfirm, &[Action::SendKeepalive]),
        Event::TcpFails | Event::NotificationVersionError | Event::Notification => {
            (State::Idle, &[Action::StartIdleHoldTimer])
        }
        Event::Stop => (State::Idle, &[Action::Notify]),
        Event::OpenCollisionDump
        | Event::HeaderError
        | Event::OpenError
        | Event::UpdateError
        | Event::SendHoldTimerExpires => {
            (State::Idle, &[Action::Notify, Action::StartIdleHoldTimer])
        }
        Event::HoldTimerExpires => (
            State::Idle,
            &[Action::NotifyHoldTimerExpired, Action::StartIdleHoldTimer],
        ),
        Event::ConnectRetryTimerExpires
        | Event::IdleHoldTimerExpires
        | Event::IdleHoldTimerExpiresPassive
        | Event::BgpOpen
        | Event::UpdateMessage
        | Event::RouteRefreshMessage => unexpected(),
    }
}

const fn established(event: Event) -> (State, &'static [Action]) {
    match event {
        Event::Start | Event::StartPassive | Event::TcpConnected => (State::Established, &[]),
        Event::KeepaliveMessage => (State::Established, &[Action::RestartHoldTimer]),
        Event::UpdateMessage => (
            State::Established,
            &[Action::RestartHoldTimer, Action::ReceiveUpdate],
        ),
        Event::RouteRefreshMessage => (
            State::Established,
            &[Action::RestartHoldTimer, Action::ReceiveRouteRefresh],
        ),
        Event::KeepaliveTimerExpires => (State::Established, &[Action::SendKeepalive]),
        Event::TcpFails | Event::NotificationVersionError | Event::Notification => {
            (State::Idle, &[Action::StartIdleHoldTimer])
        }
        Event::Stop => (State::Idle, &[Action::Notify]),
        Event::OpenCollisionDump
        | Event::HeaderError
        | Event::OpenError
        | Event::UpdateError
        | Event::TooManyPrefixes
        | Event::BfdDown
        | Event::SendHoldTimerExpires => {
            (State::Idle, &[Action::Notify, Action::StartIdleHoldTimer])
        }
        Event::HoldTimerExpires => (
            State::Idle,
            &[Action::NotifyHoldTimerExpired, Action::StartIdleHoldTimer],
        ),
        Event::ConnectRetryTimerExpires
        | Event::IdleHoldTimerExpires
        | Event::IdleHoldTimerExpiresPassive
        | Event::BgpOpen => unexpected(),
    }
}

const fn unexpected() -> (State, &'static [Action]) {
    (
        State::Idle,
        &[Action::NotifyUnexpected, Action::StartIdleHoldTimer],
    )
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::string::String;

    use super::*;

    #[test]
    fn every_transition_is_as_recorded() {
        let mut table = String::new();
        for state in State::ALL {
            for event in Event::ALL {
                let (next, actions) = transition(state, event);
                writeln!(table, "{state:?} + {event:?} -> {next:?} {actions:?}").unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn no_state_is_a_trap() {
        for state in State::ALL.into_iter().filter(|state| *state != State::Idle) {
            assert_eq!(transition(state, Event::Stop).0, State::Idle);
            assert_eq!(transition(state, Event::OpenCollisionDump).0, State::Idle);
        }
    }
}
