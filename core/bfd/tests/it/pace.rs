use bfd::{Profile, State};

use crate::scripted::{Scripted, gaps, ms};

fn assert_pace(node: &mut Scripted, fastest: u64, slowest: u64) {
    let sent = node.run_up(ms(60_000));
    let gaps = gaps(&sent);
    assert!(gaps.len() > 20, "{}", gaps.len());
    for gap in &gaps {
        assert!((ms(fastest)..=ms(slowest)).contains(gap), "{gap:?}");
    }
    // Jitter: neither end of the range stays unused.
    let tenth = ms(slowest - fastest) / 10;
    assert!(gaps.iter().any(|gap| *gap < ms(fastest) + tenth));
    assert!(gaps.iter().any(|gap| *gap > ms(slowest) - tenth));
}

#[test]
fn packets_come_at_our_pace_when_the_peer_can_take_it() {
    let mut node = Scripted::up(Profile::default());
    node.theirs.required_min_rx = ms(50);
    assert_pace(&mut node, 225, 300);
}

#[test]
fn packets_come_no_faster_than_the_peer_wants() {
    let mut node = Scripted::up(Profile {
        transmit_interval: ms(50),
        ..Profile::default()
    });
    node.theirs.required_min_rx = ms(800);
    node.say(State::Up).unwrap();
    node.run(ms(10));
    assert_pace(&mut node, 600, 800);
}

#[test]
fn a_single_packet_that_must_not_be_missed_comes_in_nine_tenths_of_the_time() {
    let mut node = Scripted::up(Profile {
        detect_multiplier: 1,
        ..Profile::default()
    });
    assert_pace(&mut node, 225, 270);
}

#[test]
fn an_interval_is_handed_over_in_microseconds() {
    let mut node = Scripted::up(Profile {
        transmit_interval: ms(10),
        receive_interval: ms(60_000),
        ..Profile::default()
    });
    let sent = node.run_up(ms(1000));
    let packet = sent.last().unwrap().1;
    let mut octets = Vec::new();
    packet.encode(&mut octets);
    assert_eq!(octets[12..16], 10_000_u32.to_be_bytes());
    assert_eq!(octets[16..20], 60_000_000_u32.to_be_bytes());
}

#[test]
fn a_peer_that_wants_packets_faster_gets_the_next_one_at_once() {
    let mut node = Scripted::up(Profile {
        transmit_interval: ms(50),
        ..Profile::default()
    });
    node.theirs.required_min_rx = ms(5000);
    node.theirs.detect_multiplier = 20;
    node.say(State::Up).unwrap();
    node.run(ms(100));
    assert_eq!(node.run(ms(1000)), []);
    node.theirs.required_min_rx = ms(100);
    node.say(State::Up).unwrap();
    assert_eq!(node.transmit().len(), 1);
}

#[test]
fn a_peer_that_wants_no_packets_gets_only_news_and_answers() {
    let mut node = Scripted::up(Profile::default());
    node.theirs.required_min_rx = ms(0);
    node.say(State::Up).unwrap();
    node.theirs.detect_multiplier = 255;
    assert_eq!(node.run_up(ms(60_000)), []);
    node.ask(State::Up);
    assert!(node.transmit()[0].is_final);
    node.say(State::Down).unwrap();
    assert_eq!(node.transmit()[0].state, State::Down);
    assert_eq!(node.run(ms(10_000)), []);
}

#[test]
fn a_peer_that_is_gone_after_it_wanted_no_packets_is_called_again() {
    let mut node = Scripted::up(Profile::default());
    node.theirs.required_min_rx = ms(0);
    node.say(State::Up).unwrap();
    let sent = node.run(ms(60_000));
    assert!(sent.len() > 50, "{}", sent.len());
}

#[test]
fn demand_of_the_peer_ends_periodic_packets_while_both_are_up() {
    let mut node = Scripted::up(Profile::default());
    node.theirs.demand = true;
    node.say(State::Up).unwrap();
    assert_eq!(node.run_up(ms(60_000)), []);
    assert_eq!(node.view().state, State::Up);

    node.theirs.demand = false;
    node.say(State::Up).unwrap();
    assert_eq!(node.transmit().len(), 1);
}

#[test]
fn demand_counts_only_while_both_are_up() {
    let mut node = Scripted::new(Profile::default());
    node.theirs.demand = true;
    node.theirs.detect_multiplier = 100;
    node.say(State::Down).unwrap();
    node.transmit();
    assert!(node.run(ms(10_000)).len() >= 10);
    assert_eq!(node.view().state, State::Init);
}

#[test]
fn demand_is_broken_by_a_question_until_it_is_answered() {
    let mut node = Scripted::up(Profile::default());
    node.theirs.demand = true;
    node.say(State::Up).unwrap();
    node.run(ms(500));
    node.set_profile(Profile {
        detect_multiplier: 5,
        ..Profile::default()
    });
    let sent = node.run_up(ms(1000));
    assert!(sent.len() >= 3, "{}", sent.len());
    assert!(sent.iter().all(|(_, packet)| packet.poll));
    node.answer();
    assert_eq!(node.run_up(ms(10_000)), []);
}

#[test]
fn intervals_that_nobody_could_keep_count_as_the_nearest_that_one_can() {
    let mut node = Scripted::up(Profile {
        transmit_interval: ms(0),
        receive_interval: ms(0),
        detect_multiplier: 0,
        passive: false,
    });
    node.theirs.required_min_rx = ms(1);
    let sent = node.run_up(ms(100));
    assert!((100..150).contains(&sent.len()), "{}", sent.len());
    let packet = sent[0].1;
    assert_eq!(packet.desired_min_tx, ms(1));
    assert_eq!(packet.required_min_rx, ms(1));
    assert_eq!(packet.detect_multiplier, 1);
}
