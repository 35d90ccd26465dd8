//! One fault each, told from the beginning to the end.

mod conflict;
mod death;
mod interface;
mod join;
mod key;
mod partition;
mod replay;
mod stop;

use std::{net::IpAddr, time::Duration};

use crate::{faults::address, world::World};

/// So many nodes on a segment, all well, and so many addresses, each with its owner.
fn peace(seed: u64, nodes: usize, addresses: usize) -> World {
    let mut world = World::flat(seed, nodes);
    world.offer(addresses);
    world.start_all();
    world.settle();
    world.assert_settled();
    for address in world.addresses.clone() {
        world.witness.take_longest_gap(address);
    }
    world
}

/// Who answers now; nobody or several is a failure.
fn owner(world: &World, address: IpAddr) -> usize {
    match world.witness.answering(address).as_slice() {
        [owner] => *owner,
        others => panic!("{address} is answered by {others:?}\n{}", world.story()),
    }
}

/// Whose addresses moved since a moment: the number of new owners by address.
fn moves_since(world: &World, moment: Duration) -> Vec<(IpAddr, usize)> {
    let mut moves = Vec::new();
    for address in &world.addresses {
        let owners = world.witness.owners(*address).iter();
        let moved = owners.filter(|(at, _)| *at > moment).count();
        if moved > 0 {
            moves.push((*address, moved));
        }
    }
    moves
}

/// The longest time without an answer to any address, since this was asked last.
fn longest_gap(world: &mut World) -> Duration {
    let addresses = world.addresses.clone();
    let gaps = addresses
        .into_iter()
        .map(|address| world.witness.take_longest_gap(address));
    gaps.max().unwrap()
}

#[test]
fn one_node_alone_answers_everything() {
    let mut world = peace(1, 1, 6);
    world.assert_quiet();
}

#[test]
fn three_nodes_agree_on_an_owner_of_each_address() {
    let mut world = peace(2, 3, 12);
    world.assert_quiet();
    for address in (0..12).map(address) {
        assert!(
            world.witness.owners(address).len() <= 3,
            "{address} went to and fro"
        );
    }
}

#[test]
fn nodes_without_a_common_segment_hear_each_other_by_internal_ip() {
    let mut world = World::new(3, &[&[0], &[0], &[1], &[1]]);
    world.offer(8);
    world.start_all();
    world.settle();
    world.assert_settled();
    world.assert_quiet();
}

#[test]
fn nodes_with_two_segments_answer_on_both() {
    let mut world = World::new(4, &[&[0, 1], &[0, 1], &[1, 0]]);
    world.offer(8);
    world.start_all();
    world.settle();
    world.assert_settled();
    world.assert_quiet();
}

#[test]
fn an_address_that_nobody_may_answer_is_not_answered() {
    let mut world = peace(5, 3, 2);
    for node in 0..3 {
        world.nominate(node, address(0), None);
    }
    world.settle();
    world.assert_settled();
    assert!(world.witness.answering(address(0)).is_empty());
}

#[test]
fn two_hundred_addresses_are_spread_over_the_nodes_and_told_in_many_heartbeats() {
    let mut world = World::flat(6, 6);
    world.asks_for = 10;
    world.grace = Duration::from_secs(1);
    world.offer(240);
    world.start_all();
    world.settle();
    world.assert_settled();
    for node in &world.nodes {
        let owned = node.owned.len();
        assert!((20..=80).contains(&owned), "{} owns {owned}", node.name);
    }
    world.assert_quiet();
}
