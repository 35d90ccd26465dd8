mod announce;
mod beat;
mod elect;
mod fitness;
mod hear;
mod respond;
mod rivals;
mod show;
#[cfg(test)]
mod tests;
mod transmit;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use crate::{
    Counters, Interface, Interfaces, Key, KeyRing, Loss, NodeName, Nominee, Notice,
    claim::Claim,
    heartbeat::Advertising,
    membership::Membership,
    port::{LAST_WORDS, Port, choose},
    said::Said,
};
use beat::Beat;
use hear::Suspect;
use transmit::{Shot, UnderWay};

/// Addresses that one call looks at; the rest has to wait for the next, so that heartbeats do not wait for all.
const BATCH: usize = 256;

/// What a speaker is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of this node.
    pub node: NodeName,
    /// A random number, another one for each start: heartbeats of an earlier process cannot pass for this one's.
    pub boot: u64,
}

/// The way that a heartbeat takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// To everybody on the segment of this interface.
    Segment(u32),
    /// To a node's InternalIP.
    Routed,
}

/// What is to be sent; the octets are in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// An Ethernet frame, out of this interface.
    Frame {
        /// Index of the interface.
        interface: u32,
    },
    /// A heartbeat to port [`crate::heartbeat::PORT`] of everybody on a segment: 224.0.0.1 or ff02::1, with TTL or hop
    /// limit 1. [`Speaker::handle_sent`] is told whether it left.
    Multicast {
        /// Index of the interface.
        interface: u32,
        /// By IPv6, else by IPv4.
        ipv6: bool,
    },
    /// A heartbeat to this port of a node.
    Unicast {
        /// The node's InternalIP.
        address: IpAddr,
    },
}

/// One node's part of the election, and its answers.
#[derive(Debug)]
pub struct Speaker {
    config: Config,
    keys: KeyRing,
    nodes: BTreeMap<NodeName, Vec<IpAddr>>,
    ports: BTreeMap<u32, Port>,
    claims: BTreeMap<IpAddr, Claim>,
    said: Said,
    membership: Membership,
    beat: Beat,
    /// Addresses to be looked at again.
    dirty: BTreeSet<IpAddr>,
    timers: BTreeSet<(Duration, IpAddr)>,
    /// This node tells others what it announces by BGP.
    announcing: bool,
    /// Addresses about which others say something else by way of announcing than was told.
    turned: BTreeSet<IpAddr>,
    /// Until then nobody is told who can announce.
    listens_until: Option<Duration>,
    /// Addresses about which frames are to be sent.
    shots: BTreeMap<IpAddr, Shot>,
    under_way: Option<UnderWay>,
    suspects: BTreeMap<NodeName, Suspect>,
    notices: VecDeque<Notice>,
    counters: Counters,
    leaving: bool,
    /// An interface went away: until then InternalIPs are told, also when no other is left.
    rests_at: Option<Duration>,
    /// Heartbeats went out when it last ran, and they had to go on.
    active: bool,
    last_run: Duration,
    version: u64,
}

impl Speaker {
    /// A speaker that knows nothing yet. `now` is the time since some moment on a clock that goes on while the machine
    /// is suspended.
    pub fn new(now: Duration, config: Config) -> Self {
        Self {
            membership: Membership::new(config.boot),
            config,
            keys: KeyRing::default(),
            nodes: BTreeMap::new(),
            ports: BTreeMap::new(),
            claims: BTreeMap::new(),
            said: Said::default(),
            beat: Beat::new(now),
            dirty: BTreeSet::new(),
            timers: BTreeSet::new(),
            announcing: false,
            turned: BTreeSet::new(),
            listens_until: None,
            shots: BTreeMap::new(),
            under_way: None,
            suspects: BTreeMap::new(),
            notices: VecDeque::new(),
            counters: Counters::default(),
            leaving: false,
            rests_at: None,
            active: false,
            last_run: now,
            version: 0,
        }
    }

    /// Takes the cluster's keys as the Secret has them, oldest first. Without any this node nominates itself for nothing.
    pub fn handle_keys(&mut self, now: Duration, keys: Vec<Key>) {
        let had = self.keys.has_key();
        self.keys.handle_keys(now, keys);
        if had != self.keys.has_key() {
            for port in self.ports.values_mut() {
                port.restart(now);
            }
            self.touch_all();
            self.version += 1;
        }
    }

    /// Takes the interfaces that are up.
    pub fn handle_interfaces(&mut self, now: Duration, interfaces: Interfaces) {
        let gone = |index: &u32| !interfaces.contains_key(index);
        let lost: Vec<u32> = self.ports.keys().copied().filter(gone).collect();
        for index in lost {
            self.membership.forget_interface(index);
            if self
                .ports
                .remove(&index)
                .is_some_and(|port| port.is_beating())
            {
                self.rests_at = Some(now + LAST_WORDS);
            }
        }
        let mut moved = BTreeSet::new();
        for (index, interface) in interfaces {
            match self.ports.get_mut(&index) {
                Some(port) if port.interface.name == interface.name => {
                    if port.interface.mac != interface.mac {
                        moved.insert(index);
                    }
                    port.interface = interface;
                }
                Some(_) | None => {
                    self.ports.insert(index, Port::new(now, interface));
                }
            }
        }
        let addresses: Vec<IpAddr> = self.claims.keys().copied().collect();
        for port in self.ports.values_mut() {
            port.concerns = 0;
        }
        for address in addresses {
            self.place(now, address, &moved);
        }
        for port in self.ports.values_mut() {
            port.settle(now);
        }
        self.version += 1;
    }

    /// Takes the cluster's nodes with their InternalIPs, this one among them.
    pub fn handle_nodes(&mut self, _now: Duration, nodes: BTreeMap<NodeName, Vec<IpAddr>>) {
        self.suspects.retain(|node, _| nodes.contains_key(node));
        self.nodes = nodes;
        self.version += 1;
    }

    /// This node may answer the address, or must not any more.
    pub fn handle_nominee(&mut self, now: Duration, address: IpAddr, nominee: Option<Nominee>) {
        if nominee.is_none() && !self.claims.contains_key(&address) {
            return;
        }
        let claim = self
            .claims
            .entry(address)
            .or_insert_with(|| Claim::new(address));
        claim.nominee = nominee;
        for index in &claim.interfaces {
            if let Some(port) = self.ports.get_mut(index) {
                port.concerns = port.concerns.saturating_sub(1);
            }
        }
        self.place(now, address, &BTreeSet::new());
        for port in self.ports.values_mut() {
            port.settle(now);
        }
        self.version += 1;
    }

    /// The process is going to end: hands everything over. [`Self::is_done`] says when it may end.
    pub fn handle_leave(&mut self, now: Duration) {
        if !self.leaving {
            self.leaving = true;
            for address in self.said.advertised() {
                self.said.set_advertising(address, Advertising::Unable);
            }
            self.beat.leave(now);
            self.touch_all();
        }
    }

    /// Runs what is due; to be called first after each wake-up.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.was_stopped(now) {
            self.handle_stopped(now);
        }
        self.last_run = now;
        let had = self.keys.has_key();
        self.keys.handle_timeout(now);
        if had && !self.keys.has_key() {
            self.touch_all();
            self.version += 1;
        }
        self.listens_until.take_if(|until| *until <= now);
        let shift = self.membership.handle_timeout(now);
        self.take_shift(now, shift);
        self.watch_ports(now);
        self.forgive(now);
        let due: Vec<(Duration, IpAddr)> = self
            .timers
            .iter()
            .take_while(|(at, _)| *at <= now)
            .take(BATCH)
            .copied()
            .collect();
        for timer in due {
            self.timers.remove(&timer);
            self.dirty.insert(timer.1);
        }
        for _ in 0..BATCH {
            let Some(address) = self.dirty.pop_first() else {
                break;
            };
            self.step(now, address);
        }
        self.run_beat(now);
        self.active = self.is_beating();
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.dirty.is_empty() {
            return Some(Duration::ZERO);
        }
        let timer = self.timers.first().map(|(at, _)| *at);
        let beat = self.is_beating().then(|| self.beat.poll_timeout());
        let death = self.membership.poll_timeout();
        [timer, beat, death, self.listens_until]
            .into_iter()
            .flatten()
            .min()
    }

    /// What has happened.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Everything has been handed over after [`Self::handle_leave`].
    pub fn is_done(&self) -> bool {
        self.leaving && (!self.is_beating() || self.said.is_empty() && self.beat.has_left())
    }

    /// Addresses about which frames of this interface are of interest: what the driver's packet filter passes, and
    /// whose solicited-node groups it joins. Grows only with [`Self::handle_nominee`] and [`Self::handle_interfaces`];
    /// shrinks also when an address that is not nominated any more has been handed over ([`Notice::Lost`]).
    pub fn addresses(&self, interface: u32) -> impl Iterator<Item = IpAddr> {
        let wanted = |claim: &Claim| claim.nominee.is_some() || claim.is_answered();
        let claims = self.claims.iter().filter(move |(_, claim)| wanted(claim));
        let there = claims.filter(move |(_, claim)| claim.interfaces.contains(&interface));
        there.map(|(address, _)| *address)
    }

    /// Grows whenever [`Self::view`] gives something else than before, counters aside.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Name of this node.
    pub fn node(&self) -> &NodeName {
        &self.config.node
    }

    /// Finds out where an address is to be answered. `moved`: interfaces with another MAC than before.
    fn place(&mut self, now: Duration, address: IpAddr, moved: &BTreeSet<u32>) {
        let Some(claim) = self.claims.get_mut(&address) else {
            return;
        };
        let interfaces: BTreeMap<u32, &Interface> = self
            .ports
            .iter()
            .map(|(index, port)| (*index, &port.interface))
            .collect();
        let (chosen, on_subnet) = match &claim.nominee {
            Some(nominee) => choose(&interfaces, &nominee.interfaces, address),
            // While it is handed over it is answered where it was.
            None => {
                let still = claim
                    .interfaces
                    .iter()
                    .filter(|index| interfaces.contains_key(index));
                (still.copied().collect(), claim.on_subnet)
            }
        };
        for index in &chosen {
            if let Some(port) = self.ports.get_mut(index) {
                port.concerns += 1;
            }
        }
        let lost_subnet = claim.on_subnet && !on_subnet;
        let elsewhere =
            claim.interfaces != chosen || chosen.iter().any(|index| moved.contains(index));
        claim.interfaces = chosen;
        claim.on_subnet = on_subnet;
        if lost_subnet {
            self.end_claim(address, Loss::InterfaceDown);
        } else if elsewhere {
            self.announce_again(now, address);
        }
        self.dirty.insert(address);
    }

    fn touch_all(&mut self) {
        self.dirty.extend(self.claims.keys().copied());
    }

    /// Heartbeats have to go out.
    fn is_beating(&self) -> bool {
        let answering = self.rests_at.is_some() || self.ports.values().any(Port::is_beating);
        self.keys.has_key() && (answering || self.announcing)
    }

    /// How old our last heartbeat may be while we answer, and how long we may have slept.
    fn patience(&self) -> Duration {
        self.beat.interval() * 3
    }

    fn was_stopped(&self, now: Duration) -> bool {
        self.active && now > self.last_run + self.patience()
    }

    fn handle_stopped(&mut self, now: Duration) {
        self.listen_again(now);
        self.membership.handle_stopped();
        for port in self.ports.values_mut() {
            port.restart(now);
        }
        self.beat.restart(now);
        self.shots.clear();
        let addresses: Vec<IpAddr> = self.claims.keys().copied().collect();
        for address in addresses {
            self.end_claim(address, Loss::Stopped);
        }
        self.touch_all();
        self.version += 1;
        self.notices.push_back(Notice::Stopped);
    }

    fn watch_ports(&mut self, now: Duration) {
        self.rests_at.take_if(|rests_at| *rests_at <= now);
        let patience = self.patience();
        let mut changed = false;
        for port in self.ports.values_mut() {
            changed |= port.watch(now, patience);
        }
        if changed {
            self.touch_all();
        }
    }
}
