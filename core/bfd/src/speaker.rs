use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use crate::{Arrival, Discarded, Notice, Packet, PeerConfig, PeerName, SessionView, Transmit};

/// All sessions of this node.
#[derive(Debug)]
pub struct Speaker {
    peers: BTreeMap<PeerName, PeerConfig>,
    notices: VecDeque<Notice>,
}

impl Speaker {
    /// A speaker without peers. Discriminators and jitter come from `seed`, which should be random: a peer tells the
    /// sessions of two starts apart by it.
    #[must_use]
    pub const fn new(_seed: u64) -> Self {
        Self {
            peers: BTreeMap::new(),
            notices: VecDeque::new(),
        }
    }

    /// Takes all peers. A changed profile, minimum TTL, local address or interface leaves the session as it is; another
    /// remote address, or single hop for multihop, makes a new one. A peer that is gone is told AdminDown a few times
    /// and then forgotten ([`Notice::Forgotten`]).
    pub fn handle_peers(&mut self, _now: Duration, peers: impl IntoIterator<Item = PeerConfig>) {
        self.peers = peers
            .into_iter()
            .map(|peer| (peer.name.clone(), peer))
            .collect();
    }

    /// Takes a datagram that came to port 3784 or 4784.
    ///
    /// # Errors
    /// When it has no effect, with the rule that it broke.
    pub fn handle_datagram(
        &mut self,
        _now: Duration,
        _arrival: &Arrival,
        octets: &[u8],
    ) -> Result<(), Discarded> {
        Packet::decode(octets)?;
        Err(Discarded::UnknownPeer)
    }

    /// Runs what is due: a session from whose peer nothing came for the detection time goes down.
    pub fn handle_timeout(&mut self, _now: Duration) {}

    /// When [`Self::handle_timeout`] or [`Self::poll_transmit`] has something to do; zero: at once.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// The next thing to send, in `buffer`, whose former content is lost.
    pub fn poll_transmit(&mut self, _now: Duration, _buffer: &mut Vec<u8>) -> Option<Transmit> {
        None
    }

    /// What has happened.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// The process was stopped, or the machine slept: every session gets its detection time anew, so that nobody is
    /// declared dead before what waits in the socket was read. To be called after such a wake-up before
    /// [`Self::handle_timeout`].
    pub fn handle_stopped(&mut self, _now: Duration) {}

    /// The node leaves for good: every peer is told AdminDown a few times. [`Self::is_done`] says when all has been
    /// said. Before a planned restart nothing is called, and the sessions fall silent.
    pub fn handle_leave(&mut self, _now: Duration) {}

    /// Everything has been said after [`Self::handle_leave`].
    #[must_use]
    pub const fn is_done(&self) -> bool {
        false
    }

    /// All sessions, by the name of the peer.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView> {
        core::iter::empty()
    }
}
