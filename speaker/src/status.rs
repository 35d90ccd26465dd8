//! What this node says of itself in the API: its SpeakerState, and that its pod network is up.

mod compose;
mod network;
mod node;
mod schedule;
mod write;

pub(crate) use compose::Author;
pub(crate) use node::NodeReporter;
pub(crate) use write::Reporter;
