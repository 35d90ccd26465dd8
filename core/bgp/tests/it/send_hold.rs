//! A peer that stops reading, but goes on to send KEEPALIVEs (RFC 9687).

use std::time::Duration;

use bgp::wire::Message;
use bgp::{HoldTime, Notice, PeerConfig, State};

use crate::pair::{config, local};
use crate::scripted::{Scripted, open_of};

const SECOND: Duration = Duration::from_secs(1);

fn established(hold_time: u16, send_hold: Option<Duration>) -> Scripted {
    let configured = PeerConfig {
        hold_time: HoldTime::new(hold_time).unwrap(),
        send_hold,
        ..config(0)
    };
    let mut peer = Scripted::new(configured, local(0));
    peer.read();
    peer.say(&Message::Open(open_of(bgp::Asn(64513), hold_time, 2)));
    peer.say(&Message::Keepalive);
    peer.read();
    assert_eq!(peer.view().state, State::Established);
    peer
}

/// Lets seconds pass in which the peer sends KEEPALIVEs and the socket takes nothing; how many passed until the session
/// ended.
fn stall(peer: &mut Scripted, seconds: u64) -> Option<u64> {
    let flaps = peer.view().flaps;
    for second in 0..=seconds {
        peer.speaker.handle_timeout(peer.now);
        if peer.view().flaps > flaps {
            return Some(second);
        }
        peer.now += SECOND;
        peer.say(&Message::Keepalive);
    }
    None
}

#[test]
fn a_peer_that_reads_nothing_is_dropped_after_eight_minutes() {
    let mut peer = established(9, None);
    assert_eq!(stall(&mut peer, 1_000), Some(480));
    let answer = peer.last_words().unwrap();
    assert_eq!(answer.error.codes(), (8, 0));
    let reason = peer.notices.iter().find_map(|notice| match notice {
        Notice::SessionDown { reason, .. } => Some(reason.as_str()),
        Notice::Dial(_)
        | Notice::Close { .. }
        | Notice::StateChanged { .. }
        | Notice::SessionUp { .. }
        | Notice::AttemptFailed { .. }
        | Notice::EndOfRib { .. }
        | Notice::NoNextHop { .. } => None,
    });
    let words = "send hold timer expired: the peer has read nothing for 480 s";
    assert_eq!(reason, Some(words));
    assert_eq!(peer.view().last_error.as_deref(), Some(words));
}

#[test]
fn twice_a_long_hold_time_counts_instead() {
    assert_eq!(stall(&mut established(900, None), 3_000), Some(1_800));
}

#[test]
fn the_configured_time_counts_before_both() {
    let mut peer = established(900, Some(950 * SECOND));
    assert_eq!(stall(&mut peer, 3_000), Some(950));
}

#[test]
fn whatever_the_socket_takes_starts_the_time_anew() {
    let mut peer = established(9, None);
    for _ in 0..10 {
        assert_eq!(stall(&mut peer, 478), None);
        let id = peer.connection.unwrap();
        peer.speaker.handle_written(peer.now, id);
    }
    assert_eq!(stall(&mut peer, 1_000), Some(480));
}

#[test]
fn without_a_hold_time_it_may_take_for_ever() {
    let mut peer = established(0, Some(10 * SECOND));
    assert_eq!(peer.speaker.poll_timeout(), None);
    assert_eq!(stall(&mut peer, 10_000), None);
}

/// RFC 9687 section 3.2 counts from OpenConfirm on.
#[test]
fn a_peer_that_never_confirms_is_dropped_too() {
    let configured = PeerConfig {
        hold_time: HoldTime::new(60).unwrap(),
        send_hold: Some(20 * SECOND),
        ..config(0)
    };
    let mut peer = Scripted::new(configured, local(0));
    peer.say(&Message::Open(open_of(bgp::Asn(64513), 60, 2)));
    assert_eq!(peer.view().state, State::OpenConfirm);
    peer.now += 20 * SECOND;
    peer.speaker.handle_timeout(peer.now);
    assert_eq!(peer.last_words().unwrap().error.codes(), (8, 0));
}
