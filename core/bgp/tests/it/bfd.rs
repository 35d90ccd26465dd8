//! What a BFD session that goes down means to the BGP session (RFC 5882 sections 4.2 and 4.3, RFC 9384).

use std::time::Duration;

use bgp::{BfdFate, Notice, PeerConfig, State};

use crate::learn::{announce, prefix, take};
use crate::pair::{Pair, config, local};
use crate::restart::{BOTH, Story, keeping, open_with, prefixes, terms};
use crate::scripted::Scripted;

/// The name that every configuration of these tests gives the peer.
const PEER: &str = "other";

#[test]
fn a_session_ends_with_cease_10_when_bfd_goes_down() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.establish();
    peer.speaker
        .handle_bfd_down(peer.now, PEER, BfdFate::Shared);
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
    peer.speaker
        .handle_bfd_down(peer.now, PEER, BfdFate::Shared);
    assert_eq!(peer.last_words(), None);
    assert_eq!(peer.view().state, State::OpenSent);
}

#[test]
fn bfd_of_an_unknown_peer_ends_nothing() {
    let mut peer = Scripted::new(config(0), local(0));
    peer.establish();
    peer.speaker
        .handle_bfd_down(peer.now, "nobody", BfdFate::Independent);
    assert_eq!(peer.view().state, State::Established);
}

#[test]
fn the_session_returns_after_the_idle_hold_without_waiting_for_bfd() {
    let mut pair = Pair::new(7, [config(0), config(1)], [true, true]);
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.established(), [true, true]);
    pair.speakers[0].handle_bfd_down(pair.now, PEER, BfdFate::Shared);
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

const ROUTES: [&str; 2] = ["10.1.0.0/16", "10.2.0.0/16"];

fn story() -> Story {
    Story::new(keeping(false), terms(false, &BOTH))
}

fn goes_down(story: &mut Story, fate: BfdFate) {
    let now = story.peer.now;
    story.peer.speaker.handle_bfd_down(now, PEER, fate);
}

#[test]
fn routes_of_a_peer_that_may_only_restart_stay_for_its_restart_time() {
    let mut story = story();
    goes_down(&mut story, BfdFate::Shared);
    assert_eq!(story.peer.view().state, State::Idle);
    assert_eq!(story.look(), prefixes(&ROUTES));
    story.peer.wait(Duration::from_secs(21));
    assert_eq!(story.look(), prefixes(&[]));
}

#[test]
fn routes_of_a_peer_whose_bfd_does_not_depend_on_its_control_plane_go_at_once() {
    let mut story = story();
    goes_down(&mut story, BfdFate::Independent);
    assert_eq!(story.look(), prefixes(&[]));
}

#[test]
fn a_restart_that_is_under_way_is_ended_only_by_bfd_that_does_not_depend_on_the_control_plane() {
    for (fate, kept) in [(BfdFate::Shared, &ROUTES[..]), (BfdFate::Independent, &[])] {
        let mut story = story();
        story.peer.lose();
        goes_down(&mut story, fate);
        assert_eq!(story.look(), prefixes(kept));
    }
}

#[test]
fn a_path_that_may_be_broken_gives_way_to_any_other_until_its_peer_is_back() {
    let mut story = story();
    let next_hops = |story: &mut Story| {
        take(&mut story.peer.speaker, &mut story.told);
        assert_eq!(story.told, story.peer.speaker.learned().collect());
        let hops = story.told.get(&prefix(ROUTES[0])).unwrap();
        hops.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let address = [192, 0, 2, 3].into();
    let second = PeerConfig {
        name: "second".into(),
        address,
        passive: true,
        ..keeping(false)
    };
    let now = story.peer.now;
    let speaker = &mut story.peer.speaker;
    speaker.handle_peers(now, [keeping(false), second]);
    goes_down(&mut story, BfdFate::Shared);
    assert_eq!(next_hops(&mut story), ["192.0.2.2"], "nobody knows another");

    let speaker = &mut story.peer.speaker;
    story.peer.connection = speaker.handle_accepted(now, address, local(0));
    story.peer.establish_with(open_with(terms(false, &BOTH)));
    // A longer path, which would lose otherwise.
    let path = announce(&[prefix(ROUTES[0])], [192, 0, 2, 3], &[64513, 64514]);
    story.peer.say(&path);
    assert_eq!(next_hops(&mut story), ["192.0.2.3"]);

    story.come_back(open_with(terms(false, &BOTH)));
    assert_eq!(next_hops(&mut story), ["192.0.2.2"]);
}
