//! The peer goes and comes back: what is kept of its routes, and for how long (RFC 4724, RFC 8538).

use std::collections::BTreeSet;
use std::time::Duration;

use bgp::wire::capability::{Capability, RestartFamily, RestartTerms};
use bgp::wire::{CeaseSubcode, Message, Notification, Open, RawUpdate};
use bgp::{Family, GracefulRestart, HoldTime, Notice, PeerConfig, Prefix, Restarted, State};

use crate::learn::{Told, announce, import, prefix, take};
use crate::pair::{config, local};
use crate::scripted::{Scripted, open, open_of};

pub(crate) const BOTH: [Family; 2] = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];

/// Keeps routes, accepts 10.0.0.0/8, and never gets impatient.
pub(crate) fn keeping(notification: bool) -> PeerConfig {
    PeerConfig {
        hold_time: HoldTime::INFINITE,
        import: import(&["10.0.0.0/8"]),
        graceful_restart: Some(GracefulRestart {
            restart_time: Duration::from_secs(30),
            notification,
        }),
        ..config(0)
    }
}

/// What a peer says that restarts within 20 s and has preserved these families.
pub(crate) fn terms(notification: bool, forwarding: &[Family]) -> RestartTerms {
    let family = |&family| RestartFamily {
        family,
        forwarding: true,
    };
    RestartTerms {
        restarting: false,
        notification,
        restart_seconds: 20,
        families: forwarding.iter().map(family).collect(),
    }
}

pub(crate) fn open_with(terms: RestartTerms) -> Open {
    let mut open = open_of(bgp::Asn(64513), 0, 2);
    open.capabilities.push(Capability::GracefulRestart(terms));
    open
}

pub(crate) fn end_of_rib() -> Message {
    Message::Update(RawUpdate::default())
}

/// A peer with its routes, and what was told of them.
pub(crate) struct Story {
    pub(crate) peer: Scripted,
    pub(crate) told: Told,
}

impl Story {
    pub(crate) fn new(config: PeerConfig, terms: RestartTerms) -> Self {
        let mut peer = Scripted::new(config, local(0));
        peer.establish_with(open_with(terms));
        assert_eq!(peer.view().state, State::Established);
        let mut story = Self {
            peer,
            told: Told::new(),
        };
        story.announce(&["10.1.0.0/16", "10.2.0.0/16"]);
        assert_eq!(story.look(), prefixes(&["10.1.0.0/16", "10.2.0.0/16"]));
        story
    }

    pub(crate) fn announce(&mut self, texts: &[&str]) {
        let list: Vec<_> = texts.iter().map(|text| prefix(text)).collect();
        self.peer.say(&announce(&list, [192, 0, 2, 2], &[64513]));
    }

    /// What the driver knows, having asked.
    pub(crate) fn look(&mut self) -> BTreeSet<Prefix> {
        take(&mut self.peer.speaker, &mut self.told);
        assert_eq!(self.told, self.peer.speaker.learned().collect());
        self.told.keys().copied().collect()
    }

    pub(crate) fn come_back(&mut self, open: Open) {
        self.peer.wait(Duration::from_secs(2));
        assert!(self.peer.accept());
        self.peer.establish_with(open);
        assert_eq!(self.peer.view().state, State::Established);
    }
}

pub(crate) fn prefixes(texts: &[&str]) -> BTreeSet<Prefix> {
    texts.iter().map(|text| prefix(text)).collect()
}

fn offered(config: PeerConfig, restarted: Option<Restarted>) -> Option<RestartTerms> {
    let mut peer = Scripted::new(
        PeerConfig {
            passive: true,
            ..config.clone()
        },
        local(0),
    );
    peer.speaker = bgp::Speaker::new(1);
    if let Some(restarted) = restarted {
        peer.speaker.handle_restarted(peer.now, restarted);
    }
    peer.speaker.handle_peers(peer.now, [config]);
    peer.accept();
    offer(&peer.read())
}

fn offer(messages: &[Message]) -> Option<RestartTerms> {
    let Some(Message::Open(open)) = messages.first() else {
        panic!("no OPEN: {messages:?}")
    };
    open.capabilities
        .iter()
        .find_map(|capability| match capability {
            Capability::GracefulRestart(terms) => Some(terms.clone()),
            Capability::Multiprotocol(_)
            | Capability::RouteRefresh
            | Capability::ExtendedMessage
            | Capability::ExtendedNextHop(_)
            | Capability::FourOctetAsn(_)
            | Capability::EnhancedRouteRefresh
            | Capability::Unknown(_) => None,
        })
}

#[test]
fn says_in_its_open_how_it_restarts() {
    assert_eq!(offered(config(0), None), None);
    let fresh = offered(keeping(false), None).unwrap();
    assert_eq!((fresh.restarting, fresh.notification), (false, false));
    assert_eq!(fresh.restart_seconds, 30);
    let families = |forwarding| BOTH.map(|family| RestartFamily { family, forwarding });
    assert_eq!(fresh.families, families(false));
    let until = Duration::from_secs(30);
    for forwarding in [false, true] {
        let restarted = Restarted { until, forwarding };
        let terms = offered(keeping(true), Some(restarted)).unwrap();
        assert!(terms.restarting && terms.notification);
        assert_eq!(terms.families, families(forwarding));
    }
    let over = Restarted {
        until: Duration::ZERO,
        forwarding: true,
    };
    assert!(!offered(keeping(false), Some(over)).unwrap().restarting);
}

#[test]
fn says_that_it_forwards_when_only_the_session_was_lost() {
    let mut story = Story::new(keeping(false), terms(false, &BOTH));
    story.peer.lose();
    story.peer.wait(Duration::from_secs(2));
    story.peer.accept();
    let terms = offer(&story.peer.read()).unwrap();
    assert!(!terms.restarting && terms.families.iter().all(|each| each.forwarding));
}

#[test]
fn keeps_what_a_peer_confirms_after_its_restart_and_drops_the_rest_at_its_end_of_rib() {
    let mut story = Story::new(keeping(false), terms(false, &BOTH));
    let both = prefixes(&["10.1.0.0/16", "10.2.0.0/16"]);
    story.peer.lose();
    assert_eq!(story.look(), both);
    let view = story.peer.view();
    assert_eq!((view.received, view.stale), (2, 2));
    story.come_back(open_with(terms(false, &BOTH)));
    assert_eq!(story.look(), both);
    story.announce(&["10.2.0.0/16"]);
    assert_eq!(story.look(), both);
    assert_eq!(story.peer.view().stale, 1);
    story.peer.say(&end_of_rib());
    assert_eq!(story.look(), prefixes(&["10.2.0.0/16"]));
    assert_eq!(story.peer.view().stale, 0);
    let family = Family::IPV4_UNICAST;
    let ended =
        |notice: &&Notice| matches!(notice, Notice::EndOfRib { family: f, .. } if *f == family);
    assert_eq!(story.peer.notices.iter().filter(ended).count(), 1);
    let agreed = story.peer.view().graceful_restart.unwrap();
    assert_eq!(agreed.restart_time, Duration::from_secs(20));
}

#[test]
fn a_peer_that_does_not_come_back_in_time_loses_its_routes() {
    let mut story = Story::new(keeping(false), terms(false, &BOTH));
    story.peer.lose();
    story.peer.wait(Duration::from_millis(19_900));
    assert_eq!(story.look().len(), 2);
    story.peer.wait(Duration::from_millis(200));
    assert_eq!(story.look(), BTreeSet::new());
}

#[test]
fn a_peer_that_never_says_that_it_is_done_keeps_nothing_for_ever() {
    let mut story = Story::new(keeping(false), terms(false, &BOTH));
    story.peer.lose();
    story.come_back(open_with(terms(false, &BOTH)));
    story.announce(&["10.2.0.0/16"]);
    story.peer.wait(Duration::from_secs(357));
    assert_eq!(story.look().len(), 2);
    story.peer.wait(Duration::from_secs(2));
    assert_eq!(story.look(), prefixes(&["10.2.0.0/16"]));
}

#[test]
fn a_peer_that_has_not_preserved_its_state_loses_its_routes_when_it_is_back() {
    let mut silent = open();
    silent.hold_time = HoldTime::INFINITE;
    for open in [
        silent,
        open_with(terms(false, &[])),
        open_with(terms(false, &[Family::IPV6_UNICAST])),
        open_with(RestartTerms {
            families: BOTH
                .map(|family| RestartFamily {
                    family,
                    forwarding: false,
                })
                .to_vec(),
            ..terms(false, &[])
        }),
    ] {
        let mut story = Story::new(keeping(false), terms(false, &BOTH));
        story.peer.lose();
        assert_eq!(story.look().len(), 2);
        story.come_back(open);
        assert_eq!(story.look(), BTreeSet::new());
    }
}

#[test]
fn what_was_not_confirmed_before_the_next_loss_is_over() {
    let mut story = Story::new(keeping(false), terms(false, &BOTH));
    story.peer.lose();
    story.come_back(open_with(terms(false, &BOTH)));
    story.announce(&["10.2.0.0/16", "10.3.0.0/16"]);
    story.peer.lose();
    let confirmed = prefixes(&["10.2.0.0/16", "10.3.0.0/16"]);
    assert_eq!(story.look(), confirmed);
    // The new loss has a time of its own.
    story.peer.wait(Duration::from_secs(19));
    assert_eq!(story.look(), confirmed);
    story.peer.wait(Duration::from_secs(2));
    assert_eq!(story.look(), BTreeSet::new());
}

fn end(story: &mut Story, how: &str) {
    let peer = &mut story.peer;
    let cease = |subcode| Message::Notification(Notification::cease(subcode));
    match how {
        "loss" => peer.lose(),
        "cease" => peer.say(&cease(CeaseSubcode::AdministrativeReset)),
        "hard reset" => peer.say(&cease(CeaseSubcode::HardReset)),
        "header" => peer.say_bytes(&[0; 19]),
        "hold timer" => drop(peer.wait(Duration::from_secs(10))),
        "removed" => peer.speaker.handle_peers(peer.now, []),
        _ => {
            let changed = PeerConfig {
                password_generation: 1,
                ..keeping(true)
            };
            peer.speaker.handle_peers(peer.now, [changed]);
        }
    }
}

#[test]
fn what_is_kept_depends_on_how_the_session_ended() {
    for (how, plain, over_notification) in [
        ("loss", 2, 2),
        ("cease", 0, 2),
        ("hard reset", 0, 0),
        ("header", 0, 2),
        ("hold timer", 0, 2),
        ("removed", 0, 0),
        ("changed", 0, 0),
    ] {
        for (ours, theirs, kept) in [
            (false, true, plain),
            (true, false, plain),
            (true, true, over_notification),
        ] {
            let hold_time = match how {
                "hold timer" => HoldTime::new(9).unwrap(),
                _ => HoldTime::INFINITE,
            };
            let mut peer = Scripted::new(
                PeerConfig {
                    hold_time,
                    ..keeping(ours)
                },
                local(0),
            );
            let mut open = open_with(terms(theirs, &BOTH));
            open.hold_time = hold_time;
            peer.establish_with(open);
            let mut story = Story {
                peer,
                told: Told::new(),
            };
            story.announce(&["10.1.0.0/16", "10.2.0.0/16"]);
            story.look();
            end(&mut story, how);
            assert_eq!(
                story.look().len(),
                kept,
                "{how}, ours {ours}, theirs {theirs}"
            );
        }
    }
}
