use std::{collections::BTreeSet, future::poll_fn, time::Duration};

use bfd::{Notice, PeerConfig, Speaker};
use tokio::sync::watch;
use tracing::{debug, info};

use super::{
    BfdState, Broken, Config, Downs,
    port::{Port, Ports},
    sender::Senders,
    tally::Tally,
};
use crate::io::clock;

/// Least time between two states that differ in more than counters.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(50);
/// Time between two states that differ in counters alone, which they do all the time.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
/// Between two attempts at what the kernel refuses.
const RETRY: Duration = Duration::from_secs(5);
/// So late after it wanted to wake the process was stopped, or the machine slept.
const STOPPED: Duration = Duration::from_millis(300);

/// What a turn begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// It is time for something, or something can be read.
    Due,
    /// Other peers.
    Peers(Vec<PeerConfig>),
    /// The node leaves for good.
    Leave,
}

/// The machine with its sockets.
pub(super) struct BfdDriver {
    speaker: Speaker,
    state: watch::Sender<BfdState>,
    downs: watch::Sender<Downs>,
    broken: watch::Sender<Broken>,
    started: Duration,
    ports: Ports,
    needed: BTreeSet<Port>,
    senders: Senders,
    tally: Tally,
    problems: Vec<String>,
    leaving: bool,
    retry_at: Option<Duration>,
    /// When it wanted to wake at the latest.
    awake_by: Duration,
    published_at: Duration,
    /// More than counters have changed since.
    stale: bool,
    packet: Vec<u8>,
}

impl BfdDriver {
    pub(super) fn new(config: Config) -> Self {
        Self {
            speaker: Speaker::new(config.seed),
            state: config.state,
            downs: config.downs,
            broken: config.broken,
            started: clock::now(),
            ports: Ports::default(),
            needed: BTreeSet::new(),
            senders: Senders::new(config.seed),
            tally: Tally::default(),
            problems: Vec::new(),
            leaving: false,
            retry_at: None,
            awake_by: Duration::ZERO,
            published_at: Duration::ZERO,
            stale: false,
            packet: Vec::new(),
        }
    }

    /// Everything that can be done now.
    pub(super) fn turn(&mut self, wake: Wake) {
        let now = self.now();
        if now > self.awake_by + STOPPED {
            debug!("the process had been stopped: peers get their detection time anew");
            self.speaker.handle_stopped(now);
        }
        // What has arrived is read before any timer runs out.
        self.receive();
        let now = self.now();
        match wake {
            Wake::Due => {}
            Wake::Peers(peers) => self.take_peers(now, peers),
            Wake::Leave => {
                self.leaving = true;
                self.speaker.handle_leave(now);
            }
        }
        self.speaker.handle_timeout(now);
        self.take_notices();
        self.retry(now);
        self.transmit();
        self.publish();
        self.awake_by = self.now() + self.wait();
    }

    pub(super) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Everything has been said.
    pub(super) fn is_done(&self) -> bool {
        self.leaving && self.speaker.is_done()
    }

    /// How long until something is due.
    pub(super) fn wait(&self) -> Duration {
        let own = [self.retry_at, self.publish_at()];
        let first = own.into_iter().flatten().chain(self.speaker.poll_timeout());
        let longest = self.now() + COUNT_INTERVAL;
        first
            .fold(longest, Duration::min)
            .saturating_sub(self.now())
    }

    /// Waits until something can be read.
    pub(super) async fn readable(&self) {
        poll_fn(|context| self.ports.poll_readable(context)).await;
    }

    fn now(&self) -> Duration {
        clock::now().saturating_sub(self.started)
    }

    fn receive(&mut self) {
        let (speaker, tally, started) = (&mut self.speaker, &mut self.tally, self.started);
        self.ports.receive(|arrival, packet| {
            let now = clock::now().saturating_sub(started);
            if let Err(reason) = speaker.handle_datagram(now, arrival, packet) {
                tally.discard(reason);
                debug!(remote = %arrival.remote, %reason, "a BFD packet was discarded");
            }
        });
    }

    fn take_peers(&mut self, now: Duration, peers: Vec<PeerConfig>) {
        self.needed = peers.iter().map(Port::of).collect();
        self.ports.need(&self.needed);
        self.speaker.handle_peers(now, peers);
        // Other addresses, perhaps, for which there are sockets.
        self.senders.retry();
        self.note_problems(now);
        self.stale = true;
    }

    fn take_notices(&mut self) {
        while let Some(notice) = self.speaker.poll_notice() {
            self.stale = true;
            if let Notice::Forgotten { peer } = &notice {
                self.senders.forget(peer);
            }
            if let Some((peer, fate)) = self.tally.note(notice) {
                self.downs.send_modify(|downs| _ = downs.insert(peer, fate));
            }
        }
        self.broken.send_if_modified(|broken| {
            let changed = *broken != self.tally.broken;
            broken.clone_from(&self.tally.broken);
            changed
        });
    }

    fn retry(&mut self, now: Duration) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.ports.need(&self.needed);
            self.senders.retry();
            self.note_problems(now);
        }
    }

    fn transmit(&mut self) {
        let mut refused = false;
        while let Some(transmit) = self.speaker.poll_transmit(self.now(), &mut self.packet) {
            refused |= self.senders.send(&transmit, &self.packet);
        }
        if refused {
            self.note_problems(self.now());
        }
    }

    fn note_problems(&mut self, now: Duration) {
        let problems: Vec<_> = self
            .ports
            .problems()
            .chain(self.senders.problems())
            .collect();
        self.retry_at = (!problems.is_empty()).then_some(now + RETRY);
        if problems != self.problems {
            info!(?problems, "BFD");
            self.problems = problems;
            self.stale = true;
        }
    }

    /// When the state is to be told again; counters are worth it only while there are sessions.
    fn publish_at(&self) -> Option<Duration> {
        match (self.stale, self.needed.is_empty()) {
            (true, _) => Some(self.published_at + PUBLISH_INTERVAL),
            (false, false) => Some(self.published_at + COUNT_INTERVAL),
            (false, true) => None,
        }
    }

    fn publish(&mut self) {
        let now = self.now();
        if self.publish_at().is_none_or(|at| at > now) {
            return;
        }
        (self.published_at, self.stale) = (now, false);
        let next = BfdState {
            sessions: self.speaker.sessions().collect(),
            transitions: self.tally.transitions.clone(),
            discarded: self.tally.discarded.clone(),
            problems: self.problems.clone(),
        };
        self.state.send_if_modified(|state| {
            let changed = *state != next;
            *state = next;
            changed
        });
    }
}
