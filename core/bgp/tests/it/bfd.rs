//! What a BFD session that goes down means to the BGP session (RFC 5882 section 4.2, RFC 9384).

use std::time::Duration;

use bgp::{Notice, State};

use crate::pair::{Pair, config, local};
use crate::scripted::Scripted;

/// The name that every configuration of these tests gives the peer.
const PEER: &str = "other";

#[test]
fn a_session_ends_with_cease_10_when_bfd_goes_down() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.establish();
    peer.speaker.handle_bfd_down(peer.now, PEER);
    let said = peer.last_words().map(|last| last.error.codes());
    assert_eq!(said, Some((6, 10)));
    let view = peer.view();
    assert_eq!((view.state, view.flaps), (State::Idle, 1));
    assert_eq!(view.last_error.as_deref(), Some("BFD went down"));
}

#[test]
fn an_attempt_goes_on_when_bfd_goes_down() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.read();
    peer.speaker.handle_bfd_down(peer.now, PEER);
    assert_eq!(peer.last_words(), None);
    assert_eq!(peer.view().state, State::OpenSent);
}

#[test]
fn bfd_of_an_unknown_peer_ends_nothing() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.establish();
    peer.speaker.handle_bfd_down(peer.now, "nobody");
    assert_eq!(peer.view().state, State::Established);
}

#[test]
fn the_session_returns_after_the_idle_hold_without_waiting_for_bfd() {
    let mut pair = Pair::new(7, [config(0), config(1)], [true, true]);
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.established(), [true, true]);
    pair.speakers[0].handle_bfd_down(pair.now, PEER);
    pair.run(Duration::from_secs(1));
    let down = |notice: &Notice| matches!(notice, Notice::SessionDown { .. });
    assert_eq!(
        pair.notices
            .each_ref()
            .map(|all| all.iter().filter(|one| down(one)).count()),
        [1, 1]
    );
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.established(), [true, true]);
}
