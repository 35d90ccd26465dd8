use std::time::Duration;

use bfd::{Diagnostic, Notice, Profile, State};
use proptest::{prelude::*, test_runner::TestCaseResult};

use crate::{
    scripted::{gaps, ms},
    world::{Loss, World},
};

const DELAY: [Duration; 2] = [ms(2), ms(8)];

fn profile(multipliers: core::ops::RangeInclusive<u8>) -> impl Strategy<Value = Profile> {
    let interval = || (50..1000_u64).prop_map(ms);
    (interval(), interval(), multipliers).prop_map(|(transmit, receive, detect_multiplier)| {
        Profile {
            transmit_interval: transmit,
            receive_interval: receive,
            detect_multiplier,
            passive: false,
        }
    })
}

fn profiles() -> impl Strategy<Value = [Profile; 2]> {
    [profile(3..=6), profile(3..=6)]
}

/// Both have what they agreed on (RFC 5880 sections 6.8.2 and 6.8.4), and know it of each other.
fn assert_agreed(world: &World, profiles: [Profile; 2]) -> TestCaseResult {
    for (own, other) in [(0, 1), (1, 0)] {
        let view = world.nodes[own].view();
        let [ours, theirs] = [profiles[own], profiles[other]];
        let transmit = ours.transmit_interval.max(theirs.receive_interval);
        prop_assert_eq!(view.transmit_interval, transmit);
        let receive = ours.receive_interval.max(theirs.transmit_interval);
        let detection_time = receive * u32::from(theirs.detect_multiplier);
        prop_assert_eq!(view.detection_time, Some(detection_time));
        let remote = world.nodes[other].view();
        prop_assert_eq!(view.remote_discriminator, Some(remote.local_discriminator));
    }
    Ok(())
}

/// Something that happens to one node or to the link.
#[derive(Clone, Debug)]
enum Trouble {
    Loss([u8; 2]),
    Change(usize, Profile),
    Restart(usize),
    Sleep(usize, Duration),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let percent = || prop_oneof![Just(0_u8), 1..100_u8, Just(100)];
    prop_oneof![
        [percent(), percent()].prop_map(Trouble::Loss),
        (0..2_usize, profile(1..=6)).prop_map(|(node, profile)| Trouble::Change(node, profile)),
        (0..2_usize).prop_map(Trouble::Restart),
        (0..2_usize, 0..4000_u64).prop_map(|(node, time)| Trouble::Sleep(node, ms(time))),
    ]
}

fn make_trouble(world: &mut World, profiles: &mut [Profile; 2], trouble: Trouble) {
    match trouble {
        Trouble::Loss(percents) => world.set_loss(percents.map(|percent| Loss {
            percent,
            most_in_a_row: u32::MAX,
        })),
        Trouble::Change(node, profile) => {
            profiles[node] = profile;
            world.set_profile(node, profile);
        }
        Trouble::Restart(node) => world.restart(node),
        Trouble::Sleep(node, time) => world.put_to_sleep(node, time),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn comes_up_once_the_link_heals_whatever_was_before(
        seed: u64,
        mut profiles in profiles(),
        passive: bool,
        history in prop::collection::vec((trouble(), 0..3000_u64), 0..20),
    ) {
        profiles[0].passive = passive;
        let mut world = World::new(seed, profiles, DELAY);
        for (trouble, wait) in history {
            let trouble = match trouble {
                Trouble::Change(0, profile) => Trouble::Change(0, Profile { passive, ..profile }),
                Trouble::Loss(_)
                | Trouble::Change(..)
                | Trouble::Restart(_)
                | Trouble::Sleep(..) => trouble,
            };
            make_trouble(&mut world, &mut profiles, trouble);
            world.run(ms(wait));
        }
        world.set_loss([Loss::NONE; 2]);
        // With Detect Mult 1 nothing may be late.
        for (node, mut profile) in profiles.into_iter().enumerate() {
            profile.detect_multiplier = profile.detect_multiplier.max(2);
            profiles[node] = profile;
            world.set_profile(node, profile);
        }
        // A sleep and the longest detection time, then a few packets of one a second.
        world.run(ms(4000) + ms(1000) * 6);
        let took = world.run_until(ms(5000), World::is_up);
        prop_assert!(took.is_some());
        world.run(ms(10_000));
        prop_assert!(world.is_up());
        assert_agreed(&world, profiles)?;
    }

    #[test]
    fn never_flaps_while_intervals_change_and_fewer_packets_are_lost_than_the_multiplier_bears(
        seed: u64,
        mut profiles in profiles(),
        percent in 0..60_u8,
        changes in prop::collection::vec((0..2_usize, profile(3..=6), 0..4000_u64), 1..30),
    ) {
        let mut world = World::new(seed, profiles, DELAY);
        world.come_up();
        // One in a row: of three packets the second is there in time, late as it may be.
        world.set_loss([Loss { percent, most_in_a_row: 1 }; 2]);
        for (node, profile, wait) in changes {
            profiles[node] = profile;
            world.set_profile(node, profile);
            world.run(ms(wait));
            for node in &world.nodes {
                prop_assert_eq!(&node.notices, &[]);
            }
        }
        world.set_loss([Loss::NONE; 2]);
        world.run(ms(20_000));
        for node in &world.nodes {
            prop_assert_eq!(&node.notices, &[]);
        }
        assert_agreed(&world, profiles)?;
    }

    #[test]
    fn bears_one_loss_less_than_would_use_up_the_multiplier(
        seed: u64,
        multiplier in 3..20_u8,
    ) {
        let profile = Profile { detect_multiplier: multiplier, ..Profile::default() };
        let mut world = World::new(seed, [profile; 2], DELAY);
        world.come_up();
        let most_in_a_row = u32::from(multiplier) - 2;
        world.set_loss([Loss { percent: 95, most_in_a_row }; 2]);
        world.run(ms(120_000));
        prop_assert!(world.lost > 100);
        prop_assert!(world.is_up());
        for node in &world.nodes {
            prop_assert_eq!(&node.notices, &[]);
        }
    }

    #[test]
    fn misses_the_other_within_the_detection_time_and_one_interval(
        seed: u64,
        profiles in profiles(),
        wait in 0..3000_u64,
        both_ways: bool,
    ) {
        let mut world = World::new(seed, profiles, DELAY);
        world.come_up();
        assert_agreed(&world, profiles)?;
        world.run(ms(wait));
        let loss = [Loss::ALL, if both_ways { Loss::ALL } else { Loss::NONE }];
        let cut_at = world.now;
        world.set_loss(loss);
        let deaf = world.nodes[1].view();
        let interval = world.nodes[0].view().transmit_interval;
        let limit = deaf.detection_time.unwrap() + interval;
        let took = world.run_until(limit, |world| world.nodes[1].state() == State::Down);
        prop_assert!(took.is_some(), "not within {:?}", limit);
        let (at, notice) = world.nodes[1].notices[0].clone();
        let by_time = matches!(
            notice,
            Notice::StateChanged { diagnostic: Diagnostic::ControlDetectionTimeExpired, .. }
        );
        if !both_ways {
            prop_assert!(by_time);
            // It says so, and the other believes it at once.
            world.run(ms(20));
            let (told_at, notice) = world.nodes[0].notices[0].clone();
            prop_assert!(told_at <= at + ms(10) + ms(4));
            let told = matches!(
                notice,
                Notice::StateChanged { diagnostic: Diagnostic::NeighborSignaledSessionDown, .. }
            );
            prop_assert!(told);
        }
        if by_time {
            let earliest = cut_at + deaf.detection_time.unwrap() - interval;
            prop_assert!(at + ms(4) >= earliest);
        }
    }
}

#[test]
fn two_passive_ones_stay_silent() {
    let passive = Profile {
        passive: true,
        ..Profile::default()
    };
    let mut world = World::new(1, [passive; 2], DELAY);
    world.run(ms(600_000));
    for node in &world.nodes {
        assert_eq!(node.state(), State::Down);
        assert_eq!(node.sent, []);
    }
}

#[test]
fn a_passive_and_an_active_one_come_up() {
    let passive = Profile {
        passive: true,
        ..Profile::default()
    };
    let mut world = World::new(1, [passive, Profile::default()], DELAY);
    world.come_up();
}

#[test]
fn is_up_within_a_second_of_the_first_packet() {
    let mut world = World::new(1, [Profile::default(); 2], DELAY);
    let took = world.run_until(ms(1000), World::is_up);
    assert!(took.is_some());
}

#[test]
fn each_sends_at_its_own_pace_when_they_are_unequal() {
    let paced = |transmit, receive| Profile {
        transmit_interval: ms(transmit),
        receive_interval: ms(receive),
        ..Profile::default()
    };
    let mut world = World::new(1, [paced(50, 100), paced(400, 250)], DELAY);
    world.come_up();
    world.run(ms(120_000));
    for (node, interval) in world.nodes.iter().zip([250, 400]) {
        assert!(node.sent.iter().all(|(_, packet)| !packet.is_final));
        let gaps = gaps(&node.sent);
        assert!(gaps.len() > 250, "{}", gaps.len());
        for gap in gaps {
            // The alarm may be 3 ms late.
            let allowed = ms(interval) * 3 / 4..=ms(interval + 3);
            assert!(allowed.contains(&gap), "{gap:?}");
        }
    }
}

#[test]
fn a_short_sleep_costs_no_session() {
    let fast = Profile {
        transmit_interval: ms(50),
        receive_interval: ms(50),
        ..Profile::default()
    };
    let slow = Profile {
        receive_interval: ms(1000),
        ..fast
    };
    let mut world = World::new(1, [fast, slow], DELAY);
    world.come_up();
    for _ in 0..20 {
        world.put_to_sleep(0, ms(1500));
        world.run(ms(5000));
        assert!(world.is_up());
    }
    assert_eq!(world.nodes[0].notices, []);
    assert_eq!(world.nodes[1].notices, []);
}

#[test]
fn who_leaves_is_not_taken_for_dead() {
    let mut world = World::new(1, [Profile::default(); 2], DELAY);
    world.come_up();
    let now = world.now;
    world.nodes[0].speaker.handle_leave(now);
    let took = world.run_until(ms(50), |world| world.nodes[0].speaker.is_done());
    assert!(took.is_some(), "as soon as the other knows");
    let (_, notice) = &world.nodes[1].notices[0];
    let is_told = matches!(
        notice,
        Notice::StateChanged {
            to: State::Down,
            remote_admin_down: true,
            ..
        }
    );
    assert!(is_told, "{notice:?}");
}
