//! What one peer can make a speaker hold, and what one read can make it allocate for a moment, whatever it sends.
#![allow(
    unsafe_code,
    reason = "an allocator that counts cannot be written without"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};

use bgp::wire::attr::{AsPath, AttributeFlags, Origin, PathAttribute, UnknownAttribute};
use bgp::wire::capability::Capability;
use bgp::wire::{
    AttributeCode, CeaseSubcode, Dialect, Message, MessageType, Notification, RawUpdate,
    RouteRefresh,
};
use bgp::{
    Asn, Community, ConnectionId, Family, Import, Notice, PeerConfig, Prefix, Speaker, State,
};

use crate::pair::{config, local};
use crate::scripted::{Scripted, open};

/// Octets that a session may hold beyond its accepted prefixes: one message that has not come whole, and small change.
const HELD: isize = 65_536 + 4 * 1024;
/// Octets for an accepted prefix: itself, its path, and their share of the tables.
const PER_PREFIX: isize = 256;
/// Octets while one message of 65,535 is read: every octet of it a prefix, or every third an attribute.
const WHILE_READING: isize = 4 * 1024 * 1024;
const MAX_PREFIXES: u32 = 100;

struct Counting;

thread_local! {
    /// Octets that this thread holds, and the most it held since it was asked last.
    static HELD_NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(octets: isize) {
    // A thread that ends has no counters any more.
    let _ = HELD_NOW.try_with(|held| {
        held.set(held.get() + octets);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

fn signed(size: usize) -> isize {
    isize::try_from(size).unwrap_or(isize::MAX)
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A session whose peer accepts long messages, with what its speaker holds more than when it began.
struct Hostile {
    speaker: Speaker,
    connection: ConnectionId,
    dialect: Dialect,
    held: isize,
}

impl Hostile {
    fn new() -> Self {
        let importing = PeerConfig {
            import: Import::within(
                ["0.0.0.0/0", "::/0"].map(|all| all.parse().unwrap()),
                MAX_PREFIXES,
            ),
            ..config(0)
        };
        let mut peer = Scripted::new(importing, local(0));
        let mut open = open();
        open.capabilities.push(Capability::ExtendedMessage);
        peer.read();
        peer.say(&Message::Open(open));
        peer.say(&Message::Keepalive);
        peer.read();
        assert_eq!(peer.view().state, State::Established);
        let dialect = Dialect {
            max_message_length: Dialect::EXTENDED_LENGTH,
            ..peer.dialect
        };
        Self {
            connection: peer.connection.unwrap(),
            speaker: peer.speaker,
            dialect,
            held: 0,
        }
    }

    fn say(&mut self, message: &Message) {
        let mut octets = vec![];
        message.encode(&self.dialect, &mut octets).unwrap();
        self.say_octets(&octets);
    }

    /// The peer says this, and the driver does what it does after every read.
    fn say_octets(&mut self, octets: &[u8]) {
        let before = HELD_NOW.get();
        MOST.set(before);
        let now = core::time::Duration::from_secs(1);
        self.speaker.handle_bytes(now, self.connection, octets);
        let most = MOST.get() - before;
        assert!(most < WHILE_READING, "{most} octets for one message");
        while let Some(notice) = self.speaker.poll_notice() {
            let over = matches!(notice, Notice::SessionDown { .. });
            assert!(!over, "the session goes on: {notice:?}");
        }
        while self.speaker.poll_learned().is_some() {}
        let mut written = vec![];
        while self.speaker.poll_transmit(self.connection, &mut written) {
            written.clear();
        }
        drop(written);
        self.held += HELD_NOW.get() - before;
    }

    fn received(&self) -> u64 {
        self.speaker.sessions().next().unwrap().received
    }

    /// Nothing is held beyond the accepted prefixes and one message.
    fn check(&self) {
        let prefixes = isize::try_from(self.received()).unwrap();
        let (held, most) = (self.held, HELD + prefixes * PER_PREFIX);
        assert!(held <= most, "{held} octets for {prefixes} prefixes");
    }
}

fn path(asns: &[u32]) -> PathAttribute {
    PathAttribute::AsPath(AsPath::sequence(
        &asns.iter().copied().map(Asn).collect::<Vec<_>>(),
    ))
}

fn hosts(first: u32, count: u32) -> Vec<Prefix> {
    let host = |number| Prefix::host(IpAddr::V4(Ipv4Addr::from_bits(first + number)));
    (0..count).map(host).collect()
}

fn announce(announced: Vec<Prefix>, more: Vec<PathAttribute>) -> Message {
    let mut attributes = vec![
        PathAttribute::Origin(Origin::Igp),
        PathAttribute::NextHop([192, 0, 2, 9].into()),
    ];
    attributes.extend(more);
    Message::Update(RawUpdate {
        attributes,
        announced,
        ..RawUpdate::default()
    })
}

#[test]
fn more_prefixes_than_allowed_are_not_held() {
    let mut peer = Hostile::new();
    for round in 0..20 {
        let prefixes = hosts(0x0100_0000 + round * 13_000, 13_000);
        peer.say(&announce(prefixes, vec![path(&[64513])]));
        peer.check();
    }
    assert_eq!(peer.received(), u64::from(MAX_PREFIXES));
}

#[test]
fn long_attributes_are_not_held() {
    let mut peer = Hostile::new();
    for round in 0..200 {
        let unknown = |code| {
            PathAttribute::Unknown(UnknownAttribute {
                code: AttributeCode(code),
                flags: AttributeFlags::OPTIONAL_TRANSITIVE,
                value: vec![7; 4_000],
            })
        };
        let asns: Vec<u32> = (0..2_000).map(|asn| 65_536 + round * 2_000 + asn).collect();
        let communities = (0..2_000).map(|each| Community(round * 2_000 + each));
        let mut more = vec![
            path(&asns),
            PathAttribute::Communities(communities.collect()),
        ];
        more.extend((100..110).map(unknown));
        peer.say(&announce(hosts(0x0100_0000 + round, 1), more));
        peer.check();
    }
    assert_eq!(peer.received(), u64::from(MAX_PREFIXES));
}

#[test]
fn coming_and_going_leaves_nothing() {
    let mut peer = Hostile::new();
    for round in 1..100 {
        let prefixes = hosts(0x0100_0000 + round * 100, 100);
        peer.say(&announce(prefixes.clone(), vec![path(&[64513, round])]));
        assert_eq!(peer.received(), 100);
        peer.say(&Message::Update(RawUpdate {
            withdrawn: prefixes,
            ..RawUpdate::default()
        }));
        peer.check();
    }
    assert_eq!(peer.received(), 0);
}

fn framed(message_type: MessageType, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 19).unwrap().to_be_bytes();
    [&[0xff; 16], &length[..], &[message_type.code()], body].concat()
}

#[test]
fn a_message_that_never_ends_is_held_once() {
    let mut peer = Hostile::new();
    let mut octets = framed(MessageType::Update, &[0; 65_516]);
    octets.pop();
    for piece in octets.chunks(7) {
        peer.say_octets(piece);
        peer.check();
    }
}

#[test]
fn a_message_full_of_defects_is_forgotten() {
    let mut peer = Hostile::new();
    let length = |part: &[u8]| u16::try_from(part.len()).unwrap().to_be_bytes();
    let duplicates = [0xc0, 99, 0].repeat(21_000);
    let defects = [&[0, 0], &length(&duplicates)[..], &duplicates].concat();
    // The shortest prefix there is, as often as a message holds it.
    let shortest = vec![0; 65_512];
    let withdrawn = [&length(&shortest)[..], &shortest, &[0, 0]].concat();
    for _ in 0..20 {
        peer.say_octets(&framed(MessageType::Update, &defects));
        peer.check();
        peer.say_octets(&framed(MessageType::Update, &withdrawn));
        peer.check();
    }
}

#[test]
fn requests_do_not_pile_up() {
    let mut peer = Hostile::new();
    let mut octets = vec![];
    for _ in 0..20_000 {
        for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
            let request = Message::RouteRefresh(RouteRefresh::request(family));
            request.encode(&peer.dialect, &mut octets).unwrap();
        }
    }
    peer.say_octets(&octets);
    peer.check();
}

/// What a peer says when it ends is kept for users to see, but not all of it.
#[test]
fn last_words_are_short() {
    let mut peer = Hostile::new();
    let words = Notification::shutdown(CeaseSubcode::AdministrativeShutdown, &"long".repeat(99));
    let long = Notification::new(words.error, vec![b'x'; 65_000]);
    for notification in [words, long] {
        let mut octets = vec![];
        let message = Message::Notification(notification);
        message.encode(&peer.dialect, &mut octets).unwrap();
        let now = core::time::Duration::from_secs(1);
        peer.speaker.handle_bytes(now, peer.connection, &octets);
        while peer.speaker.poll_notice().is_some() {}
        let view = peer.speaker.sessions().next().unwrap();
        assert!(view.last_error.unwrap().len() < 1_024);
        peer = Hostile::new();
    }
}

/// Somebody with the peer's address connects again and again, and says the beginning of something.
#[test]
fn connections_do_not_pile_up() {
    let now = core::time::Duration::from_secs(1);
    let mut speaker = Speaker::new(1);
    speaker.handle_peers(now, [config(0)]);
    while speaker.poll_notice().is_some() {}
    let before = HELD_NOW.get();
    for _ in 0..2_000 {
        let remote = config(0).address;
        let id = speaker.handle_accepted(now, remote, local(0)).unwrap();
        speaker.handle_bytes(now, id, &framed(MessageType::Open, &[4; 4_000])[..4_000]);
        while speaker.poll_notice().is_some() {}
        assert!(HELD_NOW.get() - before < 32 * 1024);
    }
}
