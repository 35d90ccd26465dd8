use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bfd::{Arrival, Diagnostic, Notice, Packet, PeerName, Speaker, State};

use super::action::{ADDRESSES, Action, Target, Way, name};

/// As many as there are names.
const MOST_SESSIONS: usize = 4;
/// A session that is not Up repeats itself after no less than this: a second, less jitter.
const SLOWEST: Duration = Duration::from_millis(750);

/// A speaker, and what its driver knows of it.
pub(super) struct World {
    now: Duration,
    speaker: Speaker,
    left: bool,
    /// What the notices say of each peer.
    states: BTreeMap<PeerName, State>,
    /// What was last sent that was no answer, by discriminator.
    said: BTreeMap<u32, (Duration, State, Diagnostic)>,
}

impl World {
    /// Without peers.
    pub(super) const fn new() -> Self {
        Self {
            now: Duration::from_secs(1000),
            speaker: Speaker::new(1),
            left: false,
            states: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    pub(super) fn apply(&mut self, action: Action<'_>) {
        match action {
            Action::Wait(time) => {
                let end = self.now + time;
                while let Some(at) = self.speaker.poll_timeout().filter(|at| *at <= end) {
                    assert!(at > self.now, "nothing is left to be done");
                    self.now = at;
                    self.wake();
                }
                self.now = end;
            }
            Action::Sleep(time) => {
                self.now += time;
                self.speaker.handle_stopped(self.now);
                let down = self.count(State::Down);
                self.speaker.handle_timeout(self.now);
                assert_eq!(self.count(State::Down), down, "nobody died in our sleep");
            }
            Action::Packet(way, target, packet) => self.hand_in(&way, &target, packet),
            Action::Datagram(way, octets) => self.deliver(&way, octets),
            Action::Peers(peers) => {
                let names: BTreeSet<PeerName> = peers.iter().map(|p| p.name.clone()).collect();
                self.speaker.handle_peers(self.now, peers);
                let known = |view: bfd::SessionView| {
                    names.contains(&view.peer) || view.state == State::AdminDown
                };
                assert!(self.left || self.speaker.sessions().all(known));
            }
            Action::Leave => {
                self.left = true;
                self.speaker.handle_leave(self.now);
            }
        }
        self.wake();
    }

    fn hand_in(&mut self, way: &Way, target: &Target, packet: Packet) {
        let your_discriminator = match target {
            Target::Session(number) => {
                let mut views = self.speaker.sessions();
                let view = views.find(|view| &*view.peer == name(*number));
                view.map_or(0, |view| view.local_discriminator)
            }
            Target::Nobody => 0,
            Target::Stranger(discriminator) => *discriminator,
        };
        let mut octets = Vec::new();
        Packet {
            your_discriminator,
            ..packet
        }
        .encode(&mut octets);
        self.deliver(way, &octets);
    }

    /// Whatever comes: only a session that took it can change.
    fn deliver(&mut self, way: &Way, octets: &[u8]) {
        let arrival = Arrival {
            remote: way.remote,
            local: ADDRESSES[0],
            interface: way.interface,
            ttl: way.ttl,
            multihop: way.multihop,
        };
        let before = self.received();
        let sessions = self.speaker.sessions().count();
        let outcome = self.speaker.handle_datagram(self.now, &arrival, octets);
        match outcome {
            Ok(()) => assert_eq!(self.received(), before + 1),
            Err(reason) => assert!(!reason.as_str().is_empty()),
        }
        assert!(self.speaker.sessions().count() <= sessions);
    }

    fn received(&self) -> u64 {
        let views = self.speaker.sessions();
        views.map(|view| view.packets_received).sum()
    }

    fn count(&self, state: State) -> usize {
        let views = self.speaker.sessions();
        views.filter(|view| view.state == state).count()
    }

    /// As a driver does after whatever happened.
    fn wake(&mut self) {
        self.speaker.handle_timeout(self.now);
        self.read_notices();
        self.look();
        let mut octets = Vec::new();
        let mut sent = 0;
        while let Some(transmit) = self.speaker.poll_transmit(self.now, &mut octets) {
            sent += 1;
            assert!(sent <= 2 * MOST_SESSIONS, "an answer and one more each");
            assert!(ADDRESSES.contains(&transmit.remote));
            self.read_packet(&octets);
        }
        self.read_notices();
        self.look();
        let next = self.speaker.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now), "all is sent");
    }

    fn read_packet(&mut self, octets: &[u8]) {
        let packet = Packet::decode(octets).unwrap();
        assert_eq!(octets.len(), Packet::LENGTH);
        assert!(!(packet.poll && packet.is_final));
        assert!(!packet.demand && !packet.control_plane_independent);
        assert!(packet.required_min_echo_rx.is_zero());
        let saying = (self.now, packet.state, packet.diagnostic);
        if packet.is_final {
            // An answer may come at any time, and tell news.
            let told =
                |said: &(Duration, State, Diagnostic)| (said.1, said.2) == (saying.1, saying.2);
            if !self.said.get(&packet.my_discriminator).is_some_and(told) {
                self.said.remove(&packet.my_discriminator);
            }
            return;
        }
        let before = self.said.insert(packet.my_discriminator, saying);
        if let Some((at, state, diagnostic)) = before
            && (state, diagnostic) == (packet.state, packet.diagnostic)
            && state != State::Up
        {
            assert!(packet.desired_min_tx >= Duration::from_secs(1));
            assert!(self.now - at >= SLOWEST);
        }
    }

    fn read_notices(&mut self) {
        while let Some(notice) = self.speaker.poll_notice() {
            match notice {
                Notice::StateChanged { peer, from, to, .. } => {
                    let before = self.states.insert(peer, to).unwrap_or_default();
                    // A new session of the same name begins without a word.
                    let renewed = before == State::AdminDown && from == State::Down;
                    assert!(before == from || renewed);
                    assert_ne!(from, to);
                }
                Notice::Forgotten { peer } => {
                    self.states.remove(&peer);
                }
            }
        }
    }

    /// What is shown holds together.
    fn look(&self) {
        let mut discriminators = BTreeSet::new();
        for view in self.speaker.sessions() {
            assert_ne!(view.local_discriminator, 0);
            assert!(discriminators.insert(view.local_discriminator));
            let is_known = view.remote_discriminator.is_some();
            assert_eq!(view.detection_time.is_some(), is_known);
            assert!(is_known || matches!(view.state, State::Down | State::AdminDown));
            let said = self.states.get(&view.peer).copied().unwrap_or_default();
            assert!(said == view.state || said == State::AdminDown && view.state == State::Down);
            assert!(view.since <= self.now);
            assert!(!self.left || view.state == State::AdminDown);
        }
        assert!(discriminators.len() <= MOST_SESSIONS);
        assert_eq!(
            self.speaker.is_done(),
            self.left && discriminators.is_empty()
        );
    }
}
