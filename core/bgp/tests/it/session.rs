//! One session: what is said when, and with which codes it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp::wire::attr::NextHop;
use bgp::wire::{Message, Notification, PeerType, RawUpdate, RouteRefresh, Update};
use bgp::{
    Asn, Family, FamilySet, Farewell, HoldTime, LocalAddresses, Notice, PeerConfig, PeerSet,
    Prefix, RemoteAsn, Route, RouteAttributes, State,
};

use crate::pair::{Pair, config, local};
use crate::scripted::{Scripted, open, open_of};

fn established_with(config: PeerConfig) -> Scripted {
    let mut peer = Scripted::new(config, local(0));
    peer.establish();
    assert_eq!(peer.view().state, State::Established);
    peer
}

fn established() -> Scripted {
    established_with(config(0))
}

fn codes(notification: Option<Notification>) -> Option<(u8, u8)> {
    notification.map(|notification| notification.error.codes())
}

fn leave() -> Farewell {
    Farewell::Leave {
        message: "back at 9".into(),
    }
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub(crate) fn to_all(attributes: RouteAttributes) -> Vec<Route> {
    vec![Route {
        peers: PeerSet::All,
        attributes: Arc::new(attributes),
    }]
}

fn updates(messages: Vec<Message>, peer: &Scripted) -> Vec<Update> {
    let update = |message| match message {
        Message::Update(update) => Some(update.treat(&peer.dialect).unwrap()),
        Message::Open(_)
        | Message::Notification(_)
        | Message::Keepalive
        | Message::RouteRefresh(_) => None,
    };
    messages.into_iter().filter_map(update).collect()
}

#[test]
fn opens_with_what_is_configured() {
    let mut peer = Scripted::new(
        PeerConfig {
            local_asn: Asn(4_200_000_000),
            ..config(0)
        },
        local(0),
    );
    let [Message::Open(open)] = &peer.read()[..] else {
        panic!("no OPEN")
    };
    assert_eq!(open.asn(), Asn(4_200_000_000));
    assert_eq!(open.hold_time, HoldTime::new(9).unwrap());
    assert_eq!(open.identifier.bits(), 1);
    assert_eq!(peer.view().state, State::OpenSent);
}

#[test]
fn a_dynamic_peer_is_of_its_kind_from_the_start_and_tells_its_as() {
    for (remote_asn, kind, found, before) in [
        (RemoteAsn::Internal, PeerType::Internal, 64512, Some(64512)),
        (RemoteAsn::External, PeerType::External, 4_200_000_001, None),
    ] {
        let config = PeerConfig {
            remote_asn,
            ..config(0)
        };
        assert_eq!(config.peer_type(), kind);
        let mut peer = Scripted::new(config, local(0));
        peer.read();
        assert_eq!(peer.view().remote_asn, before.map(Asn));
        peer.say(&Message::Open(open_of(Asn(found), 9, 2)));
        peer.say(&Message::Keepalive);
        let view = peer.view();
        assert_eq!(
            (view.state, view.remote_asn),
            (State::Established, Some(Asn(found)))
        );
        peer.speaker.handle_shutdown(peer.now, leave());
        assert_eq!(peer.view().remote_asn, before.map(Asn));
    }
}

#[test]
fn a_connection_to_another_address_than_the_source_is_refused_in_words() {
    let config = PeerConfig {
        source: Some([203, 0, 113, 1].into()),
        passive: true,
        ..config(0)
    };
    let remote = config.address;
    let mut peer = Scripted::new(config, local(0));
    let to = |address: [u8; 4]| LocalAddresses {
        local: address.into(),
        ..local(0)
    };
    peer.speaker
        .handle_accepted(peer.now, remote, to([192, 0, 2, 1]));
    assert_eq!(codes(peer.last_words()), Some((6, 5)));
    let words = "the peer connected to 192.0.2.1, and only connections to the source address 203.0.113.1 are taken";
    assert_eq!(peer.view().last_error.as_deref(), Some(words));

    peer.connection = peer
        .speaker
        .handle_accepted(peer.now, remote, to([203, 0, 113, 1]));
    peer.establish();
    assert_eq!(peer.view().state, State::Established);
}

#[test]
fn a_dynamic_peer_of_the_wrong_kind_is_refused() {
    for (remote_asn, found) in [
        (RemoteAsn::Internal, 64513),
        (RemoteAsn::External, 64512),
        (RemoteAsn::External, 0),
        (RemoteAsn::External, Asn::TRANS.0),
    ] {
        let config = PeerConfig {
            remote_asn,
            ..config(0)
        };
        let mut peer = Scripted::new(config, local(0));
        peer.read();
        peer.say(&Message::Open(open_of(Asn(found), 9, 2)));
        let refusal = codes(peer.last_words());
        assert_eq!(refusal, Some((2, 2)), "{remote_asn} and AS {found}");
    }
}

#[test]
fn an_open_that_does_not_fit_is_refused_with_its_code() {
    let internal = PeerConfig {
        remote_asn: RemoteAsn::Fixed(Asn(64512)),
        ..config(0)
    };
    let only_ipv6 = PeerConfig {
        families: vec![Family::IPV6_UNICAST],
        ..config(0)
    };
    let mut no_families = open();
    no_families.capabilities.clear();
    for (config, open, expected) in [
        (config(0), open_of(Asn(64514), 9, 2), (2, 2)),
        (internal, open_of(Asn(64512), 9, 1), (2, 3)),
        (only_ipv6, no_families, (2, 7)),
    ] {
        let mut peer = Scripted::new(config, local(0));
        peer.read();
        peer.say(&Message::Open(open));
        assert_eq!(codes(peer.last_words()), Some(expected));
        assert_eq!(peer.view().state, State::Idle);
        assert!(peer.view().last_error.is_some());
    }
}

#[test]
fn an_open_with_an_illegal_hold_time_is_refused() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.read();
    let mut bytes = vec![];
    Message::Open(open())
        .encode(&peer.dialect, &mut bytes)
        .unwrap();
    bytes[23] = 2;
    peer.say_bytes(&bytes);
    assert_eq!(codes(peer.last_words()), Some((2, 6)));
}

#[test]
fn an_unexpected_message_is_answered_with_the_state_it_came_in() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.read();
    peer.say(&Message::Keepalive);
    assert_eq!(codes(peer.last_words()), Some((5, 1)));

    let mut peer = Scripted::new(config(0), local(0));
    peer.read();
    peer.say(&Message::Open(open()));
    peer.say(&Message::Update(RawUpdate::default()));
    assert_eq!(codes(peer.last_words()), Some((5, 2)));

    let mut peer = established();
    peer.say(&Message::Open(open()));
    assert_eq!(codes(peer.last_words()), Some((5, 3)));
}

#[test]
fn a_silent_peer_is_dropped_after_the_hold_time() {
    let mut peer = established();
    peer.wait(Duration::from_millis(8900));
    assert_eq!(peer.view().state, State::Established);
    peer.wait(Duration::from_millis(200));
    assert_eq!(codes(peer.last_words()), Some((4, 0)));
    assert_eq!(
        peer.view().last_error.as_deref(),
        Some("hold timer expired")
    );
    assert_eq!(peer.view().flaps, 1);
}

#[test]
fn a_peer_that_never_opens_is_dropped_after_four_minutes() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.wait(Duration::from_secs(239));
    assert_eq!(peer.view().state, State::OpenSent);
    peer.wait(Duration::from_secs(2));
    assert_eq!(codes(peer.last_words()), Some((4, 0)));
}

#[test]
fn keepalives_come_before_a_third_of_the_smaller_hold_time() {
    let mut peer = established_with(PeerConfig {
        hold_time: HoldTime::DEFAULT,
        ..config(0)
    });
    let start = peer.now;
    let written = peer.wait(Duration::from_millis(8900));
    let times: Vec<_> = written
        .iter()
        .filter(|(_, message)| matches!(message, Message::Keepalive))
        .map(|(at, _)| *at)
        .collect();
    let mut last = start;
    assert!(times.len() >= 2);
    for at in times {
        let gap = at - last;
        assert!((2250..=3000).contains(&gap.as_millis()), "{gap:?}");
        last = at;
    }
}

#[test]
fn a_hold_time_of_zero_runs_no_timers() {
    let infinite = PeerConfig {
        hold_time: HoldTime::INFINITE,
        ..config(0)
    };
    let mut peer = established_with(infinite);
    assert_eq!(peer.speaker.poll_timeout(), None);
    assert_eq!(peer.wait(Duration::from_secs(100_000)), []);
    assert_eq!(peer.view().state, State::Established);
}

#[test]
fn routes_flow_and_stop_flowing() {
    let mut peer = established();
    peer.speaker.handle_routes(
        peer.now,
        [
            (
                prefix("198.51.100.1/32"),
                to_all(RouteAttributes::default()),
            ),
            (
                prefix("2001:db8:1::1/128"),
                to_all(RouteAttributes::default()),
            ),
        ],
    );
    let read = peer.read();
    let read = updates(read, &peer);
    let announced: Vec<_> = read.iter().flat_map(|update| &update.announced).collect();
    assert_eq!(announced.len(), 2);
    assert_eq!(announced[0].next_hop, NextHop::Ipv4([192, 0, 2, 1].into()));
    assert_eq!(
        announced[1].next_hop,
        NextHop::Ipv6("2001:db8::1".parse().unwrap())
    );
    assert_eq!(peer.view().advertised, 2);
    peer.speaker
        .handle_routes(peer.now, [(prefix("198.51.100.1/32"), vec![])]);
    let read = peer.read();
    assert_eq!(
        updates(read, &peer)[0].withdrawn,
        [prefix("198.51.100.1/32")]
    );
    assert_eq!(peer.view().advertised, 1);
}

#[test]
fn a_family_without_next_hop_is_not_advertised_and_said_to_be_so() {
    let addresses = LocalAddresses {
        ipv6: None,
        ..local(0)
    };
    let mut peer = Scripted::new(config(0), addresses);
    let routes = to_all(RouteAttributes::default());
    peer.speaker
        .handle_routes(peer.now, [(prefix("2001:db8:1::1/128"), routes)]);
    let read = peer.establish();
    assert!(
        updates(read, &peer)
            .iter()
            .all(|update| update.announced.is_empty())
    );
    assert_eq!(peer.view().no_next_hop, FamilySet::IPV6);
    assert!(
        peer.notices
            .iter()
            .any(|notice| matches!(notice, Notice::NoNextHop { .. }))
    );
}

#[test]
fn a_route_refresh_brings_the_family_again() {
    let mut peer = established();
    let routes = to_all(RouteAttributes::default());
    peer.speaker.handle_routes(
        peer.now,
        [
            (prefix("198.51.100.1/32"), routes.clone()),
            (prefix("2001:db8:1::1/128"), routes),
        ],
    );
    peer.read();
    peer.say(&Message::RouteRefresh(RouteRefresh::request(
        Family::IPV4_UNICAST,
    )));
    let read = peer.read();
    let read = updates(read, &peer);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].announced[0].prefixes, [prefix("198.51.100.1/32")]);
}

#[test]
fn a_broken_attribute_is_counted_and_the_session_stays() {
    let mut peer = established();
    // ORIGIN 7 does not exist: treat-as-withdraw (RFC 7606 section 7.1).
    let attributes = [0x40, 1, 1, 7, 0x40, 2, 0, 0x40, 3, 4, 192, 0, 2, 2];
    let mut body = vec![0, 0, 0, 14];
    body.extend(attributes);
    body.extend([32, 198, 51, 100, 1]);
    let mut message = vec![0xff; 16];
    message.extend([0, 19 + 4 + 14 + 5, 2]);
    message.extend(body);
    peer.say_bytes(&message);
    assert_eq!(peer.view().state, State::Established);
    assert_eq!(peer.view().counters.treated_as_withdraw, 1);
    assert_eq!(peer.view().counters.updates_received, 1);
    assert_eq!(peer.view().received, 0);
}

#[test]
fn an_update_that_cannot_be_read_ends_the_session() {
    let mut peer = established();
    let mut message = vec![0xff; 16];
    message.extend([0, 23, 2, 0, 9, 0, 0]);
    peer.say_bytes(&message);
    assert_eq!(codes(peer.last_words()), Some((3, 1)));
    assert_eq!(peer.view().flaps, 1);
}

#[test]
fn each_change_of_configuration_has_its_cease() {
    let mut peer = established();
    let changed = PeerConfig {
        password_generation: 1,
        ..config(0)
    };
    peer.speaker.handle_peers(peer.now, [changed]);
    assert_eq!(codes(peer.last_words()), Some((6, 6)));

    let mut peer = established();
    peer.speaker.handle_peers(peer.now, []);
    assert_eq!(codes(peer.last_words()), Some((6, 3)));
    assert_eq!(peer.speaker.poll_timeout(), None);

    let mut peer = established();
    peer.speaker.handle_shutdown(peer.now, leave());
    assert_eq!(codes(peer.last_words()), Some((6, 2)));
    assert_eq!(peer.speaker.poll_timeout(), None);
}

#[test]
fn a_change_touches_no_session_that_it_does_not_concern() {
    let mut peer = established();
    let second = PeerConfig {
        name: "second".into(),
        address: [192, 0, 2, 9].into(),
        ..config(0)
    };
    let retry = PeerConfig {
        connect_retry: Some(Duration::from_secs(5)),
        ..config(0)
    };
    let before = peer.notices.len();
    peer.speaker
        .handle_peers(peer.now, [retry.clone(), second.clone()]);
    let changed = PeerConfig {
        hold_time: HoldTime::DEFAULT,
        ..second
    };
    peer.speaker
        .handle_peers(peer.now, [retry.clone(), changed]);
    peer.speaker.handle_peers(peer.now, [retry]);
    let id = peer.connection;
    peer.read();
    let closed = peer.notices[before..].iter().any(
        |notice| matches!(notice, Notice::Close { connection, .. } if Some(*connection) == id),
    );
    assert!(!closed);
    assert_eq!(peer.view().state, State::Established);
}

#[test]
fn the_reason_of_the_last_end_stays_after_recovery() {
    let mut pair = Pair::new(3, [config(0), config(1)], [true, true]);
    pair.run(Duration::from_secs(5));
    let changed = PeerConfig {
        keepalive: Some(Duration::from_secs(1)),
        ..config(1)
    };
    pair.speakers[1].handle_peers(
        pair.now,
        [PeerConfig {
            password_generation: 2,
            ..changed
        }],
    );
    pair.settle();
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.established(), [true, true]);
    let view = pair.view(0);
    let error = view.last_error.unwrap();
    assert_eq!(
        error,
        "received NOTIFICATION: Cease/Other Configuration Change"
    );
    assert_eq!(view.flaps, 1);
}

#[test]
fn a_peer_that_was_shut_down_accepts_and_dials_no_more() {
    let mut pair = Pair::new(3, [config(0), config(1)], [true, true]);
    pair.run(Duration::from_secs(5));
    pair.speakers[0].handle_shutdown(pair.now, leave());
    pair.settle();
    pair.run(Duration::from_secs(300));
    assert_eq!(pair.established(), [false, false]);
    assert_eq!(pair.view(0).state, State::Idle);
}

#[test]
fn a_connection_of_a_peer_that_has_a_session_is_refused_with_a_cease() {
    let mut peer = established();
    let address = config(0).address;
    assert!(
        peer.speaker
            .handle_accepted(peer.now, address, local(0))
            .is_some()
    );
    assert_eq!(codes(peer.last_words()), Some((6, 7)));
    assert_eq!(peer.view().state, State::Established);
    assert_eq!(
        peer.speaker
            .handle_accepted(peer.now, IpAddr::from([203, 0, 113, 1]), local(0)),
        None
    );
}

#[test]
fn a_peer_that_keeps_failing_is_refused_while_it_is_held_off() {
    let mut peer = Scripted::new(config(0), local(0));
    for _ in 0..4 {
        peer.read();
        peer.say(&Message::Keepalive);
        assert_eq!(peer.view().state, State::Idle);
        while peer.view().state == State::Idle {
            peer.wait(Duration::from_millis(100));
        }
        peer.connect(local(0));
    }
    peer.read();
    peer.say(&Message::Keepalive);
    assert!(
        peer.speaker
            .handle_accepted(peer.now, config(0).address, local(0))
            .is_some()
    );
    assert_eq!(codes(peer.last_words()), Some((6, 5)));
}
