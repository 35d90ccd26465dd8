//! A node that leaves: others take over first, then nothing is announced any more.

use std::time::Duration;

use bgp::{Community, Prefix, Route};
use model::{Kind, Node, Object, PodNetworkMode, ServiceKey};
use plan::{DaemonSet, Departure, GIVE_WAY, GateMode, Planner, Stage};
use proptest::prelude::*;

use crate::fixture::*;

/// A Service announced by both protocols, and pods behind the node.
fn world() -> World {
    let mut world = World::new(GateMode::Off, false);
    for object in usual_objects() {
        world.apply(object);
    }
    world.apply(Object::L2Advertisement(l2_advertisement("all")));
    world.apply(Object::PodNetwork(pod_network(PodNetworkMode::Advertise)));
    world.apply(Object::Node(own(|_| ())));
    world.sync();
    world.settle();
    world
}

fn own(change: impl FnOnce(&mut Node)) -> Node {
    let mut own = node(&[]);
    own.pod_cidrs = routed_node(1).pod_cidrs;
    change(&mut own);
    own
}

fn mark(world: &mut World, marked: bool) {
    let own = own(|node| node.marked_for_drain = marked);
    world.apply(Object::Node(own));
    world.settle();
}

fn wait(world: &mut World, time: Duration) {
    world.now += time;
    world.settle();
}

fn is_last_choice(route: &Route) -> bool {
    let communities = &route.attributes.communities;
    communities.contains(&Community::GRACEFUL_SHUTDOWN) && route.attributes.local_pref == Some(0)
}

fn reasons(world: &World) -> (&'static str, &'static str) {
    (world.reason(), world.l2_reason())
}

fn pods() -> [Prefix; 2] {
    [prefix("10.244.1.0/24"), prefix("fd00:244:1::/64")]
}

#[test]
fn a_mark_asks_for_other_routes_at_once_and_withdraws_after_five_seconds() {
    let mut world = world();
    assert_eq!(reasons(&world), ("Announced", "Announced"));
    mark(&mut world, true);
    assert_eq!(reasons(&world), ("Announced", "Draining"));
    assert_eq!(world.routes.len(), 3);
    assert!(world.routes.values().flatten().all(is_last_choice));
    assert!(world.nominees.is_empty());

    wait(&mut world, GIVE_WAY - Duration::from_millis(30));
    assert!(world.announces(ADDRESS));
    assert!(world.planner.poll_timeout().is_some());
    wait(&mut world, Duration::from_millis(30));
    assert_eq!(reasons(&world), ("Draining", "Draining"));
    assert!(!world.announces(ADDRESS));
    assert_eq!(world.planner.plan().stage, Stage::Away);
}

#[test]
fn pods_of_a_marked_node_are_reached_until_the_speaker_goes() {
    let mut world = world();
    mark(&mut world, true);
    wait(&mut world, GIVE_WAY);
    assert!(world.routes.keys().copied().eq(pods()));
    assert!(world.routes.values().flatten().all(is_last_choice));
    world.planner.handle_departure();
    world.settle();
    assert_eq!(world.planner.plan().stage, Stage::Gone);
    assert!(world.routes.is_empty());
}

#[test]
fn everything_comes_back_when_the_mark_is_removed() {
    let mut world = world();
    let before = world.routes.clone();
    for time in [Duration::ZERO, GIVE_WAY] {
        mark(&mut world, true);
        wait(&mut world, time);
        mark(&mut world, false);
        assert_eq!(world.routes, before);
        assert_eq!(reasons(&world), ("Announced", "Announced"));
    }
}

#[test]
fn a_departure_withdraws_everything_after_five_seconds() {
    let mut world = world();
    world.planner.handle_departure();
    world.settle();
    assert_eq!(world.planner.plan().stage, Stage::GivingWay);
    assert_eq!(world.routes.len(), 3);
    wait(&mut world, GIVE_WAY);
    assert_eq!(world.planner.plan().stage, Stage::Gone);
    assert!(world.routes.is_empty());
    // No mark that goes away brings anything back.
    mark(&mut world, false);
    assert!(world.routes.is_empty());
}

#[test]
fn other_reasons_are_told_before_the_drain() {
    let mut world = world();
    mark(&mut world, true);
    wait(&mut world, GIVE_WAY);
    world.delete(Kind::EndpointSlice, "default", "web-1");
    world.settle();
    assert_eq!(reasons(&world), ("NoEndpoints", "NoEndpoints"));
}

#[test]
fn a_cordon_alone_changes_nothing() {
    let mut world = world();
    let before = world.routes.clone();
    let cordoned = own(|node| (node.cordoned, node.shutting_down) = (true, true));
    world.apply(Object::Node(cordoned));
    assert!(world.settle().is_empty());
    wait(&mut world, GIVE_WAY);
    assert_eq!(world.routes, before);
}

#[test]
fn leaves_for_a_reason_and_else_only_restarts() {
    let usual = world();
    let with = |change: fn(&mut Node)| {
        let mut world = world();
        world.apply(Object::Node(own(change)));
        world.planner
    };
    let mut gone = world().planner;
    let key = ServiceKey::new("", NODE);
    gone.handle_change(model::Change::Delete(Kind::Node, key));
    let unlisted = World::new(GateMode::Off, false).planner;
    let cases: [(&str, Planner, Option<Departure>); 6] = [
        ("nothing", usual.planner, None),
        (
            "cordon",
            with(|node| node.cordoned = true),
            Some(Departure::Cordoned),
        ),
        (
            "mark",
            with(|node| node.marked_for_drain = true),
            Some(Departure::Marked),
        ),
        (
            "shutdown",
            with(|node| node.shutting_down = true),
            Some(Departure::ShuttingDown),
        ),
        ("no Node", gone, Some(Departure::NodeGone)),
        ("no list", unlisted, None),
    ];
    for (case, planner, expected) in cases {
        for daemon_set in [DaemonSet::Stays, DaemonSet::Unknown] {
            assert_eq!(planner.departure(daemon_set), expected, "{case}");
        }
        let gone = Some(Departure::DaemonSetGone);
        assert_eq!(planner.departure(DaemonSet::Goes), gone, "{case}");
    }
}

/// Something that happens while a node gives way; small numbers, so that it meets what is there.
#[derive(Clone, Debug)]
enum Step {
    Service(u8),
    NoEndpoints(u8),
    Endpoints(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_u8).prop_map(Step::Service),
        (0..4_u8).prop_map(Step::NoEndpoints),
        (0..4_u8).prop_map(Step::Endpoints),
        (0..1_500_u64).prop_map(Step::Wait),
    ]
}

fn play(world: &mut World, step: &Step) {
    let name = |index: &u8| format!("service-{index}");
    match step {
        Step::Service(index) => {
            let address = format!("10.0.0.{}", index + 10);
            world.apply(Object::Service(service(&name(index), &[&address])));
        }
        Step::NoEndpoints(index) => {
            world.apply(Object::EndpointSlice(slice(&name(index), &[])));
        }
        Step::Endpoints(index) => {
            let ready = ("10.1.0.1", NODE, model::EndpointState::Ready);
            world.apply(Object::EndpointSlice(slice(&name(index), &[ready])));
        }
        Step::Wait(milliseconds) => world.now += Duration::from_millis(*milliseconds),
    }
    world.settle();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The twin does not leave.
    #[test]
    fn a_drain_withdraws_nothing_before_its_time_and_everything_after_it(
        before in prop::collection::vec(step(), 0..10),
        after in prop::collection::vec(step(), 1..30),
    ) {
        let (mut world, mut twin) = (world(), world());
        for step in &before {
            play(&mut world, step);
            play(&mut twin, step);
        }
        world.planner.handle_departure();
        world.settle();
        twin.settle();
        let begun = world.now;
        for step in &after {
            play(&mut world, step);
            play(&mut twin, step);
            if world.now < begun + GIVE_WAY {
                prop_assert!(world.routes.keys().eq(twin.routes.keys()));
                prop_assert!(world.routes.values().flatten().all(is_last_choice));
            } else {
                prop_assert!(world.routes.is_empty());
            }
            prop_assert!(world.nominees.is_empty());
        }
    }
}
