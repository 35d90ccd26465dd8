//! BFD between nodes, and the direct routes that depend on it.

use bfd::{Hops, Profile};
use bgp::Prefix;
use model::{BfdProfile, Kind, Object, PodNetworkMode};
use plan::{Part, RouteKey};

use crate::fixture::*;

const NEAR: &str = "node-2/192.0.2.2";
const RANGES: [&str; 2] = ["10.244.2.0/24", "fd00:244:2::/64"];

/// Two nodes on one subnet and one elsewhere, with a profile that waits to be called.
fn world() -> World {
    let mut world = World::usual();
    for number in [1, 2] {
        world.apply(Object::Node(routed_node(number)));
    }
    let mut far = routed_node(3);
    far.internal_ips = vec!["198.51.100.3".parse().unwrap()];
    world.apply(Object::Node(far));
    let timers = Profile {
        passive: true,
        ..Profile::default()
    };
    let profile = BfdProfile {
        timers,
        minimum_ttl: None,
    };
    world.apply(Object::BfdProfile(accepted("fast", profile)));
    let mut network = pod_network(PodNetworkMode::Network);
    network.value.as_mut().unwrap().bfd_profile = Some("fast".into());
    world.apply(Object::PodNetwork(network));
    world.planner.handle_links(links());
    world.settle();
    world
}

fn names(world: &World) -> Vec<&str> {
    world.bfd.iter().map(|config| &*config.name).collect()
}

/// Whether there are direct routes to the pods of node-2, by family.
fn direct(world: &World) -> [bool; 2] {
    let plan = &world.planner.plan().network;
    let routes = plan.routes.present().unwrap();
    RANGES.map(|range| {
        routes.contains_key(&RouteKey {
            prefix: prefix(range),
            metric: 512,
        })
    })
}

fn broken(world: &World) -> Vec<Prefix> {
    let plan = &world.planner.plan().network;
    plan.broken.iter().map(|(prefix, _)| *prefix).collect()
}

fn breaks(world: &mut World, sessions: &[&str]) {
    let sessions = sessions.iter().map(|name| (*name).into());
    world.planner.handle_broken(sessions.collect());
    world.settle();
}

#[test]
fn watches_over_the_ways_of_direct_routes_and_begins_to_speak_itself() {
    let mut world = world();
    assert_eq!(names(&world), [NEAR, "node-2/2001:db8:2::2"]);
    for (config, own) in world.bfd.iter().zip(["192.0.2.1", "2001:db8:2::1"]) {
        assert_eq!(config.local, Some(own.parse().unwrap()));
        assert!(config.hops == Hops::Single && !config.profile.passive);
    }
    world.apply(Object::Node(routed_node(4)));
    assert_eq!(world.settle().bfd.map(|all| all.len()), Some(4));
    world.delete(Kind::Node, "", "node-2");
    assert_eq!(world.settle().bfd.map(|all| all.len()), Some(2));
}

#[test]
fn a_direct_route_is_left_out_while_its_way_is_broken() {
    let mut world = world();
    assert_eq!(direct(&world), [true, true], "before any session is Up");
    breaks(&mut world, &[NEAR, "somebody"]);
    assert_eq!(direct(&world), [false, true]);
    assert_eq!(broken(&world), [prefix(RANGES[0])]);
    let neighbors = &world.planner.plan().network.neighbors;
    assert!(
        matches!(neighbors, Part::Present(all) if all.len() == 2),
        "still probed"
    );
    breaks(&mut world, &[]);
    assert_eq!((direct(&world), broken(&world)), ([true, true], vec![]));
}

#[test]
fn a_peer_of_bgp_at_a_nodes_address_has_the_session_of_both() {
    let mut world = world();
    let mut router = peer("router-2", "192.0.2.2");
    router.value.as_mut().unwrap().bfd_profile = Some("fast".into());
    world.apply(Object::Peer(router));
    world.settle();
    assert_eq!(names(&world), ["node-2/2001:db8:2::2", "router-2"]);
    assert!(!plan::is_with_node("router-2") && plan::is_with_node(NEAR));
    breaks(&mut world, &["router-2"]);
    assert_eq!(direct(&world), [false, true]);
}

#[test]
fn without_its_profile_direct_routes_stay_and_the_node_says_so() {
    let mut world = world();
    breaks(&mut world, &[NEAR]);
    world.delete(Kind::BfdProfile, "", "fast");
    world.settle();
    assert_eq!((names(&world), direct(&world)), (vec![], [true, true]));
    let complaints = &world.planner.plan().unusable;
    let message = &complaints.first().unwrap().message;
    assert!(
        message.starts_with("spec.routes.bfdProfile: BFDProfile fast does not exist"),
        "{message}"
    );
}
