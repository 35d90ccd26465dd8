use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bgp::{Farewell, Restarted};
use plan::{Changes, Learned, NodeAddresses};
use tokio::runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Config, Observed, run};
use crate::io::bfd::Downs;

/// How a [`Driver`] is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Listen here; none: only as long as a peer is passive.
    pub listen: Option<SocketAddr>,
    /// This node's addresses.
    pub node: NodeAddresses,
    /// For jitter.
    pub seed: u64,
    /// What the process before has left to go on with.
    pub restarted: Option<Restarted>,
}

/// [`run`] on a thread of its own, in the network namespace of the thread that spawned it.
#[derive(Debug)]
pub struct Driver {
    changes: watch::Sender<Changes>,
    downs: watch::Sender<Downs>,
    node: watch::Sender<NodeAddresses>,
    observed: watch::Receiver<Observed>,
    learned: watch::Receiver<Learned>,
    farewell: watch::Sender<Farewell>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// # Errors
    /// The system has no thread or no event queue left.
    pub fn spawn(options: Options) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (changes, _) = watch::channel(Changes::default());
        let (downs, _) = watch::channel(Downs::default());
        let (node, node_receiver) = watch::channel(options.node);
        let (observed_sender, observed) = watch::channel(Observed::default());
        let (learned_sender, learned) = watch::channel(Learned::default());
        let (farewell, farewell_receiver) = watch::channel(Farewell::Leave {
            message: String::new(),
        });
        let stop = CancellationToken::new();
        let config = Config {
            started: Instant::now(),
            seed: options.seed,
            listen: options.listen,
            changes: changes.clone(),
            downs: downs.clone(),
            addresses: node_receiver,
            observed: observed_sender,
            learned: learned_sender,
            converged: watch::Sender::default(),
            restarted: options.restarted,
            farewell: farewell_receiver,
            stop: stop.clone(),
        };
        let thread = thread::Builder::new()
            .name("bgp".into())
            .spawn(move || runtime.block_on(run(config)))?;
        Ok(Self {
            changes,
            downs,
            node,
            observed,
            learned,
            farewell,
            stop,
            thread: Some(thread),
        })
    }

    /// Tells what to do, on top of what was told before.
    pub fn apply(&self, changes: Changes) {
        self.changes.send_modify(|pending| pending.merge(changes));
    }

    /// Where to tell whose BFD session broke.
    #[must_use]
    pub fn downs(&self) -> watch::Sender<Downs> {
        self.downs.clone()
    }

    /// This node's addresses changed; sessions that begin later use them.
    pub fn set_node(&self, node: NodeAddresses) {
        self.node.send_replace(node);
    }

    /// What is; wakes when it changes.
    #[must_use]
    pub fn observed(&self) -> watch::Receiver<Observed> {
        self.observed.clone()
    }

    /// What peers advertise; wakes when it changes.
    #[must_use]
    pub fn learned(&self) -> watch::Receiver<Learned> {
        self.learned.clone()
    }

    /// Ends all sessions (Cease/Administrative Shutdown) and waits until that is done, at most 2 s.
    pub fn stop(self) {
        drop(self);
    }

    /// Ends all sessions in this way, and waits like [`Driver::stop`].
    pub fn part(self, farewell: Farewell) {
        self.farewell.send_replace(farewell);
        drop(self);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.cancel();
        // A thread that panicked has said so already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
