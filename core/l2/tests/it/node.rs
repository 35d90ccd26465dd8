use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use l2::{
    Config, Interface, Interfaces, Key, Mac, NodeName, Nominee, Notice, Path, Speaker, Transmit,
};

use crate::clock::Clock;

/// Silence between two calls after which a process has to know that it was stopped.
const STOPPED_AFTER: Duration = Duration::from_millis(300);

/// A network card of a node.
#[derive(Clone, Debug)]
pub(crate) struct Nic {
    pub(crate) segment: usize,
    pub(crate) index: u32,
    pub(crate) carrier: bool,
    pub(crate) interface: Interface,
    /// What its packet filter lets through.
    pub(crate) passes: BTreeSet<IpAddr>,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// SIGSTOP, or the machine is suspended.
    Stopped,
    /// There is none.
    Down,
}

/// What arrives at a process.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Frame {
        nic: usize,
        frame: Arc<[u8]>,
    },
    Datagram {
        path: Path,
        source: IpAddr,
        datagram: Arc<[u8]>,
    },
}

/// What a process sends.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// The answer to a frame, or a frame of its own accord.
    Frame { nic: usize, frame: Arc<[u8]> },
    /// A heartbeat to everybody on the card's segment.
    Multicast { nic: usize, datagram: Arc<[u8]> },
    /// A heartbeat to an InternalIP.
    Unicast {
        address: IpAddr,
        datagram: Arc<[u8]>,
    },
}

/// One node, with the driver of its speaker.
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) state: State,
    pub(crate) clock: Clock,
    pub(crate) nics: Vec<Nic>,
    pub(crate) internal: Vec<IpAddr>,
    pub(crate) nominees: BTreeMap<IpAddr, Nominee>,
    pub(crate) keys: Vec<Key>,
    /// The cluster, as the API server tells it.
    pub(crate) nodes: BTreeMap<NodeName, Vec<IpAddr>>,
    /// Its own sends fail, as a firewall of its own makes them.
    pub(crate) gagged: bool,
    /// After a stop it hands in what has arrived meanwhile, though it was told to drop that.
    pub(crate) careless: bool,
    pub(crate) leaving: bool,
    pub(crate) speaker: Option<Speaker>,
    /// When it wants to be called, in the world's time.
    pub(crate) wakes_at: Option<Duration>,
    /// What it answers, as its notices tell.
    pub(crate) owned: BTreeSet<IpAddr>,
    pub(crate) notices: Vec<(Duration, Notice)>,
    /// Answers to what had arrived while it was stopped, after a stop that it had to know.
    pub(crate) stale_answers: usize,
    called_at: Duration,
    backlog: Vec<Input>,
    buffer: Vec<u8>,
}

impl Nic {
    /// The card's Ethernet address.
    pub(crate) fn mac(&self) -> Mac {
        self.interface.mac
    }

    /// The source of what it sends.
    pub(crate) fn source(&self, ipv6: bool) -> IpAddr {
        match ipv6 {
            true => self
                .interface
                .link_local
                .unwrap_or(Ipv6Addr::UNSPECIFIED)
                .into(),
            false => {
                let mut own = self.interface.addresses.iter().map(|net| net.addr());
                own.find(IpAddr::is_ipv4).unwrap()
            }
        }
    }
}

impl Node {
    pub(crate) fn new(name: &str, clock: Clock, nics: Vec<Nic>, internal: Vec<IpAddr>) -> Self {
        Self {
            name: name.into(),
            state: State::Down,
            clock,
            nics,
            internal,
            nominees: BTreeMap::new(),
            keys: Vec::new(),
            nodes: BTreeMap::new(),
            gagged: false,
            careless: false,
            leaving: false,
            speaker: None,
            wakes_at: None,
            owned: BTreeSet::new(),
            notices: Vec::new(),
            stale_answers: 0,
            called_at: Duration::ZERO,
            backlog: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// The process starts.
    pub(crate) fn start(&mut self, world: Duration, boot: u64) -> Vec<Output> {
        let config = Config {
            node: self.name.clone(),
            boot,
        };
        self.crash();
        self.speaker = Some(Speaker::new(self.clock.shows(world), config));
        self.state = State::Running;
        self.called_at = world;
        let (keys, nodes, interfaces) = (self.keys.clone(), self.nodes.clone(), self.interfaces());
        let nominees = self.nominees.clone();
        self.call(world, |speaker, now| {
            speaker.handle_keys(now, keys);
            speaker.handle_interfaces(now, interfaces);
            speaker.handle_nodes(now, nodes);
            for (address, nominee) in nominees {
                speaker.handle_nominee(now, address, Some(nominee));
            }
        })
    }

    /// The process ends, without a word.
    pub(crate) fn crash(&mut self) {
        self.speaker = None;
        self.state = State::Down;
        self.leaving = false;
        self.wakes_at = None;
        self.owned.clear();
        self.backlog.clear();
    }

    /// The process goes on after a stop.
    pub(crate) fn resume(&mut self, world: Duration) -> Vec<Output> {
        if self.state != State::Stopped {
            return Vec::new();
        }
        self.state = State::Running;
        let gap = self.clock.shows(world) - self.clock.shows(self.called_at);
        let told = self.notices.len();
        let owned = !self.owned.is_empty();
        let mut outputs = self.call(world, |_, _| {});
        let stopped = |(_, notice): &(Duration, Notice)| *notice == Notice::Stopped;
        let knows = self.notices[told..].iter().any(stopped);
        assert!(
            knows || !owned || gap <= STOPPED_AFTER,
            "{} does not know of a gap of {gap:?}",
            self.name
        );
        let backlog = std::mem::take(&mut self.backlog);
        if knows && !self.careless {
            return outputs;
        }
        for input in backlog {
            let asked = matches!(input, Input::Frame { .. });
            let sent = self.handle(world, input);
            let answered = matches!(sent.first(), Some(Output::Frame { .. }));
            self.stale_answers += usize::from(knows && asked && answered);
            outputs.extend(sent);
        }
        outputs
    }

    /// Something arrives. The answer to a frame comes first among what it sends.
    pub(crate) fn handle(&mut self, world: Duration, input: Input) -> Vec<Output> {
        match self.state {
            State::Running => {}
            State::Stopped => {
                self.backlog.push(input);
                return Vec::new();
            }
            State::Down => return Vec::new(),
        }
        let mut reply = std::mem::take(&mut self.buffer);
        let mut answered = None;
        let indices: Vec<u32> = self.nics.iter().map(|nic| nic.index).collect();
        let mut outputs = self.call(world, |speaker, now| match &input {
            Input::Frame { nic, frame } => {
                if speaker.handle_frame(now, indices[*nic], frame, &mut reply) {
                    answered = Some(Output::Frame {
                        nic: *nic,
                        frame: reply.as_slice().into(),
                    });
                }
            }
            Input::Datagram {
                path,
                source,
                datagram,
            } => speaker.handle_datagram(now, *path, *source, datagram),
        });
        self.buffer = reply;
        if let Some(answer) = answered {
            outputs.insert(0, answer);
        }
        outputs
    }

    /// One turn of the driver: time first, then the call, then all that comes of it.
    pub(crate) fn call(
        &mut self,
        world: Duration,
        call: impl FnOnce(&mut Speaker, Duration),
    ) -> Vec<Output> {
        let mut outputs = Vec::new();
        if self.state != State::Running {
            return outputs;
        }
        let now = self.clock.shows(world);
        self.called_at = world;
        let Some(mut speaker) = self.speaker.take() else {
            return outputs;
        };
        speaker.handle_timeout(now);
        call(&mut speaker, now);
        self.send(&mut speaker, now, &mut outputs);
        self.note(world, &mut speaker);
        self.wakes_at = speaker
            .poll_timeout()
            .map(|at| self.clock.reaches(at).max(world));
        let done = self.leaving && speaker.is_done();
        self.speaker = Some(speaker);
        if done {
            self.crash();
        }
        outputs
    }

    /// What the packet filters of the cards let through from now on.
    pub(crate) fn set_filters(&mut self) {
        let Some(speaker) = &self.speaker else {
            return;
        };
        for nic in &mut self.nics {
            nic.passes = speaker.addresses(nic.index).collect();
        }
    }

    /// The cards that are up.
    pub(crate) fn interfaces(&self) -> Interfaces {
        let up = self.nics.iter().filter(|nic| nic.carrier);
        up.map(|nic| (nic.index, nic.interface.clone())).collect()
    }

    /// Whether the plan lets it answer the address and it has what it takes.
    pub(crate) fn is_eligible(&self, address: IpAddr) -> bool {
        self.state == State::Running
            && !self.leaving
            && !self.gagged
            && !self.keys.is_empty()
            && !self.answers_on(address).is_empty()
    }

    /// The cards on which it would answer the address: those in whose subnet it is, or else all that it may use.
    pub(crate) fn answers_on(&self, address: IpAddr) -> Vec<&Nic> {
        let Some(nominee) = self.nominees.get(&address) else {
            return Vec::new();
        };
        let usable = |nic: &&Nic| {
            let Nic {
                carrier, interface, ..
            } = nic;
            *carrier && interface.speaks(address) && nominee.interfaces.takes(interface)
        };
        let near = |nic: &&Nic| nic.interface.is_on_subnet(address);
        let all = || self.nics.iter().filter(usable);
        match all().any(|nic| near(&nic)) {
            true => all().filter(near).collect(),
            false => all().collect(),
        }
    }

    /// Whether it has a reason to send heartbeats.
    pub(crate) fn takes_part(&self) -> bool {
        let mut addresses = self.nominees.keys();
        addresses.any(|address| self.is_eligible(*address))
    }

    fn send(&mut self, speaker: &mut Speaker, now: Duration, outputs: &mut Vec<Output>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let before = outputs.len();
        while let Some(transmit) = speaker.poll_transmit(now, &mut buffer) {
            assert!(
                outputs.len() - before < 20_000,
                "{} sends for ever",
                self.name
            );
            let octets: Arc<[u8]> = buffer.as_slice().into();
            let card = |index| {
                let mut cards = self.nics.iter();
                cards.position(|nic| nic.index == index && nic.carrier)
            };
            let output = match transmit {
                Transmit::Frame { interface } => {
                    card(interface).map(|nic| Output::Frame { nic, frame: octets })
                }
                Transmit::Multicast { interface, .. } => {
                    card(interface).map(|nic| Output::Multicast {
                        nic,
                        datagram: octets,
                    })
                }
                Transmit::Unicast { address } => Some(Output::Unicast {
                    address,
                    datagram: octets,
                }),
            };
            let heartbeat = !matches!(transmit, Transmit::Frame { .. });
            let output = output.filter(|_| !(heartbeat && self.gagged));
            if heartbeat {
                speaker.handle_sent(now, transmit, output.is_some());
            }
            outputs.extend(output);
        }
        self.buffer = buffer;
    }

    fn note(&mut self, world: Duration, speaker: &mut Speaker) {
        while let Some(notice) = speaker.poll_notice() {
            match &notice {
                Notice::Owned { address, .. } => {
                    let new = self.owned.insert(*address);
                    assert!(new, "{} owns {address} twice", self.name);
                }
                Notice::Lost { address, .. } => {
                    let had = self.owned.remove(address);
                    assert!(had, "{} loses {address}, which it has not", self.name);
                }
                Notice::Conflict(_) | Notice::Stopped => {}
            }
            self.notices.push((world, notice));
        }
    }
}
