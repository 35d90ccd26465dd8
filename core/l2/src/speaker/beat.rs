//! Heartbeats go out.

use alloc::{collections::VecDeque, vec::Vec};
use core::{net::IpAddr, time::Duration};

use super::{Speaker, Transmit};
use crate::{
    NodeName,
    heartbeat::{Heartbeat, MOST_HEARD, MOST_MACS, Page},
    port::Port,
};

/// Time between two heartbeats, with up to [`FULL_RATE`] nodes.
const INTERVAL: Duration = Duration::from_millis(100);
/// More nodes than that are heard less often.
const FULL_RATE: u32 = 200;
/// Shortest time between two heartbeats when something urgent is to be said.
const URGENT: Duration = Duration::from_millis(10);
/// Time between two heartbeats while somebody asks for more than fits into one, and how many pages each then has.
const ASKED: (Duration, usize) = (Duration::from_millis(20), 16);
/// Nodes that are not heard and are greeted with each heartbeat.
const GREETED: usize = 4;
/// A node that was heard so lately is not given up: it gets each heartbeat.
const LATELY: Duration = Duration::from_secs(10);
/// Heartbeats after the last claim is given up.
const FAREWELLS: u8 = 3;

/// The schedule of heartbeats, and the round that is going out.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    next: Duration,
    last: Duration,
    interval: Duration,
    sequence: u64,
    round: VecDeque<Transmit>,
    /// What all of the round say; more than one when somebody asks for pages.
    pages: Vec<Page>,
    /// Which page the next one of the round has.
    page: usize,
    changes: usize,
    /// How many nodes had their turn in `heard`, and in being greeted.
    heard: usize,
    greeted: usize,
    asked_until: Option<Duration>,
    farewells: Option<u8>,
}

impl Beat {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            next: now,
            last: Duration::ZERO,
            interval: INTERVAL,
            sequence: 0,
            round: VecDeque::new(),
            pages: Vec::new(),
            page: 0,
            changes: 0,
            heard: 0,
            greeted: 0,
            asked_until: None,
            farewells: None,
        }
    }

    pub(super) const fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) const fn poll_timeout(&self) -> Duration {
        self.next
    }

    /// What has changed is to be told at once.
    pub(super) fn hurry(&mut self, now: Duration) {
        self.next = self.next.min(now.max(self.last + URGENT));
    }

    /// Somebody lacks part of what we said.
    pub(super) fn handle_asked(&mut self, now: Duration) {
        self.asked_until = Some(now + self.interval * 2);
    }

    pub(super) fn leave(&mut self, now: Duration) {
        self.farewells = Some(FAREWELLS);
        self.hurry(now);
    }

    /// The farewell has been said as often as it has to be.
    pub(super) fn has_left(&self) -> bool {
        self.farewells == Some(0) && self.round.is_empty()
    }

    /// After a stop: what was under way is out of date.
    pub(super) fn restart(&mut self, now: Duration) {
        self.round.clear();
        self.next = now;
    }
}

impl Speaker {
    /// Begins a round when one is due.
    pub(super) fn run_beat(&mut self, now: Duration) {
        if !self.is_beating() {
            self.beat.round.clear();
            return;
        }
        if now < self.beat.next {
            return;
        }
        let alive = self
            .membership
            .lives()
            .filter(|(_, life)| life.alive)
            .count()
            + 1;
        let nodes = u32::try_from(alive).unwrap_or(u32::MAX).max(FULL_RATE);
        let interval = INTERVAL * nodes / FULL_RATE;
        if interval != self.beat.interval {
            self.beat.interval = interval;
            self.version += 1;
        }
        self.beat.last = now;
        self.beat.next = now + interval;
        if let Some(farewells) = &mut self.beat.farewells
            && self.said.is_empty()
        {
            *farewells = farewells.saturating_sub(1);
            self.beat.next = now + URGENT;
        }
        self.turn_pages(now);
        let destinations = self.destinations(now);
        let copies = self.beat.pages.len().max(1);
        let each = destinations.into_iter();
        self.beat.round = each
            .flat_map(|to| core::iter::repeat_n(to, copies))
            .collect();
        self.beat.page = 0;
    }

    /// What this round says about addresses.
    fn turn_pages(&mut self, now: Duration) {
        let room = self.template().room();
        self.said.handle_told(self.beat.changes);
        self.beat.pages.clear();
        if self.said.fits(room) {
            self.beat.changes = 0;
            self.said.handle_told(usize::MAX);
            self.beat.pages.push(self.said.page(room));
            return;
        }
        let changes = room / 2;
        let asked = self.beat.asked_until.is_some_and(|until| now < until);
        let (soon, many) = ASKED;
        let pages = if asked { many } else { 1 };
        if asked {
            self.beat.next = self.beat.next.min(now + soon);
        }
        for _ in 0..pages {
            let page = self.said.page(room - changes);
            let is_last = page.last == u128::MAX;
            self.beat.pages.push(page);
            if is_last {
                break;
            }
        }
        self.beat.changes = changes;
    }

    /// Everybody on each segment, and by their InternalIP those who are not heard on any.
    fn destinations(&mut self, now: Duration) -> Vec<Transmit> {
        let mut destinations = Vec::new();
        for (&interface, port) in self.ports.iter().filter(|(_, port)| port.is_beating()) {
            let (ipv4, ipv6) = port.families(now);
            let families = [(ipv4, false), (ipv6, true)].into_iter();
            let spoken = families.filter(|(spoken, _)| *spoken);
            destinations.extend(spoken.map(|(_, ipv6)| Transmit::Multicast { interface, ipv6 }));
        }
        let sends = |interface| self.ports.get(&interface).is_some_and(Port::is_beating);
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for node in self.nodes.keys().filter(|node| **node != self.config.node) {
            match self.membership.life(node) {
                // It is reached where we send, which is not everywhere that it is heard.
                Some(life) if life.alive && life.segments().any(&sends) && !life.has_moved(now) => {
                }
                Some(life) if now < life.last_heard() + LATELY => near.push(node.clone()),
                Some(_) | None => far.push(node.clone()),
            }
        }
        if !far.is_empty() {
            let from = self.beat.greeted % far.len();
            far.rotate_left(from);
            far.truncate(GREETED);
            self.beat.greeted = self.beat.greeted.wrapping_add(GREETED);
        }
        let routed = near.iter().chain(&far);
        let addresses = routed.filter_map(|node| self.address_of(node));
        destinations.extend(addresses.map(|address| Transmit::Unicast { address }));
        destinations
    }

    fn address_of(&self, node: &NodeName) -> Option<IpAddr> {
        let internal = self.nodes.get(node).and_then(|addresses| addresses.first());
        let source = || self.membership.life(node).and_then(|life| life.source);
        internal.copied().or_else(source)
    }

    /// The next heartbeat of the round, in `buffer`.
    pub(super) fn next_heartbeat(
        &mut self,
        now: Duration,
        buffer: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let to = self.beat.round.pop_front()?;
        let pages = self.beat.pages.len().max(1);
        let page = self.beat.pages.get(self.beat.page % pages).cloned();
        self.beat.page += 1;
        self.beat.sequence += 1;
        let mut heartbeat = Heartbeat {
            sequence: self.beat.sequence,
            changes: self.said.changes(self.beat.changes),
            ..self.template()
        };
        if let Some(page) = page {
            heartbeat.page = page;
        }
        self.beat.heard = self.beat.heard.wrapping_add(heartbeat.heard.len());
        heartbeat.encode(buffer);
        self.keys.seal(now, buffer).then_some(to)
    }

    /// A heartbeat without entries.
    fn template(&self) -> Heartbeat {
        let mut heard = self.membership.boots();
        if heard.len() > MOST_HEARD {
            let from = self.beat.heard % heard.len();
            heard.rotate_left(from);
            heard.truncate(MOST_HEARD);
        }
        let ports = self.ports.values().filter(|port| port.is_beating());
        Heartbeat {
            node: self.config.node.clone(),
            boot: self.config.boot,
            sequence: 0,
            interval: self.beat.interval,
            // Who has no address left has nothing to claim either.
            leaving: self.leaving || self.claims.is_empty() && !self.announcing,
            asking: self.membership.lacks_entries(),
            macs: ports
                .map(|port| port.interface.mac)
                .take(MOST_MACS)
                .collect(),
            heard,
            digest: self.said.digest(),
            count: self.said.count(),
            changes: Vec::new(),
            page: Page {
                first: 0,
                last: 0,
                entries: Vec::new(),
            },
        }
    }
}
