//! Condition NetworkUnavailable of this Node: False once Herald's pod network is in place on it.

use std::time::Duration;

use cluster::{WriteError, Writer, status::patch_network_available};
use model::Name;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{kernel::KernelState, planner::Facts};

/// First and longest pause after a write, whether it went well or not: somebody may keep saying something else. The
/// pauses grow until nothing had to be written for the longest.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// Says on the Node that its network is up, whenever the Node shows something else.
pub(crate) struct NodeReporter {
    pub(crate) node: Name,
    pub(crate) writer: Writer,
    pub(crate) facts: watch::Receiver<Facts>,
    pub(crate) kernel: watch::Receiver<KernelState>,
}

impl NodeReporter {
    /// Runs until dropped, or until one of its sources has ended.
    pub(crate) async fn run(mut self) {
        let mut pace = Pace::new(Instant::now());
        loop {
            let due = self.due();
            tokio::select! {
                changed = self.facts.changed() => if changed.is_err() { return },
                changed = self.kernel.changed() => if changed.is_err() { return },
                () = sleep_until(pace.next), if due.is_some() => {
                    let after = match due {
                        Some(uid) => self.write(&uid).await,
                        None => Duration::ZERO,
                    };
                    pace.handle_written(Instant::now(), after);
                }
            }
        }
    }

    /// The Node's uid, when it shows something else than that the network is up.
    fn due(&mut self) -> Option<Name> {
        let up = self.kernel.borrow_and_update().network_is_up();
        let facts = self.facts.borrow_and_update();
        let due = facts.ready && up && !facts.herald_is_up;
        due.then(|| facts.node_uid.clone()).flatten()
    }

    /// Gives how long the API server wants to be left alone.
    async fn write(&self, uid: &Name) -> Duration {
        match patch_network_available(&self.writer, &self.node, uid).await {
            Ok(()) => {
                tracing::info!(node = %self.node, "the Node says that its network is available");
                Duration::ZERO
            }
            Err(error) => {
                tracing::warn!(%error, "cannot set condition NetworkUnavailable of the Node; it is tried again");
                match error {
                    WriteError::Retry { after, .. } => after.unwrap_or_default(),
                    WriteError::Busy { after } => after,
                    WriteError::Conflict | WriteError::NotFound | WriteError::Refused(_) => {
                        Duration::ZERO
                    }
                }
            }
        }
    }
}

/// When the next write may start.
#[derive(Debug)]
struct Pace {
    next: Instant,
    pause: Duration,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            next: now,
            pause: PAUSE.0,
        }
    }

    /// A write ended at `now`; the API server wants to be left alone for `after`.
    fn handle_written(&mut self, now: Instant, after: Duration) {
        if now > self.next + PAUSE.1 {
            self.pause = PAUSE.0;
        }
        self.next = now + self.pause.max(after);
        self.pause = (self.pause * 2).min(PAUSE.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_the_node_shows_something_else() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            pace.handle_written(start, Duration::ZERO);
            pauses.push((pace.next - start).as_secs());
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        let later = pace.next + PAUSE.1 + PAUSE.0;
        pace.handle_written(later, Duration::ZERO);
        assert_eq!((pace.next - later).as_secs(), 2);
        pace.handle_written(later, Duration::from_secs(30));
        assert_eq!((pace.next - later).as_secs(), 30);
    }
}
