//! Owners that end without a word, and owners that take leave.

use std::time::Duration;

use l2::{Gain, Notice};

use super::{longest_gap, moves_since, owner, peace};
use crate::{faults::address, witness::TAKEOVER};

#[test]
fn another_node_takes_over_when_the_owner_dies() {
    let mut world = peace(10, 3, 4);
    let dead = owner(&world, address(0));
    world.crash(dead);
    world.run_until("a new owner", |world| {
        let answering = world.witness.answering(address(0));
        !answering.is_empty() && answering != [dead]
    });
    assert!(longest_gap(&mut world) < TAKEOVER);
    let heir = owner(&world, address(0));
    let gained = world.nodes[heir]
        .notices
        .iter()
        .rev()
        .find_map(|(_, notice)| match notice {
            Notice::Owned {
                address: at, gain, ..
            } if *at == address(0) => Some(*gain),
            Notice::Owned { .. } | Notice::Lost { .. } | Notice::Conflict(_) | Notice::Stopped => {
                None
            }
        });
    assert_eq!(gained, Some(Gain::OwnerDead));
    world.settle();
    world.assert_settled();
}

#[test]
fn a_death_moves_only_the_addresses_of_the_dead() {
    let mut world = peace(11, 5, 40);
    let moment = world.now;
    let dead = owner(&world, address(0));
    let owned = world.nodes[dead].owned.clone();
    world.crash(dead);
    world.settle();
    world.assert_settled();
    let moves = moves_since(&world, moment);
    assert!(
        moves.iter().all(|(address, _)| owned.contains(address)),
        "{moves:?}"
    );
    assert!(moves.iter().all(|(_, times)| *times == 1), "{moves:?}");
    assert_eq!(moves.len(), owned.len());
}

#[test]
fn the_last_node_takes_over_from_all_that_die_at_once() {
    let mut world = peace(12, 5, 10);
    (0..4).for_each(|node| world.crash(node));
    world.run(TAKEOVER);
    world.ask_for_all();
    for address in world.addresses.clone() {
        assert_eq!(owner(&world, address), 4);
    }
    world.settle();
    world.assert_settled();
}

#[test]
fn leaving_hands_over_without_a_gap() {
    let mut world = peace(13, 4, 12);
    let moment = world.now;
    let leaver = owner(&world, address(0));
    let owned = world.nodes[leaver].owned.clone();
    world.leave(leaver);
    world.run_until("the end of the process", |world| {
        world.nodes[leaver].speaker.is_none()
    });
    world.settle();
    world.assert_settled();
    let gap = longest_gap(&mut world);
    assert!(gap <= Duration::from_millis(50), "{gap:?}");
    let moves = moves_since(&world, moment);
    assert!(
        moves
            .iter()
            .all(|(address, times)| owned.contains(address) && *times == 1)
    );
    assert_eq!(moves.len(), owned.len());
}

#[test]
fn the_last_one_may_leave_though_nobody_takes_over() {
    let mut world = peace(14, 1, 2);
    world.leave(0);
    world.run_until("the end of the process", |world| {
        world.nodes[0].speaker.is_none()
    });
    world.settle();
    world.assert_settled();
}

#[test]
fn all_may_leave_one_after_the_other() {
    let mut world = peace(15, 4, 8);
    for node in 0..3 {
        world.leave(node);
        world.run_ms(400);
        assert!(longest_gap(&mut world) <= Duration::from_millis(50));
    }
    world.settle();
    world.assert_settled();
}

#[test]
fn a_farewell_that_gets_lost_costs_a_detection_and_no_more() {
    let mut world = peace(16, 3, 4);
    let leaver = owner(&world, address(0));
    world.network.unheard.insert(leaver);
    world.leave(leaver);
    world.run_ms(1_500);
    assert!(longest_gap(&mut world) <= TAKEOVER);
    world.heal();
    world.settle();
    world.assert_settled();
}

#[test]
fn a_process_that_starts_again_at_once_gets_its_addresses_back_in_the_end() {
    let mut world = peace(17, 3, 6);
    let restarted = owner(&world, address(0));
    world.crash(restarted);
    world.run_ms(50);
    world.start(restarted);
    world.run_ms(2_000);
    assert!(longest_gap(&mut world) <= TAKEOVER);
    world.settle();
    world.assert_settled();
    assert_eq!(owner(&world, address(0)), restarted);
}

#[test]
fn a_rolling_restart_with_farewells_leaves_no_gap() {
    let mut world = peace(18, 3, 9);
    for node in 0..3 {
        world.leave(node);
        world.run_until("the end of the process", |world| {
            world.nodes[node].speaker.is_none()
        });
        world.run_ms(700);
        world.start(node);
        world.settle();
        world.assert_settled();
    }
    assert!(longest_gap(&mut world) <= Duration::from_millis(50));
}
