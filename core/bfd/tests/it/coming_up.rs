use bfd::{Diagnostic, Notice, Profile, State};

use crate::scripted::{Scripted, THEIRS, gaps, ms};

#[test]
fn speaks_at_once_and_then_once_a_second_while_nobody_answers() {
    let mut node = Scripted::new(Profile::default());
    let sent = node.run(ms(60_000));
    assert_eq!(sent[0].0, ms(10_000));
    for (_, packet) in &sent {
        assert_eq!(packet.state, State::Down);
        assert_eq!(packet.your_discriminator, 0);
        assert_eq!(packet.desired_min_tx, ms(1000));
        assert_eq!(packet.required_min_rx, ms(300));
        assert!(!packet.poll, "there is nobody to ask");
    }
    for gap in gaps(&sent) {
        assert!((ms(750)..=ms(1000)).contains(&gap), "{gap:?}");
    }
}

#[test]
fn comes_up_in_three_steps_and_tells_each_at_once() {
    let mut node = Scripted::new(Profile::default());
    node.transmit();
    node.say(State::Down).unwrap();
    let [init] = node.transmit()[..] else {
        panic!("one packet");
    };
    assert_eq!(init.state, State::Init);
    assert_eq!(init.your_discriminator, THEIRS);

    node.say(State::Init).unwrap();
    let [up] = node.transmit()[..] else {
        panic!("one packet");
    };
    assert_eq!(up.state, State::Up);
    assert_eq!(up.desired_min_tx, ms(300));
    assert!(up.poll, "the pace changes");
    assert_eq!(
        node.notices(),
        [
            node.change(State::Down, State::Init, Diagnostic::None, false),
            node.change(State::Init, State::Up, Diagnostic::None, false),
        ]
    );
}

#[test]
fn comes_up_from_down_when_the_peer_is_a_step_ahead() {
    let mut node = Scripted::new(Profile::default());
    node.say(State::Init).unwrap();
    assert_eq!(node.view().state, State::Up);
}

#[test]
fn up_of_the_peer_alone_does_not_bring_it_up() {
    let mut node = Scripted::new(Profile::default());
    node.say(State::Up).unwrap();
    assert_eq!(node.view().state, State::Down);
}

#[test]
fn a_passive_one_waits_for_the_peer_and_falls_silent_with_it() {
    let mut node = Scripted::new(Profile {
        passive: true,
        ..Profile::default()
    });
    assert_eq!(node.run(ms(60_000)), []);
    node.theirs.detect_multiplier = 10;
    node.say(State::Down).unwrap();
    assert_eq!(node.transmit()[0].state, State::Init);
    let sent = node.run(ms(60_000));
    assert!(sent.len() >= 3, "{sent:?}");
    assert!(sent.last().unwrap().0 < ms(73_000), "{sent:?}");
    assert_eq!(node.view().remote_discriminator, None);
}

#[test]
fn a_peer_that_starts_again_takes_the_session_down_and_up() {
    let mut node = Scripted::up(Profile::default());
    node.theirs.my_discriminator = 8;
    let mut unaware = node.theirs;
    unaware.your_discriminator = 0;
    node.deliver_as_is(&unaware).unwrap();
    assert_eq!(
        node.notices(),
        [node.change(
            State::Up,
            State::Down,
            Diagnostic::NeighborSignaledSessionDown,
            false
        )]
    );
    assert_eq!(node.transmit()[0].your_discriminator, 8);
    assert_eq!(node.view().flaps, 1);
    node.come_up();
}

#[test]
fn nothing_heard_for_the_detection_time_takes_it_down() {
    let mut node = Scripted::up(Profile::default());
    let up_at = node.now;
    assert_eq!(node.view().detection_time, Some(ms(900)));
    node.run(ms(899));
    assert_eq!(node.view().state, State::Up);
    let sent = node.run(ms(1));
    let expired = Diagnostic::ControlDetectionTimeExpired;
    assert_eq!(
        node.notices(),
        [node.change(State::Up, State::Down, expired, false)]
    );
    assert_eq!(node.view().since, up_at + ms(900));
    let (at, packet) = sent.last().unwrap();
    assert_eq!(*at, up_at + ms(900), "told at once");
    assert_eq!(packet.state, State::Down);
    assert_eq!(packet.diagnostic, expired);
    assert_eq!(packet.your_discriminator, 0);
    assert!(!packet.poll, "there is nobody to ask");
}

#[test]
fn a_question_of_a_peer_that_is_gone_is_not_answered() {
    let mut node = Scripted::up(Profile::default());
    node.ask(State::Up);
    node.now += ms(60_000);
    node.speaker.handle_timeout(node.now);
    let [packet] = node.transmit()[..] else {
        panic!("one packet");
    };
    assert_eq!(packet.your_discriminator, 0);
    assert!(!packet.is_final);
}

#[test]
fn the_peers_multiplier_and_the_slower_pace_make_the_detection_time() {
    let mut node = Scripted::new(Profile {
        receive_interval: ms(50),
        detect_multiplier: 9,
        ..Profile::default()
    });
    node.theirs.detect_multiplier = 4;
    node.theirs.desired_min_tx = ms(200);
    node.come_up();
    assert_eq!(node.view().detection_time, Some(ms(800)));
    node.theirs.desired_min_tx = ms(20);
    node.say(State::Up).unwrap();
    assert_eq!(node.view().detection_time, Some(ms(200)));
}

#[test]
fn init_is_left_when_the_peer_is_not_heard_again() {
    let mut node = Scripted::new(Profile::default());
    node.say(State::Down).unwrap();
    node.notices();
    node.run(ms(900));
    let expired = Diagnostic::ControlDetectionTimeExpired;
    assert_eq!(
        node.notices(),
        [node.change(State::Init, State::Down, expired, false)]
    );
    assert_eq!(node.view().flaps, 0);
}

#[test]
fn admin_down_of_the_peer_is_told_apart_from_a_dead_path() {
    let mut node = Scripted::up(Profile::default());
    node.say(State::AdminDown).unwrap();
    let signalled = Diagnostic::NeighborSignaledSessionDown;
    assert_eq!(
        node.notices(),
        [node.change(State::Up, State::Down, signalled, true)]
    );
    assert_eq!(node.view().remote_state, State::AdminDown);
    node.say(State::AdminDown).unwrap();
    assert_eq!(node.view().state, State::Down);
    assert_eq!(node.notices(), []);
    node.come_up();
}

#[test]
fn nobody_is_dead_because_we_slept() {
    let mut node = Scripted::up(Profile::default());
    node.now += ms(60_000);
    node.speaker.handle_stopped(node.now);
    node.run(ms(899));
    assert_eq!(node.view().state, State::Up);
    node.say(State::Up).unwrap();
    node.run(ms(899));
    assert_eq!(node.view().state, State::Up);
    node.run(ms(1));
    assert_eq!(node.view().state, State::Down);
}

#[test]
fn a_sleep_is_not_made_up_for_with_a_burst() {
    let mut node = Scripted::up(Profile::default());
    node.now += ms(60_000);
    node.speaker.handle_stopped(node.now);
    node.speaker.handle_timeout(node.now);
    assert_eq!(node.transmit().len(), 1);
}

#[test]
fn notices_name_the_peer() {
    let mut node = Scripted::new(Profile::default());
    node.say(State::Down).unwrap();
    let Some(Notice::StateChanged { peer, .. }) = node.speaker.poll_notice() else {
        panic!("a change");
    };
    assert_eq!(&*peer, "router");
}

#[test]
fn tells_whether_the_peer_may_only_have_restarted() {
    for independent in [false, true] {
        let mut node = Scripted::new(Profile::default());
        node.theirs.control_plane_independent = independent;
        node.come_up();
        node.run(ms(60_000));
        let cause = Diagnostic::ControlDetectionTimeExpired;
        let down = node.change(State::Up, State::Down, cause, false);
        assert_eq!(node.notices(), [down]);
    }
}
