//! Cables, switches and firewalls.

use std::time::Duration;

use l2::{Nominee, Notice, Standing};

use super::{longest_gap, moves_since, owner, peace};
use crate::{
    faults::{address, nominee},
    network::Quality,
    witness::{DETECTION, TAKEOVER},
    world::World,
};

#[test]
fn both_sides_of_a_partition_answer_and_one_does_when_it_heals() {
    let mut world = peace(50, 5, 10);
    world.isolate(&[0, 1]);
    world.run_ms(3_000);
    world.assert_side(&[0, 1]);
    world.assert_side(&[2, 3, 4]);
    world.heal();
    world.run(DETECTION);
    for address in world.addresses.clone() {
        owner(&world, address);
    }
    world.settle();
    world.assert_settled();
}

#[test]
fn a_segment_that_is_cut_is_answered_on_both_sides_though_paths_are_open() {
    let mut world = peace(51, 4, 8);
    world.network.cut_segment(0, [0]);
    world.disturb_network();
    world.run_ms(3_000);
    world.assert_side(&[1, 2, 3]);
    world.heal();
    world.settle();
    world.assert_settled();
}

#[test]
fn paths_that_are_cut_change_nothing_on_a_segment() {
    let mut world = peace(52, 4, 8);
    let moment = world.now;
    world.network.cut_paths([0, 1]);
    world.disturb_network();
    world.run_ms(3_000);
    world.assert_settled();
    assert_eq!(moves_since(&world, moment), []);
}

/// Who does not hear that it has lost an address tells the segment otherwise until it does.
#[test]
fn the_winner_tells_the_segment_once_more_when_a_deaf_owner_gives_up() {
    let mut world = peace(58, 3, 6);
    let (at, heir) = (address(0), owner(&world, address(0)));
    for other in [1, 2].map(|step| (heir + step) % 3) {
        let each_second = Nominee {
            gratuitous_interval: Some(Duration::from_secs(1)),
            ..nominee(0)
        };
        world.nominate(other, at, Some(each_second));
    }
    world.nominate(heir, at, None);
    world.run_ms(2_000);
    let deaf = owner(&world, at);
    world.network.deaf.insert(deaf);
    world.disturb_network();
    world.nominate(heir, at, Some(nominee(0)));
    world.run_ms(4_000);
    assert!(world.nodes[heir].owned.contains(&at) && world.nodes[deaf].owned.contains(&at));
    world.heal();
    world.settle();
    world.assert_settled();
}

#[test]
fn an_owner_whose_heartbeats_are_lost_keeps_what_it_still_answers() {
    for both_ways in [false, true] {
        let mut world = peace(53, 3, 6);
        let moment = world.now;
        let mute = owner(&world, address(0));
        world.network.unheard.insert(mute);
        if both_ways {
            world.network.deaf.insert(mute);
        }
        world.disturb_network();
        world.run_ms(5_000);
        world.ask_for_all();
        assert_eq!(owner(&world, address(0)), mute);
        let alive = |world: &World| {
            world.nodes.iter().any(|node| {
                let view = node.speaker.as_ref().unwrap().view();
                view.addresses[&address(0)].standing == Standing::OwnerAliveOnSegment
            })
        };
        assert!(alive(&world), "nobody shows OwnerAliveOnSegment");
        let of_mute = |(at, _): &(_, usize)| world.nodes[mute].owned.contains(at);
        assert!(!moves_since(&world, moment).iter().any(of_mute));
        world.heal();
        world.settle();
        world.assert_settled();
    }
}

#[test]
fn an_owner_that_dies_while_its_heartbeats_are_lost_is_replaced() {
    let mut world = peace(54, 3, 4);
    let mute = owner(&world, address(0));
    world.network.unheard.insert(mute);
    world.disturb_network();
    world.run_ms(3_000);
    longest_gap(&mut world);
    world.crash(mute);
    world.run_ms(3_000);
    let gap = longest_gap(&mut world);
    assert!(gap <= TAKEOVER * 2, "{gap:?}");
    world.heal();
    world.settle();
    world.assert_settled();
}

#[test]
fn a_node_that_cannot_send_heartbeats_stops_answering() {
    let mut world = peace(55, 3, 6);
    let gagged = owner(&world, address(0));
    world.gag(gagged, true);
    world.run_ms(1_000);
    assert!(world.nodes[gagged].owned.is_empty());
    assert!(longest_gap(&mut world) <= TAKEOVER);
    world.settle();
    assert_ne!(owner(&world, address(0)), gagged);
    world.gag(gagged, false);
    world.settle();
    world.assert_settled();
}

#[test]
fn loss_duplicates_and_disorder_move_little_and_pass() {
    let mut world = peace(56, 6, 12);
    world.network.quality = Quality {
        loss: 10,
        duplication: 10,
        reordering: 20,
        ..Quality::GOOD
    };
    world.disturb_network();
    let moment = world.now;
    world.run_ms(20_000);
    let moves: usize = moves_since(&world, moment)
        .iter()
        .map(|(_, times)| times)
        .sum();
    assert!(moves <= 24, "{moves} moves");
    world.heal();
    world.settle();
    world.assert_settled();
}

#[test]
fn duplicates_and_disorder_alone_move_nothing() {
    let mut world = peace(57, 4, 8);
    world.network.quality = Quality {
        duplication: 30,
        reordering: 30,
        ..Quality::GOOD
    };
    world.disturb_network();
    let moment = world.now;
    world.run_ms(5_000);
    assert_eq!(moves_since(&world, moment), []);
    let conflicts = world.nodes.iter().flat_map(|node| &node.notices);
    assert!(
        !conflicts
            .into_iter()
            .any(|(_, notice)| matches!(notice, Notice::Conflict(_)))
    );
}

#[test]
fn a_slow_network_elects_as_a_quick_one() {
    let mut world = World::flat(58, 4);
    world.network.quality.delay = std::time::Duration::from_millis(20);
    world.offer(6);
    world.start_all();
    world.settle();
    world.assert_settled();
    world.crash(0);
    world.settle();
    world.assert_settled();
}
