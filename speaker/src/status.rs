//! The SpeakerState of this node: what stands in it, when it is written, and the writing.

mod compose;
mod schedule;
mod write;

pub(crate) use compose::Author;
pub(crate) use write::Reporter;
