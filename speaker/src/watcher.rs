//! The thread of BFD, as the rest of the program sees it.

use std::time::Duration;

use ::bfd::PeerConfig;
use plan::is_with_node;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    farewell::Parting,
    io::{
        bfd::{self, BfdState, Broken, Downs},
        socket::priority,
    },
    planner::Outlets,
    run::random_bits,
    thread::Thread,
};

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// The same of those to nodes before a restart.
const NODES: Duration = Duration::from_secs(1);

/// Watches over the ways to peers, on a thread that runs before others where the kernel allows that.
pub(crate) struct Watcher {
    pub(crate) thread: Thread,
    /// How everything stands.
    pub(crate) state: watch::Receiver<BfdState>,
    /// Whose sessions are to end, as far as nobody has taken them out.
    pub(crate) downs: watch::Sender<Downs>,
    /// Ways that are broken.
    pub(crate) broken: watch::Receiver<Broken>,
    /// All sessions that should be.
    peers: watch::Sender<Vec<PeerConfig>>,
    /// Makes it say AdminDown and end.
    leave: CancellationToken,
}

impl Watcher {
    /// # Errors
    /// The kernel gives no thread.
    pub(crate) fn start(outlets: &Outlets) -> anyhow::Result<Self> {
        let (state, seen) = watch::channel(BfdState::default());
        let (leave, stop) = (CancellationToken::new(), CancellationToken::new());
        let downs = watch::Sender::default();
        let (broken, broken_seen) = watch::channel(Broken::default());
        let config = bfd::Config {
            seed: random_bits(),
            peers: outlets.bfd.subscribe(),
            state,
            downs: downs.clone(),
            broken,
            leave: leave.clone(),
            stop: stop.clone(),
        };
        let work = move || bfd::run(config);
        Ok(Self {
            thread: Thread::start("bfd", stop, priority::raise_if_allowed, work)?,
            state: seen,
            downs,
            broken: broken_seen,
            peers: outlets.bfd.clone(),
            leave,
        })
    }

    /// Tells peers AdminDown where the speaker does not come back, and else falls silent. Nodes are told in any case: their
    /// direct routes stay over a restart, which BGP does not tell them of.
    pub(crate) async fn close(mut self, parting: Parting) {
        // Who does not end in time is told to stop below, whatever is left to say.
        match parting {
            Parting::Leave(_) => {
                self.leave.cancel();
                let _ = timeout(FAREWELL, self.thread.ended()).await;
            }
            Parting::Restart => {
                let of_bgp = |peer: &PeerConfig| !is_with_node(&peer.name);
                self.peers.send_modify(|peers| peers.retain(of_bgp));
                let told = |state: &BfdState| {
                    let mut sessions = state.sessions.iter();
                    sessions.all(|session| !is_with_node(&session.peer))
                };
                let _ = timeout(NODES, self.state.wait_for(told)).await;
            }
        }
        self.thread.close(FAREWELL).await;
    }
}
