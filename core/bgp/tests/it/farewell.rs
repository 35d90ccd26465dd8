//! We go and come back: what peers are told, and when all is known again.

use std::time::Duration;

use bgp::wire::capability::RestartTerms;
use bgp::wire::{CeaseSubcode, Message, Notification};
use bgp::{Farewell, Import, Notice, PeerConfig, Restarted, Speaker, State};

use crate::pair::{Pair, config, local};
use crate::restart::{BOTH, Story, end_of_rib, keeping, open_with, terms};
use crate::scripted::Scripted;

fn leave(message: &str) -> Farewell {
    Farewell::Leave {
        message: message.into(),
    }
}

fn last_words(notification: bool, farewell: Farewell) -> Option<Notification> {
    let mut story = Story::new(keeping(notification), terms(notification, &BOTH));
    let peer = &mut story.peer;
    peer.speaker.handle_shutdown(peer.now, farewell);
    let words = peer.last_words();
    let closed = |notice: &Notice| matches!(notice, Notice::Close { .. });
    assert!(peer.notices.iter().any(closed));
    assert!(!peer.accept() || peer.view().state == State::Idle);
    words
}

#[test]
fn a_restart_is_not_announced() {
    assert_eq!(last_words(false, Farewell::Restart), None);
    assert_eq!(last_words(true, Farewell::Restart), None);
}

#[test]
fn who_leaves_says_so_and_ends_its_routes() {
    let words = last_words(false, leave("moved to rack 7")).unwrap();
    let expected = "Cease/Administrative Shutdown (moved to rack 7)";
    assert_eq!(words.to_string(), expected);
    let hard = last_words(true, leave("moved to rack 7")).unwrap();
    assert_eq!(hard.to_string(), format!("Cease/Hard Reset: {expected}"));
}

#[test]
fn a_message_that_is_too_long_is_cut_at_a_letter() {
    let words = last_words(false, leave(&"ä".repeat(300))).unwrap();
    assert_eq!(words.data().len(), 255);
    assert_eq!(words.shutdown_communication(), Some("ä".repeat(127)));
}

#[test]
fn a_removed_peer_is_told_that_its_routes_are_over() {
    let mut story = Story::new(keeping(true), terms(true, &BOTH));
    let peer = &mut story.peer;
    peer.speaker.handle_peers(peer.now, []);
    let words = peer.last_words().unwrap();
    assert_eq!(
        words.to_string(),
        "Cease/Hard Reset: Cease/Peer De-configured"
    );
}

#[test]
fn a_peer_that_agreed_keeps_our_routes_over_our_restart_and_another_does_not() {
    for (config, kept) in [(keeping(false), 1), (config(0), 0)] {
        let listener = crate::restart_storm::side(1, false);
        let mut pair = Pair::new(3, [config, listener], [true, true]);
        crate::restart_storm::advertise(&mut pair, 0, &[1]);
        pair.run(Duration::from_secs(5));
        assert_eq!(pair.speakers[1].learned().count(), 1);
        pair.speakers[0].handle_shutdown(pair.now, Farewell::Restart);
        pair.settle();
        pair.run(Duration::from_secs(5));
        assert_eq!(pair.speakers[1].learned().count(), kept);
    }
}

/// Whether it has converged, after what was said.
fn converged(import: Import, terms: RestartTerms, said: &[Message]) -> bool {
    let config = PeerConfig {
        import,
        families: vec![bgp::Family::IPV4_UNICAST],
        ..keeping(false)
    };
    let mut peer = Scripted::new(config, local(0));
    peer.establish_with(open_with(terms));
    said.iter().for_each(|message| peer.say(message));
    peer.speaker.has_converged(peer.now)
}

#[test]
fn waits_for_the_end_of_what_every_peer_has_unless_that_peer_waits_too() {
    let open = keeping(false).import;
    let said = terms(false, &BOTH);
    assert!(!converged(open.clone(), said.clone(), &[]));
    assert!(converged(open.clone(), said.clone(), &[end_of_rib()]));
    assert!(converged(Import::default(), said.clone(), &[]));
    let restarting = RestartTerms {
        restarting: true,
        ..said
    };
    assert!(converged(open, restarting, &[]));
}

#[test]
fn without_peers_there_is_nothing_to_wait_for() {
    let mut speaker = Speaker::new(1);
    assert!(!speaker.has_converged(Duration::from_secs(1)));
    speaker.handle_routes_complete(Duration::from_secs(1));
    assert!(speaker.has_converged(Duration::from_secs(1)));
}

#[test]
fn waits_no_longer_than_a_restart_may_take() {
    let mut speaker = Speaker::new(1);
    let seconds = Duration::from_secs;
    assert!(!speaker.has_converged(seconds(1000)));
    speaker.handle_peers(seconds(1), [keeping(false)]);
    assert!(!speaker.has_converged(seconds(30)));
    assert!(speaker.has_converged(seconds(31)));

    let mut speaker = Speaker::new(1);
    let restarted = Restarted {
        until: seconds(12),
        forwarding: true,
    };
    speaker.handle_restarted(seconds(0), restarted);
    speaker.handle_peers(seconds(1), [keeping(false)]);
    assert!(
        !speaker.has_converged(seconds(12)),
        "the peer has its time anew"
    );
    assert_eq!(speaker.converges_by(), Some(seconds(31)));
}

#[test]
fn a_connection_that_the_peer_makes_anew_ends_the_session_when_it_opens() {
    let mut story = Story::new(keeping(false), terms(false, &BOTH));
    let first = story.peer.connection;
    assert!(story.peer.accept());
    // Only a connection: anybody may have made it.
    assert_eq!(story.peer.view().flaps, 0);
    story.peer.read();
    story
        .peer
        .say(&Message::Open(open_with(terms(false, &BOTH))));
    assert_eq!(story.peer.view().flaps, 1);
    assert_eq!(story.look().len(), 2);
    let closed = |notice: &Notice| matches!(notice, Notice::Close { connection, last } if Some(*connection) == first && last.is_empty());
    assert!(story.peer.notices.iter().any(closed));
    story.peer.say(&Message::Keepalive);
    assert_eq!(story.peer.view().state, State::Established);
    story.peer.say(&end_of_rib());
    assert_eq!(story.look().len(), 0);
}

#[test]
fn a_second_connection_of_a_peer_that_keeps_nothing_is_refused() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.establish();
    assert!(!peer.accept());
    let words = peer.last_words().unwrap();
    assert_eq!(words.error.codes(), (6, 7));
    assert_eq!(peer.view().flaps, 0);
}

#[test]
fn a_filter_that_changes_while_the_peer_is_away_counts_for_what_is_kept() {
    let mut story = Story::new(keeping(false), terms(false, &BOTH));
    story.peer.lose();
    let narrower = PeerConfig {
        import: crate::learn::import(&["10.2.0.0/16"]),
        ..keeping(false)
    };
    story.peer.speaker.handle_peers(story.peer.now, [narrower]);
    assert_eq!(story.look(), crate::restart::prefixes(&["10.2.0.0/16"]));
}

#[test]
fn what_a_peer_that_was_shut_down_said_is_told_until_it_is_back() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.establish();
    let subcode = CeaseSubcode::AdministrativeShutdown;
    let words = Notification::shutdown(subcode, "moved to rack 7");
    peer.say(&Message::Notification(words));
    let told = "received NOTIFICATION: Cease/Administrative Shutdown (moved to rack 7)";
    assert_eq!(peer.view().last_error.as_deref(), Some(told));
    peer.accept();
    peer.lose();
    let later = peer.view().last_error.unwrap();
    assert!(later.ends_with(&format!("; before that {told}")), "{later}");
    peer.wait(Duration::from_secs(60));
    peer.accept();
    peer.establish();
    peer.lose();
    let after = peer.view().last_error.unwrap();
    assert!(!after.contains("rack"), "{after}");
}
