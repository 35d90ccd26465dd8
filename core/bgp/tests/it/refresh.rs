//! Routes that are sent again, between marks (RFC 7313).

use std::time::Duration;

use bgp::wire::capability::Capability;
use bgp::wire::{Message, Open, RouteRefresh, RouteRefreshKind};
use bgp::{Asn, Family, State};

use crate::learn::prefix;
use crate::pair::local;
use crate::restart::{Story, end_of_rib, keeping, prefixes};
use crate::scripted::{Scripted, open_of};

fn mark(kind: RouteRefreshKind) -> Message {
    Message::RouteRefresh(RouteRefresh {
        family: Family::IPV4_UNICAST,
        kind,
    })
}

fn begin() -> Message {
    mark(RouteRefreshKind::Begin)
}

fn end() -> Message {
    mark(RouteRefreshKind::End)
}

/// Of a peer that marks what it sends again, or does not.
fn open(marks: bool) -> Open {
    let mut open = open_of(Asn(64513), 0, 2);
    if marks {
        open.capabilities.push(Capability::EnhancedRouteRefresh);
    }
    open
}

fn story(open: Open) -> Story {
    let mut peer = Scripted::new(keeping(false), local(0));
    peer.establish_with(open);
    assert_eq!(peer.view().state, State::Established);
    let told = Default::default();
    let mut story = Story { peer, told };
    story.announce(&["10.1.0.0/16", "10.2.0.0/16"]);
    story.look();
    story
}

#[test]
fn what_is_not_sent_again_between_the_marks_is_over() {
    let mut story = story(open(true));
    story.peer.say(&begin());
    assert_eq!(story.look().len(), 2);
    story.announce(&["10.2.0.0/16", "10.3.0.0/16"]);
    assert_eq!((story.look().len(), story.peer.view().stale), (3, 1));
    story.peer.say(&end());
    assert_eq!(story.look(), prefixes(&["10.2.0.0/16", "10.3.0.0/16"]));
}

#[test]
fn a_second_begin_starts_over_and_an_end_alone_means_nothing() {
    let mut story = story(open(true));
    story.peer.say(&end());
    assert_eq!(story.look().len(), 2);
    story.peer.say(&begin());
    story.announce(&["10.2.0.0/16"]);
    story.peer.say(&begin());
    assert_eq!(story.peer.view().stale, 2);
    story.announce(&["10.1.0.0/16"]);
    story.peer.say(&end());
    story.peer.say(&end());
    assert_eq!(story.look(), prefixes(&["10.1.0.0/16"]));
}

#[test]
fn an_end_that_never_comes_is_not_waited_for_for_ever() {
    let mut story = story(open(true));
    story.peer.say(&begin());
    story.announce(&["10.2.0.0/16"]);
    story.peer.wait(Duration::from_secs(359));
    assert_eq!(story.look().len(), 2);
    story.peer.wait(Duration::from_secs(2));
    assert_eq!(story.look(), prefixes(&["10.2.0.0/16"]));
}

#[test]
fn marks_that_were_not_agreed_on_mean_nothing() {
    let mut story = story(open(false));
    story.peer.say(&begin());
    story.peer.say(&end());
    assert_eq!(story.look().len(), 2);
    assert_eq!(story.peer.view().state, State::Established);
}

#[test]
fn a_begin_before_end_of_rib_means_nothing() {
    let mut open = crate::restart::open_with(crate::restart::terms(false, &crate::restart::BOTH));
    open.capabilities.push(Capability::EnhancedRouteRefresh);
    let mut story = story(open);
    story.peer.say(&begin());
    story.peer.say(&end());
    assert_eq!(story.look().len(), 2);
    story.peer.say(&end_of_rib());
    story.peer.say(&begin());
    story.peer.say(&end());
    assert_eq!(story.look().len(), 0);
}

#[test]
fn a_session_that_is_lost_between_the_marks_loses_no_routes() {
    let mut open = crate::restart::open_with(crate::restart::terms(false, &crate::restart::BOTH));
    open.capabilities.push(Capability::EnhancedRouteRefresh);
    let mut story = story(open);
    story.peer.say(&end_of_rib());
    story.peer.say(&begin());
    story.peer.lose();
    assert_eq!(story.look().len(), 2);
}

fn kinds(messages: &[Message]) -> Vec<Option<RouteRefreshKind>> {
    let kind = |message: &Message| match message {
        Message::RouteRefresh(refresh) => Some(Some(refresh.kind)),
        Message::Update(update) if !update.announced.is_empty() => Some(None),
        Message::Open(_) | Message::Update(_) | Message::Notification(_) | Message::Keepalive => {
            None
        }
    };
    messages.iter().filter_map(kind).collect()
}

#[test]
fn what_we_send_again_stands_between_marks_where_they_were_agreed_on() {
    let (begin, end) = (RouteRefreshKind::Begin, RouteRefreshKind::End);
    for (marks, expected) in [
        (true, vec![Some(begin), None, Some(end)]),
        (false, vec![None]),
    ] {
        let mut story = story(open(marks));
        let route = (
            prefix("198.51.100.1/32"),
            crate::session::to_all(Default::default()),
        );
        story.peer.speaker.handle_routes(story.peer.now, [route]);
        story.peer.read();
        story.peer.say(&mark(RouteRefreshKind::Request));
        assert_eq!(kinds(&story.peer.read()), expected);
    }
}

#[test]
fn a_mark_of_a_wrong_length_ends_the_session_with_the_whole_message() {
    let mut story = story(open(true));
    let mut bytes = vec![0xff; 16];
    bytes.extend_from_slice(&[0, 22, 5, 0, 1, 1]);
    story.peer.say_bytes(&bytes);
    let words = story.peer.last_words().unwrap();
    assert_eq!(words.error.codes(), (7, 1));
    assert_eq!(words.data(), bytes);
}
