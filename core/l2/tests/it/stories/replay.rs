//! Heartbeats that somebody has recorded, and sends again or changed.

use std::{sync::Arc, time::Duration};

use super::{longest_gap, moves_since, owner, peace};
use crate::{
    faults::address,
    world::{Recording, World},
};

/// What a world says while it is at peace, and what it says when an owner takes leave.
fn record(world: &mut World, millis: u64) -> Vec<Recording> {
    world.tape = Some(Vec::new());
    world.run_ms(millis);
    world.tape.take().unwrap()
}

fn replay(world: &mut World, tape: &[Recording], pause: Duration) {
    for recording in tape {
        for node in 0..world.nodes.len() {
            world.inject(node, recording);
        }
        world.run(pause);
    }
}

#[test]
fn recorded_heartbeats_change_nothing_when_they_are_sent_again() {
    let mut world = peace(80, 3, 6);
    let tape = record(&mut world, 2_000);
    let moment = world.now;
    replay(&mut world, &tape, Duration::from_millis(20));
    replay(&mut world, &tape, Duration::ZERO);
    world.run_ms(1_000);
    assert_eq!(moves_since(&world, moment), []);
    assert_eq!(longest_gap(&mut world), Duration::ZERO);
}

#[test]
fn a_recorded_farewell_does_not_end_a_process_that_came_after() {
    let mut world = peace(81, 3, 6);
    let leaver = owner(&world, address(0));
    world.tape = Some(Vec::new());
    world.leave(leaver);
    world.run_ms(1_000);
    let tape = world.tape.take().unwrap();
    world.start(leaver);
    world.settle();
    world.assert_settled();
    let moment = world.now;
    longest_gap(&mut world);
    replay(&mut world, &tape, Duration::from_millis(20));
    assert_eq!(moves_since(&world, moment), []);
    assert_eq!(longest_gap(&mut world), Duration::ZERO);
}

#[test]
fn recordings_do_not_keep_a_dead_owner_alive() {
    let mut world = peace(82, 3, 6);
    let dead = owner(&world, address(0));
    let tape = record(&mut world, 3_000);
    world.crash(dead);
    replay(&mut world, &tape, Duration::from_millis(10));
    assert!(longest_gap(&mut world) <= Duration::from_secs(1));
    world.settle();
    world.assert_settled();
}

#[test]
fn recordings_do_not_bring_a_dead_owner_back_for_a_process_that_has_just_started() {
    let mut world = peace(83, 3, 6);
    let dead = owner(&world, address(0));
    let fresh = (dead + 1) % 3;
    let tape = record(&mut world, 5_000);
    world.crash(dead);
    world.run_ms(2_000);
    world.crash(fresh);
    world.run_ms(1_000);
    world.start(fresh);
    replay(&mut world, &tape, Duration::from_millis(10));
    world.settle();
    world.assert_settled();
    world.crash((dead + 2) % 3);
    replay(&mut world, &tape, Duration::from_millis(10));
    assert!(longest_gap(&mut world) <= Duration::from_secs(1));
    world.settle();
    world.assert_settled();
}

#[test]
fn a_whole_cluster_that_is_dead_is_not_replayed_to_its_first_new_node() {
    let mut world = peace(84, 3, 6);
    let tape = record(&mut world, 4_000);
    (0..3).for_each(|node| world.crash(node));
    world.run_ms(2_000);
    world.start(0);
    for part in tape.chunks(30) {
        for recording in part {
            world.inject(0, recording);
        }
        world.run_ms(100);
    }
    assert!(longest_gap(&mut world) <= Duration::from_secs(4));
    world.settle();
    world.assert_settled();
}

#[test]
fn changed_octets_are_not_believed() {
    let mut world = peace(85, 3, 6);
    let tape = record(&mut world, 1_000);
    let moment = world.now;
    for recording in &tape {
        let mut octets = recording.datagram.to_vec();
        let at = usize::try_from(world.random.below(octets.len() as u64)).unwrap();
        octets[at] ^= 1 << world.random.below(8);
        let keep = match world.random.chance(20) {
            true => at,
            false => octets.len(),
        };
        octets.truncate(keep);
        let changed = Recording {
            datagram: Arc::from(octets),
            ..recording.clone()
        };
        for node in 0..3 {
            world.inject(node, &changed);
        }
        world.run_ms(10);
    }
    assert_eq!(moves_since(&world, moment), []);
    assert_eq!(longest_gap(&mut world), Duration::ZERO);
    world.assert_settled();
}

#[test]
fn recordings_of_one_segment_say_nothing_on_another_or_on_routed_paths() {
    let mut world = World::new(86, &[&[0, 1], &[0, 1], &[0, 1]]);
    world.offer(6);
    world.start_all();
    world.settle();
    let dead = owner(&world, address(0));
    let tape = record(&mut world, 3_000);
    world.crash(dead);
    for recording in &tape {
        for segment in [None, Some(0), Some(1)] {
            let moved = Recording {
                segment,
                ..recording.clone()
            };
            for node in 0..3 {
                world.inject(node, &moved);
            }
        }
        world.run_ms(10);
    }
    world.settle();
    world.assert_settled();
}

#[test]
fn heartbeats_that_are_passed_on_live_from_a_cut_off_node_do_not_count_twice() {
    let mut world = peace(87, 3, 6);
    world.tape = Some(Vec::new());
    let moment = world.now;
    for _ in 0..200 {
        world.run_ms(10);
        let tape = world.tape.replace(Vec::new()).unwrap();
        for recording in &tape {
            for node in 0..3 {
                world.inject(node, recording);
            }
        }
    }
    assert_eq!(moves_since(&world, moment), []);
    world.assert_settled();
}
