use std::collections::BTreeSet;

use bgp::State;
use plan::Planner;
use tokio::sync::watch;

use super::Outlets;
use crate::io::{
    bgp::Observed,
    l2::{Announcers, L2State},
};

/// What the planner has to know of this node's sessions and of other nodes where only some are to announce.
pub(crate) struct Announcing {
    observed: watch::Receiver<Observed>,
    /// What has changed since it was looked at last; it is taken out.
    announcers: watch::Sender<Announcers>,
    changed: watch::Receiver<Announcers>,
    l2: watch::Receiver<L2State>,
}

/// Whose facts have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Sessions,
    Announcers,
    Nodes,
}

impl Announcing {
    pub(crate) fn new(
        outlets: &Outlets,
        observed: &watch::Receiver<Observed>,
        l2: &watch::Receiver<L2State>,
    ) -> Self {
        Self {
            observed: observed.clone(),
            changed: outlets.announcers.subscribe(),
            announcers: outlets.announcers.clone(),
            l2: l2.clone(),
        }
    }

    /// Waits until something is new.
    pub(super) async fn turn(&mut self) -> Turn {
        tokio::select! {
            Ok(()) = self.observed.changed() => Turn::Sessions,
            Ok(()) = self.changed.changed() => Turn::Announcers,
            Ok(()) = self.l2.changed() => Turn::Nodes,
            else => std::future::pending().await,
        }
    }

    /// Tells the planner.
    pub(super) fn tell(&mut self, turn: Turn, planner: &mut Planner) {
        match turn {
            Turn::Sessions => {
                let observed = self.observed.borrow_and_update();
                let sessions = observed.sessions.iter();
                let established = sessions.filter(|session| session.state == State::Established);
                planner.handle_established(established.map(|each| each.peer.clone()).collect());
            }
            Turn::Announcers => {
                let mut announcers = Announcers::new();
                self.announcers.send_if_modified(|pending| {
                    announcers = std::mem::take(pending);
                    false
                });
                planner.handle_announcers(announcers);
            }
            Turn::Nodes => {
                let view = self.l2.borrow_and_update().view.clone();
                let peers = view.peers.iter();
                let alive = peers.filter(|(_, peer)| peer.alive);
                let alive: BTreeSet<_> = alive.map(|(node, _)| node.clone()).collect();
                planner.handle_alive(alive);
            }
        }
    }
}
