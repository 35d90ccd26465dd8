//! Addresses that are advertised as a prefix that holds them.

use bgp::{LinkBandwidth as Bandwidth, Prefix};
use model::{Advertisement, EndpointState, Kind, LinkBandwidth, LoopPrevention, Object};
use plan::Guard;

use crate::fixture::*;

const READY: EndpointState = EndpointState::Ready;

/// Service `web` has 10.0.0.1, which is advertised as a part of 10.0.0.0/26 if that may be.
fn world() -> World {
    let mut world = World::usual();
    advertise(&mut world, |_| {});
    world
}

fn advertise(world: &mut World, change: impl FnOnce(&mut Advertisement)) {
    let mut made = advertisement("all");
    let value = made.value.as_mut().unwrap();
    (value.aggregation.ipv4, value.aggregation.ipv6) = (26, 124);
    change(value);
    world.apply(Object::Advertisement(made));
}

/// A Service with externalTrafficPolicy Local whose endpoints are on these nodes.
fn local_on(world: &mut World, name: &str, address: &str, nodes: &[&str]) {
    world.apply(Object::Service(local(name, &[address])));
    let addresses: Vec<String> = (0..nodes.len())
        .map(|number| format!("10.1.0.{number}"))
        .collect();
    let endpoints = addresses.iter().zip(nodes);
    let endpoints: Vec<_> = endpoints
        .map(|(address, node)| (address.as_str(), *node, READY))
        .collect();
    world.apply(Object::EndpointSlice(slice(name, &endpoints)));
}

fn routes(world: &mut World) -> Vec<String> {
    world.settle();
    world.routes.keys().map(Prefix::to_string).collect()
}

#[test]
fn an_aggregate_stands_for_the_addresses_whose_traffic_any_node_takes() {
    let mut world = world();
    assert_eq!(routes(&mut world), ["10.0.0.0/26"]);
    assert_eq!(
        (world.reason(), world.planner.plan().announced()),
        ("Announced", 1)
    );
    for (name, address) in [("two", "10.0.0.2"), ("three", "10.0.0.64")] {
        world.apply(Object::Service(service(name, &[address])));
        world.apply(Object::EndpointSlice(slice(
            name,
            &[("10.1.0.1", "node-2", READY)],
        )));
    }
    assert_eq!(routes(&mut world), ["10.0.0.0/26", "10.0.0.64/26"]);
    world.apply(Object::EndpointSlice(slice("web", &[])));
    assert_eq!(routes(&mut world), ["10.0.0.0/26", "10.0.0.64/26"]);
    world.delete(Kind::Service, "default", "two");
    assert_eq!(routes(&mut world), ["10.0.0.64/26"]);
}

#[test]
fn ipv6_has_a_length_of_its_own() {
    let mut world = world();
    world.apply(Object::Service(service("web", &["2001:db8::7"])));
    world.apply(Object::EndpointSlice(slice(
        "web",
        &[("fd00::1", NODE, READY)],
    )));
    assert_eq!(routes(&mut world), ["2001:db8::/124"]);
}

#[test]
fn local_addresses_are_advertised_alone_and_aggregated_where_all_of_them_are_served() {
    let mut world = world();
    local_on(&mut world, "web", ADDRESS, &[NODE]);
    assert_eq!(routes(&mut world), ["10.0.0.0/26", "10.0.0.1/32"]);
    local_on(&mut world, "two", "10.0.0.2", &["node-2"]);
    assert_eq!(
        routes(&mut world),
        ["10.0.0.1/32"],
        "another node has an address to itself"
    );
    local_on(&mut world, "two", "10.0.0.2", &["node-2", NODE]);
    assert_eq!(
        routes(&mut world),
        ["10.0.0.0/26", "10.0.0.1/32", "10.0.0.2/32"]
    );
    local_on(&mut world, "two", "10.0.0.2", &["node-2"]);
    world.settle();
    world.apply(Object::EndpointSlice(slice("two", &[])));
    assert_eq!(
        routes(&mut world),
        ["10.0.0.0/26", "10.0.0.1/32"],
        "it is not live"
    );
    local_on(&mut world, "two", "10.0.0.2", &["node-2"]);
    world.apply(Object::Service(service("three", &["10.0.0.3"])));
    world.apply(Object::EndpointSlice(slice(
        "three",
        &[("10.1.0.9", "node-2", READY)],
    )));
    assert_eq!(
        routes(&mut world),
        ["10.0.0.0/26", "10.0.0.1/32"],
        "any node takes what is for the third"
    );
}

#[test]
fn an_advertisement_without_aggregation_keeps_its_host_routes_beside_the_aggregate() {
    let mut world = world();
    let mut alone = advertisement("alone");
    alone.value.as_mut().unwrap().med = Some(7);
    world.apply(Object::Advertisement(alone));
    assert_eq!(routes(&mut world), ["10.0.0.0/26", "10.0.0.1/32"]);
    let med = |prefix: &str| {
        world.routes[&self::prefix(prefix)][0]
            .attributes
            .multi_exit_disc
    };
    assert_eq!((med("10.0.0.0/26"), med("10.0.0.1/32")), (None, Some(7)));
}

#[test]
fn an_aggregate_says_nothing_about_endpoints() {
    let mut world = world();
    advertise(&mut world, |a| {
        a.link_bandwidth = LinkBandwidth::LocalEndpoints
    });
    local_on(&mut world, "web", ADDRESS, &[NODE, NODE]);
    world.settle();
    let bandwidth = |prefix: &str| {
        world.routes[&self::prefix(prefix)][0]
            .attributes
            .link_bandwidth
    };
    assert_eq!(bandwidth("10.0.0.1/32"), Some(Bandwidth(2_000_000)));
    assert_eq!(bandwidth("10.0.0.0/26"), None);
}

#[test]
fn the_unused_part_of_an_aggregate_is_guarded_where_a_pool_holds_all_of_it() {
    let mut world = world();
    world.settle();
    let guarded = |world: &World, text: &str| world.guards.get(&prefix(text)).copied();
    assert_eq!(guarded(&world, "10.0.0.0/26"), Some(Guard::Reject));
    advertise(&mut world, |a| a.loop_prevention = LoopPrevention::Drop);
    world.settle();
    assert_eq!(guarded(&world, "10.0.0.0/26"), Some(Guard::Drop));
    // Beyond the pool there may be hosts.
    advertise(&mut world, |a| a.aggregation.ipv4 = 8);
    assert_eq!(routes(&mut world), ["10.0.0.0/8"]);
    assert_eq!(guarded(&world, "10.0.0.0/8"), None);
    assert_eq!(guarded(&world, "10.0.0.1/32"), Some(Guard::Reject));
    world.delete(Kind::Advertisement, "", "all");
    world.settle();
    assert!(world.guards.is_empty() && world.routes.is_empty());
}
