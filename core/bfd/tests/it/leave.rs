use bfd::{Diagnostic, Discarded, Notice, Profile, State};

use crate::scripted::{Scripted, ms};

fn forgotten() -> Notice {
    Notice::Forgotten {
        peer: "router".into(),
    }
}

#[test]
fn leaves_with_admin_down_said_three_times() {
    let mut node = Scripted::up(Profile::default());
    node.speaker.handle_leave(node.now);
    assert!(!node.speaker.is_done());
    let sent = node.run(ms(1));
    assert_eq!(sent.len(), 1, "at once");
    let rest = node.run(ms(5000));
    assert_eq!(rest.len(), 2);
    for (_, packet) in sent.into_iter().chain(rest) {
        assert_eq!(packet.state, State::AdminDown);
        assert_eq!(packet.diagnostic, Diagnostic::AdministrativelyDown);
        assert!(!packet.poll);
    }
    let down = Diagnostic::AdministrativelyDown;
    assert_eq!(
        node.notices(),
        [
            node.change(State::Up, State::AdminDown, down, false),
            forgotten()
        ]
    );
    assert!(node.speaker.is_done());
    assert_eq!(node.speaker.poll_timeout(), None);
}

#[test]
fn is_done_as_soon_as_the_peer_knows() {
    let mut node = Scripted::up(Profile::default());
    node.speaker.handle_leave(node.now);
    assert_eq!(node.transmit().len(), 1);
    assert!(!node.speaker.is_done());
    assert_eq!(node.say(State::Up), Err(Discarded::AdminDown));
    assert!(!node.speaker.is_done());
    assert_eq!(node.say(State::Down), Err(Discarded::AdminDown));
    assert!(node.speaker.is_done());
}

#[test]
fn a_peer_that_is_down_is_told_once() {
    let mut node = Scripted::up(Profile::default());
    node.say(State::Down).unwrap();
    node.transmit();
    node.speaker.handle_leave(node.now);
    assert!(!node.speaker.is_done());
    assert_eq!(node.transmit()[0].state, State::AdminDown);
    assert!(node.speaker.is_done());
}

#[test]
fn leaves_without_a_word_where_nobody_was_heard() {
    let mut node = Scripted::new(Profile::default());
    node.run(ms(5000));
    node.speaker.handle_leave(node.now);
    assert!(node.speaker.is_done());
    assert_eq!(node.transmit(), []);
}

#[test]
fn leaves_also_a_peer_that_wants_no_packets() {
    let mut node = Scripted::up(Profile::default());
    node.theirs.required_min_rx = ms(0);
    node.say(State::Up).unwrap();
    node.speaker.handle_leave(node.now);
    assert_eq!(node.run(ms(5000)).len(), 1);
    assert!(node.speaker.is_done());
}

#[test]
fn takes_no_peers_after_it_left() {
    let mut node = Scripted::up(Profile::default());
    node.speaker.handle_leave(node.now);
    node.reload();
    node.run(ms(5000));
    assert!(node.speaker.is_done());
}

#[test]
fn a_peer_that_is_taken_away_is_told_and_forgotten() {
    let mut node = Scripted::up(Profile::default());
    node.speaker.handle_peers(node.now, []);
    assert_eq!(node.run(ms(5000)).len(), 3);
    assert_eq!(node.notices().pop(), Some(forgotten()));
    assert_eq!(node.speaker.sessions().count(), 0);
    assert!(!node.speaker.is_done(), "only the peer is gone");
}

#[test]
fn a_peer_that_comes_back_in_time_has_its_session_again() {
    let mut node = Scripted::up(Profile::default());
    let before = node.view();
    node.speaker.handle_peers(node.now, []);
    node.run(ms(100));
    node.reload();
    let sent = node.run(ms(5000));
    assert_eq!(sent[0].1.state, State::Down);
    assert_eq!(sent[0].1.your_discriminator, 0);
    assert_eq!(node.view().local_discriminator, before.local_discriminator);
    assert!(!node.notices().contains(&forgotten()));
    node.come_up();
}

#[test]
fn a_peer_with_another_address_is_another_session() {
    let mut node = Scripted::up(Profile::default());
    let before = node.view();
    node.config.remote = "192.0.2.3".parse().unwrap();
    node.reload();
    assert_eq!(node.speaker.sessions().count(), 1);
    assert_ne!(node.view().local_discriminator, before.local_discriminator);
    assert_eq!(node.view().state, State::Down);
    let down = Diagnostic::AdministrativelyDown;
    assert_eq!(
        node.notices(),
        [node.change(State::Up, State::AdminDown, down, false)]
    );
}

#[test]
fn last_words_do_not_disturb_a_new_session_with_the_same_peer() {
    let mut node = Scripted::up(Profile::default());
    node.config.name = "renamed".into();
    node.reload();
    let sent = node.run(ms(5000));
    assert!(sent.iter().all(|(_, packet)| packet.state == State::Down));
    assert_eq!(node.notices().pop(), Some(forgotten()));
}

#[test]
fn a_planned_restart_says_nothing() {
    let mut node = Scripted::up(Profile::default());
    let octets = &mut Vec::new();
    assert_eq!(node.speaker.poll_transmit(node.now, octets), None);
}
