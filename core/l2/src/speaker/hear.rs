//! Heartbeats come in.

use alloc::{format, string::String};
use core::{net::IpAddr, time::Duration};

use super::{Path, Speaker};
use crate::{
    NodeName,
    claim::{Former, State},
    heartbeat::{Heartbeat, peek_node},
    key::Unauthentic,
    membership::{Parting, Shift},
};

/// A node whose heartbeats failed authentication is shown for so long after the last one.
const MEMORY: Duration = Duration::from_secs(60);

/// Heartbeats that are missing when a node is taken to be dead.
const DEAD: u64 = 3;

/// A node of this cluster whose heartbeats fail authentication.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    seen: Duration,
    source: IpAddr,
    why: Unauthentic,
}

impl Suspect {
    /// What is wrong, where, and what to do.
    pub(super) fn sentence(&self, node: &str) -> String {
        format!(
            "heartbeats from {} that name node {node} are {}; another cluster on this segment has a node of that name, \
             or the node does not get Secret herald-heartbeat: look at its speaker's log",
            self.source, self.why
        )
    }
}

impl Speaker {
    /// Takes a heartbeat datagram: `path` is the interface that it arrived at if it was sent to everybody there.
    pub fn handle_datagram(&mut self, now: Duration, path: Path, source: IpAddr, datagram: &[u8]) {
        let message = match self.keys.open(now, datagram) {
            Ok(message) => message,
            Err(why) => {
                self.refuse(why.as_str());
                self.suspect(now, source, datagram, why);
                return;
            }
        };
        let Ok(heartbeat) = Heartbeat::decode(message) else {
            return self.refuse("Malformed");
        };
        if heartbeat.node == self.config.node {
            if heartbeat.boot != self.config.boot {
                self.refuse("OwnNode");
            }
            return;
        }
        let (node, asking) = (heartbeat.node.clone(), heartbeat.asking);
        match self
            .membership
            .handle_heartbeat(now, path, source, heartbeat)
        {
            Ok(shift) => {
                self.counters.heartbeats_received += 1;
                if let (Path::Segment(interface), IpAddr::V6(_)) = (path, source)
                    && let Some(port) = self.ports.get_mut(&interface)
                {
                    port.handle_ipv6(now);
                }
                let proven = self.membership.life(&node).is_some_and(|life| life.proven);
                if asking && proven {
                    self.beat.handle_asked(now);
                }
                self.note_missed(&node, shift.missed);
                self.take_shift(now, shift);
            }
            Err(refusal) => self.refuse(refusal.as_str()),
        }
    }

    /// Looks again at every address about which others say something else.
    pub(super) fn take_shift(&mut self, now: Duration, shift: Shift) {
        if shift.members || shift.synced {
            self.version += 1;
        }
        if shift.synced {
            let waiting = self.claims.iter().filter(|(_, claim)| claim.waits);
            self.dirty.extend(waiting.map(|(address, _)| *address));
        }
        self.turned.extend(shift.advertised);
        for node in &shift.silent {
            self.note_missed(node, DEAD);
        }
        if shift.members {
            self.settle_contests(now);
        }
        for (turn, parting) in shift.turns {
            let Some(claim) = self.claims.get_mut(&turn.address) else {
                continue;
            };
            let ended = turn.was_claimed && (!turn.is_claimed || parting == Parting::Silence);
            let mut others = self.membership.entries(turn.address, &claim.interfaces);
            if ended && !others.any(|(_, entry)| entry.claimed) {
                claim.former = match parting {
                    Parting::Farewell => Former::Left,
                    Parting::Silence => Former::Dead,
                };
            }
            // Who claims it, or did until now without hearing us, may have told the segment so.
            let claims = turn.was_claimed != turn.is_claimed;
            // So may who comes back and owned it while we did not hear each other.
            let returns = shift.members && parting == Parting::Farewell;
            if (claims || returns)
                && let State::Owner(gratuitous) = &mut claim.state
            {
                gratuitous.restart(now);
            }
            self.dirty.insert(turn.address);
            self.version += 1;
        }
    }

    /// Who does not hear us may have told the segment that it answers, again and again, and what it says does not count.
    /// Two who take turns at telling would make hosts go to and fro: we tell once it has proven to be alive or is gone.
    fn settle_contests(&mut self, now: Duration) {
        let contested = self.claims.iter_mut().filter(|(_, claim)| claim.contested);
        for (address, claim) in contested {
            claim.contested = false;
            if let State::Owner(gratuitous) = &mut claim.state {
                gratuitous.restart(now);
                self.dirty.insert(*address);
            }
        }
    }

    /// Forgets those who have behaved for a while.
    pub(super) fn forgive(&mut self, now: Duration) {
        let before = self.suspects.len();
        self.suspects
            .retain(|_, suspect| now < suspect.seen + MEMORY);
        if self.suspects.len() != before {
            self.version += 1;
        }
    }

    fn suspect(&mut self, now: Duration, source: IpAddr, datagram: &[u8], why: Unauthentic) {
        let Some(node) = peek_node(datagram) else {
            return;
        };
        let Some((node, _)) = self.nodes.get_key_value(node) else {
            return;
        };
        let suspect = Suspect {
            seen: now,
            source,
            why,
        };
        if self.suspects.insert(node.clone(), suspect).is_none() {
            self.version += 1;
        }
    }

    fn refuse(&mut self, reason: &'static str) {
        *self.counters.heartbeats_dropped.entry(reason).or_default() += 1;
    }

    fn note_missed(&mut self, node: &NodeName, missed: u64) {
        if missed > 0 {
            let count = self.counters.heartbeats_missed.entry(node.clone());
            *count.or_default() += missed;
        }
    }
}
