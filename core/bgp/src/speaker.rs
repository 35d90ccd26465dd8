use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::graceful_restart::{BfdFate, Farewell, Restarted};
use crate::notice::{ConnectionId, LocalAddresses, Notice, SessionView};
use crate::outside::Outside;
use crate::params::Prefix;
use crate::peer::{Cause, Peer};
use crate::peer_config::{PeerConfig, PeerName};
use crate::rib::{NextHops, Route, share, share_best};
use crate::scope::ScopedAddress;
use crate::wire::CeaseSubcode;

/// Octets of UPDATEs after which a write ends.
const WRITE_BUDGET: usize = 64 * 1024;
/// How long a restart may take when no peer's configuration says it.
const USUAL_RESTART: Duration = Duration::from_secs(30);

/// All peers of one node.
///
/// After every `handle_*`: take all notices and learned prefixes, then ask [`Speaker::poll_transmit`] for every connection that can be
/// written, tell what the socket took with [`Speaker::handle_written`], and ask [`Speaker::poll_timeout`] for when to call
/// [`Speaker::handle_timeout`]. Read what has arrived and write what waits before that: no hold timer must expire over
/// bytes that lie in the socket, no send hold timer over room in it.
#[derive(Debug)]
pub struct Speaker {
    peers: BTreeMap<PeerName, Peer>,
    outside: Outside,
    stopped: bool,
    /// When the first peers were set, or it was clear that there are none.
    started: Option<Duration>,
}

impl Speaker {
    /// A speaker without peers. The seed is for jitter only.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            peers: BTreeMap::new(),
            outside: Outside::new(seed),
            stopped: false,
            started: None,
        }
    }

    /// The process before has left something to go on with. To be told before the first [`Speaker::handle_peers`].
    pub const fn handle_restarted(&mut self, _now: Duration, restarted: Restarted) {
        self.outside.restarted = Some(restarted);
    }

    /// Sets all peers. A peer that is gone is told so (Cease/Peer De-configured), one that changed in what its session
    /// depends on is reset (Cease/Other Configuration Change), every other one goes on untouched. A changed import filter
    /// is no reason for a reset, unless it lets more pass and the peer cannot send its routes again (RFC 2918).
    pub fn handle_peers(&mut self, now: Duration, peers: impl IntoIterator<Item = PeerConfig>) {
        if self.stopped {
            return;
        }
        self.started.get_or_insert(now);
        let mut wanted: BTreeMap<PeerName, PeerConfig> = peers
            .into_iter()
            .map(|config| (config.name.clone(), config))
            .collect();
        let outside = &mut self.outside;
        self.peers.retain(|name, peer| {
            let keep = wanted.contains_key(name);
            if !keep {
                let cause = Cause::cease(CeaseSubcode::PeerDeconfigured, "peer removed");
                peer.stop(now, &cause, outside);
            }
            keep
        });
        for (name, peer) in &mut self.peers {
            let Some(config) = wanted.remove(name) else {
                continue;
            };
            if peer.can_adjust(&config) {
                peer.adjust(now, config, outside);
                continue;
            }
            let cause = Cause::cease(
                CeaseSubcode::OtherConfigurationChange,
                "configuration changed",
            );
            peer.stop(now, &cause, outside);
            peer.config = config;
            peer.start(now, outside);
        }
        for (name, config) in wanted {
            let mut peer = Peer::new(now, config);
            peer.start(now, outside);
            self.peers.insert(name, peer);
        }
    }

    /// Sets the routes of the prefixes that changed; none for a prefix withdraws it.
    pub fn handle_routes(
        &mut self,
        _now: Duration,
        changes: impl IntoIterator<Item = (Prefix, Vec<Route>)>,
    ) {
        for (prefix, routes) in changes {
            if let Some(slot) = self.outside.loc_rib.set(prefix, &routes) {
                let sessions = self
                    .peers
                    .values_mut()
                    .filter_map(|peer| peer.session.as_mut());
                sessions.for_each(|session| session.adj_rib_out.mark(slot));
            }
        }
        if self.outside.loc_rib.wants_sweep() {
            let sessions = self.peers.values().filter_map(|peer| peer.session.as_ref());
            self.outside
                .loc_rib
                .sweep(sessions.flat_map(|session| session.adj_rib_out.sent()));
        }
    }

    /// The first full set of routes was delivered: End-of-RIB may follow it.
    pub fn handle_routes_complete(&mut self, now: Duration) {
        self.started.get_or_insert(now);
        self.outside.loc_rib.set_complete();
    }

    /// A dial succeeded.
    pub fn handle_connected(
        &mut self,
        now: Duration,
        connection: ConnectionId,
        addresses: LocalAddresses,
    ) {
        if let Some((peer, outside)) = self.peer_of(connection) {
            peer.handle_connected(now, connection, addresses, outside);
        }
    }

    /// Somebody connected to us. None: no such peer, close at once.
    pub fn handle_accepted(
        &mut self,
        now: Duration,
        remote: impl Into<ScopedAddress>,
        addresses: LocalAddresses,
    ) -> Option<ConnectionId> {
        let remote = remote.into();
        let mut peers = self.peers.values_mut();
        let peer = peers.find(|peer| peer.config.is_at(remote))?;
        (!self.stopped).then(|| peer.handle_accepted(now, addresses, &mut self.outside))
    }

    /// A dial failed; the reason is shown to users.
    pub fn handle_connect_failed(
        &mut self,
        now: Duration,
        connection: ConnectionId,
        reason: String,
    ) {
        self.handle_closed(now, connection, reason);
    }

    /// Bytes arrived.
    pub fn handle_bytes(&mut self, now: Duration, connection: ConnectionId, bytes: &[u8]) {
        if let Some((peer, outside)) = self.peer_of(connection) {
            peer.handle_bytes(now, connection, bytes, outside);
        }
    }

    /// The socket took something of what [`Speaker::poll_transmit`] gave for this connection. A connection of which nothing
    /// is taken for too long ends (RFC 9687).
    pub fn handle_written(&mut self, now: Duration, connection: ConnectionId) {
        if let Some((peer, _)) = self.peer_of(connection) {
            peer.handle_written(now, connection);
        }
    }

    /// The connection ended; the reason is shown to users. Not for connections that a notice closed.
    pub fn handle_closed(&mut self, now: Duration, connection: ConnectionId, reason: String) {
        if let Some((peer, outside)) = self.peer_of(connection) {
            peer.handle_closed(now, connection, reason, outside);
        }
    }

    /// The BFD session to the peer was Up and is Down: its session ends at once (Cease/BFD Down, RFC 9384), and is tried
    /// again as after any other error. Connections that are not Established go on: nothing waits for BFD. What becomes of
    /// the peer's routes depends on whether it may only have restarted (RFC 5882 section 4.3).
    pub fn handle_bfd_down(&mut self, now: Duration, peer: &str, fate: BfdFate) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.handle_bfd_down(now, fate, &mut self.outside);
        }
    }

    /// Ends all sessions for good.
    pub fn handle_shutdown(&mut self, now: Duration, farewell: Farewell) {
        self.stopped = true;
        let cause = match farewell {
            Farewell::Restart => Cause::words("restarting"),
            Farewell::Leave { message } => Cause::shutdown(&message),
        };
        self.peers
            .values_mut()
            .for_each(|peer| peer.stop(now, &cause, &mut self.outside));
    }

    /// Timers may have expired.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.peers
            .values_mut()
            .for_each(|peer| peer.handle_timeout(now, &mut self.outside));
    }

    /// When to call [`Speaker::handle_timeout`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.peers.values().filter_map(Peer::poll_timeout).min()
    }

    /// What the driver has to know or do next.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.outside.poll_notice()
    }

    /// Appends what is to be written on the connection, about 64 KiB and one message more at most; whether there was anything. To be called
    /// when the last write is done: what waits is not encoded before.
    pub fn poll_transmit(&mut self, connection: ConnectionId, out: &mut Vec<u8>) -> bool {
        self.peer_of(connection).is_some_and(|(peer, outside)| {
            peer.poll_transmit(connection, WRITE_BUDGET, out, outside)
        })
    }

    /// A prefix whose next hops may be others than when it was last told, with all of them: those of the best path and of
    /// the paths that are as good, among paths of peers whose filter says that they are for the routing table. None are
    /// left: the prefix is not reachable any more. To be asked after every `handle_*` until it is silent.
    pub fn poll_learned(&mut self) -> Option<(Prefix, NextHops)> {
        let peers = &self.peers;
        self.outside
            .learned
            .poll(|prefix, shared| take_next_hops(peers, prefix, shared))
    }

    /// Everything that is learned now and for the routing table, told or not, with its next hops, by prefix.
    pub fn learned(&self) -> impl Iterator<Item = (Prefix, NextHops)> {
        let tables = self.peers.values().filter_map(Peer::adj_rib_in);
        let prefixes: BTreeSet<Prefix> =
            tables.flat_map(|table| table.prefixes().copied()).collect();
        let mut shared = NextHops::default();
        let all = prefixes.into_iter().map(move |prefix| {
            take_next_hops(&self.peers, &prefix, &mut shared);
            (prefix, shared.clone())
        });
        all.filter(|(_, next_hops)| !next_hops.is_empty())
    }

    /// Whether all is known that peers have to advertise: what the process before has left and is not confirmed by now is
    /// of no use any more. Waited for are End-of-RIBs of all peers that anything is accepted of, but for those that have
    /// restarted too (RFC 4724 section 4.1), and no longer than [`Speaker::converges_by`].
    #[must_use]
    pub fn has_converged(&self, now: Duration) -> bool {
        let until = self.converges_by();
        until.is_some_and(|until| until <= now || self.peers.values().all(Peer::has_converged))
    }

    /// Then nobody is waited for any more: a restart may take as long since the first peers were set. None: whether there
    /// are any is not known yet.
    #[must_use]
    pub fn converges_by(&self) -> Option<Duration> {
        self.started.map(|started| started + self.longest_restart())
    }

    /// A peer's configuration.
    #[must_use]
    pub fn peer(&self, name: &str) -> Option<&PeerConfig> {
        self.peers.get(name).map(|peer| &peer.config)
    }

    /// The configuration of the peer with this address.
    #[must_use]
    pub fn peer_at(&self, remote: impl Into<ScopedAddress>) -> Option<&PeerConfig> {
        let remote = remote.into();
        let mut configs = self.peers.values().map(|peer| &peer.config);
        configs.find(|config| config.is_at(remote))
    }

    /// All peers, by name.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView> {
        self.peers.values().map(Peer::view)
    }

    fn longest_restart(&self) -> Duration {
        let restarts = self
            .peers
            .values()
            .filter_map(|peer| peer.config.graceful_restart);
        let longest = restarts.map(|restart| restart.restart_time).max();
        longest.unwrap_or(USUAL_RESTART)
    }

    fn peer_of(&mut self, connection: ConnectionId) -> Option<(&mut Peer, &mut Outside)> {
        let peer = self.peers.values_mut().find(|peer| peer.owns(connection))?;
        Some((peer, &mut self.outside))
    }
}

/// Sets the next hops of a prefix: those of sure paths, or else of doubtful ones.
fn take_next_hops(peers: &BTreeMap<PeerName, Peer>, prefix: &Prefix, shared: &mut NextHops) {
    let of = |doubtful: bool| {
        let peers = peers.values();
        let peers = peers.filter(move |peer| peer.is_doubtful() == doubtful);
        peers.filter_map(|peer| {
            let path = peer.adj_rib_in()?.path(prefix)?;
            peer.config.import.installs(prefix).then_some(path)
        })
    };
    if !share_best(of(false), shared) && !share_best(of(true), shared) {
        share(shared, &[]);
    }
}
