//! Keys: none, wrong ones, new ones.

use std::time::Duration;

use l2::Standing;

use super::{longest_gap, moves_since, owner, peace};
use crate::{faults::address, layout::key, world::World};

#[test]
fn nobody_answers_without_a_key() {
    let mut world = World::flat(70, 3);
    for node in &mut world.nodes {
        node.keys.clear();
    }
    world.offer(2);
    world.start_all();
    world.settle();
    assert!(world.witness.answering(address(0)).is_empty());
    let view = world.nodes[0].speaker.as_ref().unwrap().view();
    assert!(!view.has_key);
    assert_eq!(view.addresses[&address(0)].standing, Standing::NoKey);
    (0..3).for_each(|node| world.set_keys(node, vec![key(1)]));
    world.settle();
    world.assert_settled();
}

#[test]
fn a_node_with_a_wrong_key_is_not_heard_and_takes_nothing() {
    let mut world = World::flat(71, 4);
    world.offer(8);
    (0..3).for_each(|node| world.start(node));
    world.settle();
    let moment = world.now;
    world.nodes[3].keys = vec![key(9)];
    world.start(3);
    world.run_ms(10_000);
    assert!(world.nodes[3].owned.is_empty(), "{}", world.story());
    assert_eq!(moves_since(&world, moment), []);
    let view = world.nodes[0].speaker.as_ref().unwrap().view();
    let reported: Vec<&str> = view.unauthentic.keys().map(|name| &**name).collect();
    assert_eq!(reported, ["node-3"]);
    world.set_keys(3, vec![key(1)]);
    world.run_ms(40_000);
    world.assert_settled();
}

#[test]
fn a_wrong_key_at_one_owner_makes_no_second_one() {
    let mut world = peace(72, 3, 4);
    let wrong = owner(&world, address(0));
    world.set_keys(wrong, vec![key(9)]);
    world.run_ms(5_000);
    assert!(longest_gap(&mut world) <= Duration::from_millis(50));
    world.set_keys(wrong, vec![key(1)]);
    world.run_ms(40_000);
    world.assert_settled();
}

#[test]
fn keys_are_rotated_at_different_times_and_no_owner_changes() {
    let mut world = World::flat(73, 4);
    world.asks_every = Duration::from_millis(50);
    world.offer(6);
    world.start_all();
    world.settle();
    let moment = world.now;
    longest_gap(&mut world);
    for round in 1..4 {
        let both = vec![key(round), key(round + 1)];
        for node in [2, 0, 3, 1] {
            world.set_keys(node, both.clone());
            let wait = world.random.below(9_000);
            world.run_ms(wait);
        }
        world.run_ms(45_000);
        for node in [1, 3, 2, 0] {
            world.set_keys(node, vec![key(round + 1)]);
            world.run_ms(8_000);
        }
    }
    assert_eq!(moves_since(&world, moment), []);
    assert_eq!(longest_gap(&mut world), Duration::ZERO);
    world.assert_settled();
}

#[test]
fn a_node_that_learns_of_a_rotation_only_minutes_later_stays_with_the_others() {
    let mut world = World::flat(74, 3);
    world.asks_every = Duration::from_millis(100);
    world.offer(4);
    world.start_all();
    world.settle();
    let moment = world.now;
    longest_gap(&mut world);
    (0..2).for_each(|node| world.set_keys(node, vec![key(1), key(2)]));
    world.run_ms(25_000);
    world.set_keys(2, vec![key(1), key(2)]);
    world.run_ms(60_000);
    (0..2).for_each(|node| world.set_keys(node, vec![key(2)]));
    world.run_ms(120_000);
    world.set_keys(2, vec![key(2)]);
    world.run_ms(60_000);
    assert_eq!(moves_since(&world, moment), []);
    assert_eq!(longest_gap(&mut world), Duration::ZERO);
}
