//! Two speakers and the link between them, under one virtual clock.

use std::{collections::VecDeque, time::Duration};

use bfd::{Arrival, Notice, Packet, PeerConfig, Profile, SessionView, Speaker, State};

use crate::scripted::{address, ms, peer};

const ADDRESSES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];

/// What becomes of packets in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    /// Of a hundred packets so many are lost,
    pub(crate) percent: u8,
    /// but never more than so many in a row.
    pub(crate) most_in_a_row: u32,
}

impl Loss {
    pub(crate) const NONE: Self = Self {
        percent: 0,
        most_in_a_row: 0,
    };
    pub(crate) const ALL: Self = Self {
        percent: 100,
        most_in_a_row: u32::MAX,
    };
}

/// From one node to the other: first in, first out.
#[derive(Debug)]
struct Link {
    loss: Loss,
    lost_in_a_row: u32,
    under_way: VecDeque<(Duration, Vec<u8>)>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) speaker: Speaker,
    config: PeerConfig,
    /// What it said, and when.
    pub(crate) notices: Vec<(Duration, Notice)>,
    pub(crate) sent: Vec<(Duration, Packet)>,
    /// When it wants to be woken, and when it will be: nobody is woken in time.
    alarm: Option<(Duration, Duration)>,
    /// It does not run before.
    sleeps_until: Duration,
}

impl Node {
    pub(crate) fn view(&self) -> SessionView {
        self.speaker.sessions().next().unwrap()
    }

    pub(crate) fn state(&self) -> State {
        self.view().state
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) nodes: [Node; 2],
    links: [Link; 2],
    /// Shortest time on the way, and how much longer it may be.
    delay: [Duration; 2],
    random: u64,
    pub(crate) lost: usize,
}

impl World {
    pub(crate) fn new(seed: u64, profiles: [Profile; 2], delay: [Duration; 2]) -> Self {
        let now = ms(5000);
        let mut index = 0;
        let nodes = profiles.map(|profile| {
            index += 1;
            let config = PeerConfig {
                profile,
                ..peer("other", ADDRESSES[2 - index])
            };
            let mut speaker = Speaker::new(seed.wrapping_mul(31).wrapping_add(index as u64));
            speaker.handle_peers(now, [config.clone()]);
            Node {
                speaker,
                config,
                notices: Vec::new(),
                sent: Vec::new(),
                alarm: None,
                sleeps_until: Duration::ZERO,
            }
        });
        let link = || Link {
            loss: Loss::NONE,
            lost_in_a_row: 0,
            under_way: VecDeque::new(),
        };
        Self {
            now,
            nodes,
            links: [link(), link()],
            delay,
            random: seed | 1,
            lost: 0,
        }
    }

    /// What becomes of the packets of either node.
    pub(crate) fn set_loss(&mut self, loss: [Loss; 2]) {
        for (link, loss) in self.links.iter_mut().zip(loss) {
            link.loss = loss;
        }
    }

    pub(crate) fn set_profile(&mut self, node: usize, profile: Profile) {
        let node = &mut self.nodes[node];
        node.config.profile = profile;
        let peers = [node.config.clone()];
        node.speaker.handle_peers(self.now, peers);
    }

    /// The process begins anew and knows nothing.
    pub(crate) fn restart(&mut self, node: usize) {
        let seed = self.roll();
        let node = &mut self.nodes[node];
        node.speaker = Speaker::new(seed);
        let peers = [node.config.clone()];
        node.speaker.handle_peers(self.now, peers);
    }

    /// The process is stopped for so long; what comes meanwhile waits.
    pub(crate) fn put_to_sleep(&mut self, node: usize, time: Duration) {
        self.nodes[node].sleeps_until = self.now + time;
    }

    /// Goes on for so long.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.deliver();
            for node in 0..2 {
                self.wake(node);
            }
        }
        self.now = end;
    }

    /// Goes on until it holds, for no longer than this; how long that took.
    pub(crate) fn run_until(
        &mut self,
        longest: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> Option<Duration> {
        let begin = self.now;
        while !holds(self) {
            if self.now >= begin + longest {
                return None;
            }
            self.run(ms(1));
        }
        Some(self.now - begin)
    }

    pub(crate) fn come_up(&mut self) {
        self.run_until(ms(10_000), Self::is_up).unwrap();
        // The first Poll Sequences end.
        self.run(ms(10_000));
        assert!(self.is_up());
        for node in &mut self.nodes {
            node.notices.clear();
            node.sent.clear();
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.nodes.iter().all(|node| node.state() == State::Up)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    fn roll(&mut self) -> u64 {
        // xorshift64.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn next_event(&mut self) -> Option<Duration> {
        let mut next = None;
        for index in 0..2 {
            let late = ms(self.below(4));
            let arrival = self.links[1 - index].under_way.front().map(|(at, _)| *at);
            let node = &mut self.nodes[index];
            let wish = node.speaker.poll_timeout();
            if node.alarm.map(|(wish, _)| wish) != wish {
                node.alarm = wish.map(|at| (at, at.max(self.now) + late));
            }
            let alarm = node.alarm.map(|(_, at)| at);
            let first = [arrival, alarm].into_iter().flatten().min();
            let first = first.map(|at| at.max(node.sleeps_until));
            next = [next, first].into_iter().flatten().min();
        }
        next
    }

    fn deliver(&mut self) {
        for index in 0..2 {
            let node = &mut self.nodes[index];
            if node.sleeps_until > self.now {
                continue;
            }
            if node.sleeps_until > Duration::ZERO {
                node.sleeps_until = Duration::ZERO;
                node.speaker.handle_stopped(self.now);
            }
            let arrival = Arrival {
                remote: address(ADDRESSES[1 - index]),
                local: address(ADDRESSES[index]),
                interface: 2,
                ttl: 255,
                multihop: false,
            };
            let under_way = &mut self.links[1 - index].under_way;
            while let Some((_, octets)) = under_way.pop_front_if(|(at, _)| *at <= self.now) {
                // After a restart there are packets for the session before.
                let _ = node.speaker.handle_datagram(self.now, &arrival, &octets);
                let said = core::iter::from_fn(|| node.speaker.poll_notice());
                node.notices.extend(said.map(|notice| (self.now, notice)));
            }
        }
    }

    fn wake(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.sleeps_until > self.now {
            return;
        }
        if node.alarm.is_some_and(|(_, at)| at <= self.now) {
            node.alarm = None;
            node.speaker.handle_timeout(self.now);
            let said = core::iter::from_fn(|| node.speaker.poll_notice());
            node.notices.extend(said.map(|notice| (self.now, notice)));
            let mut octets = Vec::new();
            while self.nodes[index]
                .speaker
                .poll_transmit(self.now, &mut octets)
                .is_some()
            {
                self.send(index, octets.clone());
            }
        }
    }

    fn send(&mut self, index: usize, octets: Vec<u8>) {
        let packet = Packet::decode(&octets).unwrap();
        self.nodes[index].sent.push((self.now, packet));
        let [shortest, more] = self.delay;
        let longer = self.below(more.as_micros() as u64 + 1);
        let is_hit = self.below(100) < self.links[index].loss.percent.into();
        let link = &mut self.links[index];
        if is_hit && link.lost_in_a_row < link.loss.most_in_a_row {
            link.lost_in_a_row += 1;
            self.lost += 1;
            return;
        }
        link.lost_in_a_row = 0;
        let at = self.now + shortest + Duration::from_micros(longer);
        let before = link.under_way.back().map(|(at, _)| *at);
        link.under_way
            .push_back((at.max(before.unwrap_or(at)), octets));
    }
}
