//! A start while the API server is away.

use std::time::Duration;

use model::{Change, EndpointState, Kind, Object, PodNetworkMode, ServiceKey};
use plan::{GateMode, LISTS_WITHIN, Planner};

use crate::fixture::*;

/// What an earlier process knew.
fn known() -> Vec<Object> {
    let mut world = World::usual();
    world.apply(Object::L2Advertisement(l2_advertisement("all")));
    world.apply(Object::PodNetwork(pod_network(PodNetworkMode::Network)));
    world.apply(secret("md5", "password"));
    let (_, objects) = world.planner.objects_unless(None).unwrap();
    objects
}

/// A planner that has been given this and has waited for its lists.
fn started() -> World {
    let mut world = World::new(GateMode::Off, false);
    world.planner.handle_snapshot(known());
    world.planner.handle_links(links());
    world
}

fn stale() -> World {
    let mut world = started();
    world.now = LISTS_WITHIN;
    world.settle();
    world
}

fn list(world: &mut World, kind: Kind, objects: Vec<Object>) {
    let keys = objects.iter().map(Object::key).collect();
    for object in objects {
        world.apply(object);
    }
    world.planner.handle_change(Change::Listed { kind, keys });
    world.planner.handle_synced(kind);
}

#[test]
fn plans_from_what_was_known_when_no_list_comes_within_five_seconds() {
    let mut world = started();
    assert_eq!(world.planner.poll_timeout(), Some(LISTS_WITHIN));
    world.now = LISTS_WITHIN - Duration::from_millis(11);
    world.settle();
    assert!(world.routes.is_empty() && !world.planner.is_stale());
    world.settle();
    assert!(world.planner.is_stale());
    assert!(world.announces(ADDRESS) && world.nominee(ADDRESS).is_some());
    assert!(!world.complete, "no End-of-RIB before the lists");
    // Kernel and CNI configuration stay as they are.
    assert_eq!(*world.planner.plan().network, plan::NetworkPlan::default());
}

#[test]
fn forgets_what_was_known_when_the_lists_come_in_time() {
    let mut world = started();
    world.sync();
    assert!(world.settle().complete);
    world.now = LISTS_WITHIN;
    world.settle();
    assert!(world.routes.is_empty() && !world.planner.is_stale());
}

#[test]
fn is_complete_once_all_lists_have_come() {
    let mut world = stale();
    for object in known() {
        world.apply(object);
    }
    for kind in Planner::KINDS {
        assert!(!world.complete && world.planner.is_stale());
        world.planner.handle_synced(kind);
        world.settle();
        assert!(world.announces(ADDRESS), "{kind:?}");
    }
    assert!(world.complete && !world.planner.is_stale());
    assert!(world.planner.plan().network.mode.is_some());
    assert!(!world.settle().complete, "once only");
}

#[test]
fn withdraws_what_the_lists_do_not_have_any_more() {
    let mut world = stale();
    list(&mut world, Kind::Service, Vec::new());
    world.settle();
    assert!(!world.announces(ADDRESS));
    // Every other kind is as it was known.
    list(
        &mut world,
        Kind::Service,
        vec![Object::Service(service("web", &[ADDRESS]))],
    );
    world.settle();
    assert!(world.announces(ADDRESS));
}

#[test]
fn what_the_api_server_has_told_already_wins() {
    let mut world = started();
    // A part of one list, and the whole of another.
    world.apply(Object::Service(service("web", &["10.0.0.2"])));
    let ready = ("10.1.0.1", NODE, EndpointState::Ready);
    let other = slice("other", &[ready]);
    list(
        &mut world,
        Kind::EndpointSlice,
        vec![Object::EndpointSlice(other)],
    );
    world.now = LISTS_WITHIN;
    world.settle();
    assert!(!world.announces(ADDRESS) && !world.announces("10.0.0.2"));
    world.apply(Object::EndpointSlice(slice("web", &[ready])));
    world.settle();
    assert!(!world.announces(ADDRESS) && world.announces("10.0.0.2"));
}

#[test]
fn a_kind_that_is_not_served_is_empty_whatever_was_known_of_it() {
    let mut world = stale();
    world.planner.handle_not_served(Kind::L2Advertisement);
    world.settle();
    assert!(world.nominees.is_empty() && world.announces(ADDRESS));
    // One that was served before stays as it was.
    list(
        &mut world,
        Kind::Peer,
        vec![Object::Peer(peer("router", ROUTER))],
    );
    world.planner.handle_not_served(Kind::Peer);
    world.settle();
    assert!(world.announces(ADDRESS));
}

#[test]
fn a_process_that_knows_everything_hands_it_on_once_and_again_when_it_changes() {
    let mut world = World::usual();
    let (revision, objects) = world.planner.objects_unless(None).unwrap();
    assert!(objects.contains(&Object::Service(service("web", &[ADDRESS]))));
    assert_eq!(world.planner.objects_unless(Some(revision)), None);
    world.apply(Object::Service(service("web", &[ADDRESS])));
    assert_eq!(world.planner.objects_unless(Some(revision)), None);
    world.delete(Kind::Service, "default", "web");
    let (_, later) = world.planner.objects_unless(Some(revision)).unwrap();
    assert!(later.iter().all(|object| object.kind() != Kind::Service));
    let key = ServiceKey::new("default", "web");
    assert!(objects.iter().any(|object| object.key() == key));
    assert_eq!(stale().planner.objects_unless(None), None);
}
