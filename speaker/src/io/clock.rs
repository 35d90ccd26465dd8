//! A clock that goes on while the machine sleeps.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the machine was booted, suspended or not.
pub(in crate::io) fn now() -> Duration {
    // Every kernel that runs here has this clock (since 2.6.39).
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}
