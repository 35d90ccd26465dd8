use plan::Unusable;

use super::*;

fn author() -> Author {
    Author {
        epoch: "2026-01-01T00:00:00Z".parse().unwrap(),
    }
}

fn compose(
    seconds: u64,
    facts: &Facts,
    observed: &Observed,
    former: &[crds::Condition],
) -> SpeakerStateStatus {
    let known = Known {
        facts,
        observed,
        kernel: &KernelState::default(),
        l2: &L2State::default(),
        bfd: &BfdState::default(),
        needs_strict_arp: false,
    };
    author().compose(Duration::from_secs(seconds), known, former)
}

fn missing_secret() -> Facts {
    let message = "no session".to_owned();
    let unusable = vec![Unusable {
        kind: "BGPPeer",
        name: "tor".into(),
        message,
    }];
    Facts {
        ready: true,
        unusable,
        ..Facts::default()
    }
}

#[test]
fn says_what_this_node_rejects_and_why() {
    let status = compose(0, &missing_secret(), &Observed::default(), &[]);
    let [ready, accepted] = status.conditions.as_slice() else {
        panic!("two conditions");
    };
    assert_eq!((&*ready.r#type, &*ready.status), ("Ready", "True"));
    assert_eq!(
        (&*accepted.status, &*accepted.reason),
        ("False", "Rejected")
    );
    assert_eq!(accepted.message, "BGPPeer tor: no session");
}

#[test]
fn says_since_when_nothing_new_is_known() {
    let facts = Facts {
        stale_since: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        missing: vec!["Service"],
        ..Facts::default()
    };
    let ready = &compose(9, &facts, &Observed::default(), &[]).conditions[0];
    assert_eq!((&*ready.status, &*ready.reason), ("False", "Stale"));
    assert!(ready.message.contains("2026-01-01T00:00:00Z") && ready.message.contains("Service"));
}

#[test]
fn says_that_the_node_has_left() {
    for (stage, reason) in [
        (Stage::Serving, "Running"),
        (Stage::GivingWay, "Draining"),
        (Stage::Away, "Draining"),
    ] {
        let facts = Facts {
            ready: true,
            stage,
            ..Facts::default()
        };
        let ready = &compose(0, &facts, &Observed::default(), &[]).conditions[0];
        assert_eq!((&*ready.status, &*ready.reason), ("True", reason));
    }
}

#[test]
fn a_condition_keeps_its_time_while_its_status_is_the_same() {
    let compose = |now, facts: &Facts, former: &[crds::Condition]| {
        compose(now, facts, &Observed::default(), former).conditions
    };
    let first = compose(10, &missing_secret(), &[]);
    let second = compose(20, &missing_secret(), &first);
    let third = compose(
        30,
        &Facts {
            ready: true,
            ..Facts::default()
        },
        &second,
    );
    let times: Vec<&str> = [&first, &second, &third]
        .iter()
        .map(|conditions| conditions[1].last_transition_time.as_str())
        .collect();
    assert_eq!(
        times,
        [
            "2026-01-01T00:00:10Z",
            "2026-01-01T00:00:10Z",
            "2026-01-01T00:00:30Z"
        ]
    );
}

#[test]
fn a_failed_listener_is_a_condition() {
    let listen_error = Some("0.0.0.0:179 is in use".to_owned());
    let observed = Observed {
        listen_error,
        ..Observed::default()
    };
    let status = compose(0, &Facts::default(), &observed, &[]);
    assert_eq!(status.conditions[1].reason, "ListenFailed");
    assert_eq!(status.conditions[0].reason, "WaitingForLists");
}

#[test]
fn shows_the_state_of_bfd_and_what_it_lacks() {
    let session = |peer: &str| SessionView {
        peer: peer.into(),
        ..bgp_session()
    };
    let observed = Observed {
        sessions: vec![session("tor"), session("unwatched")],
        ..Observed::default()
    };
    let bfd = BfdState {
        sessions: vec![crate::io::bfd::tests::session("tor", bfd::State::Init)],
        problems: vec!["UDP port 3784 is in use".to_owned()],
        ..BfdState::default()
    };
    let known = Known {
        facts: &Facts::default(),
        observed: &observed,
        kernel: &KernelState::default(),
        l2: &L2State::default(),
        bfd: &bfd,
        needs_strict_arp: false,
    };
    let status = author().compose(Duration::ZERO, known, &[]);
    let states: Vec<_> = status.sessions.iter().map(|s| s.bfd.as_deref()).collect();
    assert_eq!(states, [Some("Init"), None]);
    let accepted = &status.conditions[1];
    assert_eq!(
        (&*accepted.status, &*accepted.reason),
        ("False", "BFDFailed")
    );
    assert_eq!(accepted.message, "UDP port 3784 is in use");
}

#[test]
fn more_prefixes_than_may_be_are_a_condition() {
    let excess = |state| Observed {
        sessions: vec![SessionView {
            state,
            excess: FamilySet::IPV6,
            ..bgp_session()
        }],
        ..Observed::default()
    };
    for (state, consequence) in [
        (State::Established, "those on top are ignored"),
        (State::Idle, "its session was ended"),
    ] {
        let status = compose(0, &Facts::default(), &excess(state), &[]);
        let accepted = &status.conditions[1];
        assert_eq!(
            (&*accepted.status, &*accepted.reason),
            ("False", "MaxPrefixes")
        );
        let message = &accepted.message;
        assert!(message.starts_with("BGPPeer tor: "), "{message}");
        for part in [consequence, "ipv6-unicast", "spec.import.maxPrefixes"] {
            assert!(message.contains(part), "{message}");
        }
    }
}

/// A session as a machine shows it that has just begun.
fn bgp_session() -> SessionView {
    let identifier = bgp::BgpIdentifier::new(1).unwrap();
    let asns = [bgp::Asn(64512), bgp::Asn(64513)];
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    let mut speaker = bgp::Speaker::new(1);
    let config = bgp::PeerConfig::new("tor".into(), address, asns, identifier);
    speaker.handle_peers(Duration::ZERO, [config]);
    speaker.sessions().next().unwrap()
}

#[test]
fn shortens_on_a_character() {
    assert_eq!(shorten("äöü", 3), "äöü");
    assert_eq!(shorten("äöüx", 3), "äö…");
}
