//! One speaker and three peers: which of their paths are taken, and how much they can make it hold.

use std::net::IpAddr;
use std::time::Duration;

use bgp::wire::{AsnWidth, Dialect, Message, PeerType};
use bgp::{Asn, ConnectionId, FamilySet, Import, PeerConfig, Prefix, RejectReason, Speaker};
use proptest::prelude::*;

use crate::learn::{Told, announce, import, prefix, take, withdraw};
use crate::pair::{config, local};
use crate::scripted::open_of;

/// One speaker with three peers that connect to it and say what they like.
struct Fabric {
    speaker: Speaker,
    connections: [ConnectionId; 3],
    told: Told,
}

const NOW: Duration = Duration::from_secs(1);

impl Fabric {
    fn new() -> Self {
        let mut fabric = Self {
            speaker: Speaker::new(1),
            connections: [ConnectionId(0); 3],
            told: Told::new(),
        };
        fabric.import(&import(&["10.0.0.0/8"]));
        (0..3).for_each(|number| fabric.connect(number));
        fabric
    }

    fn import(&mut self, import: &Import) {
        let peer = |number: u8| PeerConfig {
            name: format!("leaf-{number}").into(),
            address: [192, 0, 2, 10 + number].into(),
            passive: true,
            import: import.clone(),
            ..config(0)
        };
        self.speaker.handle_peers(NOW, (0..3).map(peer));
    }

    fn connect(&mut self, number: u8) {
        let address = IpAddr::from([192, 0, 2, 10 + number]);
        let accepted = self.speaker.handle_accepted(NOW, address, local(0));
        self.connections[usize::from(number)] = accepted.unwrap();
        let identifier = 10 + u32::from(number);
        self.say(number, &Message::Open(open_of(Asn(64513), 9, identifier)));
        self.say(number, &Message::Keepalive);
    }

    fn say(&mut self, number: u8, message: &Message) {
        let dialect = Dialect {
            asn_width: AsnWidth::Four,
            families: FamilySet::BOTH,
            ..Dialect::initial(PeerType::External)
        };
        let mut bytes = vec![];
        message.encode(&dialect, &mut bytes).unwrap();
        let id = self.connections[usize::from(number)];
        self.speaker.handle_bytes(NOW, id, &bytes);
    }

    fn take(&mut self) -> usize {
        take(&mut self.speaker, &mut self.told)
    }
}

#[test]
fn equal_paths_of_several_peers_are_all_taken_and_a_shorter_one_beats_them() {
    let mut fabric = Fabric::new();
    let route = [prefix("10.1.0.0/16")];
    for number in [2, 0, 1] {
        let asns = [64513, 64600 + u32::from(number)];
        let next_hop = [192, 0, 2, 10 + number];
        fabric.say(number, &announce(&route, next_hop, &asns));
    }
    let hops = |numbers: &[u8]| {
        let hop = |number: &u8| IpAddr::from([192, 0, 2, 10 + number]).into();
        numbers.iter().map(hop).collect::<Vec<_>>()
    };
    assert_eq!(fabric.take(), 1);
    assert_eq!(fabric.told[&route[0]], hops(&[0, 1, 2]).into());
    fabric.say(1, &announce(&route, [192, 0, 2, 11], &[64513]));
    fabric.take();
    assert_eq!(fabric.told[&route[0]], hops(&[1]).into());
    let id = fabric.connections[1];
    fabric.speaker.handle_closed(NOW, id, "reset".into());
    fabric.take();
    assert_eq!(fabric.told[&route[0]], hops(&[0, 2]).into());
}

#[test]
fn no_peer_makes_us_hold_more_than_its_limit() {
    let mut fabric = Fabric::new();
    for block in 0..200_u8 {
        let prefixes: Vec<_> = (0..=255_u8)
            .map(|last| Prefix::new([10, block, last, 0].into(), 24).unwrap())
            .collect();
        fabric.say(0, &announce(&prefixes, [192, 0, 2, 10], &[64513]));
    }
    let view = fabric.speaker.sessions().next().unwrap();
    assert_eq!(view.received, 100);
    let ignored = view.counters.rejected.count(RejectReason::MaxPrefixes);
    assert_eq!(ignored, 200 * 256 - 100);
    assert_eq!(fabric.take(), 100);
}

#[derive(Clone, Debug)]
enum Step {
    Announce(u8, Vec<u8>, u8, u8),
    Withdraw(u8, Vec<u8>),
    Import(u32, bool),
    Reset(u8),
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let peer = 0..3_u8;
    let prefixes = || prop::collection::vec(0..6_u8, 1..4);
    prop_oneof![
        8 => (peer.clone(), prefixes(), 0..4_u8, 0..3_u8)
            .prop_map(|(peer, list, hop, length)| Step::Announce(peer, list, hop, length)),
        4 => (peer.clone(), prefixes()).prop_map(|(peer, list)| Step::Withdraw(peer, list)),
        2 => (0..5_u32, any::<bool>()).prop_map(|(most, all)| Step::Import(most, all)),
        1 => peer.prop_map(Step::Reset),
        4 => Just(Step::Look),
    ]
}

impl Fabric {
    fn apply(&mut self, step: Step) {
        let numbered = |list: Vec<u8>| -> Vec<Prefix> {
            let prefix = |number| Prefix::new([10, number, 0, 0].into(), 16).unwrap();
            list.into_iter().map(prefix).collect()
        };
        match step {
            Step::Announce(peer, list, hop, length) => {
                let asns: Vec<u32> = (0..length)
                    .map(|number| 64513 + u32::from(number))
                    .collect();
                let message = announce(&numbered(list), [192, 0, 2, 20 + hop], &asns);
                self.say(peer, &message);
            }
            Step::Withdraw(peer, list) => self.say(peer, &withdraw(&numbered(list))),
            Step::Import(most, all) => {
                let within = if all { "10.0.0.0/8" } else { "10.2.0.0/15" };
                self.import(&Import {
                    max_prefixes: most,
                    ..import(&[within])
                });
            }
            Step::Reset(peer) => {
                let id = self.connections[usize::from(peer)];
                self.speaker.handle_closed(NOW, id, "reset".into());
                self.connect(peer);
            }
            Step::Look => {
                self.take();
            }
        }
    }
}

proptest! {
    #[test]
    fn what_was_told_equals_a_full_look(steps in prop::collection::vec(step(), 0..60)) {
        let mut fabric = Fabric::new();
        for step in steps {
            let looks = matches!(step, Step::Look);
            fabric.apply(step);
            if looks {
                prop_assert_eq!(&fabric.told, &fabric.speaker.learned().collect::<Told>());
            }
        }
        fabric.take();
        prop_assert_eq!(&fabric.told, &fabric.speaker.learned().collect::<Told>());
    }
}
