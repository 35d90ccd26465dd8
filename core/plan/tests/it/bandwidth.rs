//! Routes that say how many endpoints their node has.

use std::time::Duration;

use bgp::{LinkBandwidth, Prefix};
use model::{EndpointState, LinkBandwidth as Wish, Object};

use crate::fixture::*;

const READY: EndpointState = EndpointState::Ready;
const DRAINING: EndpointState = EndpointState::ServingTerminating;

/// Service `web` with externalTrafficPolicy Local, and an advertisement that asks for link bandwidth.
fn world() -> World {
    let mut world = World::usual();
    wish(&mut world, Wish::LocalEndpoints);
    world.apply(Object::Service(local("web", &[ADDRESS])));
    world
}

fn wish(world: &mut World, wish: Wish) {
    let mut made = advertisement("all");
    made.value.as_mut().unwrap().link_bandwidth = wish;
    world.apply(Object::Advertisement(made));
}

/// So many ready endpoints here, and one elsewhere.
fn ready(world: &mut World, here: usize) {
    let addresses: Vec<String> = (0..=here)
        .map(|number| format!("10.1.0.{number}"))
        .collect();
    let mut endpoints = vec![(addresses[0].as_str(), "node-2", READY)];
    endpoints.extend(
        addresses[1..]
            .iter()
            .map(|address| (address.as_str(), NODE, READY)),
    );
    world.apply(Object::EndpointSlice(slice("web", &endpoints)));
}

/// What the only route says.
fn told(world: &World) -> Option<LinkBandwidth> {
    let routes = &world.routes[&Prefix::host(ADDRESS.parse().unwrap())];
    assert_eq!(routes.len(), 1);
    routes[0].attributes.link_bandwidth
}

fn megabytes(number: u64) -> Option<LinkBandwidth> {
    Some(LinkBandwidth(number * 1_000_000))
}

#[test]
fn a_local_address_says_a_million_octets_for_each_ready_endpoint_of_the_node() {
    let mut world = world();
    ready(&mut world, 3);
    world.settle();
    assert_eq!(told(&world), megabytes(3));
}

#[test]
fn nothing_is_said_of_a_cluster_address_nor_without_being_asked() {
    let mut world = world();
    ready(&mut world, 3);
    world.apply(Object::Service(service("web", &[ADDRESS])));
    world.settle();
    assert_eq!(told(&world), None);
    world.apply(Object::Service(local("web", &[ADDRESS])));
    wish(&mut world, Wish::Disabled);
    world.settle();
    assert_eq!(told(&world), None);
}

#[test]
fn endpoints_that_are_leaving_count_where_no_node_has_others() {
    let mut world = world();
    let leaving = [("10.1.0.1", NODE, DRAINING), ("10.1.0.2", NODE, DRAINING)];
    world.apply(Object::EndpointSlice(slice("web", &leaving)));
    world.settle();
    assert_eq!(told(&world), megabytes(2));
}

#[test]
fn a_rolling_update_is_told_in_steps_of_three_seconds_and_ends_with_the_newest_value() {
    let mut world = world();
    ready(&mut world, 10);
    world.settle();
    let mut changes = 0;
    // One endpoint comes or goes every 100 ms, for ten seconds.
    for step in 0..100 {
        world.now += Duration::from_millis(90);
        ready(&mut world, 5 + step % 7);
        changes += world.settle().routes.len();
    }
    assert!((1..=4).contains(&changes), "{changes}");
    let due = world.planner.poll_timeout().unwrap();
    assert!(due <= world.now + Duration::from_secs(3));
    world.now = due;
    world.settle();
    assert_eq!(told(&world), megabytes(5 + 99 % 7));
    assert_eq!(world.planner.poll_timeout(), None);
}

#[test]
fn becoming_announcer_and_ceasing_to_be_one_is_never_delayed() {
    let mut world = world();
    for here in [3, 0, 1, 0, 7] {
        ready(&mut world, here);
        world.settle();
        assert_eq!(world.announces(ADDRESS), here > 0);
        if here > 0 {
            assert_eq!(told(&world), megabytes(here as u64));
        }
    }
}
