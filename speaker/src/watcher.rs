//! The thread of BFD, as the rest of the program sees it.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    farewell::Parting,
    io::{
        bfd::{self, BfdState, Downs},
        socket::priority,
    },
    planner::Outlets,
    run::random_bits,
    thread::Thread,
};

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Watches over the ways to peers, on a thread that runs before others where the kernel allows that.
pub(crate) struct Watcher {
    pub(crate) thread: Thread,
    /// How everything stands.
    pub(crate) state: watch::Receiver<BfdState>,
    /// Whose sessions are to end, as far as nobody has taken them out.
    pub(crate) downs: watch::Sender<Downs>,
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
        let config = bfd::Config {
            seed: random_bits(),
            peers: outlets.bfd.subscribe(),
            state,
            downs: downs.clone(),
            leave: leave.clone(),
            stop: stop.clone(),
        };
        let work = move || bfd::run(config);
        Ok(Self {
            thread: Thread::start("bfd", stop, priority::raise_if_allowed, work)?,
            state: seen,
            downs,
            leave,
        })
    }

    /// Tells peers AdminDown where the speaker does not come back, and else falls silent.
    pub(crate) async fn close(mut self, parting: Parting) {
        if matches!(parting, Parting::Leave(_)) {
            self.leave.cancel();
            // Who does not end in time is told to stop below, whatever is left to say.
            let _ = timeout(FAREWELL, self.thread.ended()).await;
        }
        self.thread.close(FAREWELL).await;
    }
}
