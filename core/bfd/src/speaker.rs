mod agenda;
mod directory;

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use crate::{
    Arrival, Discarded, Notice, Packet, PeerConfig, PeerName, SessionView, Transmit,
    random::Random,
    session::{Change, Session},
};
use agenda::Agenda;
use directory::{Directory, is_same_peer, unique};

/// All sessions of this node.
#[derive(Debug)]
pub struct Speaker {
    random: Random,
    /// By our discriminator.
    sessions: BTreeMap<u32, Session>,
    directory: Directory,
    agenda: Agenda,
    notices: VecDeque<Notice>,
    leaving: bool,
}

impl Speaker {
    /// A speaker without peers. Discriminators and jitter come from `seed`, which should be random: a peer tells the
    /// sessions of two starts apart by it.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            sessions: BTreeMap::new(),
            directory: Directory::new(),
            agenda: Agenda::new(),
            notices: VecDeque::new(),
            leaving: false,
        }
    }

    /// Takes all peers. A changed profile, minimum TTL, local address or interface leaves the session as it is; another
    /// remote address, or single hop for multihop, makes a new one. A peer that is gone is told AdminDown a few times
    /// and then forgotten ([`Notice::Forgotten`]).
    pub fn handle_peers(&mut self, now: Duration, peers: impl IntoIterator<Item = PeerConfig>) {
        if self.leaving {
            return;
        }
        let wanted = unique(peers);
        let gone = |name: &&PeerName| !wanted.contains_key(*name);
        let gone: Vec<PeerName> = self.directory.names().filter(gone).cloned().collect();
        for name in gone {
            self.take_leave_of(now, &name);
        }
        for config in wanted.into_values() {
            self.handle_config(now, config);
        }
    }

    /// Takes a datagram that came to port 3784 or 4784.
    ///
    /// # Errors
    /// When it has no effect, with the rule that it broke.
    pub fn handle_datagram(
        &mut self,
        now: Duration,
        arrival: &Arrival,
        octets: &[u8],
    ) -> Result<(), Discarded> {
        let packet = Packet::decode(octets)?;
        let discriminator = match packet.your_discriminator {
            0 => self.directory.find_arrival(arrival),
            discriminator => Some(discriminator),
        };
        let discriminator = discriminator.ok_or(Discarded::UnknownPeer)?;
        let session = self
            .sessions
            .get_mut(&discriminator)
            .ok_or(Discarded::UnknownDiscriminator)?;
        let hops = session.config().hops;
        if hops.is_multi() != arrival.multihop {
            return Err(Discarded::Port);
        }
        if arrival.ttl < hops.minimum_ttl() {
            return Err(Discarded::TimeToLive);
        }
        let outcome = session.handle_packet(now, &packet);
        self.settle(now, discriminator, outcome.unwrap_or_default());
        outcome.map(|_| ())
    }

    /// Runs what is due: a session from whose peer nothing came for the detection time goes down.
    pub fn handle_timeout(&mut self, now: Duration) {
        for discriminator in self.agenda.due(now).collect::<Vec<u32>>() {
            if let Some(session) = self.sessions.get_mut(&discriminator) {
                let change = session.handle_timeout(now);
                self.settle(now, discriminator, change);
            }
        }
    }

    /// When [`Self::handle_timeout`] or [`Self::poll_transmit`] has something to do; zero: at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.agenda.next()
    }

    /// The next thing to send, in `buffer`, whose former content is lost.
    pub fn poll_transmit(&mut self, now: Duration, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let wants = |discriminator: &u32| {
            let session = self.sessions.get(discriminator);
            session.is_some_and(|session| session.has_to_transmit(now))
        };
        let discriminator = self.agenda.due(now).find(wants)?;
        let session = self.sessions.get_mut(&discriminator)?;
        buffer.clear();
        session.transmit(now, &mut self.random, buffer);
        let config = session.config();
        let transmit = Transmit {
            peer: config.name.clone(),
            remote: config.remote,
            local: config.local,
            interface: config.interface,
            multihop: config.hops.is_multi(),
        };
        self.settle(now, discriminator, None);
        Some(transmit)
    }

    /// What has happened.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// The process was stopped, or the machine slept: every session gets its detection time anew, so that nobody is
    /// declared dead before what waits in the socket was read. To be called after such a wake-up before
    /// [`Self::handle_timeout`].
    pub fn handle_stopped(&mut self, now: Duration) {
        for discriminator in self.discriminators() {
            if let Some(session) = self.sessions.get_mut(&discriminator) {
                session.handle_stopped(now);
                self.settle(now, discriminator, None);
            }
        }
    }

    /// The node leaves for good: every peer is told AdminDown a few times. [`Self::is_done`] says when all has been
    /// said. Before a planned restart nothing is called, and the sessions fall silent.
    pub fn handle_leave(&mut self, now: Duration) {
        self.leaving = true;
        for discriminator in self.discriminators() {
            if let Some(session) = self.sessions.get_mut(&discriminator) {
                let change = session.handle_leave(now);
                self.settle(now, discriminator, change);
            }
        }
    }

    /// Everything has been said after [`Self::handle_leave`].
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.leaving && self.sessions.is_empty()
    }

    /// All sessions, by the name of the peer.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView> {
        let discriminators = self.directory.discriminators();
        let sessions = discriminators.filter_map(|discriminator| self.sessions.get(&discriminator));
        sessions.map(Session::view)
    }

    fn discriminators(&self) -> Vec<u32> {
        self.sessions.keys().copied().collect()
    }

    fn handle_config(&mut self, now: Duration, config: PeerConfig) {
        let known = self.directory.find_name(&config.name);
        let session = known.and_then(|known| Some((known, self.sessions.get_mut(&known)?)));
        match session {
            Some((discriminator, session)) if is_same_peer(session.config(), &config) => {
                self.directory.remove(discriminator, session.config());
                self.directory.insert(discriminator, &config);
                let change = session.handle_config(now, config);
                self.settle(now, discriminator, change);
            }
            Some((discriminator, session)) => {
                let change = session.handle_leave(now);
                self.tell(discriminator, change);
                self.remove(discriminator);
                self.insert(now, config);
            }
            None => self.insert(now, config),
        }
    }

    fn insert(&mut self, now: Duration, config: PeerConfig) {
        // The last words of a session before this one would take this one down.
        for discriminator in self.directory.find_peer(&config) {
            if self
                .sessions
                .get(&discriminator)
                .is_some_and(Session::is_leaving)
            {
                self.forget(discriminator);
            }
        }
        let discriminator = self.choose_discriminator();
        self.directory.insert(discriminator, &config);
        let session = Session::new(now, config, discriminator, &mut self.random);
        self.sessions.insert(discriminator, session);
        self.settle(now, discriminator, None);
    }

    /// Unique, random and not 0 (RFC 5880 sections 6.3 and 6.8.1).
    fn choose_discriminator(&mut self) -> u32 {
        loop {
            let discriminator = self.random.next_u32();
            if discriminator != 0 && !self.sessions.contains_key(&discriminator) {
                return discriminator;
            }
        }
    }

    fn take_leave_of(&mut self, now: Duration, name: &PeerName) {
        if let Some(discriminator) = self.directory.find_name(name)
            && let Some(session) = self.sessions.get_mut(&discriminator)
        {
            let change = session.handle_leave(now);
            self.settle(now, discriminator, change);
        }
    }

    fn remove(&mut self, discriminator: u32) -> Option<PeerConfig> {
        let session = self.sessions.remove(&discriminator)?;
        self.agenda.set(discriminator, None);
        self.directory.remove(discriminator, session.config());
        Some(session.config().clone())
    }

    fn forget(&mut self, discriminator: u32) {
        if let Some(config) = self.remove(discriminator) {
            self.notices
                .push_back(Notice::Forgotten { peer: config.name });
        }
    }

    /// Tells what became of a session, and notes when it has to be looked at again.
    fn settle(&mut self, now: Duration, discriminator: u32, change: Option<Change>) {
        self.tell(discriminator, change);
        let Some(session) = self.sessions.get(&discriminator) else {
            return;
        };
        if session.is_over(now) {
            self.forget(discriminator);
        } else {
            self.agenda.set(discriminator, session.poll_timeout());
        }
    }

    fn tell(&mut self, discriminator: u32, change: Option<Change>) {
        if let (Some(session), Some(change)) = (self.sessions.get(&discriminator), change) {
            self.notices.push_back(Notice::StateChanged {
                peer: session.config().name.clone(),
                from: change.from,
                to: change.to,
                diagnostic: change.diagnostic,
                remote_admin_down: change.remote_admin_down,
                remote_independent: change.remote_independent,
            });
        }
    }
}
