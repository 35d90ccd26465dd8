//! What BGPPeers import, and what becomes of it in the kernel.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bgp::{Excess, Import, ImportRule, NextHops, Prefix};
use model::{Aggregation, Kind, Object, Peer, PodNetworkMode};
use plan::{Hop, IMPORTED_METRIC, LeftOut, RouteKey, RouteTarget};

use crate::fixture::*;

const NEAR: &str = "192.0.2.254";

fn rule(text: &str, shortest: u8, longest: u8) -> ImportRule {
    ImportRule::of_lengths(prefix(text), shortest, longest).unwrap()
}

fn import(rules: &[ImportRule]) -> Import {
    Import {
        rules: rules.to_vec(),
        max_prefixes: 100,
        ..Import::default()
    }
}

fn everything() -> Import {
    import(&[rule("0.0.0.0/0", 0, 32), rule("::/0", 0, 128)])
}

/// The usual world with one router, of which this is accepted.
fn importing(import: Import) -> World {
    let mut world = World::usual();
    world.apply(Object::Node(routed_node(1)));
    world.planner.handle_links(links());
    set(&mut world, |peer| peer.import = import);
    world
}

fn set(world: &mut World, change: impl FnOnce(&mut Peer)) {
    let mut object = peer("router", ROUTER);
    change(object.value.as_mut().unwrap());
    world.apply(Object::Peer(object));
    world.settle();
}

fn learn(world: &mut World, routes: &[(&str, &[&str])]) {
    let hop = |hop: &&str| hop.parse::<IpAddr>().unwrap().into();
    let hops = |hops: &[&str]| hops.iter().map(hop).collect();
    let learned: BTreeMap<Prefix, NextHops> = routes
        .iter()
        .map(|(text, next_hops)| (prefix(text), hops(next_hops)))
        .collect();
    world.planner.handle_learned(Arc::new(learned));
    world.settle();
}

fn learn_all(world: &mut World, prefixes: &[&str]) {
    let next_hop = |text: &str| match text.contains(':') {
        true => &["2001:db8:2::fe"],
        false => &[NEAR],
    };
    let routes: Vec<(&str, &[&str])> = prefixes
        .iter()
        .map(|text| (*text, &next_hop(text)[..]))
        .collect();
    learn(world, &routes);
}

fn installed(world: &World) -> Vec<String> {
    let routes = world.planner.plan().network.routes.present();
    let imported = routes.into_iter().flatten().map(|(key, _)| key);
    let imported = imported.filter(|key| key.metric == IMPORTED_METRIC);
    imported.map(|key| key.prefix.to_string()).collect()
}

fn left_out(world: &World) -> Vec<(String, LeftOut)> {
    let left_out = world.planner.plan().network.left_out.iter();
    left_out
        .map(|(prefix, reason)| (prefix.to_string(), *reason))
        .collect()
}

#[test]
fn without_import_nothing_is_accepted_and_nothing_learned_is_installed() {
    let mut world = importing(Import::default());
    assert!(
        world.planner.plan().peers["router"]
            .config
            .import
            .is_closed()
    );
    learn_all(&mut world, &["198.51.100.0/24"]);
    assert!(installed(&world).is_empty() && !world.planner.plan().network.imports);
}

#[test]
fn what_is_accepted_is_installed_through_all_equal_next_hops_without_a_pod_network() {
    let mut world = importing(everything());
    learn(
        &mut world,
        &[
            ("198.51.100.0/24", &["192.0.2.253", NEAR]),
            ("2001:db8:9::/48", &["2001:db8:2::fe"]),
        ],
    );
    assert_eq!(installed(&world), ["198.51.100.0/24", "2001:db8:9::/48"]);
    let network = world.planner.plan().network.clone();
    let key = RouteKey {
        prefix: prefix("198.51.100.0/24"),
        metric: IMPORTED_METRIC,
    };
    let hops = ["192.0.2.253", NEAR].map(|gateway| Hop {
        interface: 2,
        gateway: gateway.parse().unwrap(),
    });
    let target = &network.routes.present().unwrap()[&key];
    assert_eq!(*target, RouteTarget::Via(hops.into()));
    assert!(network.imports && network.mode.is_none());
}

#[test]
fn routes_go_with_the_object_with_import_and_with_install() {
    let mut silent = everything();
    for rule in &mut silent.rules {
        rule.install = false;
    }
    let ends: [fn(&mut World, Import); 3] = [
        |world, _| {
            world.delete(Kind::Peer, "", "router");
            world.settle();
        },
        |world, _| set(world, |_| {}),
        |world, silent| set(world, |peer| peer.import = silent),
    ];
    for end in ends {
        let mut world = importing(everything());
        learn_all(&mut world, &["198.51.100.0/24"]);
        assert_eq!(installed(&world).len(), 1);
        // What was learned has not been taken back yet.
        end(&mut world, silent.clone());
        assert!(installed(&world).is_empty());
        assert!(world.planner.plan().network.routes.present().is_some());
    }
}

#[test]
fn never_routes_to_what_is_its_own_or_announced_or_no_destination() {
    let mut world = importing(everything());
    let expected = [
        ("0.0.0.0/0", LeftOut::DefaultRoute),
        ("10.0.0.0/25", LeftOut::InPool),
        ("10.0.0.200/32", LeftOut::InPool),
        ("10.244.1.0/24", LeftOut::OwnPodRange),
        ("10.244.1.128/25", LeftOut::OwnPodRange),
        ("127.0.0.0/8", LeftOut::NotUnicast),
        ("169.254.1.0/24", LeftOut::NotUnicast),
        ("192.0.2.0/24", LeftOut::OwnSubnet),
        ("192.0.2.1/32", LeftOut::OwnAddress),
        ("192.0.2.64/26", LeftOut::OwnSubnet),
        ("224.0.0.0/4", LeftOut::NotUnicast),
        ("::/0", LeftOut::DefaultRoute),
        ("2001:db8::/121", LeftOut::InPool),
        ("2001:db8:2::1/128", LeftOut::OwnAddress),
        ("fe80::/64", LeftOut::NotUnicast),
    ];
    let prefixes: Vec<&str> = expected.iter().map(|(prefix, _)| *prefix).collect();
    learn_all(&mut world, &prefixes);
    assert!(installed(&world).is_empty(), "{:?}", installed(&world));
    let mut expected: Vec<_> = expected
        .iter()
        .map(|(text, reason)| (prefix(text), *reason))
        .collect();
    expected.sort();
    let left_out: Vec<_> = world
        .planner
        .plan()
        .network
        .left_out
        .clone()
        .into_iter()
        .collect();
    assert_eq!(left_out, expected);
    for reason in LeftOut::ALL {
        assert!(expected.iter().any(|(_, each)| *each == reason), "{reason}");
    }
}

#[test]
fn networks_around_what_is_left_out_are_routed_to() {
    let mut world = importing(everything());
    let around = [
        "10.0.0.0/8",
        "10.244.0.0/16",
        "192.0.0.0/8",
        "2001:db8::/32",
    ];
    learn_all(&mut world, &around);
    assert_eq!(installed(&world), around);
}

#[test]
fn the_default_route_is_installed_where_a_rule_names_it_alone() {
    let mut world = importing(import(&[rule("0.0.0.0/0", 0, 0), rule("::/0", 0, 64)]));
    learn_all(&mut world, &["0.0.0.0/0", "::/0"]);
    assert_eq!(installed(&world), ["0.0.0.0/0"]);
    assert_eq!(left_out(&world), [("::/0".into(), LeftOut::DefaultRoute)]);
}

#[test]
fn an_aggregate_around_a_pool_is_left_out_too() {
    let mut world = importing(everything());
    let mut wide = advertisement("all");
    wide.value.as_mut().unwrap().aggregation = Aggregation {
        ipv4: 20,
        ipv6: 128,
    };
    world.apply(Object::Advertisement(wide));
    world.settle();
    learn_all(&mut world, &["10.0.0.0/20", "10.0.15.0/24", "10.0.16.0/24"]);
    assert_eq!(installed(&world), ["10.0.16.0/24"]);
}

#[test]
fn a_next_hop_must_be_on_link() {
    let mut world = importing(everything());
    learn(
        &mut world,
        &[
            ("198.51.100.0/24", &["203.0.113.1"]),
            ("198.51.101.0/24", &["203.0.113.1", NEAR]),
            ("198.51.102.0/24", &["192.0.2.1"]),
        ],
    );
    assert_eq!(installed(&world), ["198.51.101.0/24"]);
    let off_link = |text| (prefix(text), "203.0.113.1".parse().unwrap());
    let expected = ["198.51.100.0/24", "198.51.101.0/24"].map(off_link);
    assert_eq!(world.planner.plan().network.off_link, expected);
}

#[test]
fn what_the_pod_network_needs_is_added_and_the_limit_of_the_object_counts() {
    let own = Import {
        excess: Excess::Cease,
        max_prefixes: 7,
        ..import(&[rule("198.51.100.0/24", 24, 24)])
    };
    let mut world = importing(own);
    world.apply(Object::PodNetwork(pod_network(PodNetworkMode::Network)));
    world.settle();
    let united = world.planner.plan().peers["router"].config.import.clone();
    for accepted in ["198.51.100.0/24", "10.244.3.0/24", "fd00:244:3::/64"] {
        assert!(united.accepts(&prefix(accepted)), "{accepted}");
    }
    assert!(!united.accepts(&prefix("10.244.1.0/24")), "this node's own");
    assert_eq!((united.max_prefixes, united.excess), (7, Excess::Cease));
    learn_all(
        &mut world,
        &["10.244.0.0/16", "10.244.3.0/24", "198.51.100.0/24"],
    );
    assert_eq!(installed(&world), ["10.244.3.0/24", "198.51.100.0/24"]);
    world.apply(Object::PodNetwork(pod_network(PodNetworkMode::Advertise)));
    world.settle();
    assert_eq!(installed(&world), ["198.51.100.0/24"]);
}
