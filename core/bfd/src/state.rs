use core::fmt;

use crate::Diagnostic;

/// States of RFC 5880 section 6.2.
///
/// ```text
///                 .------ Enable ------ AdminDown <----- Disable, from everywhere
///                 v
///   .--------> Down -------------------------.
///   |            |  ReceiveDown              | ReceiveInit
///   |            v                           v
///   |<--------- Init ---------------------> Up
///   |   ReceiveAdminDown,  ReceiveInit,      | ReceiveAdminDown, ReceiveDown,
///   |   DetectionTimeExpires  ReceiveUp      | DetectionTimeExpires
///   '----------------------------------------'
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Held down on purpose.
    AdminDown,
    /// Nobody was heard.
    #[default]
    Down,
    /// The peer was heard, and has not heard us.
    Init,
    /// Both hear each other.
    Up,
}

impl State {
    /// Every state, by its number.
    pub const ALL: [Self; 4] = [Self::AdminDown, Self::Down, Self::Init, Self::Up];

    /// The number of it, 0 to 3 (section 4.1).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }

    /// As metrics, status and debug page name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes a session change its state: sections 6.8.4, 6.8.6 and 6.8.16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A packet says AdminDown.
    ReceiveAdminDown,
    /// A packet says Down.
    ReceiveDown,
    /// A packet says Init.
    ReceiveInit,
    /// A packet says Up.
    ReceiveUp,
    /// Nothing came for the detection time.
    DetectionTimeExpires,
    /// We take the session down.
    Disable,
    /// We let it come up again.
    Enable,
}

impl Event {
    #[cfg(test)]
    const ALL: [Self; 7] = [
        Self::ReceiveAdminDown,
        Self::ReceiveDown,
        Self::ReceiveInit,
        Self::ReceiveUp,
        Self::DetectionTimeExpires,
        Self::Disable,
        Self::Enable,
    ];

    /// A packet came that says this.
    pub(crate) const fn received(state: State) -> Self {
        match state {
            State::AdminDown => Self::ReceiveAdminDown,
            State::Down => Self::ReceiveDown,
            State::Init => Self::ReceiveInit,
            State::Up => Self::ReceiveUp,
        }
    }
}

/// The whole table: the next state and why; `None`: nothing changes.
pub(crate) const fn transition(state: State, event: Event) -> Option<(State, Diagnostic)> {
    match event {
        Event::ReceiveAdminDown => match state {
            State::Init | State::Up => NEIGHBOR_DOWN,
            State::AdminDown | State::Down => None,
        },
        Event::ReceiveDown => match state {
            State::Down => Some((State::Init, Diagnostic::None)),
            State::Up => NEIGHBOR_DOWN,
            State::AdminDown | State::Init => None,
        },
        Event::ReceiveInit => match state {
            State::Down | State::Init => UP,
            State::AdminDown | State::Up => None,
        },
        Event::ReceiveUp => match state {
            State::Init => UP,
            State::AdminDown | State::Down | State::Up => None,
        },
        Event::DetectionTimeExpires => match state {
            State::Init | State::Up => Some((State::Down, Diagnostic::ControlDetectionTimeExpired)),
            State::AdminDown | State::Down => None,
        },
        Event::Disable => match state {
            State::Down | State::Init | State::Up => {
                Some((State::AdminDown, Diagnostic::AdministrativelyDown))
            }
            State::AdminDown => None,
        },
        Event::Enable => match state {
            State::AdminDown => Some((State::Down, Diagnostic::None)),
            State::Down | State::Init | State::Up => None,
        },
    }
}

const UP: Option<(State, Diagnostic)> = Some((State::Up, Diagnostic::None));
const NEIGHBOR_DOWN: Option<(State, Diagnostic)> =
    Some((State::Down, Diagnostic::NeighborSignaledSessionDown));

#[cfg(test)]
mod tests {
    use std::{fmt::Write, string::String};

    use super::*;

    #[test]
    fn every_transition_is_as_recorded() {
        let mut table = String::new();
        for state in State::ALL {
            for event in Event::ALL {
                match transition(state, event) {
                    Some((next, why)) => writeln!(table, "{state} + {event:?} -> {next} ({why})"),
                    None => writeln!(table, "{state} + {event:?} -> stays"),
                }
                .unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn no_packet_wakes_a_session_that_is_held_down() {
        for state in State::ALL {
            assert_eq!(transition(State::AdminDown, Event::received(state)), None);
        }
    }
}
