//! What this node says of itself in the API: its SpeakerState, and that its pod network is up.

mod compose;
mod l2;
mod network;
mod node;
mod schedule;
mod strict_arp;
mod write;

pub(crate) use compose::Author;
pub(crate) use node::NodeReporter;
pub(crate) use strict_arp::StrictArp;
pub(crate) use write::Reporter;
