use core::time::Duration;
use std::{collections::BTreeMap, net::IpAddr, string::ToString, vec, vec::Vec};

use super::*;
use crate::{Gain, Interface, InterfaceFilter, Loss, Mac, arp};

const VIP: &str = "10.0.0.100";

/// Speakers on one segment without loss and delay.
struct Lan {
    now: Duration,
    nodes: Vec<Option<Speaker>>,
    notices: Vec<Vec<Notice>>,
    /// Nothing of this node reaches anybody.
    unheard: Option<usize>,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn mac(number: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, u8::try_from(number).unwrap()])
}

fn vip() -> IpAddr {
    VIP.parse().unwrap()
}

impl Lan {
    fn new(size: usize) -> Self {
        let mut lan = Self {
            now: Duration::ZERO,
            nodes: Vec::new(),
            notices: vec![Vec::new(); size],
            unheard: None,
        };
        for number in 0..size {
            let speaker = lan.start(number, u64::try_from(number).unwrap() + 1);
            lan.nodes.push(Some(speaker));
        }
        lan
    }

    fn start(&self, number: usize, boot: u64) -> Speaker {
        let node = std::format!("n{number}");
        let mut speaker = Speaker::new(
            self.now,
            Config {
                node: node.into(),
                boot,
            },
        );
        speaker.handle_keys(self.now, vec![Key::new([7; 32])]);
        let interface = Interface {
            name: "eth0".into(),
            mac: mac(number),
            link_local: None,
            addresses: vec![std::format!("10.0.0.{}/24", number + 1).parse().unwrap()],
            uplink: true,
            router: false,
        };
        speaker.handle_interfaces(self.now, BTreeMap::from([(1, interface)]));
        let nominee = Nominee {
            interfaces: InterfaceFilter::new([]),
            weight: 0,
            stability_time: ms(1000),
            gratuitous_interval: None,
        };
        speaker.handle_nominee(self.now, vip(), Some(nominee));
        speaker
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.tick();
            self.now += ms(1);
        }
    }

    fn tick(&mut self) {
        for number in 0..self.nodes.len() {
            let Some(speaker) = &mut self.nodes[number] else {
                continue;
            };
            while speaker.poll_timeout().is_some_and(|due| due <= self.now) {
                speaker.handle_timeout(self.now);
            }
            let (mut sent, mut buffer) = (Vec::new(), Vec::new());
            while let Some(transmit) = speaker.poll_transmit(self.now, &mut buffer) {
                speaker.handle_sent(self.now, transmit, true);
                sent.push((transmit, buffer.clone()));
            }
            while let Some(notice) = speaker.poll_notice() {
                self.notices[number].push(notice);
            }
            for (transmit, octets) in sent {
                self.deliver(number, transmit, &octets);
            }
        }
    }

    fn deliver(&mut self, from: usize, transmit: Transmit, octets: &[u8]) {
        let source: IpAddr = std::format!("10.0.0.{}", from + 1).parse().unwrap();
        let mut replies = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            let reached = number != from && self.unheard != Some(from);
            let Some(node) = node.as_mut().filter(|_| reached) else {
                continue;
            };
            match transmit {
                Transmit::Multicast { .. } => {
                    node.handle_datagram(self.now, Path::Segment(1), source, octets);
                }
                Transmit::Unicast { .. } => {}
                Transmit::Frame { .. } => {
                    let mut reply = Vec::new();
                    if node.handle_frame(self.now, 1, octets, &mut reply) {
                        replies.push(reply);
                    }
                }
            }
        }
        for reply in replies {
            if let Some(node) = &mut self.nodes[from] {
                node.handle_frame(self.now, 1, &reply, &mut Vec::new());
            }
        }
    }

    /// Who answers a request for the address now.
    fn answering(&mut self) -> Vec<usize> {
        let client = Mac([6; 6]);
        let IpAddr::V4(target) = vip() else {
            panic!("IPv4")
        };
        let request = arp::Packet {
            destination: Mac::BROADCAST,
            operation: arp::Operation::Request,
            sender_mac: client,
            sender: "10.0.0.250".parse().unwrap(),
            target_mac: Mac::default(),
            target,
        };
        let mut frame = Vec::new();
        request.encode(&mut frame);
        let now = self.now;
        let nodes = self.nodes.iter_mut().enumerate();
        let answering = nodes.filter_map(|(number, node)| {
            let node = node.as_mut()?;
            node.handle_frame(now, 1, &frame, &mut Vec::new())
                .then_some(number)
        });
        answering.collect()
    }

    fn owner(&mut self) -> usize {
        let answering = self.answering();
        assert_eq!(answering.len(), 1, "{answering:?}");
        answering[0]
    }
}

#[test]
fn one_node_answers_and_it_ranks_first() {
    let mut lan = Lan::new(3);
    lan.run(ms(3000));
    let owner = lan.owner();
    let best = (0..3).max_by_key(|number| crate::digest(&std::format!("n{number}"), vip()));
    assert_eq!(Some(owner), best);
    let gains: Vec<&Notice> = lan.notices.iter().flatten().collect();
    assert_eq!(gains.len(), 1, "{gains:?}");
}

#[test]
fn another_node_answers_within_a_second_when_the_owner_dies() {
    let mut lan = Lan::new(3);
    lan.run(ms(3000));
    let dead = lan.owner();
    lan.nodes[dead] = None;
    lan.run(ms(999));
    let heir = lan.owner();
    assert_ne!(heir, dead);
    let notice = lan.notices[heir].last().unwrap();
    assert!(
        matches!(
            notice,
            Notice::Owned {
                gain: Gain::OwnerDead,
                ..
            }
        ),
        "{notice:?}"
    );
}

#[test]
fn somebody_answers_at_every_moment_of_a_farewell() {
    let mut lan = Lan::new(3);
    lan.run(ms(3000));
    let leaver = lan.owner();
    let now = lan.now;
    lan.nodes[leaver].as_mut().unwrap().handle_leave(now);
    for _ in 0..500 {
        lan.run(ms(1));
        assert!(!lan.answering().is_empty(), "nobody at {:?}", lan.now);
    }
    assert!(lan.nodes[leaver].as_ref().unwrap().is_done());
    assert_ne!(lan.owner(), leaver);
    let lost = lan.notices[leaver].last().unwrap();
    assert!(
        matches!(
            lost,
            Notice::Lost {
                loss: Loss::Left,
                successor: Some(_),
                ..
            }
        ),
        "{lost:?}"
    );
}

#[test]
fn a_stopped_owner_answers_nobody_before_it_has_heard_the_others() {
    let mut lan = Lan::new(3);
    lan.run(ms(3000));
    let stopped = lan.owner();
    let sleeper = lan.nodes[stopped].take();
    lan.run(ms(2000));
    let heir = lan.owner();
    lan.nodes[stopped] = sleeper;
    assert_eq!(lan.answering(), [heir]);
    lan.run(ms(5));
    assert_eq!(lan.answering(), [heir]);
    assert!(lan.notices[stopped].contains(&Notice::Stopped));
    lan.run(ms(400));
    assert_eq!(lan.answering(), [heir]);
    // It is the better one again once it is stable.
    lan.run(ms(2000));
    assert_eq!(lan.owner(), stopped);
}

#[test]
fn who_comes_waits_a_while_for_an_owner_that_does_not_prove_to_be_alive() {
    let mut lan = Lan::new(2 * crate::heartbeat::MOST_HEARD + 1);
    lan.run(ms(3000));
    let owner = lan.owner();
    let newcomer = if owner == 0 { 1 } else { 0 };
    lan.nodes[newcomer] = Some(lan.start(newcomer, 99));
    lan.unheard = Some(newcomer);
    lan.run(ms(800));
    assert_eq!(lan.answering(), [owner]);
    // It never names the newcomer, so it may as well be somebody who replays what a dead node said.
    lan.run(ms(700));
    assert!(lan.answering().contains(&newcomer));
}

#[test]
fn everybody_is_named_by_turns() {
    // Whom each heartbeat leaves out must come next, also when it goes out once in each round.
    let mut lan = Lan::new(2 * crate::heartbeat::MOST_HEARD + 1);
    lan.run(ms(1000));
    for (number, node) in lan.nodes.iter().flatten().enumerate() {
        let mut lives = node.membership.lives();
        assert!(lives.all(|(_, life)| life.proven), "n{number}");
    }
}

#[test]
fn shows_who_owns_an_address() {
    let mut lan = Lan::new(2);
    lan.run(ms(3000));
    let owner = lan.owner();
    let view = lan.nodes[1 - owner].as_ref().unwrap().view();
    let held = &view.addresses[&vip()];
    assert_eq!(held.standing, crate::Standing::NotOwner);
    assert_eq!(
        held.owner.as_ref().map(ToString::to_string),
        Some(std::format!("n{owner}"))
    );
}

#[test]
fn addresses_of_many_pages_never_have_two_owners() {
    let mut lan = Lan::new(3);
    let now = lan.now;
    let addresses: Vec<IpAddr> = (0..600_u32)
        .map(|number| IpAddr::from((0x0a01_0000 + number).to_be_bytes()))
        .collect();
    for node in lan.nodes.iter_mut().flatten() {
        for address in &addresses {
            let nominee = node.claims[&vip()].nominee.clone();
            node.handle_nominee(now, *address, nominee);
        }
    }
    for _ in 0..50 {
        lan.run(ms(100));
        for address in &addresses {
            let nodes = lan.nodes.iter().flatten();
            let owners = nodes.filter(|node| node.claims[address].is_answered());
            assert!(owners.count() <= 1, "{address} at {:?}", lan.now);
        }
    }
    let owned = lan.nodes.iter().flatten().map(|node| {
        let claims = node.claims.values();
        claims.filter(|claim| claim.is_answered()).count()
    });
    assert_eq!(owned.sum::<usize>(), addresses.len() + 1);
}

#[test]
fn who_has_no_address_left_says_so() {
    let mut lan = Lan::new(2);
    lan.run(ms(3000));
    let owner = lan.owner();
    let now = lan.now;
    for node in lan.nodes.iter_mut().flatten() {
        node.handle_nominee(now, vip(), None);
    }
    lan.run(ms(1000));
    let heir = lan.nodes[1 - owner].as_mut().unwrap();
    assert!(heir.counters.heartbeats_missed.is_empty());
    assert!(heir.poll_timeout().is_none_or(|due| due > now + ms(2000)));
    let lives: Vec<_> = heir.membership.lives().collect();
    let [(_, life)] = lives.as_slice() else {
        panic!("{lives:?}");
    };
    assert!(life.entries.by_position().is_empty() && !life.alive);
}

#[test]
fn who_loses_the_interface_says_so_to_internal_ips() {
    let mut lan = Lan::new(2);
    lan.run(ms(3000));
    let owner = lan.owner();
    let now = lan.now;
    let heir = std::format!("n{}", 1 - owner);
    let speaker = lan.nodes[owner].as_mut().unwrap();
    let internal = "10.9.0.1".parse().unwrap();
    speaker.handle_nodes(
        now,
        BTreeMap::from([(heir.as_str().into(), vec![internal])]),
    );
    speaker.handle_interfaces(now, BTreeMap::new());
    speaker.handle_timeout(now);
    speaker.handle_timeout(now);
    speaker.handle_timeout(now + ms(10));
    let mut datagram = Vec::new();
    let sent = speaker.poll_transmit(now + ms(10), &mut datagram);
    assert_eq!(sent, Some(Transmit::Unicast { address: internal }));
    let heir = lan.nodes[1 - owner].as_mut().unwrap();
    heir.handle_datagram(now + ms(10), Path::Routed, internal, &datagram);
    heir.handle_timeout(now + ms(10));
    assert!(heir.claims[&vip()].is_answered());
}

#[test]
fn who_is_heard_only_where_nothing_is_sent_is_sent_heartbeats_to_its_internal_ip() {
    let mut lan = Lan::new(2);
    lan.run(ms(3000));
    let now = lan.now;
    let internal = "10.9.0.1".parse().unwrap();
    let [Some(one), Some(other)] = lan.nodes.as_mut_slice() else {
        panic!("two nodes");
    };
    one.handle_nodes(now, BTreeMap::from([("n1".into(), vec![internal])]));
    let mut interfaces: Interfaces = BTreeMap::from([(1, one.ports[&1].interface.clone())]);
    interfaces.insert(
        2,
        Interface {
            name: "eth1".into(),
            ..interfaces[&1].clone()
        },
    );
    let only_the_second = InterfaceFilter::new(["eth1".into()]);
    one.handle_interfaces(now, interfaces);
    let nominee = one.claims[&vip()].nominee.clone().unwrap();
    let nominee = Nominee {
        interfaces: only_the_second,
        ..nominee
    };
    one.handle_nominee(now, vip(), Some(nominee));
    let mut sent = Vec::new();
    for tick in 0..10 {
        let now = now + ms(100 * tick);
        let mut octets = Vec::new();
        other.handle_timeout(now);
        while let Some(transmit) = other.poll_transmit(now, &mut octets) {
            other.handle_sent(now, transmit, true);
            one.handle_datagram(now, Path::Segment(1), "10.0.0.2".parse().unwrap(), &octets);
        }
        one.handle_timeout(now);
        while let Some(transmit) = one.poll_transmit(now, &mut octets) {
            one.handle_sent(now, transmit, true);
            sent.push(transmit);
        }
    }
    assert!(one.membership.life("n1").unwrap().alive);
    assert!(
        sent.contains(&Transmit::Unicast { address: internal }),
        "{sent:?}"
    );
    assert_eq!(sent.last(), Some(&Transmit::Unicast { address: internal }));
}
