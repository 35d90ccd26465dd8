//! Cards that go, come back and change.

use l2::{InterfaceFilter, Mac, Nominee, Standing};

use super::{longest_gap, owner, peace};
use crate::{
    faults::{address, nominee},
    witness::TAKEOVER,
    world::World,
};

#[test]
fn a_lost_carrier_moves_the_addresses_at_once_or_after_a_detection() {
    let mut world = peace(60, 3, 6);
    let cut = owner(&world, address(0));
    world.set_carrier(cut, 0, false);
    world.run_ms(1_500);
    assert!(longest_gap(&mut world) <= TAKEOVER);
    assert!(world.nodes[cut].owned.is_empty());
    world.settle();
    assert_ne!(owner(&world, address(0)), cut);
    world.set_carrier(cut, 0, true);
    world.settle();
    world.assert_settled();
}

#[test]
fn a_node_that_is_heard_by_internal_ip_hands_over_when_its_carrier_goes() {
    let mut world = World::new(61, &[&[0, 1], &[0, 1], &[0, 1]]);
    let filter = InterfaceFilter::new(["eth0".into()]);
    for node in 0..3 {
        for address in (0..4).map(address) {
            let interfaces = filter.clone();
            world.nominate(
                node,
                address,
                Some(Nominee {
                    interfaces,
                    ..nominee(0)
                }),
            );
        }
    }
    world.start_all();
    world.settle();
    world.assert_settled();
    let cut = owner(&world, address(0));
    longest_gap(&mut world);
    world.set_carrier(cut, 0, false);
    world.run_ms(1_500);
    assert!(longest_gap(&mut world) <= TAKEOVER);
}

#[test]
fn a_flapping_card_does_not_take_addresses_back_before_it_is_stable() {
    let mut world = peace(62, 3, 4);
    let flapping = owner(&world, address(0));
    for _ in 0..10 {
        world.set_carrier(flapping, 0, false);
        world.run_ms(400);
        world.set_carrier(flapping, 0, true);
        world.run_ms(500);
    }
    let owners = world.witness.owners(address(0)).len();
    assert!(owners <= 5, "{owners} owners");
    world.settle();
    world.assert_settled();
    assert_eq!(owner(&world, address(0)), flapping);
}

#[test]
fn a_card_that_changes_its_mac_is_announced_anew() {
    let mut world = peace(63, 3, 4);
    let changed = owner(&world, address(0));
    world.set_mac(changed, 0, Mac([2, 0xaa, 0, 0, 0, 9]));
    world.run_ms(1_500);
    assert!(longest_gap(&mut world) <= TAKEOVER);
    world.settle();
    world.assert_settled();
}

#[test]
fn a_node_without_the_named_interface_leaves_the_address_to_others() {
    let mut world = World::new(64, &[&[0], &[0, 1], &[1, 0]]);
    let filter = InterfaceFilter::new(["eth1".into()]);
    for node in 0..3 {
        let interfaces = filter.clone();
        world.nominate(
            node,
            address(0),
            Some(Nominee {
                interfaces,
                ..nominee(0)
            }),
        );
    }
    world.start_all();
    world.settle();
    world.assert_settled();
    let view = world.nodes[0].speaker.as_ref().unwrap().view();
    assert_eq!(view.addresses[&address(0)].standing, Standing::NoInterface);
}

#[test]
fn ipv6_is_not_answered_without_a_link_local_address() {
    let mut world = World::flat(65, 2);
    world.nodes[0].nics[0].interface.link_local = None;
    world.offer(4);
    world.start_all();
    world.settle();
    world.assert_settled();
    assert_eq!(owner(&world, address(1)), 1);
    assert_eq!(owner(&world, address(3)), 1);
}

#[test]
fn one_of_two_segments_fails_and_the_other_goes_on() {
    let mut world = World::new(66, &[&[0, 1], &[0, 1], &[0, 1]]);
    world.offer(6);
    world.start_all();
    world.settle();
    world.assert_settled();
    world.set_carrier(0, 1, false);
    world.run_ms(1_500);
    assert!(longest_gap(&mut world) <= TAKEOVER);
    world.set_carrier(0, 1, true);
    world.settle();
    world.assert_settled();
}
