//! Over which sessions BFD watches, and how.

use bfd::{Hops, PeerConfig};
use bgp::{Asn, RemoteAsn};
use model::{BfdProfile, Kind, Object, Parsed, Peer};
use plan::Links;

use crate::fixture::*;

const MULTI: Hops = Hops::Multi { minimum_ttl: 254 };

fn watched(name: &str, address: &str, change: impl FnOnce(&mut Peer)) -> Object {
    let mut parsed: Parsed<Peer> = peer(name, address);
    let value = parsed.value.as_mut().unwrap();
    value.bfd_profile = Some("fast".into());
    change(value);
    Object::Peer(parsed)
}

fn internal(peer: &mut Peer) {
    peer.remote_asn = RemoteAsn::Fixed(Asn(64512));
}

fn profile(minimum_ttl: Option<u8>) -> Object {
    let value = BfdProfile {
        timers: bfd::Profile::default(),
        minimum_ttl,
    };
    Object::BfdProfile(accepted("fast", value))
}

/// A world with that profile and the peer `router`.
fn world(peer: Object) -> World {
    let mut world = World::usual();
    world.planner.handle_links(links());
    world.apply(profile(None));
    world.apply(peer);
    world.settle();
    world
}

fn planned(world: &World) -> Option<&PeerConfig> {
    world.planner.plan().bfd.get("router")
}

fn hops(world: &World) -> Option<Hops> {
    planned(world).map(|config| config.hops)
}

fn complaints(world: &World) -> Vec<String> {
    let unusable = &world.planner.plan().unusable;
    unusable
        .iter()
        .map(|object| object.message.clone())
        .collect()
}

#[test]
fn a_peer_without_a_profile_is_not_watched_over() {
    let world = world(Object::Peer(peer("router", ROUTER)));
    assert_eq!(planned(&world), None);
}

#[test]
fn an_external_peer_is_one_hop_away_unless_the_user_says_otherwise() {
    let near = world(watched("router", "198.51.100.1", |_| {}));
    assert_eq!(hops(&near), Some(Hops::Single), "whatever its subnet is");
    assert_eq!(planned(&near).unwrap().remote.to_string(), "198.51.100.1");
    let far = world(watched("router", ROUTER, |peer| {
        peer.multi_hop_ttl = Some(255)
    }));
    assert_eq!(hops(&far), Some(MULTI));
}

#[test]
fn ttl_security_over_more_than_one_hop_is_a_way_over_routers() {
    for (allowed, expected) in [(1, Hops::Single), (3, Hops::Multi { minimum_ttl: 253 })] {
        let world = world(watched("router", ROUTER, |peer| {
            peer.ttl_security_hops = Some(allowed);
        }));
        assert_eq!(hops(&world), Some(expected));
    }
}

#[test]
fn an_internal_peer_is_one_hop_away_when_it_is_on_a_subnet_of_ours() {
    assert_eq!(
        hops(&world(watched("router", ROUTER, internal))),
        Some(Hops::Single)
    );
    let mut far = world(watched("router", "198.51.100.1", internal));
    assert_eq!(hops(&far), Some(MULTI));

    let mut moved = links();
    moved.0.get_mut(&2).unwrap().addresses = vec!["198.51.100.7/24".parse().unwrap()];
    far.planner.handle_links(moved);
    let told = far.settle().bfd.unwrap();
    assert_eq!(told.first().map(|config| config.hops), Some(Hops::Single));
}

#[test]
fn a_link_that_is_down_makes_no_peer_distant() {
    let mut world = world(watched("router", ROUTER, internal));
    let mut down = links();
    down.0.get_mut(&2).unwrap().up = false;
    world.planner.handle_links(down);
    assert_eq!(world.settle().bfd, None);
    assert_eq!(hops(&world), Some(Hops::Single));
}

#[test]
fn an_internal_peer_waits_until_the_links_are_known() {
    let mut world = World::usual();
    world.apply(profile(None));
    world.apply(watched("router", ROUTER, internal));
    world.settle();
    assert_eq!(planned(&world), None);
    world.planner.handle_links(Links::default());
    world.settle();
    assert_eq!(hops(&world), Some(MULTI));
}

#[test]
fn without_its_profile_a_session_is_without_bfd_and_says_so() {
    let mut world = world(watched("router", ROUTER, |_| {}));
    world.delete(Kind::BfdProfile, "", "fast");
    let told = world.settle();
    assert_eq!((told.bfd, told.peers), (Some(Vec::new()), None));
    assert!(world.planner.plan().peers.contains_key("router"));
    let complaint = complaints(&world).concat();
    assert!(
        complaint.contains("BFDProfile fast does not exist"),
        "{complaint}"
    );

    world.apply(profile(None));
    assert!(world.settle().bfd.is_some_and(|watched| watched.len() == 1));
    assert!(complaints(&world).is_empty());
}

#[test]
fn a_profile_that_turns_bad_stays_as_it_was() {
    let mut world = world(watched("router", ROUTER, |_| {}));
    world.apply(Object::BfdProfile(rejected("fast")));
    assert_eq!(world.settle().bfd, None);
    assert!(planned(&world).is_some());
    assert_eq!(complaints(&world).len(), 1);
}

#[test]
fn a_profile_that_was_never_usable_leaves_the_session_without_bfd() {
    let mut world = World::usual();
    world.apply(Object::BfdProfile(rejected("fast")));
    world.apply(watched("router", ROUTER, |_| {}));
    world.settle();
    assert_eq!(planned(&world), None);
    let complaint = complaints(&world).concat();
    assert!(
        complaint.contains("BFDProfile fast cannot be used"),
        "{complaint}"
    );
}

#[test]
fn a_peer_that_may_be_far_away_needs_a_profile_that_says_how_far() {
    let mut world = world(watched("router", ROUTER, |peer| {
        peer.multi_hop_ttl = Some(8)
    }));
    assert_eq!(planned(&world), None);
    let complaint = complaints(&world).concat();
    assert!(complaint.contains("at least 248"), "{complaint}");
    world.apply(profile(Some(250)));
    world.settle();
    assert_eq!(hops(&world), Some(Hops::Multi { minimum_ttl: 250 }));
}

#[test]
fn a_changed_profile_touches_no_session_of_bgp() {
    let mut world = world(watched("router", ROUTER, |_| {}));
    let faster = BfdProfile {
        timers: bfd::Profile {
            detect_multiplier: 5,
            ..bfd::Profile::default()
        },
        minimum_ttl: None,
    };
    world.apply(Object::BfdProfile(accepted("fast", faster)));
    let told = world.settle();
    assert_eq!(told.peers, None);
    let multiplier = |config: &PeerConfig| config.profile.detect_multiplier;
    assert_eq!(told.bfd.unwrap().first().map(multiplier), Some(5));
}
