//! A thread that runs before others (sched(7)).

use std::{io, mem, thread};

use tracing::debug;

/// Lets the calling thread run before all that are not real-time (SCHED_FIFO), where the kernel allows that.
pub fn raise_if_allowed() {
    if let Err(error) = raise() {
        debug!(%error, thread = thread::current().name(), "no real-time priority");
    }
}

/// Lets the calling thread run before all that are not real-time (SCHED_FIFO, the least priority); its children do not.
///
/// # Errors
/// CAP_SYS_NICE is missing, or the thread's control group has no share of real-time.
fn raise() -> io::Result<()> {
    // SAFETY: all zero is a valid `sched_param`: every member is a number.
    let mut parameters: libc::sched_param = unsafe { mem::zeroed() };
    parameters.sched_priority = 1;
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: `parameters` lives until the call returns; 0 is the calling thread.
    match unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
