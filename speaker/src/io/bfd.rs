//! Drives `bfd::Speaker`: datagrams in and out, clock. What it finds out goes out as a state, newest value first; a
//! session that was Up and is Down is told at once to who depends on it. No protocol rule is here.

mod driver;
mod port;
mod sender;
mod tally;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bfd::{Diagnostic, Discarded, PeerConfig, PeerName, SessionView, State};
use bgp::BfdFate;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

pub use crate::io::socket::priority::raise_if_allowed;

use driver::{BfdDriver, Wake};

/// Peers whose BFD session was Up and is Down, as far as nobody has taken them out yet, and what that can mean.
pub type Downs = BTreeMap<PeerName, BfdFate>;

/// Peers whose BFD session was Up and is not any more, although none of the two took it down on purpose.
pub type Broken = BTreeSet<PeerName>;

/// What the driver is started with.
#[derive(Debug)]
pub struct Config {
    /// A random number, another one for each start.
    pub seed: u64,
    /// All sessions that should be.
    pub peers: watch::Receiver<Vec<PeerConfig>>,
    /// How everything stands.
    pub state: watch::Sender<BfdState>,
    /// Whose sessions of other protocols are to end now.
    pub downs: watch::Sender<Downs>,
    /// All ways that are broken.
    pub broken: watch::Sender<Broken>,
    /// Cancelled: the node leaves for good. Every peer is told AdminDown, which takes a moment, then `run` returns.
    pub leave: CancellationToken,
    /// Cancelled: fall silent and return, as before a planned restart. It counts more than `leave`.
    pub stop: CancellationToken,
}

/// What status, metrics and debug page need of BFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BfdState {
    /// All sessions, by name of the peer; times count from the start of the driver.
    pub sessions: Vec<SessionView>,
    /// How often the session of a peer came into a state, and why.
    pub transitions: BTreeMap<(PeerName, State, Diagnostic), u64>,
    /// Datagrams that had no effect.
    pub discarded: BTreeMap<Discarded, u64>,
    /// What cannot be done, a sentence each: a port that the kernel refuses.
    pub problems: Vec<String>,
}

impl BfdState {
    /// The session with this peer.
    #[must_use]
    pub fn session(&self, peer: &str) -> Option<&SessionView> {
        self.sessions.iter().find(|session| *session.peer == *peer)
    }
}

/// Runs until it is stopped, or has left. It works in the network namespace of the thread that polls it.
pub async fn run(config: Config) {
    let mut peers = config.peers.clone();
    let (leave, stop) = (config.leave.clone(), config.stop.clone());
    let mut driver = BfdDriver::new(config);
    // What is there already.
    peers.mark_changed();
    while !driver.is_done() {
        let wake = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = leave.cancelled(), if !driver.is_leaving() => Wake::Leave,
            Ok(()) = peers.changed() => Wake::Peers(peers.borrow_and_update().clone()),
            () = driver.readable() => Wake::Due,
            () = sleep(driver.wait()) => Wake::Due,
        };
        driver.turn(wake);
    }
}
