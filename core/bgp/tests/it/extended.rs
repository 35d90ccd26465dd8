//! Messages of more than 4,096 octets are sent and taken exactly where both sides said that they can (RFC 8654).

use std::sync::Arc;

use bgp::wire::capability::Capability;
use bgp::wire::{Dialect, Message, RawUpdate};
use bgp::{Import, PeerConfig, PeerSet, Prefix, Route, RouteAttributes, State};

use crate::pair::{config, local};
use crate::scripted::{Scripted, open};

fn established(extended: bool) -> Scripted {
    let importing = PeerConfig {
        import: Import::within(Prefix::new([10, 0, 0, 0].into(), 8), 100_000),
        ..config(0)
    };
    let mut peer = Scripted::new(importing, local(0));
    peer.read();
    let mut open = open();
    if extended {
        open.capabilities.push(Capability::ExtendedMessage);
    }
    peer.say(&Message::Open(open));
    peer.say(&Message::Keepalive);
    peer.read();
    assert_eq!(peer.view().state, State::Established);
    if extended {
        peer.dialect.max_message_length = Dialect::EXTENDED_LENGTH;
    }
    peer
}

fn hosts(count: u32) -> Vec<Prefix> {
    let host = |number: u32| Prefix::host(std::net::Ipv4Addr::from(0x0a00_0000 + number).into());
    (0..count).map(host).collect()
}

#[test]
fn long_updates_go_only_to_peers_that_said_so() {
    for (extended, updates) in [(false, 14), (true, 1)] {
        let mut peer = established(extended);
        let route = Route {
            peers: PeerSet::All,
            attributes: Arc::new(RouteAttributes::default()),
        };
        let routes = hosts(11_000)
            .into_iter()
            .map(|each| (each, vec![route.clone()]));
        peer.speaker.handle_routes(peer.now, routes);
        let read = peer.read();
        assert_eq!(read.len(), updates);
        assert_eq!(peer.view().advertised, 11_000);
    }
}

#[test]
fn long_updates_are_taken_only_from_peers_that_said_so() {
    let withdraw = RawUpdate {
        withdrawn: hosts(11_000),
        ..RawUpdate::default()
    };
    let mut octets = vec![];
    let dialect = Dialect {
        max_message_length: Dialect::EXTENDED_LENGTH,
        ..established(true).dialect
    };
    Message::Update(withdraw)
        .encode(&dialect, &mut octets)
        .unwrap();
    let mut peer = established(true);
    peer.say_bytes(&octets);
    assert_eq!(peer.view().counters.updates_received, 1);
    assert_eq!(peer.view().state, State::Established);
    let mut peer = established(false);
    peer.say_bytes(&octets);
    let answer = peer.last_words().unwrap();
    assert_eq!(answer.error.codes(), (1, 2));
    assert_eq!(answer.data(), &octets[16..18]);
}

/// The extended dialect counts from the OPENs on: before them nobody has agreed to anything.
#[test]
fn we_say_that_we_can() {
    let mut peer = Scripted::new(config(0), local(0));
    let [Message::Open(open)] = &peer.read()[..] else {
        panic!("no OPEN")
    };
    assert!(open.capabilities.contains(&Capability::ExtendedMessage));
}
