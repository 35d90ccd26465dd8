//! Addresses that only some of the nodes that can announce them are to.

use std::{collections::BTreeSet, net::IpAddr, num::NonZeroU16, time::Duration};

use l2::{Announcer, digest};
use model::{EndpointState, Kind, Name, Object};
use plan::Capped;

use crate::fixture::*;

/// Longer than another node is given to say that it can announce.
const A_WHILE: Duration = Duration::from_secs(1);

/// Nodes `node-1` to `node-4`, a session with the router, and an advertisement for one announcer.
fn world() -> World {
    let mut world = World::usual();
    for number in 2..=4 {
        world.apply(Object::Node(routed_node(number)));
    }
    cap(&mut world, 1);
    world
        .planner
        .handle_established(BTreeSet::from(["router".into()]));
    world.settle();
    world
}

fn cap(world: &mut World, most: u16) {
    let mut made = advertisement("all");
    made.value.as_mut().unwrap().max_announcers = NonZeroU16::new(most);
    world.apply(Object::Advertisement(made));
}

fn address() -> IpAddr {
    ADDRESS.parse().unwrap()
}

/// The other nodes, in the order in which they come for the address, those before `node-1` first.
fn others() -> (Vec<Name>, Vec<Name>) {
    let mut nodes: Vec<Name> = (2..=4)
        .map(|number| format!("node-{number}").into())
        .collect();
    nodes.sort_by_key(|node| std::cmp::Reverse(digest(node, address())));
    let own = digest(NODE, address());
    nodes
        .into_iter()
        .partition(|node| digest(node, address()) > own)
}

/// Others say that they can announce the address, and whether they do.
fn say(world: &mut World, others: &[(&Name, bool)]) {
    let announcer = |(node, advertises): &(&Name, bool)| Announcer {
        node: (*node).clone(),
        advertises: *advertises,
    };
    let announcers = others.iter().map(announcer).collect();
    world.planner.handle_announcers([(address(), announcers)]);
    world.settle();
}

fn capped(world: &World) -> Option<Capped> {
    world.planner.plan().capped.get(&address()).copied()
}

#[test]
fn gives_way_once_a_node_that_comes_first_announces() {
    let (before, after) = others();
    let (Some(first), Some(last)) = (before.first(), after.first()) else {
        panic!("take another address: one node is to come before node-1, and one after it");
    };
    let mut world = world();
    assert_eq!(world.reason(), "Announced", "nobody else can");
    say(&mut world, &[(last, true)]);
    assert_eq!(world.reason(), "Announced", "it comes after us");
    say(&mut world, &[(last, true), (first, false)]);
    assert_eq!(world.reason(), "Announced", "it has not begun");
    say(&mut world, &[(last, true), (first, true)]);
    assert_eq!(world.reason(), "AnnouncerCap");
    assert!(!world.announces(ADDRESS));
    let over = Capped {
        within: false,
        able: true,
    };
    assert_eq!(capped(&world), Some(over));
    say(&mut world, &[(last, false)]);
    assert_eq!(world.reason(), "Announced", "the first is gone");
    assert!(world.announces(ADDRESS));
}

#[test]
fn without_a_cap_everybody_announces_and_nobody_is_told() {
    let (before, _) = others();
    let mut world = world();
    say(&mut world, &[(&before[0], true)]);
    assert_eq!(world.reason(), "AnnouncerCap");
    assert!(world.planner.plan().counts_announcers && world.nodes.len() == 4);
    cap(&mut world, 0);
    world.settle();
    assert_eq!((world.reason(), capped(&world)), ("Announced", None));
    assert!(!world.planner.plan().counts_announcers && world.nodes.is_empty());
}

#[test]
fn a_new_address_is_left_to_a_living_node_that_comes_first_for_a_second() {
    let (before, _) = others();
    let mut world = world();
    world
        .planner
        .handle_alive(BTreeSet::from([before[0].clone()]));
    world.delete(Kind::Service, "default", "web");
    world.settle();
    world.apply(Object::Service(service("web", &[ADDRESS])));
    world.settle();
    assert_eq!(world.reason(), "AnnouncerCap");
    world.now += A_WHILE;
    world.settle();
    assert_eq!(world.reason(), "Announced", "it never said that it can");
}

#[test]
fn a_new_address_is_not_left_to_a_node_without_endpoints() {
    let (before, _) = others();
    let mut world = world();
    world.planner.handle_alive(before.iter().cloned().collect());
    world.delete(Kind::Service, "default", "web");
    world.settle();
    let ready = EndpointState::Ready;
    world.apply(Object::EndpointSlice(slice(
        "web",
        &[("10.1.0.1", NODE, ready)],
    )));
    world.apply(Object::Service(local("web", &[ADDRESS])));
    world.settle();
    assert_eq!(world.reason(), "Announced");
}

#[test]
fn counts_only_nodes_that_the_advertisement_selects() {
    let (before, _) = others();
    let mut world = world();
    let mut made = advertisement("all");
    let value = made.value.as_mut().unwrap();
    value.max_announcers = NonZeroU16::new(1);
    value.selection.nodes = selector("rack", "a");
    world.apply(Object::Advertisement(made));
    world.apply(Object::Node(node(&[("rack", "a")])));
    say(&mut world, &[(&before[0], true)]);
    assert_eq!(world.reason(), "Announced", "it is in no rack");
    let number: u8 = before[0].rsplit('-').next().unwrap().parse().unwrap();
    let mut other = routed_node(number);
    other.meta.labels.insert("rack".into(), "a".into());
    world.apply(Object::Node(other));
    world.settle();
    assert_eq!(world.reason(), "AnnouncerCap", "now it is in ours");
}

#[test]
fn an_advertisement_without_a_cap_goes_on_beside_one_with() {
    let (before, _) = others();
    let mut world = world();
    world.apply(Object::Advertisement(advertisement("more")));
    say(&mut world, &[(&before[0], true)]);
    assert_eq!(world.reason(), "Announced");
    assert_eq!(capped(&world).map(|capped| capped.within), Some(false));
}

#[test]
fn a_node_without_a_session_or_that_leaves_says_that_it_cannot() {
    let mut world = world();
    let able = |world: &World| capped(world).map(|capped| (capped.within, capped.able));
    assert_eq!(able(&world), Some((true, true)));
    world.planner.handle_established(BTreeSet::new());
    world.settle();
    assert_eq!(able(&world), Some((true, false)));
    world
        .planner
        .handle_established(BTreeSet::from(["router".into()]));
    world.settle();
    assert_eq!(able(&world), Some((true, true)));
    world.planner.handle_departure();
    world.settle();
    assert_eq!(able(&world), Some((true, false)));
}
