//! Hosts that are none of the nodes and claim what the nodes answer.

use l2::{Mac, Notice};

use super::{moves_since, owner, peace};
use crate::{faults::address, world::World};

const STRANGER: Mac = Mac([2, 0xee, 0, 0, 0, 1]);

fn conflicts(world: &World, node: usize) -> usize {
    let notices = world.nodes[node].notices.iter();
    let conflicts = notices.filter(|(_, notice)| matches!(notice, Notice::Conflict(_)));
    conflicts.count()
}

fn defences(world: &World, node: usize) -> u64 {
    let view = world.nodes[node].speaker.as_ref().unwrap().view();
    view.counters.defences
}

#[test]
fn a_foreign_claim_is_reported_once_a_minute_and_answered_once_in_ten_seconds() {
    for number in [0, 1] {
        let mut world = peace(90 + number as u64, 3, 4);
        let owned = address(number);
        let owner = owner(&world, owned);
        let moment = world.now;
        for _ in 0..650 {
            world.claim_foreign(owned, STRANGER);
            world.run_ms(100);
        }
        assert_eq!(moves_since(&world, moment), []);
        let told = conflicts(&world, owner);
        assert!((1..=2).contains(&told), "{told} notices in 65 seconds");
        let defended = defences(&world, owner);
        assert!(
            (6..=7).contains(&defended),
            "{defended} defences in 65 seconds"
        );
        for other in (0..3).filter(|node| *node != owner) {
            assert_eq!(conflicts(&world, other), 0, "only its owner defends it");
            assert_eq!(defences(&world, other), 0);
        }
        let cached = world.witness.caches[&(0, owned)];
        assert_eq!(cached, world.nodes[owner].nics[0].mac());
    }
}

#[test]
fn a_claim_of_one_of_the_nodes_is_no_conflict() {
    let mut world = peace(92, 3, 4);
    let first = owner(&world, address(0));
    let other = (first + 1) % 3;
    let mac = world.nodes[other].nics[0].mac();
    world.claim_foreign(address(0), mac);
    world.run_ms(1_000);
    assert_eq!(conflicts(&world, first), 0);
    assert_eq!(owner(&world, address(0)), first);
}

#[test]
fn foreign_claims_to_other_addresses_are_nothing_to_us() {
    let mut world = peace(93, 2, 2);
    for number in 2..20 {
        world.claim_foreign(address(number), STRANGER);
    }
    world.run_ms(500);
    assert_eq!(conflicts(&world, 0) + conflicts(&world, 1), 0);
}

#[test]
fn an_address_that_a_stranger_answers_has_at_most_one_owner_among_the_nodes() {
    let mut world = World::flat(94, 3);
    world.squatters.insert(address(0), STRANGER);
    world.squatters.insert(address(1), STRANGER);
    world.offer(4);
    world.start_all();
    world.settle();
    world.assert_settled();
    world.run_ms(70_000);
    world.assert_settled();
}

#[test]
fn many_claims_to_many_addresses_are_defended_in_bounds() {
    let mut world = peace(95, 2, 20);
    world.traffic.forget();
    for _ in 0..300 {
        for number in 0..20 {
            let stranger = Mac([2, 0xee, 0, 1, 0, number as u8]);
            world.claim_foreign(address(number), stranger);
        }
        world.run_ms(10);
    }
    let total: u64 = (0..2).map(|node| defences(&world, node)).sum();
    assert_eq!(total, 20);
    world.assert_settled();
}
