//! SIGSTOP, suspend, and clocks.

use l2::Notice;

use super::{longest_gap, owner, peace};
use crate::{faults::address, node::Input, witness::TAKEOVER};

#[test]
fn another_node_takes_over_from_a_stopped_one_which_then_elects_anew() {
    for careless in [false, true] {
        let mut world = peace(40, 3, 6);
        let stopped = owner(&world, address(0));
        world.nodes[stopped].careless = careless;
        world.stop(stopped);
        world.run_ms(5_000);
        assert!(longest_gap(&mut world) < TAKEOVER);
        assert_ne!(owner(&world, address(0)), stopped);
        world.resume(stopped);
        let stop = |(_, notice): &(_, Notice)| *notice == Notice::Stopped;
        assert!(world.nodes[stopped].notices.iter().any(stop));
        assert!(world.nodes[stopped].owned.is_empty());
        world.settle();
        world.assert_settled();
        assert_eq!(owner(&world, address(0)), stopped);
    }
}

#[test]
fn a_stop_of_any_length_never_makes_two_answer() {
    for millis in (20..900).step_by(20) {
        let mut world = peace(1_000 + millis, 3, 2);
        let stopped = owner(&world, address(0));
        world.stop(stopped);
        world.run_ms(millis);
        world.resume(stopped);
        world.run_ms(1_000);
        assert!(longest_gap(&mut world) <= TAKEOVER, "{millis} ms");
    }
}

#[test]
fn a_frame_that_comes_first_after_a_stop_is_not_answered() {
    let mut world = peace(41, 2, 2);
    let stopped = owner(&world, address(0));
    world.stop(stopped);
    world.run_ms(600);
    // A thread of its own for answers may be the first to go on.
    let node = &mut world.nodes[stopped];
    let now = node.clock.shows(world.now);
    let index = node.nics[0].index;
    let frame = crate::client::question(address(0));
    let mut reply = Vec::new();
    let speaker = node.speaker.as_mut().unwrap();
    assert!(!speaker.handle_frame(now, index, &frame, &mut reply));
    world.resume(stopped);
    world.settle();
    world.assert_settled();
}

#[test]
fn all_nodes_are_stopped_and_go_on() {
    let mut world = peace(42, 3, 4);
    (0..3).for_each(|node| world.stop(node));
    world.run_ms(10_000);
    for node in 0..3 {
        world.resume(node);
        world.run_ms(10);
    }
    world.settle();
    world.assert_settled();
}

#[test]
fn a_stopped_node_that_leaves_on_waking_answers_nothing() {
    let mut world = peace(43, 2, 2);
    let stopped = owner(&world, address(0));
    world.stop(stopped);
    world.run_ms(2_000);
    world.resume(stopped);
    world.leave(stopped);
    world.settle();
    world.assert_settled();
}

#[test]
fn heartbeats_of_before_a_stop_that_arrive_late_change_nothing() {
    let mut world = peace(44, 3, 4);
    let stopped = owner(&world, address(0));
    world.tape = Some(Vec::new());
    world.stop(stopped);
    world.run_ms(3_000);
    let tape = world.tape.take().unwrap();
    world.resume(stopped);
    for recording in &tape {
        world.inject(stopped, recording);
    }
    // And once more what had been asked meanwhile.
    let frame = crate::client::question(address(0)).into();
    world.at(stopped, |node, now| {
        node.handle(now, Input::Frame { nic: 0, frame })
    });
    world.settle();
    world.assert_settled();
}
