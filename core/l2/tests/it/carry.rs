//! The ways of frames and heartbeats.

use std::{net::IpAddr, sync::Arc};

use l2::Path;

use crate::{
    client::{self, CLIENT, Kind},
    network::Cargo,
    node::{Input, Output, State},
    traffic::Way,
    world::{Event, LATENCY, Recording, World},
};

impl World {
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

    /// What a node sends goes its way.
    pub(crate) fn emit(&mut self, node: usize, outputs: Vec<Output>) {
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
}
