use std::mem;

use l2::{Notice, Speaker};
use tokio::sync::mpsc;

/// Where to tell what has happened.
pub(super) struct Notices {
    sender: mpsc::Sender<Notice>,
    /// An address has been handed over since that was asked last.
    lost: bool,
    /// How many found no room and would have been Events.
    dropped: u64,
}

impl Notices {
    pub(super) const fn new(sender: mpsc::Sender<Notice>) -> Self {
        Self {
            sender,
            lost: false,
            dropped: 0,
        }
    }

    /// How many found no room and would have been Events.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether an address has been handed over since this was asked last.
    pub(super) fn take_lost(&mut self) -> bool {
        mem::take(&mut self.lost)
    }

    /// Hands on what has happened. Returns whether the process had been stopped.
    pub(super) fn take(&mut self, speaker: &mut Speaker) -> bool {
        let mut stopped = false;
        while let Some(notice) = speaker.poll_notice() {
            stopped |= notice == Notice::Stopped;
            self.lost |= matches!(notice, Notice::Lost { .. });
            let is_event = matches!(notice, Notice::Owned { .. } | Notice::Conflict(_));
            // Nobody may be waited for.
            if self.sender.try_send(notice).is_err() && is_event {
                self.dropped += 1;
            }
        }
        stopped
    }
}
