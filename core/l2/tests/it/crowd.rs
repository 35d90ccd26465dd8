//! Many nodes.

use std::time::Duration;

use proptest::prelude::ProptestConfig;

use crate::{faults::STABILITY_TIME, node::State, random::Random, traffic::Way, world::World};

/// Many nodes, of which a few fail at a time.
fn crowd(seed: u64, nodes: usize, addresses: usize, rounds: usize) {
    let mut random = Random::new(seed);
    let mut world = World::flat(seed, nodes);
    world.asks_every = Duration::from_millis(20);
    world.asks_for = addresses.div_ceil(10);
    world.offer(addresses);
    // With many nodes it takes some heartbeats until each has named everybody.
    let settling = STABILITY_TIME + Duration::from_millis(800 + 10 * nodes as u64);
    world.start_all();
    world.run(settling);
    world.assert_settled();
    for _ in 0..rounds {
        let any = |random: &mut Random| usize::try_from(random.below(nodes as u64)).unwrap();
        let (dead, stopped, leaving) = (any(&mut random), any(&mut random), any(&mut random));
        world.crash(dead);
        world.stop(stopped);
        world.leave(leaving);
        world.run_ms(1_200);
        world.resume(stopped);
        for node in [dead, leaving] {
            if world.nodes[node].state == State::Down {
                world.start(node);
            }
        }
        world.run(settling);
        world.assert_settled();
    }
    let owned: Vec<usize> = world.nodes.iter().map(|node| node.owned.len()).collect();
    assert_eq!(owned.iter().sum::<usize>(), addresses);
    let segment = world.traffic.most(|way| matches!(way, Way::Segment(_)));
    assert!(
        segment <= 60,
        "{segment} heartbeats in a second on one card"
    );
}

/// The settings that tell a long run from a short one.
fn is_long() -> bool {
    ProptestConfig::default().cases > 256
}

#[test]
fn many_nodes_agree_all_along() {
    match is_long() {
        false => crowd(0, 20, 20, 1),
        true => (0..10).for_each(|seed| crowd(seed, 50, 20, 3)),
    }
}

#[test]
#[ignore = "minutes of a processor: `make test-full` runs it"]
fn two_hundred_nodes_agree_all_along() {
    crowd(100, 200, 10, 1);
}
