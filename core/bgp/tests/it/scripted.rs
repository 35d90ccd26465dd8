//! A peer that says exactly what a test wants it to say.

use std::time::Duration;

use bgp::wire::capability::{Capability, ExtendedNextHop};
use bgp::wire::{AsnWidth, Decoder, Dialect, Message, Notification, Open, PeerType};
use bgp::{
    Asn, BgpIdentifier, ConnectionId, Family, FamilySet, HoldTime, LocalAddresses, Notice,
    PeerConfig, SessionView, Speaker,
};

use crate::pair::{address, local};

pub(crate) struct Scripted {
    pub(crate) now: Duration,
    pub(crate) speaker: Speaker,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) dialect: Dialect,
    decoder: Decoder,
}

pub(crate) fn open() -> Open {
    open_of(Asn(64513), 9, 2)
}

pub(crate) fn open_of(asn: Asn, hold_time: u16, identifier: u32) -> Open {
    let capabilities = vec![
        Capability::Multiprotocol(Family::IPV4_UNICAST),
        Capability::Multiprotocol(Family::IPV6_UNICAST),
        Capability::RouteRefresh,
        Capability::ExtendedNextHop(ExtendedNextHop::ipv4_over_ipv6()),
    ];
    let identifier = BgpIdentifier::new(identifier).unwrap();
    Open::new(
        asn,
        HoldTime::new(hold_time).unwrap(),
        identifier,
        capabilities,
    )
}

impl Scripted {
    /// A speaker that has just been connected.
    pub(crate) fn new(config: PeerConfig, addresses: LocalAddresses) -> Self {
        let mut scripted = Self {
            now: Duration::from_secs(1),
            speaker: Speaker::new(1),
            connection: None,
            notices: vec![],
            dialect: Dialect {
                asn_width: AsnWidth::Four,
                families: FamilySet::BOTH,
                extended_next_hop: true,
                enhanced_route_refresh: true,
                ..Dialect::initial(PeerType::External)
            },
            decoder: Decoder::new(),
        };
        scripted.speaker.handle_peers(scripted.now, [config]);
        scripted.speaker.handle_routes_complete(scripted.now);
        scripted.connect(addresses);
        scripted
    }

    pub(crate) fn connect(&mut self, addresses: LocalAddresses) {
        self.take_notices();
        if let Some(id) = self.connection {
            self.decoder = Decoder::new();
            self.speaker.handle_connected(self.now, id, addresses);
        }
    }

    /// The peer connects; whether it may.
    pub(crate) fn accept(&mut self) -> bool {
        self.take_notices();
        let accepted = self.speaker.handle_accepted(self.now, address(1), local(0));
        self.connection = accepted;
        self.decoder = Decoder::new();
        let before = self.notices.len();
        self.take_notices();
        let closed = |notice: &Notice| matches!(notice, Notice::Close { connection, .. } if Some(*connection) == accepted);
        !self.notices[before..].iter().any(closed)
    }

    /// The connection breaks.
    pub(crate) fn lose(&mut self) {
        let id = self.connection.unwrap();
        self.speaker.handle_closed(self.now, id, "reset".into());
        self.take_notices();
    }

    /// Established, with what the peer read meanwhile.
    pub(crate) fn establish(&mut self) -> Vec<Message> {
        self.establish_with(open())
    }

    pub(crate) fn establish_with(&mut self, open: Open) -> Vec<Message> {
        let mut read = self.read();
        self.say(&Message::Open(open));
        self.say(&Message::Keepalive);
        read.extend(self.read());
        read
    }

    pub(crate) fn say(&mut self, message: &Message) {
        let mut bytes = vec![];
        message.encode(&self.dialect, &mut bytes).unwrap();
        self.say_bytes(&bytes);
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) {
        let id = self.connection.unwrap();
        self.speaker.handle_bytes(self.now, id, bytes);
        self.take_notices();
    }

    /// What the speaker writes.
    pub(crate) fn read(&mut self) -> Vec<Message> {
        self.take_notices();
        let mut bytes = vec![];
        if let Some(id) = self.connection {
            while self.speaker.poll_transmit(id, &mut bytes) {
                self.speaker.handle_written(self.now, id);
            }
        }
        self.decode(&bytes)
    }

    /// Lets time pass, timer by timer; what the speaker writes meanwhile, with the times.
    pub(crate) fn wait(&mut self, duration: Duration) -> Vec<(Duration, Message)> {
        let end = self.now + duration;
        let mut written = vec![];
        while let Some(at) = self.speaker.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.speaker.handle_timeout(at);
            written.extend(self.read().into_iter().map(|message| (at, message)));
        }
        self.now = end;
        written
    }

    /// The NOTIFICATION with which the connection was closed.
    pub(crate) fn last_words(&mut self) -> Option<Notification> {
        self.take_notices();
        let last = self.notices.iter().rev().find_map(|notice| match notice {
            Notice::Close { last, .. } => Some(last.clone()),
            Notice::Dial(_)
            | Notice::StateChanged { .. }
            | Notice::SessionUp { .. }
            | Notice::SessionDown { .. }
            | Notice::AttemptFailed { .. }
            | Notice::EndOfRib { .. }
            | Notice::NoNextHop { .. } => None,
        })?;
        self.decode(&last)
            .into_iter()
            .find_map(|message| match message {
                Message::Notification(notification) => Some(notification),
                Message::Open(_)
                | Message::Update(_)
                | Message::Keepalive
                | Message::RouteRefresh(_) => None,
            })
    }

    pub(crate) fn view(&self) -> SessionView {
        self.speaker.sessions().next().unwrap()
    }

    fn take_notices(&mut self) {
        while let Some(notice) = self.speaker.poll_notice() {
            if let Notice::Dial(dial) = &notice {
                self.connection = Some(dial.connection);
            }
            self.notices.push(notice);
        }
    }

    fn decode(&mut self, mut bytes: &[u8]) -> Vec<Message> {
        let mut messages = vec![];
        while let Some(message) = self.decoder.decode(&mut bytes, &self.dialect).unwrap() {
            messages.push(message);
        }
        messages
    }
}
