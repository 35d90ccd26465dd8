use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use l2::{Mac, NodeName};

use crate::{
    client,
    layout::{key, node},
    network::{Cargo, Network},
    node::{Input, Node, Output, State},
    random::Random,
    traffic::Traffic,
    witness::{Weather, Witness},
};

/// How late a process gets its processor.
pub(crate) const LATENCY: Duration = Duration::from_millis(1);

/// What is going to happen.
#[derive(Debug)]
pub(crate) enum Event {
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
    /// Nodes that ended, stood still or lost a card while the network was not whole, or just had become so: others may
    /// never have heard that they owned anything.
    pub(crate) died_unheard: BTreeSet<usize>,
    /// When something changed last, and when the network did.
    pub(crate) changed: Duration,
    pub(crate) network_changed: Duration,
    questions: BTreeMap<IpAddr, Arc<[u8]>>,
    asked: usize,
    events: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    /// When a node is called next, though nothing arrives.
    pub(crate) alarms: BTreeMap<usize, Duration>,
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
            died_unheard: BTreeSet::new(),
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
        let several = answering.iter().any(|a| {
            answering
                .iter()
                .any(|b| a < b && self.meet(address, *a, *b))
        });
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

    /// Whether two nodes that answer an address are on one side: frames arrive on a segment on which both answer, or
    /// there is no such segment and their heartbeats to each other's InternalIP arrive.
    fn meet(&self, address: IpAddr, a: usize, b: usize) -> bool {
        let cards = |node: usize| {
            let nics = self.nodes[node].nics.iter();
            nics.filter(|nic| nic.carrier && nic.passes.contains(&address))
        };
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

    pub(crate) fn schedule(&mut self, at: Duration, event: Event) {
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

/// Whether a process can be asked anything.
pub(crate) fn is_running(node: &Node) -> bool {
    node.state == State::Running && !node.leaving
}
