use std::time::Duration;

use model::{EndpointState, Kind, Object};
use plan::{GateMode, Planner};

use crate::fixture::*;

#[test]
fn plans_nothing_before_every_kind_has_had_its_first_list() {
    let mut world = World::new(GateMode::Off, false);
    usual_objects()
        .into_iter()
        .for_each(|object| world.apply(object));
    for kind in Planner::KINDS {
        assert_eq!(world.planner.poll_timeout(), None);
        world.settle();
        assert!(world.routes.is_empty() && !world.complete);
        world.planner.handle_synced(kind);
    }
    let changes = world.settle();
    assert!(changes.complete && changes.peers.is_some() && world.announces(ADDRESS));
    assert!(!world.settle().complete, "once only");
}

#[test]
fn plans_at_once_when_idle_and_then_every_ten_milliseconds() {
    let mut world = World::usual();
    world.settle();
    world.now += Duration::from_secs(1);
    let now = world.now;
    world.apply(Object::EndpointSlice(slice("web", &[])));
    assert!(world.planner.poll_timeout().unwrap() <= now, "at once");
    world.planner.handle_timeout(now);
    assert_eq!(world.planner.poll_changes().unwrap().routes.len(), 1);

    let ready = slice("web", &[("10.1.0.1", NODE, EndpointState::Ready)]);
    world.apply(Object::EndpointSlice(ready));
    assert_eq!(
        world.planner.poll_timeout(),
        Some(now + Duration::from_millis(10))
    );
    world.planner.handle_timeout(now + Duration::from_millis(9));
    assert_eq!(world.planner.poll_changes(), None);
    world
        .planner
        .handle_timeout(now + Duration::from_millis(10));
    assert_eq!(world.planner.poll_changes().unwrap().routes.len(), 1);
}

#[test]
fn a_pass_that_changed_nothing_does_not_delay_the_next() {
    let mut world = World::usual();
    world.settle();
    let now = world.now + Duration::from_secs(1);
    world.apply(Object::Service(service("new", &[])));
    world.planner.handle_timeout(now);
    world.apply(Object::Service(service("new", &["10.0.0.9"])));
    assert!(world.planner.poll_timeout().unwrap() <= now);
}

#[test]
fn does_not_run_for_other_nodes() {
    let mut world = World::usual();
    world.settle();
    let mut other = node(&[("rack", "a")]);
    other.meta.name = "node-2".into();
    world.apply(Object::Node(other));
    world.delete(Kind::Node, "", "node-2");
    assert_eq!(world.planner.poll_timeout(), None);
    assert!(world.planner.node().is_some());
}
