//! No sequence of events, in any order and with any bytes, makes a speaker panic or lose its count.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp::wire::attr::{AsPath, Origin, PathAttribute};
use bgp::wire::{
    AsnWidth, Dialect, ErrorCode, Message, Notification, PeerType, RawUpdate, RouteRefresh,
};
use bgp::{
    Asn, ConnectionId, Family, FamilySet, Farewell, Import, Notice, PeerConfig, PeerSet, Prefix,
    Route, RouteAttributes, SessionView, Speaker,
};
use proptest::prelude::*;

use crate::pair::{config, local};
use crate::scripted::open_of;

/// What a peer may make a speaker hold of one family.
const MAX_PREFIXES: u32 = 3;

#[derive(Clone, Debug)]
enum Input {
    Peers(Vec<(u8, u64, bool)>),
    Routes(u8, Option<u32>),
    Connected(u64),
    Failed(u64),
    Accepted(u8),
    Bytes(u64, Vec<u8>),
    Message(u64, u8),
    Closed(u64),
    Wait(u64),
    Transmit(u64),
    Shutdown,
}

fn input() -> impl Strategy<Value = Input> {
    let id = 0..12_u64;
    let peer = (0..3_u8, 0..2_u64, any::<bool>());
    prop_oneof![
        2 => prop::collection::vec(peer, 0..4).prop_map(Input::Peers),
        3 => (any::<u8>(), any::<Option<u32>>()).prop_map(|(p, med)| Input::Routes(p, med)),
        6 => id.clone().prop_map(Input::Connected),
        1 => id.clone().prop_map(Input::Failed),
        3 => (0..4_u8).prop_map(Input::Accepted),
        2 => (id.clone(), prop::collection::vec(any::<u8>(), 0..60)).prop_map(|(i, b)| Input::Bytes(i, b)),
        12 => (id.clone(), any::<u8>()).prop_map(|(i, kind)| Input::Message(i, kind)),
        1 => id.clone().prop_map(Input::Closed),
        4 => (0..20_000_u64).prop_map(Input::Wait),
        4 => id.prop_map(Input::Transmit),
        1 => Just(Input::Shutdown),
    ]
}

fn peer(number: u8, generation: u64, passive: bool) -> PeerConfig {
    PeerConfig {
        name: format!("peer-{number}").into(),
        address: [192, 0, 2, 100 + number].into(),
        password_generation: generation,
        passive,
        import: Import::within(Prefix::new([10, 0, 0, 0].into(), 8), MAX_PREFIXES),
        ..config(0)
    }
}

fn message(kind: u8) -> Message {
    match kind % 8 {
        0..=2 => Message::Open(open_of(Asn(64513), 9, u32::from(kind / 8) + 1)),
        3 | 4 => Message::Keepalive,
        5 => Message::Update(update(kind / 8)),
        6 => Message::RouteRefresh(RouteRefresh::request(Family::IPV4_UNICAST)),
        _ => Message::Notification(Notification::new(
            ErrorCode::from_codes(6, kind / 8),
            vec![],
        )),
    }
}

fn update(number: u8) -> RawUpdate {
    let prefixes = vec![Prefix::new([10, number, 0, 0].into(), 16).unwrap()];
    if number.is_multiple_of(4) {
        return RawUpdate {
            withdrawn: prefixes,
            ..RawUpdate::default()
        };
    }
    let path = AsPath::sequence(&[Asn(64513)]);
    RawUpdate {
        attributes: vec![
            PathAttribute::Origin(Origin::Igp),
            PathAttribute::AsPath(path),
            PathAttribute::NextHop([192, 0, 2, number].into()),
        ],
        announced: prefixes,
        ..RawUpdate::default()
    }
}

struct World {
    now: Duration,
    speaker: Speaker,
    closed: BTreeSet<ConnectionId>,
    up: BTreeSet<Arc<str>>,
}

impl World {
    fn apply(&mut self, input: Input) {
        let (now, speaker) = (self.now, &mut self.speaker);
        match input {
            Input::Peers(peers) => {
                speaker.handle_peers(now, peers.into_iter().map(|(n, g, p)| peer(n, g, p)));
            }
            Input::Routes(number, med) => {
                let prefix = Prefix::host([198, 51, 100, number].into());
                let route = |med| {
                    let attributes = RouteAttributes {
                        multi_exit_disc: Some(med),
                        ..RouteAttributes::default()
                    };
                    Route {
                        peers: PeerSet::All,
                        attributes: Arc::new(attributes),
                    }
                };
                speaker.handle_routes(now, [(prefix, med.into_iter().map(route).collect())]);
            }
            Input::Connected(id) => speaker.handle_connected(now, ConnectionId(id), local(0)),
            Input::Failed(id) => {
                speaker.handle_connect_failed(now, ConnectionId(id), "refused".into());
            }
            Input::Accepted(number) => {
                let remote = IpAddr::from([192, 0, 2, 100 + number]);
                speaker.handle_accepted(now, remote, local(0));
            }
            Input::Bytes(id, bytes) => speaker.handle_bytes(now, ConnectionId(id), &bytes),
            Input::Message(id, kind) => {
                let dialect = Dialect {
                    asn_width: AsnWidth::Four,
                    families: FamilySet::BOTH,
                    ..Dialect::initial(PeerType::External)
                };
                let mut bytes = vec![];
                message(kind).encode(&dialect, &mut bytes).unwrap();
                speaker.handle_bytes(now, ConnectionId(id), &bytes);
            }
            Input::Closed(id) => speaker.handle_closed(now, ConnectionId(id), "closed".into()),
            Input::Wait(millis) => {
                self.now += Duration::from_millis(millis);
                speaker.handle_timeout(self.now);
                assert!(speaker.poll_timeout().is_none_or(|at| at > self.now));
            }
            Input::Transmit(id) => {
                let mut out = vec![];
                let any = speaker.poll_transmit(ConnectionId(id), &mut out);
                assert_eq!(any, !out.is_empty());
                // Every other time the peer reads nothing.
                if any && id % 2 == 0 {
                    speaker.handle_written(now, ConnectionId(id));
                }
                assert!(
                    !any || !self.closed.contains(&ConnectionId(id)),
                    "closed ones are silent"
                );
            }
            Input::Shutdown => speaker.handle_shutdown(now, Farewell::Restart),
        }
    }

    fn take_notices(&mut self) {
        while let Some(notice) = self.speaker.poll_notice() {
            match notice {
                Notice::Close { connection, last } => {
                    assert!(self.closed.insert(connection), "closed twice");
                    assert!(last.len() <= 2 * 4096);
                }
                Notice::SessionUp { peer, .. } => assert!(self.up.insert(peer), "up twice"),
                Notice::SessionDown { peer, .. } => assert!(self.up.remove(&peer), "down twice"),
                Notice::Dial(_)
                | Notice::StateChanged { .. }
                | Notice::AttemptFailed { .. }
                | Notice::EndOfRib { .. }
                | Notice::NoNextHop { .. } => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_events_panics(inputs in prop::collection::vec(input(), 0..150)) {
        let mut world = World {
            now: Duration::ZERO,
            speaker: Speaker::new(1),
            closed: BTreeSet::new(),
            up: BTreeSet::new(),
        };
        for input in inputs {
            world.apply(input);
            world.take_notices();
        }
        let established: BTreeSet<_> = world
            .speaker
            .sessions()
            .filter(|view| view.state == bgp::State::Established)
            .map(|view| view.peer)
            .collect();
        prop_assert_eq!(established, world.up);
        let within = |view: SessionView| view.received <= u64::from(MAX_PREFIXES);
        prop_assert!(world.speaker.sessions().all(within));
        let mut told: BTreeMap<_, _> = core::iter::from_fn(|| world.speaker.poll_learned()).collect();
        told.retain(|_, next_hops| !next_hops.is_empty());
        prop_assert_eq!(told, world.speaker.learned().collect::<BTreeMap<_, _>>());
    }
}
