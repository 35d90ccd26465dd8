//! What benchmarks share: the figures they write and what a process used.

mod api_server;
mod capture;
mod row;
mod sink;
mod usage;

pub use api_server::ApiServer;
pub use capture::{Capture, Packet};
pub use row::{Row, System, median, read_all, worst, write};
pub use sink::serve_sinks;
pub use usage::Usage;

/// Where what is slow to make is kept between runs.
#[must_use]
pub fn cache() -> std::path::PathBuf {
    crate::artifact::cache().join("bench")
}
