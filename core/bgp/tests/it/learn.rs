//! What peers advertise: accepted, decided on, told, and asked for again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bgp::wire::attr::{AsPath, MpReach, NextHop, Origin, PathAttribute};
use bgp::wire::capability::Capability;
use bgp::wire::{Message, RawUpdate, RouteRefresh, RouteRefreshKind};
use bgp::{
    Asn, Family, Import, NextHops, PeerConfig, PeerSet, Prefix, RejectReason, Route, ScopedAddress,
    Speaker, State,
};

use crate::pair::{Pair, config, local};
use crate::scripted::{Scripted, open};

pub(crate) type Told = BTreeMap<Prefix, NextHops>;

pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub(crate) fn import(within: &[&str]) -> Import {
    Import::within(within.iter().map(|text| prefix(text)), 100)
}

fn importing(within: &[&str]) -> PeerConfig {
    PeerConfig {
        import: import(within),
        ..config(0)
    }
}

/// Takes over what is told; how often it was something new.
pub(crate) fn take(speaker: &mut Speaker, told: &mut Told) -> usize {
    let mut times = 0;
    while let Some((prefix, next_hops)) = speaker.poll_learned() {
        let before = match next_hops.is_empty() {
            true => told.remove(&prefix),
            false => told.insert(prefix, next_hops.clone()),
        };
        times += usize::from(before.unwrap_or_default() != next_hops);
    }
    times
}

fn told(speaker: &mut Speaker) -> Told {
    let mut told = Told::new();
    take(speaker, &mut told);
    told
}

fn to_all() -> Vec<Route> {
    vec![Route {
        peers: PeerSet::All,
        attributes: Default::default(),
    }]
}

/// Of IPv4 prefixes.
pub(crate) fn announce(prefixes: &[Prefix], next_hop: [u8; 4], asns: &[u32]) -> Message {
    let asns: Vec<_> = asns.iter().copied().map(Asn).collect();
    Message::Update(RawUpdate {
        attributes: vec![
            PathAttribute::Origin(Origin::Igp),
            PathAttribute::AsPath(AsPath::sequence(&asns)),
            PathAttribute::NextHop(next_hop.into()),
        ],
        announced: prefixes.to_vec(),
        ..RawUpdate::default()
    })
}

pub(crate) fn withdraw(prefixes: &[Prefix]) -> Message {
    Message::Update(RawUpdate {
        withdrawn: prefixes.to_vec(),
        ..RawUpdate::default()
    })
}

pub(crate) fn refreshes(messages: &[Message]) -> Vec<Family> {
    let family = |message: &Message| match message {
        Message::RouteRefresh(refresh) if refresh.kind == RouteRefreshKind::Request => {
            Some(refresh.family)
        }
        Message::RouteRefresh(_)
        | Message::Open(_)
        | Message::Update(_)
        | Message::Notification(_)
        | Message::Keepalive => None,
    };
    messages.iter().filter_map(family).collect()
}

fn established(config: PeerConfig) -> Scripted {
    let mut peer = Scripted::new(config, local(0));
    peer.establish();
    assert_eq!(peer.view().state, State::Established);
    peer
}

/// With a peer that does not offer ROUTE-REFRESH.
fn established_without_refresh(config: PeerConfig) -> Scripted {
    let mut peer = Scripted::new(config, local(0));
    peer.read();
    let mut open = open();
    open.capabilities
        .retain(|capability| *capability != Capability::RouteRefresh);
    peer.say(&Message::Open(open));
    peer.say(&Message::Keepalive);
    peer.read();
    assert_eq!(peer.view().state, State::Established);
    peer
}

#[test]
fn learns_what_the_other_side_advertises_and_forgets_what_it_withdraws() {
    let importing = PeerConfig {
        import: import(&["10.244.0.0/16", "fd00::/48"]),
        ..config(1)
    };
    let mut pair = Pair::new(1, [config(0), importing], [true, true]);
    pair.run(Duration::from_secs(5));
    let [ipv4, ipv6] = ["10.244.1.0/24", "fd00::/64"].map(prefix);
    let routes = [ipv4, ipv6, prefix("198.51.100.1/32")].map(|prefix| (prefix, to_all()));
    let now = pair.now;
    pair.speakers[0].handle_routes(now, routes);
    pair.settle();
    pair.run(Duration::from_secs(1));
    let mut seen = told(&mut pair.speakers[1]);
    let next_hop4 = ScopedAddress::from(local(0).local);
    let next_hop6 = ScopedAddress::from(IpAddr::from(local(0).ipv6.unwrap()));
    assert_eq!(
        seen,
        BTreeMap::from([(ipv4, [next_hop4].into()), (ipv6, [next_hop6].into())])
    );
    let view = pair.view(1);
    assert_eq!(view.received, 2);
    assert_eq!(view.counters.rejected.count(RejectReason::NotInFilter), 1);

    pair.speakers[0].handle_routes(pair.now, [(ipv4, vec![])]);
    pair.settle();
    pair.run(Duration::from_secs(1));
    assert_eq!(take(&mut pair.speakers[1], &mut seen), 1);
    assert_eq!(seen, BTreeMap::from([(ipv6, [next_hop6].into())]));

    pair.reset(0, [true, true]);
    assert_eq!(take(&mut pair.speakers[1], &mut seen), 1);
    assert!(seen.is_empty());
    pair.run(Duration::from_secs(60));
    take(&mut pair.speakers[1], &mut seen);
    assert_eq!(seen, BTreeMap::from([(ipv6, [next_hop6].into())]));
}

#[test]
fn a_filter_that_opens_later_brings_the_routes_without_a_reset() {
    let mut pair = Pair::new(1, [config(0), config(1)], [true, true]);
    pair.run(Duration::from_secs(5));
    let [ipv4, ipv6] = ["10.244.1.0/24", "fd00::/64"].map(prefix);
    pair.speakers[0].handle_routes(pair.now, [ipv4, ipv6].map(|prefix| (prefix, to_all())));
    pair.settle();
    pair.run(Duration::from_secs(1));
    assert!(told(&mut pair.speakers[1]).is_empty());

    let importing = |within: &[&str]| PeerConfig {
        import: import(within),
        ..config(1)
    };
    pair.speakers[1].handle_peers(pair.now, [importing(&["10.244.0.0/16", "fd00::/48"])]);
    pair.settle();
    pair.run(Duration::from_secs(1));
    let mut seen = told(&mut pair.speakers[1]);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [ipv4, ipv6]);

    pair.speakers[1].handle_peers(pair.now, [importing(&["fd00::/48"])]);
    take(&mut pair.speakers[1], &mut seen);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [ipv6]);
    pair.settle();
    pair.run(Duration::from_secs(60));
    assert_eq!(pair.established(), [true, true]);
    assert_eq!([pair.view(0).flaps, pair.view(1).flaps], [0, 0]);
}

#[test]
fn asks_for_each_family_once_when_the_filter_becomes_wider_and_never_when_narrower() {
    let mut peer = established(config(0));
    for within in [&["10.0.0.0/8"][..], &["10.0.0.0/8", "10.0.0.0/7"]] {
        peer.speaker.handle_peers(peer.now, [importing(within)]);
    }
    assert_eq!(
        refreshes(&peer.read()),
        [Family::IPV4_UNICAST, Family::IPV6_UNICAST]
    );
    for within in [&["10.0.0.0/7"][..], &["10.0.0.0/8"], &[]] {
        peer.speaker.handle_peers(peer.now, [importing(within)]);
        assert!(refreshes(&peer.read()).is_empty());
    }
    assert_eq!(peer.view().flaps, 0);
}

#[test]
fn a_narrower_filter_makes_room_for_what_was_ignored() {
    let mut tight = importing(&["10.0.0.0/8"]);
    tight.import.max_prefixes = 1;
    let mut peer = established(tight.clone());
    peer.say(&announce(
        &[prefix("10.1.0.0/16"), prefix("10.2.0.0/16")],
        [192, 0, 2, 2],
        &[64513],
    ));
    assert_eq!(peer.view().received, 1);
    tight.import.except = vec![prefix("10.1.0.0/16")];
    peer.speaker.handle_peers(peer.now, [tight]);
    assert_eq!(refreshes(&peer.read()), [Family::IPV4_UNICAST]);
}

#[test]
fn a_peer_that_cannot_send_its_routes_again_is_reset_for_a_wider_filter_only() {
    let mut peer = established_without_refresh(importing(&["10.0.0.0/8"]));
    peer.speaker
        .handle_peers(peer.now, [importing(&["10.1.0.0/16"])]);
    assert!(refreshes(&peer.read()).is_empty());
    assert_eq!(peer.view().state, State::Established);
    peer.speaker
        .handle_peers(peer.now, [importing(&["10.0.0.0/8"])]);
    let codes = peer.last_words().map(|last| last.error.codes());
    assert_eq!(codes, Some((6, 6)));
}

#[test]
fn demarcations_of_an_answer_are_passed_over() {
    let mut peer = established(importing(&["10.0.0.0/8"]));
    let route = prefix("10.1.0.0/16");
    for kind in [
        RouteRefreshKind::Begin,
        RouteRefreshKind::End,
        RouteRefreshKind::Unknown(9),
    ] {
        peer.say(&Message::RouteRefresh(RouteRefresh {
            family: Family::IPV4_UNICAST,
            kind,
        }));
        peer.say(&announce(&[route], [192, 0, 2, 2], &[64513]));
    }
    assert_eq!(told(&mut peer.speaker).len(), 1);
    assert_eq!(peer.view().state, State::Established);
}

#[test]
fn many_changes_before_a_look_are_one_and_none_when_all_is_as_before() {
    let mut peer = established(importing(&["10.0.0.0/8"]));
    let route = [prefix("10.1.0.0/16")];
    let mut seen = Told::new();
    peer.say(&announce(&route, [192, 0, 2, 2], &[64513]));
    peer.say(&announce(&route, [192, 0, 2, 3], &[64513]));
    assert_eq!(take(&mut peer.speaker, &mut seen), 1);
    peer.say(&withdraw(&route));
    peer.say(&announce(&route, [192, 0, 2, 3], &[64513, 64514]));
    assert_eq!(take(&mut peer.speaker, &mut seen), 0);
    assert_eq!(seen.values().map(|hops| hops.len()).sum::<usize>(), 1);
}

#[test]
fn an_unreadable_attribute_withdraws_what_was_learned() {
    let mut peer = established(importing(&["10.0.0.0/8"]));
    let route = [prefix("10.1.0.0/16")];
    peer.say(&announce(&route, [192, 0, 2, 2], &[64513]));
    let mut seen = told(&mut peer.speaker);
    // The next hop is missing: treat-as-withdraw (RFC 7606 section 3 d).
    let Message::Update(mut update) = announce(&route, [192, 0, 2, 2], &[64513]) else {
        return;
    };
    update.attributes.pop();
    peer.say(&Message::Update(update));
    take(&mut peer.speaker, &mut seen);
    assert!(seen.is_empty());
    assert_eq!(peer.view().state, State::Established);
}

#[test]
fn a_link_local_next_hop_alone_is_counted_and_not_accepted() {
    let mut peer = established(importing(&["fd00::/48"]));
    for (next_hop, accepted) in [
        (NextHop::Ipv6("fe80::2".parse().unwrap()), 0),
        (
            NextHop::Ipv6WithLinkLocal {
                global: "2001:db8::2".parse().unwrap(),
                link_local: "fe80::2".parse().unwrap(),
            },
            1,
        ),
    ] {
        peer.say(&Message::Update(RawUpdate {
            attributes: vec![
                PathAttribute::Origin(Origin::Igp),
                PathAttribute::AsPath(AsPath::sequence(&[Asn(64513)])),
                PathAttribute::MpReach(MpReach {
                    family: Family::IPV6_UNICAST,
                    next_hop,
                    prefixes: vec![prefix("fd00::/64")],
                }),
            ],
            ..RawUpdate::default()
        }));
        assert_eq!(peer.view().received, accepted);
    }
    let rejected = peer.view().counters.rejected;
    assert_eq!(rejected.count(RejectReason::NoNextHop), 1);
}
