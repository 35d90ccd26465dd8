//! One speaker with one session, whose peer says what a test wants.

use std::{net::IpAddr, time::Duration};

use bfd::{
    Arrival, Diagnostic, Discarded, Hops, Notice, Packet, PeerConfig, Profile, SessionView,
    Speaker, State,
};

pub(crate) const THEIRS: u32 = 7;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn peer(name: &str, remote: &str) -> PeerConfig {
    PeerConfig {
        name: name.into(),
        remote: address(remote),
        local: None,
        interface: None,
        hops: Hops::Single,
        profile: Profile::default(),
    }
}

pub(crate) fn arrival() -> Arrival {
    Arrival {
        remote: address("192.0.2.2"),
        local: address("192.0.2.1"),
        interface: 2,
        ttl: 255,
        multihop: false,
    }
}

/// Everything that it wants to send now.
pub(crate) fn transmit_all(speaker: &mut Speaker, now: Duration) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut octets = vec![0xff; 3];
    while speaker.poll_transmit(now, &mut octets).is_some() {
        assert_eq!(octets.len(), Packet::LENGTH);
        let packet = Packet::decode(&octets).unwrap();
        assert!(!(packet.poll && packet.is_final));
        assert!(!packet.demand && !packet.control_plane_independent);
        assert_eq!(packet.required_min_echo_rx, Duration::ZERO);
        assert!(packet.state == State::Up || packet.desired_min_tx >= ms(1000));
        packets.push(packet);
    }
    packets
}

pub(crate) struct Scripted {
    pub(crate) speaker: Speaker,
    pub(crate) now: Duration,
    pub(crate) config: PeerConfig,
    /// What the peer says next, but for state, P and F.
    pub(crate) theirs: Packet,
}

impl Scripted {
    pub(crate) fn new(profile: Profile) -> Self {
        let config = PeerConfig {
            profile,
            ..peer("router", "192.0.2.2")
        };
        let mut scripted = Self {
            speaker: Speaker::new(1),
            now: ms(10_000),
            config,
            theirs: Packet {
                diagnostic: Diagnostic::None,
                state: State::Down,
                poll: false,
                is_final: false,
                control_plane_independent: false,
                demand: false,
                detect_multiplier: 3,
                my_discriminator: THEIRS,
                your_discriminator: 0,
                desired_min_tx: ms(300),
                required_min_rx: ms(300),
                required_min_echo_rx: Duration::ZERO,
            },
        };
        scripted.reload();
        scripted
    }

    /// A session that is Up, with its first Poll Sequence over.
    pub(crate) fn up(profile: Profile) -> Self {
        let mut scripted = Self::new(profile);
        scripted.come_up();
        scripted
    }

    pub(crate) fn come_up(&mut self) {
        self.say(State::Down).unwrap();
        self.say(State::Init).unwrap();
        self.transmit();
        self.answer();
        self.say(State::Up).unwrap();
        assert_eq!(self.view().state, State::Up);
        self.transmit();
        while self.speaker.poll_notice().is_some() {}
    }

    /// Hands in the peer's configuration as it is now.
    pub(crate) fn reload(&mut self) {
        let peers = [self.config.clone()];
        self.speaker.handle_peers(self.now, peers);
    }

    pub(crate) fn set_profile(&mut self, profile: Profile) {
        self.config.profile = profile;
        self.reload();
    }

    pub(crate) fn say(&mut self, state: State) -> Result<(), Discarded> {
        let packet = Packet {
            state,
            ..self.theirs
        };
        self.deliver(packet)
    }

    /// The peer's F.
    pub(crate) fn answer(&mut self) {
        let packet = Packet {
            state: State::Up,
            is_final: true,
            ..self.theirs
        };
        self.deliver(packet).unwrap();
    }

    /// The peer's P.
    pub(crate) fn ask(&mut self, state: State) {
        let packet = Packet {
            state,
            poll: true,
            ..self.theirs
        };
        self.deliver(packet).unwrap();
    }

    fn deliver(&mut self, packet: Packet) -> Result<(), Discarded> {
        let your_discriminator = self.view().local_discriminator;
        let packet = Packet {
            your_discriminator,
            ..packet
        };
        self.deliver_as_is(&packet)
    }

    pub(crate) fn deliver_as_is(&mut self, packet: &Packet) -> Result<(), Discarded> {
        let mut octets = Vec::new();
        packet.encode(&mut octets);
        self.speaker.handle_datagram(self.now, &arrival(), &octets)
    }

    pub(crate) fn transmit(&mut self) -> Vec<Packet> {
        transmit_all(&mut self.speaker, self.now)
    }

    /// Goes on for so long, waking exactly when asked to: what is sent and when.
    pub(crate) fn run(&mut self, time: Duration) -> Vec<(Duration, Packet)> {
        let end = self.now + time;
        let mut sent = Vec::new();
        loop {
            self.speaker.handle_timeout(self.now);
            let packets = self.transmit();
            sent.extend(packets.into_iter().map(|packet| (self.now, packet)));
            match self.speaker.poll_timeout() {
                Some(at) if at <= end => self.now = at.max(self.now),
                Some(_) | None => break,
            }
        }
        self.now = end;
        sent
    }

    /// As [`Self::run`], while the peer says Up every 100 ms.
    pub(crate) fn run_up(&mut self, time: Duration) -> Vec<(Duration, Packet)> {
        let mut sent = Vec::new();
        for _ in 0..time.as_millis() / 100 {
            self.say(State::Up).unwrap();
            sent.extend(self.run(ms(100)));
        }
        sent
    }

    pub(crate) fn view(&self) -> SessionView {
        self.speaker.sessions().next().unwrap()
    }

    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        core::iter::from_fn(|| self.speaker.poll_notice()).collect()
    }

    /// What is said of a change of state.
    pub(crate) fn change(
        &self,
        from: State,
        to: State,
        diagnostic: Diagnostic,
        remote_admin_down: bool,
    ) -> Notice {
        Notice::StateChanged {
            peer: self.config.name.clone(),
            from,
            to,
            diagnostic,
            remote_admin_down,
            remote_independent: self.theirs.control_plane_independent,
        }
    }
}

/// The times between periodic packets.
pub(crate) fn gaps(sent: &[(Duration, Packet)]) -> Vec<Duration> {
    let periodic: Vec<Duration> = sent
        .iter()
        .filter(|(_, packet)| !packet.is_final)
        .map(|(at, _)| *at)
        .collect();
    periodic.windows(2).map(|pair| pair[1] - pair[0]).collect()
}
