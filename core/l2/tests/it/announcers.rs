//! Nodes that tell each other by way of their InternalIPs what they announce by BGP; none of them answers on a segment.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use l2::{
    Announcer, Config, Key, Path, Speaker, Transmit,
    heartbeat::{Advertising, Heartbeat},
};

const TICK: Duration = Duration::from_millis(5);

struct Node {
    speaker: Speaker,
    /// It runs, and hears and is heard.
    runs: bool,
    /// What it was last told about others.
    known: BTreeMap<IpAddr, Vec<Announcer>>,
}

struct World {
    now: Duration,
    nodes: Vec<Node>,
}

fn internal(number: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, u8::try_from(number + 1).unwrap()])
}

fn name(number: usize) -> Arc<str> {
    format!("n{number}").into()
}

fn vip(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::from([198, 51, high, low])
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    fn new(size: usize) -> Self {
        let now = seconds(100);
        let node = |number| {
            let boot = u64::try_from(number).unwrap() + 1;
            let config = Config {
                node: name(number),
                boot,
            };
            let mut speaker = Speaker::new(now, config);
            speaker.handle_keys(now, vec![Key::new([7; 32])]);
            let nodes = (0..size).map(|each| (name(each), vec![internal(each)]));
            speaker.handle_nodes(now, nodes.collect());
            speaker.handle_announcing(now, true);
            Node {
                speaker,
                runs: true,
                known: BTreeMap::new(),
            }
        };
        Self {
            now,
            nodes: (0..size).map(node).collect(),
        }
    }

    fn say(&mut self, number: usize, address: IpAddr, advertising: Advertising) {
        let speaker = &mut self.nodes[number].speaker;
        speaker.handle_advertising(self.now, address, advertising);
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.tick();
            self.now += TICK;
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        for from in 0..self.nodes.len() {
            let node = &mut self.nodes[from];
            if !node.runs {
                continue;
            }
            while node.speaker.poll_timeout().is_some_and(|due| due <= now) {
                node.speaker.handle_timeout(now);
            }
            let (mut sent, mut buffer) = (Vec::new(), Vec::new());
            while let Some(transmit) = node.speaker.poll_transmit(now, &mut buffer) {
                let Transmit::Unicast { address } = transmit else {
                    panic!("{transmit:?}: nobody nominates anything");
                };
                sent.push((address, buffer.clone()));
            }
            while let Some((address, announcers)) = node.speaker.poll_announcers(now) {
                node.known.insert(address, announcers);
            }
            for (to, datagram) in sent {
                let to = (0..self.nodes.len()).find(|number| internal(*number) == to);
                let to = &mut self.nodes[to.unwrap()];
                if to.runs {
                    let speaker = &mut to.speaker;
                    speaker.handle_datagram(now, Path::Routed, internal(from), &datagram);
                }
            }
        }
    }

    /// Which others node `number` takes to be able to announce the address, with a star if they do.
    fn known(&self, number: usize, address: IpAddr) -> String {
        let known = self.nodes[number].known.get(&address);
        let each = |announcer: &Announcer| {
            let star = if announcer.advertises { "*" } else { "" };
            format!("{}{star}", announcer.node)
        };
        let each: Vec<String> = known.into_iter().flatten().map(each).collect();
        each.join(" ")
    }
}

#[test]
fn everybody_hears_who_can_announce_and_who_does() {
    let mut world = World::new(3);
    world.say(0, vip(1), Advertising::Advertises);
    world.say(1, vip(1), Advertising::Able);
    world.run(seconds(2));
    assert_eq!(world.known(0, vip(1)), "n1");
    assert_eq!(world.known(1, vip(1)), "n0*");
    assert_eq!(world.known(2, vip(1)), "n0* n1");
    world.say(0, vip(1), Advertising::Unable);
    world.say(1, vip(1), Advertising::Advertises);
    world.run(seconds(1));
    assert_eq!(world.known(2, vip(1)), "n1*");
    assert_eq!(world.known(1, vip(1)), "");
}

#[test]
fn who_falls_silent_or_leaves_announces_nothing() {
    let mut world = World::new(3);
    world.say(0, vip(1), Advertising::Advertises);
    world.say(1, vip(1), Advertising::Advertises);
    world.run(seconds(2));
    world.nodes[0].runs = false;
    world.run(seconds(1));
    assert_eq!(world.known(2, vip(1)), "n1*");
    let now = world.now;
    world.nodes[1].speaker.handle_leave(now);
    world.run(Duration::from_millis(100));
    assert_eq!(world.known(2, vip(1)), "", "said at once");
    assert!(world.nodes[1].speaker.is_done());
}

#[test]
fn a_process_that_was_stopped_does_not_take_the_others_to_be_gone() {
    let mut world = World::new(2);
    world.say(0, vip(1), Advertising::Advertises);
    world.run(seconds(2));
    world.nodes[1].runs = false;
    world.run(seconds(5));
    world.nodes[1].runs = true;
    for _ in 0..400 {
        world.run(TICK);
        assert_eq!(world.known(1, vip(1)), "n0*");
    }
    world.nodes[1].runs = false;
    world.run(seconds(5));
    world.nodes[0].runs = false;
    world.nodes[1].runs = true;
    world.run(seconds(2));
    assert_eq!(world.known(1, vip(1)), "", "it died meanwhile");
}

#[test]
fn more_addresses_than_fit_into_a_heartbeat_are_told_page_by_page() {
    let mut world = World::new(2);
    for number in 0..300 {
        world.say(0, vip(number), Advertising::Advertises);
    }
    world.run(seconds(5));
    for number in 0..300 {
        assert_eq!(world.known(1, vip(number)), "n0*", "{number}");
    }
    for number in 0..300 {
        world.say(0, vip(number), Advertising::Unable);
    }
    world.run(seconds(5));
    assert!((0..300).all(|number| world.known(1, vip(number)).is_empty()));
}

#[test]
fn a_node_that_does_not_know_of_announcing_misses_nothing() {
    let mut world = World::new(2);
    world.say(0, vip(1), Advertising::Advertises);
    let speaker = &mut world.nodes[0].speaker;
    speaker.handle_timeout(world.now);
    let mut datagram = Vec::new();
    speaker.poll_transmit(world.now, &mut datagram).unwrap();
    let mut keys = l2::KeyRing::default();
    keys.handle_keys(world.now, vec![Key::new([7; 32])]);
    let heartbeat = Heartbeat::decode(keys.open(world.now, &datagram).unwrap()).unwrap();
    assert_eq!((heartbeat.digest, heartbeat.count), (0, 0));
    let [entry] = heartbeat.page.entries[..] else {
        panic!("{heartbeat:?}");
    };
    assert_eq!(entry.advertising, Advertising::Advertises);
    assert!(!entry.candidate && !entry.claimed && entry.weight == 0);
}
