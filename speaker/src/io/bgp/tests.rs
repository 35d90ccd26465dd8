//! Two drivers on the loopback, with real sockets.

mod send_hold;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

use bgp::wire::attr::{AsPath, Origin, PathAttribute};
use bgp::wire::{AsnWidth, Dialect, Message, Open, PeerType, RawUpdate};
use bgp::{
    Asn, BgpIdentifier, HoldTime, Import, PeerConfig, PeerSet, Prefix, RejectReason, Route, State,
};
use model::Secret;
use plan::PlannedPeer;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// Side 0 has 127.0.0.1 and is dialled from there: both sides are on one machine and know each other by that address.
fn peer(side: u32, port: u16, password: Option<&str>) -> PlannedPeer {
    let asns = [Asn(64512), Asn(64513)];
    let (local_asn, remote_asn) = if side == 0 {
        (asns[0], asns[1])
    } else {
        (asns[1], asns[0])
    };
    PlannedPeer {
        config: PeerConfig {
            port,
            hold_time: HoldTime::new(9).unwrap(),
            connect_retry: Some(Duration::from_millis(200)),
            passive: side == 1,
            password_generation: u64::from(password.is_some()),
            ..PeerConfig::new(
                "other".into(),
                IpAddr::from([127, 0, 0, 1]),
                [local_asn, remote_asn],
                BgpIdentifier::new(side + 1).unwrap(),
            )
        },
        password: password.map(|password| Secret::new(password.into())),
    }
}

fn peers(peer: PlannedPeer) -> Changes {
    Changes {
        peers: Some(vec![peer]),
        complete: true,
        ..Changes::default()
    }
}

fn routes(count: u32) -> BTreeMap<Prefix, Vec<Route>> {
    let route = Route {
        peers: PeerSet::All,
        attributes: Default::default(),
    };
    (0..count)
        .map(|number| {
            let address = IpAddr::V4((0x0a00_0000 + number).into());
            (Prefix::host(address), vec![route.clone()])
        })
        .collect()
}

/// A passive driver, where it listens, and one that can dial it.
fn pair() -> ([Driver; 2], u16) {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    // A loopback address is nobody's next hop.
    let node = NodeAddresses {
        ipv4: Some([192, 0, 2, 1].into()),
        ipv6: None,
    };
    let listener = Driver::spawn(Options {
        listen: Some(listen),
        node,
        ..Options::default()
    })
    .unwrap();
    let port = wait_for(&listener, |seen| {
        seen.listening.first().map(SocketAddr::port)
    });
    (
        [
            Driver::spawn(Options {
                seed: 1,
                node,
                ..Options::default()
            })
            .unwrap(),
            listener,
        ],
        port,
    )
}

/// What `wanted` finds in what the driver tells, as soon as it finds it.
fn wait_for<T>(driver: &Driver, wanted: impl Fn(&Observed) -> Option<T>) -> T {
    let mut observed = driver.observed();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let found = timeout(PATIENCE, observed.wait_for(|seen| wanted(seen).is_some())).await;
        wanted(&found.expect("in time").unwrap()).unwrap()
    })
}

fn established(driver: &Driver) {
    wait_for(driver, |seen| {
        (seen.sessions.first()?.state == State::Established).then_some(())
    });
}

#[test]
fn sessions_come_up_and_routes_flow_by_themselves() {
    let ([dialler, listener], port) = pair();
    listener.apply(peers(peer(1, 1, None)));
    dialler.apply(peers(peer(0, port, None)));
    dialler.apply(Changes {
        routes: routes(20_000),
        ..Changes::default()
    });
    wait_for(&dialler, |seen| {
        (seen.sessions.first()?.advertised == 20_000).then_some(())
    });
    // 20,000 prefixes of 5 octets, and as much again for all else at the most.
    wait_for(&listener, |seen| {
        (seen.sessions.first()?.counters.octets_received > 100_000).then_some(())
    });
    let withdrawn = routes(20_000)
        .into_keys()
        .map(|prefix| (prefix, vec![]))
        .collect();
    dialler.apply(Changes {
        routes: withdrawn,
        ..Changes::default()
    });
    wait_for(&dialler, |seen| {
        (seen.sessions.first()?.advertised == 0).then_some(())
    });
    let sent = dialler.observed().borrow().sessions[0]
        .counters
        .updates_sent;
    wait_for(&listener, |seen| {
        (seen.sessions.first()?.counters.updates_received == sent).then_some(())
    });
    established(&listener);
}

/// What a peer says that advertises so many prefixes, from its OPEN on.
fn advertising(count: u32) -> Vec<u8> {
    let identifier = BgpIdentifier::new(9).unwrap();
    let open = Open::new(Asn(64512), HoldTime::new(9).unwrap(), identifier, vec![]);
    let dialect = Dialect {
        asn_width: AsnWidth::Four,
        ..Dialect::initial(PeerType::External)
    };
    let update = |prefixes: &[Prefix]| RawUpdate {
        attributes: vec![
            PathAttribute::Origin(Origin::Igp),
            PathAttribute::AsPath(AsPath::sequence(&[Asn(64512)])),
            PathAttribute::NextHop([192, 0, 2, 2].into()),
        ],
        announced: prefixes.to_vec(),
        ..RawUpdate::default()
    };
    let prefixes: Vec<_> = routes(count).into_keys().collect();
    let updates = prefixes
        .chunks(500)
        .map(|part| Message::Update(update(part)));
    let mut said = vec![];
    for message in [Message::Open(open), Message::Keepalive]
        .into_iter()
        .chain(updates)
    {
        message.encode(&dialect, &mut said).unwrap();
    }
    said
}

fn learned(driver: &Driver, count: usize) -> Learned {
    let mut learned = driver.learned();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let found = timeout(PATIENCE, learned.wait_for(|seen| seen.len() == count)).await;
        found.expect("in time").unwrap().clone()
    })
}

#[test]
fn what_a_peer_advertises_is_told_until_its_session_ends() {
    let ([_, listener], port) = pair();
    let mut importing = peer(1, 1, None);
    importing.config.import = Import::within(["10.0.0.0/8".parse().unwrap()], 2_000);
    listener.apply(peers(importing));
    wait_for(&listener, |seen| seen.sessions.first().map(drop));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(&advertising(2_010)).unwrap();
    let seen = learned(&listener, 2_000);
    let next_hops: BTreeSet<_> = seen.values().flat_map(|hops| hops.iter()).collect();
    assert_eq!(next_hops, [&IpAddr::from([192, 0, 2, 2]).into()].into());
    let rejected = wait_for(&listener, |seen| {
        let session = seen.sessions.first().filter(|each| each.received > 0)?;
        Some(session.counters.rejected)
    });
    assert_eq!(rejected.count(RejectReason::MaxPrefixes), 10);
    drop(stream);
    learned(&listener, 0);
}

#[test]
fn what_was_learned_outlives_the_driver() {
    let ([_, listener], port) = pair();
    let mut importing = peer(1, 1, None);
    importing.config.import = Import::within(["10.0.0.0/8".parse().unwrap()], 10);
    listener.apply(peers(importing));
    wait_for(&listener, |seen| seen.sessions.first().map(drop));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(&advertising(10)).unwrap();
    learned(&listener, 10);
    let after = listener.learned();
    listener.stop();
    assert_eq!(after.borrow().len(), 10);
}

#[test]
fn a_driver_that_stops_says_goodbye() {
    let ([dialler, listener], port) = pair();
    listener.apply(peers(peer(1, 1, None)));
    dialler.apply(peers(peer(0, port, None)));
    established(&listener);
    dialler.stop();
    let error = wait_for(&listener, |seen| seen.sessions.first()?.last_error.clone());
    assert_eq!(
        error,
        "received NOTIFICATION: Cease/Administrative Shutdown"
    );
}

#[test]
fn a_driver_that_is_to_be_back_closes_without_a_word_and_one_that_leaves_says_why() {
    let leave = Farewell::Leave {
        message: "moved".into(),
    };
    for (farewell, expected) in [
        (Farewell::Restart, "the peer closed the connection"),
        (
            leave,
            "received NOTIFICATION: Cease/Administrative Shutdown (moved)",
        ),
    ] {
        let ([dialler, listener], port) = pair();
        listener.apply(peers(peer(1, 1, None)));
        dialler.apply(peers(peer(0, port, None)));
        established(&listener);
        dialler.part(farewell);
        let error = wait_for(&listener, |seen| seen.sessions.first()?.last_error.clone());
        assert_eq!(error, expected);
    }
}

#[test]
fn a_signed_session_needs_the_same_password_on_both_sides() {
    let ([dialler, listener], port) = pair();
    listener.apply(peers(peer(1, 1, Some("right"))));
    dialler.apply(peers(peer(0, port, Some("wrong"))));
    let error = wait_for(&dialler, |seen| seen.sessions.first()?.last_error.clone());
    assert_eq!(
        error,
        format!("no answer from 127.0.0.1 port {port} within 10 s")
    );
    let mut right = peer(0, port, Some("right"));
    right.config.password_generation = 2;
    dialler.apply(peers(right));
    established(&dialler);
    established(&listener);
}

#[test]
fn a_port_in_use_is_reported_and_taken_once_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let driver = Driver::spawn(Options {
        listen: Some(listen),
        ..Options::default()
    })
    .unwrap();
    let error = wait_for(&driver, |seen| seen.listen_error.clone());
    assert!(
        error.starts_with(&format!("cannot listen on {listen}: ")),
        "{error}"
    );
    drop(taken);
    wait_for(&driver, |seen| (seen.listening == [listen]).then_some(()));
    assert_eq!(driver.observed().borrow().listen_error, None);
}

#[test]
fn a_refused_connection_is_told_in_words() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let driver = Driver::spawn(Options::default()).unwrap();
    driver.apply(peers(peer(0, port, None)));
    let error = wait_for(&driver, |seen| seen.sessions.first()?.last_error.clone());
    assert!(
        error.starts_with(&format!("cannot connect to 127.0.0.1 port {port}: ")),
        "{error}"
    );
}

#[test]
fn a_change_of_one_peer_does_not_touch_the_connection_of_another() {
    let ([dialler, listener], port) = pair();
    listener.apply(peers(peer(1, 1, None)));
    dialler.apply(peers(peer(0, port, None)));
    established(&dialler);
    let mut second = peer(0, 1, None);
    second.config.name = "second".into();
    second.config.address = IpAddr::from([127, 0, 0, 2]);
    let both = vec![peer(0, port, None), second];
    dialler.apply(Changes {
        peers: Some(both),
        ..Changes::default()
    });
    wait_for(&dialler, |seen| (seen.sessions.len() == 2).then_some(()));
    let seen = dialler.observed().borrow().clone();
    assert_eq!(
        (seen.sessions[0].state, seen.sessions[0].flaps),
        (State::Established, 0)
    );
}
