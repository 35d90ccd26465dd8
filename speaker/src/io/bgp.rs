//! Drives `bgp::Speaker` over TCP: dials, listens, reads, writes, and keeps the time. No protocol rule is here.
//!
//! [`run`] takes what to do from one channel and tells what is from another; [`Driver`] is the same on a thread of its
//! own. Neither needs Kubernetes:
//!
//! ```no_run
//! use speaker::io::bgp::{Driver, Options};
//!
//! let driver = Driver::spawn(Options::default())?;
//! driver.apply(plan::Changes { complete: true, ..plan::Changes::default() });
//! println!("{:?}", driver.observed().borrow().sessions);
//! driver.stop();
//! # std::io::Result::Ok(())
//! ```

mod connection;
mod dial;
mod driver;
mod learned;
mod listener;
mod local_address;
mod network;

use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bgp::{Farewell, LocalAddresses, Notice, Restarted, SessionView, Speaker};
use plan::{Changes, Learned, NodeAddresses};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

pub use driver::{Driver, Options};

use crate::io::bfd::Downs;
use network::{Fact, Network};

/// Between two publications that no change of state asks for.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);
/// Between two attempts to listen.
const LISTEN_RETRY: Duration = Duration::from_secs(5);
/// How long the last words to all peers may take.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// What [`run`] works with.
#[derive(Debug)]
pub struct Config {
    /// Time zero of `SessionView::since`.
    pub started: Instant,
    /// For jitter.
    pub seed: u64,
    /// Listen here always; none: on port 179 of both families as long as a peer is passive. `[::]` means IPv6 alone.
    pub listen: Option<SocketAddr>,
    /// What to do. The driver takes what is in it and leaves nothing.
    pub changes: watch::Sender<Changes>,
    /// Peers whose BFD session broke: their sessions end. The driver takes what is in it and leaves nothing.
    pub downs: watch::Sender<Downs>,
    /// This node's addresses, for next hops of sessions that begin later.
    pub addresses: watch::Receiver<NodeAddresses>,
    /// What is.
    pub observed: watch::Sender<Observed>,
    /// What peers advertise. Not emptied when `run` ends: routes outlive a restart.
    pub learned: watch::Sender<Learned>,
    /// All that peers have to advertise is in `learned`, or nobody is waited for any more.
    pub converged: watch::Sender<bool>,
    /// What the process before has left to go on with.
    pub restarted: Option<Restarted>,
    /// How `stop` ends the sessions.
    pub farewell: watch::Receiver<Farewell>,
    /// Ends all sessions, then `run`.
    pub stop: CancellationToken,
}

/// What can be seen of all sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// By name of the peer.
    pub sessions: Vec<SessionView>,
    /// Where peers can reach us.
    pub listening: Vec<SocketAddr>,
    /// Why they cannot reach us where they should; tried again every 5 s.
    pub listen_error: Option<String>,
}

/// Holds the sessions until `config.stop`, and then at most 2 s more.
pub async fn run(config: Config) {
    let mut changed = config.changes.subscribe();
    let mut broken = config.downs.subscribe();
    let mut this = Running {
        speaker: speaker(&config),
        network: Network::new(config.listen),
        config,
        stale: false,
        published: None,
        listen_retry: None,
    };
    this.plan_listen_retry();
    this.take_changes();
    broken.mark_changed();
    loop {
        let deadline = this.drive();
        tokio::select! {
            () = this.config.stop.cancelled() => break,
            fact = this.network.next_fact() => this.handle_fact(fact),
            _ = changed.changed() => this.take_changes(),
            _ = broken.changed() => this.take_downs(),
            () = wait_until(deadline) => this.handle_deadline(),
        }
    }
    this.shut_down().await;
}

fn speaker(config: &Config) -> Speaker {
    let mut speaker = Speaker::new(config.seed);
    if let Some(restarted) = config.restarted {
        speaker.handle_restarted(config.started.elapsed(), restarted);
    }
    speaker
}

struct Running {
    config: Config,
    speaker: Speaker,
    network: Network,
    /// Something may differ from what was published.
    stale: bool,
    published: Option<Instant>,
    listen_retry: Option<Instant>,
}

impl Running {
    fn now(&self) -> Duration {
        self.config.started.elapsed()
    }

    /// Carries out what the machine asks for; when to come back at the latest.
    fn drive(&mut self) -> Option<Instant> {
        let mut urgent = false;
        loop {
            while let Some(notice) = self.speaker.poll_notice() {
                urgent |= self.handle_notice(notice);
            }
            if !self.write() {
                break;
            }
        }
        self.publish_learned();
        let converges = self.publish_converged();
        let publish = self.publish(urgent);
        let timer = self
            .speaker
            .poll_timeout()
            .map(|at| self.config.started + at);
        [timer, publish, converges, self.listen_retry]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether it changes what users see.
    fn handle_notice(&mut self, notice: Notice) -> bool {
        match notice {
            Notice::Dial(dial) => {
                if let Some(peer) = self.speaker.peer(&dial.peer) {
                    self.network.dial(dial.connection, peer);
                }
                return false;
            }
            Notice::Close { connection, last } => {
                self.network.close(connection, last);
                return false;
            }
            Notice::StateChanged { .. } => {}
            Notice::EndOfRib { peer, family } => debug!(%peer, %family, "all routes received"),
            Notice::SessionUp { peer, families } => {
                let families: Vec<_> = families.iter().map(|family| family.to_string()).collect();
                info!(%peer, ?families, "session established");
            }
            Notice::SessionDown { peer, reason } => warn!(%peer, reason, "session ended"),
            Notice::AttemptFailed { peer, reason } => info!(%peer, reason, "connection failed"),
            Notice::NoNextHop { peer, families } => {
                let families: Vec<_> = families.iter().map(|family| family.to_string()).collect();
                warn!(%peer, ?families, "no next hop: the families are not advertised");
            }
        }
        true
    }

    /// Writes to every connection what it takes; whether a connection was lost.
    fn write(&mut self) -> bool {
        let speaker = &mut self.speaker;
        let written = self
            .network
            .write(|connection, out| speaker.poll_transmit(connection, out));
        let now = self.now();
        for connection in written.took {
            self.speaker.handle_written(now, connection);
        }
        let any = !written.lost.is_empty();
        for (connection, reason) in written.lost {
            self.speaker.handle_closed(now, connection, reason);
        }
        any
    }

    fn handle_fact(&mut self, fact: Fact) {
        self.stale = true;
        let now = self.now();
        match fact {
            Fact::Connected {
                connection,
                peer,
                stream,
            } => match stream.local_addr() {
                Ok(local) => {
                    let addresses = self.local_addresses(local.ip(), &peer);
                    self.network.insert(connection, stream);
                    self.speaker.handle_connected(now, connection, addresses);
                }
                Err(error) => {
                    self.speaker
                        .handle_connect_failed(now, connection, error.to_string());
                }
            },
            Fact::ConnectFailed { connection, reason } => {
                self.speaker.handle_connect_failed(now, connection, reason);
            }
            Fact::Accepted { stream, remote } => {
                let remote = network::scoped(remote);
                let Some(peer) = self.speaker.peer_at(remote).cloned() else {
                    info!(%remote, "connection of an unknown peer refused");
                    return;
                };
                let Ok(local) = stream.local_addr() else {
                    return;
                };
                let addresses = self.local_addresses(local.ip(), &peer);
                if let Err(error) = Network::tune(&stream, &peer) {
                    // Without its options it might be open to what they keep away.
                    warn!(%remote, %error, "a connection that could not be set up is refused");
                    return;
                }
                if let Some(id) = self.speaker.handle_accepted(now, remote, addresses) {
                    self.network.insert(id, stream);
                }
            }
            Fact::Readable(connection) => self.read(connection),
            Fact::Writable => {}
        }
    }

    fn read(&mut self, connection: bgp::ConnectionId) {
        let now = self.now();
        match self.network.read(connection) {
            Ok(Some(bytes)) => self.speaker.handle_bytes(now, connection, bytes),
            Ok(None) => {}
            Err(reason) => {
                self.network.remove(connection);
                self.speaker.handle_closed(now, connection, reason);
            }
        }
    }

    /// What has arrived is read and what waits is written first: no hold timer expires over either.
    fn handle_deadline(&mut self) {
        let now = self.now();
        if self.speaker.poll_timeout().is_some_and(|at| at <= now) {
            for connection in self.network.connections() {
                self.read(connection);
            }
            self.write();
            self.speaker.handle_timeout(now);
            self.stale = true;
        }
        if self.listen_retry.is_some_and(|at| at <= Instant::now()) {
            self.network.listener.bind();
            self.plan_listen_retry();
        }
    }

    fn take_changes(&mut self) {
        let mut changes = Changes::default();
        self.config.changes.send_if_modified(|pending| {
            changes = mem::take(pending);
            false
        });
        let now = self.now();
        if let Some(peers) = changes.peers {
            self.network.set_peers(&peers);
            self.plan_listen_retry();
            self.speaker
                .handle_peers(now, peers.into_iter().map(|peer| peer.config));
        }
        self.speaker.handle_routes(now, changes.routes);
        if changes.complete {
            self.speaker.handle_routes_complete(now);
        }
        self.stale = true;
    }

    fn take_downs(&mut self) {
        let mut downs = Downs::default();
        self.config.downs.send_if_modified(|pending| {
            downs = mem::take(pending);
            false
        });
        let now = self.now();
        for (peer, fate) in downs {
            self.speaker.handle_bfd_down(now, &peer, fate);
            self.stale = true;
        }
    }

    fn plan_listen_retry(&mut self) {
        let failed = self.network.listener.error().is_some();
        self.listen_retry = failed.then(|| Instant::now() + LISTEN_RETRY);
        self.stale = true;
    }

    /// Publishes at once when it is urgent, else after a while; when that is.
    fn publish(&mut self, urgent: bool) -> Option<Instant> {
        if !self.stale && !urgent {
            return None;
        }
        let now = Instant::now();
        let due = self.published.map_or(now, |last| last + PUBLISH_INTERVAL);
        if !urgent && due > now {
            return Some(due);
        }
        let observed = Observed {
            sessions: self.speaker.sessions().collect(),
            listening: self.network.listener.addresses(),
            listen_error: self.network.listener.error(),
        };
        self.config.observed.send_if_modified(|last| {
            let changed = *last != observed;
            *last = observed;
            changed
        });
        (self.stale, self.published) = (false, Some(now));
        None
    }

    /// All that changed, at once: traffic depends on it.
    fn publish_learned(&mut self) {
        let speaker = &mut self.speaker;
        let told = std::iter::from_fn(|| speaker.poll_learned());
        if !self.config.stop.is_cancelled() {
            self.config
                .learned
                .send_if_modified(|learned| learned::take_over(learned, told));
        }
    }

    /// Tells it once, after what was learned; until then, when it is true at the latest.
    fn publish_converged(&self) -> Option<Instant> {
        if *self.config.converged.borrow() {
            return None;
        }
        if self.speaker.has_converged(self.now()) {
            self.config.converged.send_replace(true);
            return None;
        }
        self.speaker
            .converges_by()
            .map(|at| self.config.started + at)
    }

    fn local_addresses(&self, local: IpAddr, peer: &bgp::PeerConfig) -> LocalAddresses {
        let interfaces = local_address::interface_addresses().unwrap_or_else(|error| {
            warn!(%error, "cannot list the addresses of the interfaces");
            Vec::new()
        });
        local_address::local_addresses(local, peer, *self.config.addresses.borrow(), &interfaces)
    }

    async fn shut_down(mut self) {
        let farewell = self.config.farewell.borrow().clone();
        self.speaker.handle_shutdown(self.now(), farewell);
        self.drive();
        self.publish(true);
        // A peer that does not listen any more is not waited for.
        let _ = timeout(SHUTDOWN, self.network.farewells()).await;
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
