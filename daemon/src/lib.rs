//! What the controller and the speaker share as processes: flags, logging, probes, metrics, signals.
//!
//! Nothing here knows Kubernetes or BGP. A program's `main` parses its own flags, which flatten
//! [`Flags`], calls [`logging::init`], registers its metrics in a [`metrics::registry`], binds a
//! [`Server`] and runs until [`shutdown`] resolves.
//!
//! Invariants
//! * Probes say what this process knows of itself; they never ask the API server or a peer.
//! * Missing configuration ends the process with one line: what is missing and how to give it.

mod flags;
pub mod logging;
pub mod metrics;
mod probes;
mod server;
mod shutdown;

pub use flags::{Flags, LogFormat};
pub use probes::{Health, Probes};
pub use server::{BindError, Server};
pub use shutdown::{Shutdown, shutdown};
