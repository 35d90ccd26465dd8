use bfd::{Packet, Profile, State};

use crate::scripted::{Scripted, gaps, ms};

fn paced(transmit: u64, receive: u64) -> Profile {
    Profile {
        transmit_interval: ms(transmit),
        receive_interval: ms(receive),
        ..Profile::default()
    }
}

fn up(profile: Profile) -> Scripted {
    let mut node = Scripted::up(profile);
    node.theirs.required_min_rx = ms(10);
    node.theirs.desired_min_tx = ms(10);
    node.theirs.detect_multiplier = 30;
    node.run_up(ms(1000));
    assert!(!node.run_up(ms(1000))[0].1.poll);
    node
}

fn assert_gaps(sent: &[(core::time::Duration, Packet)], interval: u64) {
    let gaps = gaps(sent);
    assert!(gaps.len() > 2);
    for gap in gaps {
        assert!(
            (ms(interval) * 3 / 4..=ms(interval)).contains(&gap),
            "{gap:?}"
        );
    }
}

#[test]
fn a_longer_transmit_interval_is_used_only_when_the_peer_knows_it() {
    let mut node = up(paced(100, 100));
    node.set_profile(paced(1000, 100));
    let sent = node.run_up(ms(3000));
    for (_, packet) in &sent {
        assert!(packet.poll);
        assert_eq!(packet.desired_min_tx, ms(1000));
    }
    assert_gaps(&sent, 100);
    node.answer();
    let sent = node.run_up(ms(10_000));
    assert!(sent.iter().all(|(_, packet)| !packet.poll));
    assert_gaps(&sent, 1000);
}

#[test]
fn a_shorter_transmit_interval_is_used_at_once() {
    let mut node = up(paced(1000, 100));
    node.set_profile(paced(100, 100));
    let sent = node.run_up(ms(1000));
    assert!(sent.iter().all(|(_, packet)| packet.poll));
    assert_gaps(&sent, 100);
}

#[test]
fn a_shorter_receive_interval_is_expected_only_when_the_peer_knows_it() {
    let mut node = up(paced(100, 1000));
    assert_eq!(node.view().detection_time, Some(ms(30_000)));
    node.set_profile(paced(100, 100));
    assert!(node.run_up(ms(1000))[0].1.poll);
    assert_eq!(node.view().detection_time, Some(ms(30_000)));
    node.answer();
    assert_eq!(node.view().detection_time, Some(ms(3000)));
}

#[test]
fn a_longer_receive_interval_is_granted_at_once() {
    let mut node = up(paced(100, 100));
    node.set_profile(paced(100, 1000));
    assert_eq!(node.view().detection_time, Some(ms(30_000)));
    assert!(node.run_up(ms(1000))[0].1.poll);
}

#[test]
fn another_multiplier_is_asked_about_too() {
    let mut node = up(paced(100, 100));
    node.set_profile(Profile {
        detect_multiplier: 7,
        ..paced(100, 100)
    });
    let sent = node.run_up(ms(300));
    assert!(sent[0].1.poll);
    assert_eq!(sent[0].1.detect_multiplier, 7);
}

#[test]
fn the_same_profile_asks_nothing() {
    let mut node = up(paced(100, 100));
    node.reload();
    assert!(node.run_up(ms(1000)).iter().all(|(_, packet)| !packet.poll));
}

#[test]
fn a_question_is_put_in_packets_that_were_due_anyway() {
    let mut node = up(paced(1000, 1000));
    node.set_profile(paced(2000, 1000));
    assert_eq!(node.transmit(), []);
}

#[test]
fn a_second_change_waits_until_the_first_is_known() {
    let mut node = up(paced(100, 100));
    node.set_profile(paced(200, 100));
    node.run_up(ms(1000));
    node.set_profile(paced(400, 100));
    let sent = node.run_up(ms(1000));
    assert!(
        sent.iter()
            .all(|(_, packet)| packet.desired_min_tx == ms(200))
    );

    node.answer();
    let sent = node.run(ms(1000));
    assert!(sent.len() >= 4);
    for (_, packet) in sent {
        assert!(
            !packet.poll,
            "the next question waits for a packet without F"
        );
        assert_eq!(packet.desired_min_tx, ms(200));
    }
    node.run_up(ms(200));
    let (_, packet) = node.run_up(ms(1000))[0];
    assert!(packet.poll);
    assert_eq!(packet.desired_min_tx, ms(400));
}

#[test]
fn a_late_answer_to_the_last_question_is_not_taken_for_one_to_the_next() {
    let mut node = up(paced(100, 100));
    node.set_profile(paced(200, 100));
    // Two questions are under way before the first answer comes.
    let asked = node.run(ms(200)).len();
    assert!(asked >= 2);
    node.set_profile(paced(1000, 100));
    node.answer();
    node.say(State::Up).unwrap();
    node.answer();
    node.run_up(ms(1000));
    let sent = node.run_up(ms(4000));
    assert!(sent[0].1.poll, "still asked");
    assert_gaps(&sent, 200);
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut node = up(paced(100, 100));
    node.answer();
    node.set_profile(paced(1000, 100));
    node.answer();
    let sent = node.run_up(ms(1000));
    assert!(sent.iter().all(|(_, packet)| packet.poll), "not asked yet");
    assert_gaps(&sent, 100);
}

#[test]
fn a_question_of_the_peer_is_answered_at_once_in_every_state() {
    let mut node = Scripted::new(Profile::default());
    node.transmit();
    for state in [
        State::Down,
        State::AdminDown,
        State::Down,
        State::Init,
        State::Up,
    ] {
        node.ask(state);
        let sent = node.transmit();
        let answers = sent.iter().filter(|packet| packet.is_final).count();
        assert_eq!(answers, 1, "{state}");
    }
    assert_eq!(node.view().state, State::Up);
}

#[test]
fn answers_do_not_delay_what_is_sent_anyway() {
    let mut node = up(paced(100, 100));
    let mut sent = Vec::new();
    for _ in 0..200 {
        node.ask(State::Up);
        sent.extend(node.run(ms(10)));
    }
    assert_eq!(
        sent.iter().filter(|(_, packet)| packet.is_final).count(),
        200
    );
    assert_gaps(&sent, 100);
}

#[test]
fn a_changed_profile_never_ends_the_session() {
    let mut node = up(paced(100, 100));
    for step in 1..50 {
        node.set_profile(Profile {
            transmit_interval: ms(step * 37 % 900 + 10),
            receive_interval: ms(step * 53 % 900 + 10),
            detect_multiplier: 3 + (step % 5) as u8,
            passive: step % 2 == 0,
        });
        node.run_up(ms(300));
    }
    assert_eq!(node.notices(), []);
    assert_eq!(node.view().flaps, 0);
}

#[test]
fn going_down_asks_about_the_slower_pace() {
    let mut node = Scripted::up(Profile::default());
    node.say(State::Down).unwrap();
    let [packet] = node.transmit()[..] else {
        panic!("one packet");
    };
    assert!(packet.poll);
    assert_eq!(packet.desired_min_tx, ms(1000));
    let gaps = gaps(&node.run(ms(600)));
    assert!(gaps.is_empty(), "slow at once: {gaps:?}");
}

#[test]
fn another_answer_may_be_on_its_way_for_as_long_as_the_first_one_took() {
    let mut node = up(paced(100, 100));
    node.set_profile(paced(200, 100));
    // Two packets ask before the first answer comes: another one comes within twice the time.
    let asked_at: Vec<_> = node.run(ms(200)).into_iter().map(|(at, _)| at).collect();
    node.set_profile(paced(400, 100));
    node.answer();
    let until = asked_at.last().copied().unwrap() + (node.now - asked_at[0]) * 2;
    while node.now < until {
        node.say(State::Up).unwrap();
        let sent = node.run(ms(10));
        assert!(sent.iter().all(|(_, packet)| !packet.poll));
    }
    let sent = node.run_up(ms(400));
    assert!(sent.iter().any(|(_, packet)| packet.poll));
}

#[test]
fn further_answers_do_not_let_the_next_question_through() {
    let mut node = up(paced(100, 100));
    node.set_profile(paced(200, 100));
    node.run_up(ms(200));
    node.set_profile(paced(400, 100));
    for _ in 0..50 {
        node.answer();
        let sent = node.run(ms(100));
        assert!(sent.iter().all(|(_, packet)| !packet.poll));
    }
    node.say(State::Up).unwrap();
    assert!(node.run(ms(200))[0].1.poll);
}

#[test]
fn an_answer_that_took_long_holds_up_the_next_question_for_a_second_only() {
    let mut node = up(paced(100, 100));
    node.set_profile(paced(200, 100));
    node.run_up(ms(60_000));
    node.set_profile(paced(400, 100));
    node.answer();
    let sent = node.run_up(ms(1500));
    assert!(sent.last().unwrap().1.poll);
}

#[test]
fn coming_up_sets_the_pace_at_once_whatever_was_asked_before() {
    let mut node = Scripted::up(Profile::default());
    node.say(State::Down).unwrap();
    for _ in 0..100 {
        // The way back is broken: nobody answers.
        node.say(State::Down).unwrap();
        node.run(ms(500));
    }
    node.say(State::Init).unwrap();
    let [packet] = node.transmit()[..] else {
        panic!("one packet");
    };
    assert_eq!(packet.state, State::Up);
    assert_eq!(packet.desired_min_tx, ms(300));
}

#[test]
fn a_change_that_nobody_has_answered_is_in_use_once_the_session_is_down() {
    let mut node = up(paced(1000, 100));
    node.set_profile(paced(2000, 100));
    node.run_up(ms(1000));
    node.theirs.detect_multiplier = 255;
    node.theirs.desired_min_tx = ms(10_000);
    node.say(State::Down).unwrap();
    let sent = node.run(ms(20_000));
    assert_gaps(&sent, 2000);
    assert!(sent.iter().all(|(_, packet)| !packet.poll));
}
