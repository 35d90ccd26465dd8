use std::{collections::BTreeSet, time::Duration};

use bfd::{Arrival, Discarded, Hops, Packet, PeerConfig, Profile, Speaker, State};

use crate::scripted::{Scripted, address, arrival, peer, transmit_all};

const NOW: Duration = Duration::from_secs(10);

/// A packet from a peer that does not know us yet.
fn first(state: State) -> Packet {
    Packet {
        state,
        ..Scripted::new(Profile::default()).theirs
    }
}

fn deliver(speaker: &mut Speaker, arrival: &Arrival, packet: &Packet) -> Result<(), Discarded> {
    let mut octets = Vec::new();
    packet.encode(&mut octets);
    speaker.handle_datagram(NOW, arrival, &octets)
}

fn speaker(peers: impl IntoIterator<Item = PeerConfig>) -> Speaker {
    let mut speaker = Speaker::new(1);
    speaker.handle_peers(NOW, peers);
    speaker
}

/// Names of the peers that are not Down.
fn heard(speaker: &Speaker) -> Vec<String> {
    let heard = speaker.sessions().filter(|view| view.state != State::Down);
    heard.map(|view| view.peer.to_string()).collect()
}

fn multihop(minimum_ttl: u8) -> PeerConfig {
    PeerConfig {
        hops: Hops::Multi { minimum_ttl },
        ..peer("far", "192.0.2.2")
    }
}

/// Section 6.8.6 as a table: what is changed in a good packet, and why it is discarded.
#[test]
fn every_rule_discards() {
    type Spoil = fn(&mut Vec<u8>, &mut Arrival);
    let rules: [(Discarded, Spoil); 12] = [
        (Discarded::TooShort, |octets, _| octets.truncate(23)),
        (Discarded::Version, |octets, _| octets[0] = 0x40),
        (Discarded::Length, |octets, _| octets[3] = 25),
        (Discarded::DetectMultiplier, |octets, _| octets[2] = 0),
        (Discarded::Multipoint, |octets, _| octets[1] |= 1),
        (Discarded::MyDiscriminator, |octets, _| octets[4..8].fill(0)),
        (Discarded::Authentication, |octets, _| octets[1] |= 4),
        (Discarded::YourDiscriminator, |octets, _| octets[1] = 0xc0),
        (Discarded::UnknownDiscriminator, |octets, _| octets[11] = 1),
        (Discarded::UnknownPeer, |_, arrival| {
            arrival.remote = address("192.0.2.9");
        }),
        (Discarded::Port, |octets, arrival| {
            octets[8..12].copy_from_slice(&0xffff_ffff_u32.to_be_bytes());
            arrival.multihop = true;
        }),
        (Discarded::TimeToLive, |_, arrival| arrival.ttl = 254),
    ];
    for (reason, spoil) in rules {
        let mut speaker = speaker([peer("router", "192.0.2.2")]);
        let ours = speaker.sessions().next().unwrap().local_discriminator;
        let mut octets = Vec::new();
        first(State::Down).encode(&mut octets);
        let mut arrival = arrival();
        spoil(&mut octets, &mut arrival);
        if octets.get(8..12) == Some(&[0xff; 4]) {
            octets[8..12].copy_from_slice(&ours.to_be_bytes());
        }
        let outcome = speaker.handle_datagram(NOW, &arrival, &octets);
        assert_eq!(outcome, Err(reason));
        assert_eq!(heard(&speaker), [""; 0]);
        assert_eq!(speaker.sessions().next().unwrap().packets_received, 0);
    }
    let tested: BTreeSet<_> = rules.into_iter().map(|(reason, _)| reason).collect();
    let all = Discarded::ALL.into_iter();
    let rest: Vec<_> = all.filter(|reason| !tested.contains(reason)).collect();
    assert_eq!(rest, [Discarded::AdminDown], "see leave.rs");
}

#[test]
fn reasons_have_names_of_their_own() {
    let names: BTreeSet<_> = Discarded::ALL.map(Discarded::as_str).into();
    assert_eq!(names.len(), Discarded::ALL.len());
}

#[test]
fn strangers_make_no_session() {
    let mut speaker = speaker([peer("router", "192.0.2.2")]);
    for last in 0..=255_u8 {
        let arrival = Arrival {
            remote: [198, 51, 100, last].into(),
            ..arrival()
        };
        let outcome = deliver(&mut speaker, &arrival, &first(State::Down));
        assert_eq!(outcome, Err(Discarded::UnknownPeer));
    }
    assert_eq!(speaker.sessions().count(), 1);
    assert_eq!(speaker.poll_notice(), None);
}

#[test]
fn our_discriminator_finds_the_session_whatever_the_address() {
    let mut speaker = speaker([peer("a", "192.0.2.2"), peer("b", "192.0.2.3")]);
    let ours = speaker.sessions().nth(1).unwrap().local_discriminator;
    let packet = Packet {
        your_discriminator: ours,
        ..first(State::Down)
    };
    deliver(&mut speaker, &arrival(), &packet).unwrap();
    assert_eq!(heard(&speaker), ["b"]);
}

#[test]
fn link_local_peers_are_told_apart_by_their_interface() {
    let on = |name: &str, interface| PeerConfig {
        interface: Some(interface),
        ..peer(name, "fe80::1")
    };
    let mut speaker = speaker([on("a", 2), on("b", 3)]);
    let from = |interface| Arrival {
        remote: address("fe80::1"),
        local: address("fe80::9"),
        interface,
        ..arrival()
    };
    deliver(&mut speaker, &from(3), &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["b"]);
    let elsewhere = deliver(&mut speaker, &from(4), &first(State::Down));
    assert_eq!(elsewhere, Err(Discarded::UnknownPeer));
}

#[test]
fn of_several_sessions_with_one_peer_the_most_exact_is_meant() {
    let own = PeerConfig {
        local: Some(address("192.0.2.1")),
        ..peer("exact", "192.0.2.2")
    };
    let mut speaker = speaker([peer("any", "192.0.2.2"), own]);
    deliver(&mut speaker, &arrival(), &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["exact"]);
    let elsewhere = Arrival {
        local: address("192.0.2.7"),
        ..arrival()
    };
    deliver(&mut speaker, &elsewhere, &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["any", "exact"]);
}

#[test]
fn single_hop_and_multihop_to_one_address_are_two_sessions() {
    let mut speaker = speaker([peer("near", "192.0.2.2"), multihop(254)]);
    let far = Arrival {
        multihop: true,
        ttl: 254,
        ..arrival()
    };
    deliver(&mut speaker, &far, &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["far"]);
}

#[test]
fn multihop_takes_no_fewer_hops_than_it_may() {
    let mut speaker = speaker([multihop(250)]);
    let far = |ttl| Arrival {
        multihop: true,
        ttl,
        ..arrival()
    };
    let outcome = deliver(&mut speaker, &far(249), &first(State::Down));
    assert_eq!(outcome, Err(Discarded::TimeToLive));
    deliver(&mut speaker, &far(250), &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["far"]);
}

#[test]
fn an_ipv4_peer_is_known_by_its_mapped_address_too() {
    let mut speaker = speaker([peer("router", "192.0.2.2")]);
    let mapped = Arrival {
        remote: address("::ffff:192.0.2.2"),
        local: address("::ffff:192.0.2.1"),
        ..arrival()
    };
    deliver(&mut speaker, &mapped, &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["router"]);
}

#[test]
fn of_peers_that_are_alike_the_first_has_the_session() {
    let mut speaker = speaker([
        peer("b", "192.0.2.2"),
        peer("a", "192.0.2.2"),
        peer("b", "192.0.2.3"),
    ]);
    let names: Vec<_> = speaker.sessions().map(|view| view.peer).collect();
    assert_eq!(names, ["b".into()]);
    let transmit = speaker.poll_transmit(NOW, &mut Vec::new()).unwrap();
    assert_eq!(transmit.remote, address("192.0.2.2"));
}

#[test]
fn sessions_keep_their_state_when_our_side_of_them_changes() {
    let on = |name: &str, local| PeerConfig {
        local: Some(address(local)),
        ..peer(name, "192.0.2.2")
    };
    let mut speaker = speaker([on("a", "192.0.2.1"), on("b", "192.0.2.5")]);
    deliver(&mut speaker, &arrival(), &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["a"]);
    // They swap their places.
    speaker.handle_peers(NOW, [on("a", "192.0.2.5"), on("b", "192.0.2.1")]);
    assert_eq!(heard(&speaker), ["a"]);
    deliver(&mut speaker, &arrival(), &first(State::Down)).unwrap();
    assert_eq!(heard(&speaker), ["a", "b"]);
    let to_a = Arrival {
        local: address("192.0.2.5"),
        ..arrival()
    };
    deliver(&mut speaker, &to_a, &first(State::Down)).unwrap();
}

#[test]
fn discriminators_are_never_zero_nor_twice_the_same_and_new_with_each_start() {
    let peers = || (0..=255_u8).map(|last| peer(&format!("p{last}"), &format!("192.0.2.{last}")));
    let mut seen = BTreeSet::new();
    for seed in 0..8 {
        let mut speaker = Speaker::new(seed);
        speaker.handle_peers(NOW, peers());
        for packet in transmit_all(&mut speaker, NOW) {
            assert_ne!(packet.my_discriminator, 0);
            assert!(seen.insert(packet.my_discriminator));
        }
    }
    assert_eq!(seen.len(), 8 * 256);
}

#[test]
fn packets_are_addressed_as_the_peer_is_configured() {
    let mut speaker = speaker([PeerConfig {
        local: Some(address("192.0.2.1")),
        interface: Some(4),
        ..multihop(250)
    }]);
    let transmit = speaker.poll_transmit(NOW, &mut Vec::new()).unwrap();
    assert_eq!(&*transmit.peer, "far");
    assert_eq!(transmit.remote, address("192.0.2.2"));
    assert_eq!(transmit.local, Some(address("192.0.2.1")));
    assert_eq!(transmit.interface, Some(4));
    assert!(transmit.multihop);
}
