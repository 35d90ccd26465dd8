//! Both sides dial; whatever the network does, one session comes out of it.

use std::time::Duration;

use bgp::{Notice, PeerConfig};
use proptest::prelude::*;

use crate::pair::{Pair, config};

#[derive(Clone, Debug)]
enum Fault {
    Wait(u64),
    Delay(u64),
    Reset(usize, [bool; 2]),
    BlackHole(usize),
    Cut(bool),
    Inject(usize, usize, Vec<u8>),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => (0..4000_u64).prop_map(Fault::Wait),
        1 => (0..3000_u64).prop_map(Fault::Delay),
        2 => (any::<usize>(), any::<[bool; 2]>()).prop_map(|(wire, tell)| Fault::Reset(wire, tell)),
        1 => any::<usize>().prop_map(Fault::BlackHole),
        1 => any::<bool>().prop_map(Fault::Cut),
        1 => (any::<usize>(), 0..2_usize, prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(wire, side, bytes)| Fault::Inject(wire, side, bytes)),
    ]
}

fn apply(pair: &mut Pair, fault: Fault) {
    match fault {
        Fault::Wait(millis) => pair.run(Duration::from_millis(millis)),
        Fault::Delay(millis) => pair.delay = Duration::from_millis(millis),
        Fault::Reset(wire, tell) => pair.reset(wire, tell),
        Fault::BlackHole(wire) => pair.black_hole(wire),
        Fault::Cut(cut) => pair.cut = cut,
        Fault::Inject(wire, side, bytes) => pair.inject(wire, side, &bytes),
    }
}

/// `Pair` asserts at every step that no side has two sessions at once.
fn one_session_in_the_end(pair: &mut Pair) {
    pair.cut = false;
    pair.delay = Duration::from_millis(1);
    // Longer than the 4 minutes that an OPEN may take.
    pair.run(Duration::from_secs(600));
    assert_eq!(pair.established(), [true, true]);
    assert_eq!(pair.up, [1, 1]);
    assert_eq!(pair.shared_wires().values().sum::<usize>(), 1);
    let before = pair.notices.each_ref().map(Vec::len);
    pair.run(Duration::from_secs(600));
    assert_eq!(
        pair.notices.each_ref().map(Vec::len),
        before,
        "the session is quiet"
    );
}

fn sides(passive: usize, same_identifier: bool) -> [PeerConfig; 2] {
    let mut configs = [config(0), config(1)];
    if let Some(config) = configs.get_mut(passive) {
        config.passive = true;
    }
    if same_identifier {
        configs[1].identifier = configs[0].identifier;
    }
    configs
}

proptest! {
    #[test]
    fn exactly_one_session_once_the_link_heals(
        seed in any::<u64>(),
        passive in 0..3_usize,
        same_identifier in any::<bool>(),
        faults in prop::collection::vec(fault(), 0..40),
    ) {
        let mut pair = Pair::new(seed, sides(passive, same_identifier), [true, true]);
        for fault in faults {
            apply(&mut pair, fault);
        }
        one_session_in_the_end(&mut pair);
    }
}

#[test]
fn simultaneous_dials_end_in_one_session_without_a_second_attempt() {
    for delay in [1, 5, 100, 900] {
        let mut pair = Pair::new(7, sides(2, false), [true, true]);
        pair.delay = Duration::from_millis(delay);
        pair.run(Duration::from_secs(8));
        assert_eq!(pair.established(), [true, true], "delay {delay} ms");
        for notices in &pair.notices {
            let dials = notices
                .iter()
                .filter(|each| matches!(each, Notice::Dial(_)))
                .count();
            assert_eq!(dials, 1, "delay {delay} ms");
        }
        // The greater identifier is that of side 1.
        let kept: Vec<_> = pair.shared_wires().into_iter().collect();
        assert_eq!(kept, [(1, 1)], "delay {delay} ms");
    }
}

#[test]
fn one_listener_is_enough() {
    for listens in [[true, false], [false, true]] {
        let mut pair = Pair::new(7, sides(2, false), listens);
        pair.run(Duration::from_secs(5));
        assert_eq!(pair.established(), [true, true]);
    }
}

#[test]
fn a_peer_that_nobody_answers_is_dialled_again_and_again() {
    let mut pair = Pair::new(7, sides(2, false), [false, false]);
    pair.run(Duration::from_secs(600));
    let dials = pair.notices[0]
        .iter()
        .filter(|each| matches!(each, Notice::Dial(_)))
        .count();
    assert!((20..40).contains(&dials), "{dials} dials in ten minutes");
    assert_eq!(
        pair.view(0).last_error.as_deref(),
        Some("connection refused")
    );
}

#[test]
fn a_fixed_retry_time_is_kept() {
    let mut configs = sides(2, false);
    configs[0].connect_retry = Some(Duration::from_secs(5));
    let mut pair = Pair::new(7, configs, [false, false]);
    pair.run(Duration::from_secs(101));
    let dials = pair.notices[0]
        .iter()
        .filter(|each| matches!(each, Notice::Dial(_)))
        .count();
    assert_eq!(dials, 21);
}

#[test]
fn a_dial_into_the_void_tells_that_nobody_answers() {
    let mut pair = Pair::new(7, sides(2, false), [true, true]);
    pair.cut = true;
    pair.reset(0, [true, true]);
    pair.reset(1, [true, true]);
    pair.run(Duration::from_secs(15));
    let error = pair.view(0).last_error.unwrap();
    assert_eq!(error, "no answer from 192.0.2.2 port 179 within 10 s");
}
