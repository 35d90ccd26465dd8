//! `herald-speaker`: holds the BGP sessions of one node and announces Service addresses on them.
//!
//! ```text
//! cluster::watch ─► planner ─► Changes ─► io::bgp ─► routers
//!                      │                    │
//!                      └── Facts ─► status, metrics, debug ◄── Observed
//! ```
//!
//! The rules are in `plan` and `bgp`; this crate drives them, and owns clocks and sockets. BGP runs on a thread of its
//! own, so that a busy planner cannot starve a session; everything else shares one thread. What passes between them is
//! merged or replaced by its newest value, so nobody waits for a slow reader.
//!
//! Invariants
//! * Without the API server everything that is announced stays announced.
//! * No password reaches a log line, a metric, a status or the debug page.
//! * Probes tell of this process alone.

mod capability;
mod channel;
mod cleanup;
mod debug;
mod event;
mod farewell;
mod flags;
mod host;
pub mod io;
mod kernel;
mod metrics;
mod planner;
mod report;
mod run;
mod status;
mod thread;
mod watcher;

pub use cleanup::cleanup;
pub use flags::{CleanupFlags, Command, Flags, Gate, HostFlags};
pub use run::run;
