//! Peers that advertise more prefixes than are accepted of them.

use std::time::Duration;

use bgp::wire::{CeaseSubcode, ErrorCode, Message, Notification};
use bgp::{Excess, Family, FamilySet, Import, PeerConfig, Prefix, RejectReason, State};

use crate::learn::{Told, announce, refreshes, take, withdraw};
use crate::pair::{config, local};
use crate::restart::{BOTH, open_with, terms};
use crate::scripted::{Scripted, open};

const MINUTE: Duration = Duration::from_secs(60);

fn limited(max_prefixes: u32, excess: Excess) -> PeerConfig {
    PeerConfig {
        import: Import {
            excess,
            ..Import::within(Prefix::new([10, 0, 0, 0].into(), 8), max_prefixes)
        },
        ..config(0)
    }
}

fn prefixes(numbers: std::ops::Range<u8>) -> Vec<Prefix> {
    let prefix = |number| Prefix::new([10, number, 0, 0].into(), 16).unwrap();
    numbers.map(prefix).collect()
}

fn sent(numbers: std::ops::Range<u8>) -> Message {
    announce(&prefixes(numbers), [192, 0, 2, 2], &[64513])
}

fn established(config: PeerConfig) -> Scripted {
    let mut peer = Scripted::new(config, local(0));
    peer.establish();
    peer
}

/// Waits until we dial, and comes back with too much; how long that took.
fn exceeded_again(peer: &mut Scripted) -> Duration {
    let before = peer.now;
    let due = peer.speaker.poll_timeout().unwrap();
    peer.wait(due.saturating_sub(peer.now));
    let waited = peer.now - before;
    peer.connect(local(0));
    peer.establish();
    assert_eq!(peer.view().state, State::Established);
    peer.say(&sent(0..3));
    assert_eq!(peer.view().state, State::Idle);
    waited
}

#[test]
fn the_session_ends_with_the_family_and_its_limit_and_so_do_its_routes() {
    let mut peer = established(limited(2, Excess::Cease));
    peer.say(&sent(0..2));
    let mut told = Told::new();
    take(&mut peer.speaker, &mut told);
    assert_eq!((told.len(), peer.view().state), (2, State::Established));
    peer.say(&sent(2..3));
    let last = peer.last_words().unwrap();
    let error = ErrorCode::Cease(CeaseSubcode::MaximumPrefixes);
    // AFI, SAFI and limit (RFC 4486 section 4).
    assert_eq!(last, Notification::new(error, vec![0, 1, 1, 0, 0, 0, 2]));
    take(&mut peer.speaker, &mut told);
    assert!(told.is_empty());
    let view = peer.view();
    assert_eq!((view.state, view.excess), (State::Idle, FamilySet::IPV4));
    let words = view.last_error.unwrap();
    assert!(
        words.contains("more than 2 prefixes of ipv4-unicast"),
        "{words}"
    );
}

#[test]
fn what_is_too_much_is_ignored_where_that_is_wanted() {
    let mut peer = established(limited(2, Excess::Ignore));
    peer.say(&sent(0..5));
    let view = peer.view();
    assert_eq!((view.state, view.received), (State::Established, 2));
    assert_eq!(view.counters.rejected.count(RejectReason::MaxPrefixes), 3);
    assert_eq!(view.excess, FamilySet::IPV4);
}

#[test]
fn the_peer_is_kept_away_for_a_minute_and_then_for_longer_up_to_half_an_hour() {
    let mut peer = established(limited(2, Excess::Cease));
    peer.say(&sent(0..3));
    let waits: Vec<_> = (0..7)
        .map(|_| exceeded_again(&mut peer).as_secs() / 60)
        .collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
}

#[test]
fn a_peer_that_is_kept_away_is_refused_when_it_comes() {
    let mut peer = established(limited(2, Excess::Cease));
    peer.say(&sent(0..3));
    peer.wait(MINUTE - Duration::from_secs(1));
    assert!(!peer.accept());
    let refused = peer.last_words().unwrap().error;
    assert_eq!(refused, ErrorCode::Cease(CeaseSubcode::ConnectionRejected));
    peer.wait(Duration::from_secs(1));
    assert_eq!(peer.view().state, State::Connect);
    assert!(peer.view().excess.is_empty());
    assert!(peer.accept());
}

#[test]
fn a_passive_session_waits_as_long() {
    let passive = PeerConfig {
        passive: true,
        ..limited(2, Excess::Cease)
    };
    let mut peer = Scripted::new(passive, local(0));
    assert!(peer.accept());
    peer.establish();
    peer.say(&sent(0..3));
    peer.wait(MINUTE - Duration::from_secs(1));
    assert_eq!(peer.view().state, State::Idle);
    assert!(!peer.accept());
    peer.wait(Duration::from_secs(1));
    assert!(peer.accept());
}

#[test]
fn another_filter_ends_the_wait_and_another_setting_does_not() {
    let mut peer = established(limited(2, Excess::Cease));
    peer.say(&sent(0..3));
    let slower = PeerConfig {
        connect_retry: Some(MINUTE),
        ..limited(2, Excess::Cease)
    };
    peer.speaker.handle_peers(peer.now, [slower]);
    assert_eq!(peer.view().state, State::Idle);
    peer.speaker
        .handle_peers(peer.now, [limited(3, Excess::Cease)]);
    assert_eq!(peer.view().state, State::Connect);
    peer.connect(local(0));
    peer.establish();
    peer.say(&sent(0..3));
    assert_eq!(peer.view().received, 3);
}

#[test]
fn a_limit_below_what_is_there_ends_the_session_where_it_should() {
    for (excess, state) in [
        (Excess::Cease, State::Idle),
        (Excess::Ignore, State::Established),
    ] {
        let mut peer = established(limited(9, excess));
        peer.say(&sent(0..5));
        peer.speaker.handle_peers(peer.now, [limited(2, excess)]);
        assert_eq!(peer.view().state, state, "{excess:?}");
    }
}

#[test]
fn the_end_is_hard_where_notifications_keep_routes() {
    let mut config = limited(2, Excess::Cease);
    config.graceful_restart = Some(bgp::GracefulRestart {
        restart_time: Duration::from_secs(30),
        notification: true,
    });
    let mut peer = Scripted::new(config, local(0));
    peer.establish_with(open_with(bgp::wire::capability::RestartTerms {
        notification: true,
        ..terms(false, &BOTH)
    }));
    peer.say(&sent(0..3));
    let last = peer.last_words().unwrap();
    let inside = last.inside().unwrap();
    assert_eq!(
        inside.error,
        ErrorCode::Cease(CeaseSubcode::MaximumPrefixes)
    );
    assert_eq!((inside.data().len(), peer.view().received), (7, 0));
}

#[test]
fn what_was_ignored_is_asked_for_when_there_is_room_again() {
    let mut peer = established(limited(2, Excess::Ignore));
    peer.say(&sent(0..3));
    assert!(refreshes(&peer.read()).is_empty());
    peer.say(&withdraw(&prefixes(0..1)));
    assert_eq!(refreshes(&peer.read()), [Family::IPV4_UNICAST]);
    assert!(peer.view().excess.is_empty());
    peer.say(&sent(1..3));
    assert_eq!(
        (peer.view().received, peer.view().excess),
        (2, FamilySet::NONE)
    );
    assert!(refreshes(&peer.read()).is_empty());
}

#[test]
fn routes_that_are_not_for_the_table_are_accepted_and_not_told() {
    let mut shown = limited(9, Excess::Ignore);
    for rule in &mut shown.import.rules {
        rule.install = false;
    }
    let mut peer = Scripted::new(shown.clone(), local(0));
    peer.establish_with(open());
    peer.say(&sent(0..3));
    let mut told = Told::new();
    take(&mut peer.speaker, &mut told);
    assert_eq!((told.len(), peer.view().received), (0, 3));
    peer.speaker
        .handle_peers(peer.now, [limited(9, Excess::Ignore)]);
    take(&mut peer.speaker, &mut told);
    assert_eq!(told.len(), 3);
    peer.speaker.handle_peers(peer.now, [shown]);
    take(&mut peer.speaker, &mut told);
    assert_eq!((told.len(), peer.view().received), (0, 3));
}
