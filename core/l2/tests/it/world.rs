use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use l2::{Interface, Key, Mac, NodeName, Path};

use crate::{
    client::{self, CLIENT, Kind},
    clock::Clock,
    network::{Cargo, Network},
    node::{Input, Nic, Node, Output, State},
    random::Random,
    traffic::{Traffic, Way},
    witness::{Weather, Witness},
};

/// How late a process gets its processor.
const LATENCY: Duration = Duration::from_millis(1);

#[derive(Debug)]
enum Event {
    Arrival(usize, Input),
    Wake(usize),
    Questions,
}

/// A datagram as somebody has recorded it.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    /// The segment, or none if it was sent to an InternalIP.
    pub(crate) segment: Option<usize>,
    pub(crate) source: IpAddr,
    pub(crate) datagram: Arc<[u8]>,
}

/// Nodes, the network between them, and a client on each segment that asks for every address all the time.
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) random: Random,
    pub(crate) network: Network,
    pub(crate) nodes: Vec<Node>,
    pub(crate) witness: Witness,
    pub(crate) traffic: Traffic,
    /// Every address that somebody may answer.
    pub(crate) addresses: Vec<IpAddr>,
    /// Time between two rounds of questions.
    pub(crate) asks_every: Duration,
    /// How many addresses are asked for in one round.
    pub(crate) asks_for: usize,
    /// What was on the wire, while it is recorded.
    pub(crate) tape: Option<Vec<Recording>>,
    /// Hosts on segment 0 that answer for addresses which are not theirs.
    pub(crate) squatters: BTreeMap<IpAddr, Mac>,
    /// So much longer than usual may nobody answer: while many addresses are new to everybody.
    pub(crate) grace: Duration,
    /// When something changed last, and when the network did.
    pub(crate) changed: Duration,
    pub(crate) network_changed: Duration,
    questions: BTreeMap<IpAddr, Arc<[u8]>>,
    asked: usize,
    events: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    /// When a node is called next, though nothing arrives.
    alarms: BTreeMap<usize, Duration>,
    wakes: BTreeMap<usize, (Duration, u32)>,
}

impl World {
    /// Nodes on the segments that `layout` names for each; none of them runs.
    pub(crate) fn new(seed: u64, layout: &[&[usize]]) -> Self {
        let mut random = Random::new(seed);
        let numbered = layout.iter().enumerate();
        let mut nodes: Vec<Node> = numbered
            .map(|(number, segments)| node(&mut random, number, segments))
            .collect();
        let known: BTreeMap<NodeName, Vec<IpAddr>> = nodes
            .iter()
            .map(|node| (node.name.clone(), node.internal.clone()))
            .collect();
        for node in &mut nodes {
            node.nodes = known.clone();
            node.keys = vec![key(1)];
        }
        let mut world = Self {
            now: Duration::ZERO,
            network: Network::new(random.next_u64()),
            random,
            nodes,
            witness: Witness::default(),
            traffic: Traffic::default(),
            addresses: Vec::new(),
            asks_every: Duration::from_millis(10),
            asks_for: usize::MAX,
            tape: None,
            squatters: BTreeMap::new(),
            grace: Duration::ZERO,
            changed: Duration::ZERO,
            network_changed: Duration::ZERO,
            questions: BTreeMap::new(),
            asked: 0,
            events: BTreeMap::new(),
            scheduled: 0,
            alarms: BTreeMap::new(),
            wakes: BTreeMap::new(),
        };
        world.schedule(Duration::ZERO, Event::Questions);
        world
    }

    /// So many nodes on one segment.
    pub(crate) fn flat(seed: u64, nodes: usize) -> Self {
        Self::new(seed, &vec![&[0_usize][..]; nodes])
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((&(at, number), _)) = self.events.first_key_value()
            && at <= until
        {
            let event = self.events.remove(&(at, number)).unwrap();
            self.now = at;
            self.take(event);
        }
        self.now = until;
    }

    /// As [`Self::run`], in milliseconds.
    pub(crate) fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// Runs until something is so, for a minute at most.
    pub(crate) fn run_until(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        for _ in 0..12_000 {
            if so(self) {
                return;
            }
            self.run_ms(5);
        }
        panic!("not within a minute: {what}\n{}", self.story());
    }

    /// Something is done at a node, and what it sends goes its way.
    pub(crate) fn at(&mut self, node: usize, act: impl FnOnce(&mut Node, Duration) -> Vec<Output>) {
        let outputs = act(&mut self.nodes[node], self.now);
        self.emit(node, outputs);
    }

    /// A datagram reaches everybody on a segment, or a node's InternalIP, from nowhere.
    pub(crate) fn inject(&mut self, node: usize, recording: &Recording) {
        let path = match recording.segment {
            None => Path::Routed,
            Some(segment) => {
                let mut cards = self.nodes[node].nics.iter();
                let card = cards.find(|nic| nic.segment == segment && nic.carrier);
                match card {
                    Some(nic) => Path::Segment(nic.index),
                    None => return,
                }
            }
        };
        let input = Input::Datagram {
            path,
            source: recording.source,
            datagram: Arc::clone(&recording.datagram),
        };
        self.schedule(self.now, Event::Arrival(node, input));
    }

    /// A frame reaches everybody on a segment but one node.
    pub(crate) fn broadcast(&mut self, from: Option<usize>, segment: usize, frame: &Arc<[u8]>) {
        let Some(destination) = client::read(frame).map(|seen| seen.destination) else {
            return;
        };
        for to in (0..self.nodes.len()).filter(|to| Some(*to) != from) {
            let mut cards = self.nodes[to].nics.iter();
            let card = cards.position(|nic| {
                let taken = destination.is_multicast() || nic.mac() == destination;
                nic.segment == segment && nic.carrier && taken
            });
            let carried = from.is_none_or(|from| {
                self.network
                    .segment_carries(segment, from, to, Cargo::Frame)
            });
            let Some(nic) = card.filter(|_| carried) else {
                continue;
            };
            for time in self.network.arrivals() {
                let frame = Arc::clone(frame);
                let input = Input::Frame { nic, frame };
                self.schedule(self.now + time, Event::Arrival(to, input));
            }
        }
    }

    /// The client asks for all addresses at once, and everything is held against the rules.
    pub(crate) fn ask_for_all(&mut self) {
        for address in self.addresses.clone() {
            self.ask(address);
        }
    }

    /// What has happened last at each node, for who has to find out why.
    pub(crate) fn story(&self) -> String {
        let mut lines = vec![format!("at {:?}", self.now)];
        for (number, node) in self.nodes.iter().enumerate() {
            lines.push(format!(
                "{number}: {} {:?}, owns {:?}",
                node.name, node.state, node.owned
            ));
            let from = node.notices.len().saturating_sub(12);
            for (at, notice) in &node.notices[from..] {
                lines.push(format!("   {at:?} {notice:?}"));
            }
        }
        lines.join("\n")
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Arrival(node, input) => self.arrive(node, input),
            Event::Wake(node) => {
                if self.alarms.get(&node) == Some(&self.now) {
                    self.alarms.remove(&node);
                    self.count_wake(node);
                    self.at(node, |node, now| node.call(now, |_, _| {}));
                }
            }
            Event::Questions => {
                let share = self.asks_for.min(self.addresses.len());
                for _ in 0..share {
                    self.asked = (self.asked + 1) % self.addresses.len();
                    self.ask(self.addresses[self.asked]);
                }
                self.schedule(self.now + self.asks_every, Event::Questions);
            }
        }
    }

    fn arrive(&mut self, node: usize, input: Input) {
        if let Input::Frame { nic, frame } = &input {
            let card = &self.nodes[node].nics[*nic];
            let passes = client::read(frame).is_some_and(|seen| {
                card.passes.contains(&seen.about) || card.passes.contains(&seen.sender)
            });
            if !card.carrier || !passes {
                return;
            }
        }
        self.at(node, |node, now| node.handle(now, input));
    }

    fn ask(&mut self, address: IpAddr) {
        let frame = self
            .questions
            .entry(address)
            .or_insert_with(|| client::question(address).into())
            .clone();
        self.witness.ask(address);
        for node in 0..self.nodes.len() {
            for nic in 0..self.nodes[node].nics.len() {
                let frame = Arc::clone(&frame);
                self.arrive(node, Input::Frame { nic, frame });
            }
        }
        self.judge(address);
    }

    fn judge(&mut self, address: IpAddr) {
        let answering = self.witness.answering(address);
        let several = answering
            .iter()
            .any(|a| answering.iter().any(|b| a < b && self.meet(*a, *b)));
        let eligible = self.nodes.iter().any(|node| node.is_eligible(address));
        let rounds = self.addresses.len().div_ceil(self.asks_for.max(1));
        let weather = Weather {
            now: self.now,
            changed: self.changed,
            network: self.network_changed,
            whole: self.network.is_whole(),
            lossy: self.network.quality.loss > 0,
            silent: self.network.loses_heartbeats(),
            longest: self.network.quality.longest(),
            pause: self.asks_every * u32::try_from(rounds).unwrap() + self.grace,
        };
        let verdict = self.witness.judge(weather, address, several, eligible);
        let stale: usize = self.nodes.iter().map(|node| node.stale_answers).sum();
        assert_eq!(
            stale,
            0,
            "answered what came during a stop\n{}",
            self.story()
        );
        if let Err(why) = verdict {
            panic!("{why}\n{}", self.story());
        }
    }

    /// Whether two nodes are on one side: frames between them arrive, or there is no segment that has both and their
    /// heartbeats arrive.
    fn meet(&self, a: usize, b: usize) -> bool {
        let cards = |node: usize| self.nodes[node].nics.iter().filter(|nic| nic.carrier);
        let mut shared = cards(a)
            .filter(|nic| cards(b).any(|other| other.segment == nic.segment))
            .map(|nic| nic.segment)
            .peekable();
        match shared.peek() {
            Some(_) => {
                shared.any(|segment| self.network.segment_carries(segment, a, b, Cargo::Frame))
            }
            None => self.network.path_carries(a, b) && self.network.path_carries(b, a),
        }
    }

    fn emit(&mut self, node: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Frame { nic, frame } => self.emit_frame(node, nic, &frame),
                Output::Multicast { nic, datagram } => self.emit_multicast(node, nic, &datagram),
                Output::Unicast { address, datagram } => {
                    self.traffic.count(self.now, node, Way::Routed);
                    self.emit_unicast(node, address, &datagram);
                }
            }
        }
        let wanted = self.nodes[node].wakes_at;
        let running = self.nodes[node].state == State::Running;
        if let Some(at) = wanted.filter(|_| running) {
            let at = at.max(self.now) + self.random.time(LATENCY);
            if self
                .alarms
                .get(&node)
                .is_none_or(|alarm| *alarm > at + LATENCY)
            {
                self.alarms.insert(node, at);
                self.schedule(at, Event::Wake(node));
            }
        }
    }

    fn emit_frame(&mut self, node: usize, nic: usize, frame: &Arc<[u8]>) {
        let seen = client::read(frame).expect("a node sends ARP or NDP that a host can read");
        let card = &self.nodes[node].nics[nic];
        let (segment, mac) = (card.segment, card.mac());
        assert_eq!(
            client::source(frame),
            Some(mac),
            "a frame's source is its card"
        );
        match seen.kind {
            Kind::Answer(at) if seen.destination == CLIENT => {
                assert_eq!(at, mac, "an answer names the card that it leaves");
                self.witness.hear(seen.about, node);
                return;
            }
            Kind::Announcement(at) => {
                assert_eq!(at, mac, "an announcement names the card that it leaves");
                self.witness.caches.insert((segment, seen.about), at);
            }
            Kind::Answer(_) | Kind::Probe | Kind::Question => {}
        }
        if seen.destination.is_multicast() {
            self.traffic.count(self.now, node, Way::Broadcast);
        }
        let squatter = self.squatters.get(&seen.about).copied();
        let asked = matches!(seen.kind, Kind::Probe | Kind::Question);
        if let Some(squatter) = squatter.filter(|_| asked && segment == 0) {
            let reply: Arc<[u8]> = client::answer(seen.about, squatter, mac).into();
            self.broadcast(None, segment, &reply);
        }
        self.broadcast(Some(node), segment, frame);
    }

    fn emit_multicast(&mut self, from: usize, nic: usize, datagram: &Arc<[u8]>) {
        self.traffic.count(self.now, from, Way::Segment(nic));
        let card = &self.nodes[from].nics[nic];
        let (segment, source) = (card.segment, card.source(false));
        self.record(Some(segment), source, datagram);
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let mut cards = self.nodes[to].nics.iter();
            let card = cards.find(|nic| nic.segment == segment && nic.carrier);
            let Some(index) = card.map(|nic| nic.index) else {
                continue;
            };
            if self
                .network
                .segment_carries(segment, from, to, Cargo::Heartbeat)
            {
                self.carry(to, Path::Segment(index), source, datagram);
            }
        }
    }

    fn emit_unicast(&mut self, from: usize, address: IpAddr, datagram: &Arc<[u8]>) {
        let mut nodes = self.nodes.iter();
        let Some(to) = nodes.position(|node| node.internal.contains(&address)) else {
            return;
        };
        let own = &self.nodes[from].internal;
        let family = |source: &&IpAddr| source.is_ipv4() == address.is_ipv4();
        let source = *own.iter().find(family).unwrap();
        self.record(None, source, datagram);
        if self.network.path_carries(from, to) {
            self.carry(to, Path::Routed, source, datagram);
        }
    }

    fn carry(&mut self, to: usize, path: Path, source: IpAddr, datagram: &Arc<[u8]>) {
        for time in self.network.arrivals() {
            let input = Input::Datagram {
                path,
                source,
                datagram: Arc::clone(datagram),
            };
            self.schedule(self.now + time, Event::Arrival(to, input));
        }
    }

    fn record(&mut self, segment: Option<usize>, source: IpAddr, datagram: &Arc<[u8]>) {
        if let Some(tape) = &mut self.tape {
            tape.push(Recording {
                segment,
                source,
                datagram: Arc::clone(datagram),
            });
        }
    }

    fn schedule(&mut self, at: Duration, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    /// A machine that always has something to do at once would keep a processor busy.
    fn count_wake(&mut self, node: usize) {
        let (since, count) = self.wakes.entry(node).or_default();
        if self.now - *since > Duration::from_secs(1) {
            (*since, *count) = (self.now, 0);
        }
        *count += 1;
        assert!(*count < 1_000, "node {node} does not come to rest");
    }
}

/// A key of the cluster.
pub(crate) fn key(number: u8) -> Key {
    Key::new([number; 32])
}

fn node(random: &mut Random, number: usize, segments: &[usize]) -> Node {
    let octet = u8::try_from(number % 250 + 1).unwrap();
    let nics = segments.iter().enumerate().map(|(place, segment)| Nic {
        segment: *segment,
        index: u32::try_from(2 + number % 3 + place * 5).unwrap(),
        carrier: true,
        interface: interface(number, place, *segment),
        passes: [].into(),
    });
    let internal = vec![
        Ipv4Addr::new(172, 16, u8::try_from(number / 250).unwrap(), octet).into(),
        Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, u16::try_from(number + 1).unwrap()).into(),
    ];
    let drift = i32::try_from(random.below(20_001)).unwrap() - 10_000;
    let offset = match random.below(4) {
        0 => Duration::ZERO,
        _ => Duration::from_millis(random.below(1 << 40)),
    };
    Node::new(
        &format!("node-{number}"),
        Clock::new(offset, drift),
        nics.collect(),
        internal,
    )
}

fn interface(number: usize, place: usize, segment: usize) -> Interface {
    let segment = u8::try_from(segment).unwrap();
    let host = u16::try_from(number + 1).unwrap();
    let [high, low] = host.to_be_bytes();
    let v4 = Ipv4Addr::new(10, segment, high, low);
    let v6 = Ipv6Addr::new(0xfd00, segment.into(), 0, 0, 0, 0, 0, host);
    let net = |address: IpAddr, length| IpNet::new(address, length).unwrap();
    Interface {
        name: format!("eth{place}").into(),
        mac: Mac([2, segment, 0, 0, high, low]),
        link_local: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, segment.into(), host)),
        addresses: vec![net(v4.into(), 16), net(v6.into(), 64)],
        uplink: true,
        router: false,
    }
}

/// Whether a process can be asked anything.
pub(crate) fn is_running(node: &Node) -> bool {
    node.state == State::Running && !node.leaving
}
