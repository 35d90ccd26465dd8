//! Nodes that come, preferences that change.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use super::{longest_gap, moves_since, owner, peace};
use crate::{
    faults::{address, nominee},
    node::State,
    world::World,
};

#[test]
fn a_node_that_joins_takes_only_what_it_ranks_first_for_and_each_once() {
    let mut world = World::flat(20, 5);
    world.offer(40);
    (0..4).for_each(|node| world.start(node));
    world.settle();
    world.assert_settled();
    let moment = world.now;
    longest_gap(&mut world);
    world.start(4);
    world.settle();
    world.assert_settled();
    let moved = moves_since(&world, moment);
    let addresses: BTreeSet<IpAddr> = moved.iter().map(|(address, _)| *address).collect();
    assert_eq!(addresses, world.nodes[4].owned);
    assert!(moved.iter().all(|(_, times)| *times == 1), "{moved:?}");
    assert_eq!(longest_gap(&mut world), Duration::ZERO);
}

#[test]
fn a_node_that_has_just_started_takes_nothing_from_a_stable_one() {
    let mut world = World::flat(21, 3);
    world.offer(20);
    (0..2).for_each(|node| world.start(node));
    world.settle();
    let moment = world.now;
    world.start(2);
    world.run_ms(900);
    assert_eq!(moves_since(&world, moment), []);
    assert!(world.nodes[2].owned.is_empty());
}

#[test]
fn all_start_at_the_same_moment_and_agree() {
    for seed in 22..30 {
        let mut world = World::flat(seed, 8);
        world.offer(8);
        world.start_all();
        world.run_ms(1_000);
        for address in world.addresses.clone() {
            owner(&world, address);
        }
        world.settle();
        world.assert_settled();
    }
}

#[test]
fn weight_goes_before_digest() {
    let mut world = peace(30, 3, 6);
    for preferred in 0..3 {
        for address in (0..6).map(address) {
            for node in 0..3 {
                let weight = u16::from(node == preferred) * 10;
                world.nominate(node, address, Some(nominee(weight)));
            }
        }
        world.settle();
        world.assert_settled();
        assert_eq!(world.nodes[preferred].owned.len(), 6);
    }
    assert_eq!(longest_gap(&mut world), Duration::ZERO);
}

#[test]
fn a_node_on_the_subnet_goes_before_a_preferred_one_that_is_not() {
    let mut world = World::new(31, &[&[0], &[1], &[1]]);
    for node in 0..3 {
        let weight = if node == 0 { 0 } else { 100 };
        world.nominate(node, address(0), Some(nominee(weight)));
    }
    world.start_all();
    world.settle();
    world.assert_settled();
    assert_eq!(owner(&world, address(0)), 0);
    world.crash(0);
    world.settle();
    world.assert_settled();
}

#[test]
fn a_plan_that_does_not_want_the_address_here_any_more_moves_it_without_a_gap() {
    let mut world = peace(32, 3, 4);
    let former = owner(&world, address(0));
    world.nominate(former, address(0), None);
    world.settle();
    world.assert_settled();
    assert!(longest_gap(&mut world) <= Duration::from_millis(50));
    world.nominate(former, address(0), Some(nominee(0)));
    world.settle();
    world.assert_settled();
    assert_eq!(owner(&world, address(0)), former);
}

#[test]
fn addresses_that_come_one_by_one_are_answered_within_a_second() {
    let mut world = peace(33, 3, 1);
    for number in 1..20 {
        for node in 0..3 {
            world.nominate(node, address(number), Some(nominee(0)));
            world.run_ms(30);
        }
    }
    world.settle();
    world.assert_settled();
    assert!(world.nodes.iter().all(|node| node.state == State::Running));
}
