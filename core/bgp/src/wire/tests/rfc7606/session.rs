//! What a speaker with a session makes of an UPDATE.

use alloc::vec::Vec;
use core::time::Duration;

use super::{MessageType, PREFIX, body, framed, mandatory};
use crate::params::{Asn, BgpIdentifier, HoldTime, Prefix};
use crate::wire::capability::{Capability, ExtendedNextHop};
use crate::wire::generator::DIALECT;
use crate::wire::{AsnWidth, Decoder, Dialect, ErrorCode, Message, Open, PeerType};
use crate::{
    ConnectionId, Counters, GracefulRestart, Import, LocalAddresses, Notice, PeerConfig, Speaker,
    State,
};

const NOW: Duration = Duration::from_secs(1);
const OURS: Asn = Asn(64512);
/// 203.0.113.0/24: announced afterwards, so that the session is seen to work.
const AFTERWARDS: &[u8] = &[24, 203, 0, 113];

/// A speaker and the peer of its one session.
struct Session {
    speaker: Speaker,
    connection: ConnectionId,
    /// The NOTIFICATION that ended the session.
    answer: Option<ErrorCode>,
}

/// C, D, W or R as [`super::outcome`] has them. The prefix is known before; after C, D and W the session goes on.
pub(super) fn outcome(body: &[u8], dialect: &Dialect) -> char {
    let mut session = Session::establish(dialect);
    session.announce(PREFIX, dialect);
    assert!(
        session.knows("198.51.100.0/24"),
        "the prefix is known before"
    );
    let before = session.counters();
    session.hear(&framed(MessageType::Update, body));
    if session.answer.is_some() {
        assert!(!session.is_up() && !session.knows("198.51.100.0/24"));
        return 'R';
    }
    let after = session.counters();
    let withdraw = after.treated_as_withdraw - before.treated_as_withdraw;
    let discarded = after.attributes_discarded - before.attributes_discarded;
    let known = session.knows("198.51.100.0/24");
    session.announce(AFTERWARDS, dialect);
    assert!(session.is_up() && session.knows("203.0.113.0/24"));
    match (withdraw, discarded, known) {
        (0, 0, true) => 'C',
        (0, 1.., true) => 'D',
        (1, _, false) => 'W',
        other => panic!("{other:?}"),
    }
}

/// The NOTIFICATION that answers these octets in a session, if one does.
pub(super) fn answer(octets: &[u8], dialect: &Dialect) -> Option<ErrorCode> {
    let mut session = Session::establish(dialect);
    session.hear(octets);
    assert_eq!(session.is_up(), session.answer.is_none());
    session.answer
}

impl Session {
    fn establish(dialect: &Dialect) -> Self {
        let theirs = match dialect.peer_type {
            PeerType::Internal => OURS,
            PeerType::External => Asn(64513),
        };
        let identifier = |bits| BgpIdentifier::new(bits).unwrap();
        let config = PeerConfig {
            import: Import::within(["0.0.0.0/0", "::/0"].map(|each| each.parse().unwrap()), 10),
            // Marks are offered with it only.
            graceful_restart: dialect.enhanced_route_refresh.then_some(GracefulRestart {
                restart_time: Duration::from_secs(30),
                notification: false,
            }),
            ..PeerConfig::new(
                "peer".into(),
                [192, 0, 2, 2].into(),
                [OURS, theirs],
                identifier(1),
            )
        };
        let mut speaker = Speaker::new(1);
        speaker.handle_peers(NOW, [config]);
        let mut session = Self {
            speaker,
            connection: ConnectionId(0),
            answer: None,
        };
        session.take_notices();
        let addresses = LocalAddresses {
            local: [192, 0, 2, 100].into(),
            ipv4: None,
            ipv6: Some("2001:db8::100".parse().unwrap()),
            on_link: true,
        };
        session
            .speaker
            .handle_connected(NOW, session.connection, addresses);
        session.send(&Message::Open(open(theirs, identifier(2), dialect)));
        session.send(&Message::Keepalive);
        assert!(session.is_up());
        session
    }

    fn announce(&mut self, prefix: &[u8], dialect: &Dialect) {
        let attributes = mandatory(None, dialect);
        let body = body(&[], &attributes, prefix);
        self.hear(&framed(MessageType::Update, &body));
    }

    fn send(&mut self, message: &Message) {
        let mut octets = Vec::new();
        message.encode(&DIALECT, &mut octets).unwrap();
        self.hear(&octets);
    }

    fn hear(&mut self, octets: &[u8]) {
        self.speaker.handle_bytes(NOW, self.connection, octets);
        self.take_notices();
    }

    fn take_notices(&mut self) {
        while let Some(notice) = self.speaker.poll_notice() {
            match notice {
                Notice::Dial(dial) => self.connection = dial.connection,
                Notice::Close { last, .. } => self.answer = last_words(&last),
                _ => {}
            }
        }
    }

    fn is_up(&self) -> bool {
        self.speaker
            .sessions()
            .all(|view| view.state == State::Established)
    }

    fn counters(&self) -> Counters {
        self.speaker.sessions().next().unwrap().counters
    }

    fn knows(&self, prefix: &str) -> bool {
        let prefix: Prefix = prefix.parse().unwrap();
        self.speaker.learned().any(|(known, _)| known == prefix)
    }
}

/// An OPEN that leads to this dialect.
fn open(asn: Asn, identifier: BgpIdentifier, dialect: &Dialect) -> Open {
    let mut capabilities: Vec<_> = dialect
        .families
        .iter()
        .map(Capability::Multiprotocol)
        .collect();
    if dialect.extended_next_hop {
        capabilities.push(Capability::ExtendedNextHop(
            ExtendedNextHop::ipv4_over_ipv6(),
        ));
    }
    if dialect.enhanced_route_refresh {
        capabilities.push(Capability::EnhancedRouteRefresh);
    }
    let mut open = Open::new(asn, HoldTime::DEFAULT, identifier, capabilities);
    if dialect.asn_width == AsnWidth::Two {
        let wide = |each: &Capability| matches!(each, Capability::FourOctetAsn(_));
        open.capabilities.retain(|each| !wide(each));
    }
    open
}

/// The NOTIFICATION in what a connection is closed with.
fn last_words(mut octets: &[u8]) -> Option<ErrorCode> {
    let mut decoder = Decoder::new();
    while let Some(message) = decoder.decode(&mut octets, &DIALECT).unwrap() {
        if let Message::Notification(notification) = message {
            return Some(notification.error);
        }
    }
    None
}
