//! The state machine of RFC 4271 section 8, without sockets and clocks.

mod collision;
mod connection;
mod negotiate;
mod timer;
mod transition;

pub(crate) use collision::keeps_dialled;
pub(crate) use connection::{Connection, Payload, Role};
pub(crate) use negotiate::{Negotiated, negotiate, open_message};
pub(crate) use timer::{Backoff, Random, Timer, Timers};
pub use transition::State;
pub(crate) use transition::{Action, Event, transition};
