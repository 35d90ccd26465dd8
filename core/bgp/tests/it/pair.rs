//! Two speakers, connected by links that can delay, lose and break everything.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use bgp::{
    Asn, BgpIdentifier, ConnectionId, HoldTime, LocalAddresses, Notice, PeerConfig, SessionView,
    Speaker, State,
};

/// What travels.
enum Packet {
    Syn,
    Accepted,
    Refused,
    Bytes(Vec<u8>),
    Closed,
}

/// One TCP connection, from the SYN on.
struct Wire {
    /// The name that each side gave it; side of the dialler, see `dialler`.
    ids: [Option<ConnectionId>; 2],
    dialler: usize,
    /// Nothing arrives any more, and nobody knows.
    black_hole: bool,
    /// To which side, when, what.
    packets: VecDeque<(usize, Duration, Packet)>,
}

pub(crate) struct Pair {
    pub(crate) now: Duration,
    pub(crate) speakers: [Speaker; 2],
    pub(crate) delay: Duration,
    /// New connections get nowhere.
    pub(crate) cut: bool,
    pub(crate) notices: [Vec<Notice>; 2],
    /// Sessions that are up, as the notices tell.
    pub(crate) up: [usize; 2],
    listens: [bool; 2],
    wires: Vec<Wire>,
}

pub(crate) fn config(side: usize) -> PeerConfig {
    let asns = [Asn(64512), Asn(64513)];
    let asns = [asns[side], asns[1 - side]];
    let identifier = BgpIdentifier::new(1 + u32::try_from(side).unwrap()).unwrap();
    PeerConfig {
        hold_time: HoldTime::new(9).unwrap(),
        ..PeerConfig::new("other".into(), address(1 - side), asns, identifier)
    }
}

pub(crate) fn address(side: usize) -> IpAddr {
    [192, 0, 2, 1 + u8::try_from(side).unwrap()].into()
}

pub(crate) fn local(side: usize) -> LocalAddresses {
    LocalAddresses {
        local: address(side),
        ipv4: None,
        ipv6: Some(format!("2001:db8::{}", side + 1).parse().unwrap()),
        on_link: true,
    }
}

impl Pair {
    pub(crate) fn new(seed: u64, configs: [PeerConfig; 2], listens: [bool; 2]) -> Self {
        let mut pair = Self {
            now: Duration::from_secs(1),
            speakers: [Speaker::new(seed), Speaker::new(seed ^ 0x5555)],
            delay: Duration::from_millis(1),
            cut: false,
            notices: [vec![], vec![]],
            up: [0, 0],
            listens,
            wires: vec![],
        };
        for (speaker, config) in pair.speakers.iter_mut().zip(configs) {
            speaker.handle_peers(pair.now, [config]);
            speaker.handle_routes_complete(pair.now);
        }
        pair.settle();
        pair
    }

    pub(crate) fn view(&self, side: usize) -> SessionView {
        self.speakers[side].sessions().next().unwrap()
    }

    pub(crate) fn established(&self) -> [bool; 2] {
        [0, 1].map(|side| self.view(side).state == State::Established)
    }

    /// Lets time pass; everything that is due happens in order.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.deliver();
            for side in 0..2 {
                self.speakers[side].handle_timeout(self.now);
                self.settle();
                let timeout = self.speakers[side].poll_timeout();
                assert!(
                    timeout.is_none_or(|at| at > self.now),
                    "a timer that never stops"
                );
            }
        }
        self.now = end;
    }

    /// The connection is reset, and the chosen sides learn of it.
    pub(crate) fn reset(&mut self, wire: usize, tell: [bool; 2]) {
        let Some(wire) = pick(&mut self.wires, wire) else {
            return;
        };
        let ids = wire.ids;
        wire.black_hole = true;
        for side in 0..2 {
            if let (Some(id), true) = (ids[side], tell[side]) {
                self.speakers[side].handle_closed(self.now, id, "reset".into());
            }
        }
        self.settle();
    }

    /// The process of a side ends and another takes its place; its connections are closed for it.
    pub(crate) fn replace(&mut self, side: usize, speaker: Speaker) {
        self.speakers[side] = speaker;
        self.up[side] = 0;
        for index in 0..self.wires.len() {
            if self.wires[index].ids[side].take().is_some() {
                self.send(index, 1 - side, Packet::Closed);
            }
        }
    }

    /// Nothing arrives on this connection any more.
    pub(crate) fn black_hole(&mut self, wire: usize) {
        if let Some(wire) = pick(&mut self.wires, wire) {
            wire.black_hole = true;
        }
    }

    /// Bytes that nobody sent arrive.
    pub(crate) fn inject(&mut self, wire: usize, side: usize, bytes: &[u8]) {
        let id = pick(&mut self.wires, wire).and_then(|wire| wire.ids[side]);
        if let Some(id) = id {
            self.speakers[side].handle_bytes(self.now, id, bytes);
            self.settle();
        }
    }

    fn next(&self) -> Option<Duration> {
        let packets = self
            .wires
            .iter()
            .flat_map(|wire| wire.packets.iter().map(|each| each.1));
        let timers = self.speakers.iter().filter_map(Speaker::poll_timeout);
        packets.chain(timers).min()
    }

    fn deliver(&mut self) {
        for index in 0..self.wires.len() {
            while let Some(at) = self.due(index) {
                let Some((side, _, packet)) = self.wires[index].packets.remove(at) else {
                    break;
                };
                if !self.wires[index].black_hole {
                    self.receive(index, side, packet);
                }
                self.settle();
            }
        }
        self.wires
            .retain(|wire| wire.ids != [None, None] || !wire.packets.is_empty());
    }

    fn due(&self, wire: usize) -> Option<usize> {
        self.wires[wire]
            .packets
            .iter()
            .position(|(_, at, _)| *at <= self.now)
    }

    fn receive(&mut self, index: usize, side: usize, packet: Packet) {
        let speaker = &mut self.speakers[side];
        let wire = &mut self.wires[index];
        let arrives = self.now + self.delay;
        match (packet, wire.ids[side]) {
            (Packet::Syn, _) => {
                let accepted = self.listens[side]
                    .then(|| speaker.handle_accepted(self.now, address(1 - side), local(side)))
                    .flatten();
                wire.ids[side] = accepted;
                let answer = if accepted.is_some() {
                    Packet::Accepted
                } else {
                    Packet::Refused
                };
                wire.packets.push_back((1 - side, arrives, answer));
            }
            (Packet::Accepted, Some(id)) => speaker.handle_connected(self.now, id, local(side)),
            (Packet::Refused, Some(id)) => {
                wire.ids[side] = None;
                speaker.handle_connect_failed(self.now, id, "connection refused".into());
            }
            (Packet::Bytes(bytes), Some(id)) => speaker.handle_bytes(self.now, id, &bytes),
            (Packet::Closed, Some(id)) => {
                wire.ids[side] = None;
                speaker.handle_closed(self.now, id, "closed by the peer".into());
            }
            // Somebody who has closed already does not listen any more.
            (_, None) => {}
        }
    }

    /// Does what the speakers ask for, and takes what they write.
    pub(crate) fn settle(&mut self) {
        for side in 0..2 {
            while let Some(notice) = self.speakers[side].poll_notice() {
                self.carry_out(side, &notice);
                self.notices[side].push(notice);
            }
            for index in 0..self.wires.len() {
                let wire = &self.wires[index];
                let Some(id) = wire.ids[side] else { continue };
                let mut out = vec![];
                while self.speakers[side].poll_transmit(id, &mut out) {
                    self.speakers[side].handle_written(self.now, id);
                }
                if !out.is_empty() {
                    self.send(index, 1 - side, Packet::Bytes(out));
                }
            }
        }
    }

    fn carry_out(&mut self, side: usize, notice: &Notice) {
        match notice {
            Notice::Dial(dial) => {
                let mut ids = [None, None];
                ids[side] = Some(dial.connection);
                let (dialler, packets) = (side, VecDeque::new());
                self.wires.push(Wire {
                    ids,
                    dialler,
                    black_hole: self.cut,
                    packets,
                });
                self.send(self.wires.len() - 1, 1 - side, Packet::Syn);
            }
            Notice::Close { connection, last } => {
                let found = self
                    .wires
                    .iter()
                    .position(|wire| wire.ids[side] == Some(*connection));
                let Some(index) = found else { return };
                self.wires[index].ids[side] = None;
                if !last.is_empty() {
                    self.send(index, 1 - side, Packet::Bytes(last.clone()));
                }
                self.send(index, 1 - side, Packet::Closed);
            }
            Notice::SessionUp { .. } => {
                self.up[side] += 1;
                assert_eq!(self.up[side], 1, "two Established connections");
            }
            Notice::SessionDown { .. } => self.up[side] -= 1,
            Notice::StateChanged { .. }
            | Notice::AttemptFailed { .. }
            | Notice::EndOfRib { .. }
            | Notice::NoNextHop { .. } => {}
        }
    }

    fn send(&mut self, wire: usize, to: usize, packet: Packet) {
        let packets = &mut self.wires[wire].packets;
        // TCP: what is sent later does not arrive earlier, also when the delay becomes shorter.
        let before = packets.iter().filter(|(side, ..)| *side == to);
        let before = before.map(|(_, at, _)| *at).max().unwrap_or_default();
        packets.push_back((to, before.max(self.now + self.delay), packet));
    }

    /// Connections that both sides know, by who dialled.
    pub(crate) fn shared_wires(&self) -> BTreeMap<usize, usize> {
        let mut count = BTreeMap::new();
        for wire in self.wires.iter().filter(|wire| !wire.black_hole) {
            if wire.ids.iter().all(Option::is_some) {
                *count.entry(wire.dialler).or_default() += 1;
            }
        }
        count
    }
}

fn pick(wires: &mut [Wire], number: usize) -> Option<&mut Wire> {
    let count = wires.len().max(1);
    wires.get_mut(number % count)
}
