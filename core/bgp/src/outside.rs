use alloc::collections::VecDeque;

use crate::fsm::Random;
use crate::graceful_restart::Restarted;
use crate::notice::{ConnectionId, Notice};
use crate::rib::{Learned, LocRib};

/// What lies outside of one peer and that all peers of a speaker share.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) random: Random,
    pub(crate) loc_rib: LocRib,
    pub(crate) learned: Learned,
    /// None: started afresh.
    pub(crate) restarted: Option<Restarted>,
    notices: VecDeque<Notice>,
    connections: u64,
}

impl Outside {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            loc_rib: LocRib::default(),
            learned: Learned::default(),
            restarted: None,
            notices: VecDeque::new(),
            connections: 0,
        }
    }

    pub(crate) fn notify(&mut self, notice: Notice) {
        self.notices.push_back(notice);
    }

    pub(crate) fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    pub(crate) const fn next_connection(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }
}
