use std::{collections::BTreeSet, time::Duration};

use bgp::{ConnectionId, Notice, Speaker};

/// A `bgp::Speaker` and the connections it has, as a driver would hold them.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) speaker: Speaker,
    pub(crate) open: BTreeSet<ConnectionId>,
}

/// What a speaker wants from the network.
#[derive(Debug)]
pub(crate) enum Wish {
    Dial(ConnectionId),
    Send(ConnectionId, Vec<u8>),
    Close(ConnectionId),
}

impl Endpoint {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            speaker: Speaker::new(seed),
            open: BTreeSet::new(),
        }
    }

    /// Everything that the speaker wants now, in order.
    pub(crate) fn wishes(&mut self, now: Duration) -> Vec<Wish> {
        let mut wishes = Vec::new();
        while let Some(notice) = self.speaker.poll_notice() {
            match notice {
                Notice::Dial(dial) => wishes.push(Wish::Dial(dial.connection)),
                Notice::Close { connection, last } => {
                    self.open.remove(&connection);
                    if !last.is_empty() {
                        wishes.push(Wish::Send(connection, last));
                    }
                    wishes.push(Wish::Close(connection));
                }
                Notice::StateChanged { .. }
                | Notice::SessionUp { .. }
                | Notice::SessionDown { .. }
                | Notice::AttemptFailed { .. }
                | Notice::EndOfRib { .. }
                | Notice::NoNextHop { .. } => {}
            }
        }
        for &connection in &self.open {
            let mut bytes = Vec::new();
            while self.speaker.poll_transmit(connection, &mut bytes) {
                self.speaker.handle_written(now, connection);
                wishes.push(Wish::Send(connection, std::mem::take(&mut bytes)));
            }
        }
        wishes
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.speaker.poll_timeout()
    }
}
