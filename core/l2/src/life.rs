use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::IpAddr, time::Duration};

use crate::{
    Mac,
    announcer::Advertised,
    entries::Entries,
    heartbeat::{Advertising, Entry, Heartbeat, MOST_HEARD, position},
    speaker::Path,
    window::Window,
};

/// A node that was heard so many intervals ago is dead: three heartbeats are missing, and the last of them is late.
const DEAD_AFTER: f64 = 3.5;
/// Who says nothing for so many intervals while another process of the same node speaks has ended.
const SILENT_FOR: f64 = 1.5;
/// So long it may take until a node that went from an interface is no longer counted as heard there.
const MOVING: Duration = Duration::from_secs(1);
/// Sequence numbers further back than that on any way are a replay, whatever way they come.
const LATEST: u64 = 64;

/// So long a node that has not said all is taken to own what we do not know of: in all, and without telling more.
const UNCERTAIN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));
/// Heartbeats in which a node lists our boot when it can hear us, besides those in which it lists others.
const TRUST: u32 = 3;
/// Most addresses of one process that are kept.
const MOST_ENTRIES: usize = 1 << 16;

/// One process of another node, from its first heartbeat on.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) boot: u64,
    /// It knows our boot, so it is alive now and no recording.
    pub(crate) proven: bool,
    /// When it was heard first.
    first_heard: Duration,
    /// It is heard on some way.
    pub(crate) alive: bool,
    pub(crate) leaving: bool,
    pub(crate) interval: Duration,
    pub(crate) macs: Vec<Mac>,
    /// Where its routed heartbeats come from.
    pub(crate) source: Option<IpAddr>,
    /// What it says about addresses.
    pub(crate) entries: Entries,
    /// What it says about announcing by BGP.
    pub(crate) advertised: Advertised,
    /// Some of its entries are not known.
    pub(crate) lacking: Option<Lacking>,
    /// When it last went from an interface: it may be silent there and be well.
    moved: Option<Duration>,
    highest: u64,
    /// When that came.
    highest_at: Duration,
    ways: BTreeMap<Path, Way>,
}

/// How long entries have been lacking.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lacking {
    since: Duration,
    /// When one more became known.
    progress: Duration,
}

/// One way on which it has been heard.
#[derive(Clone, Copy, Debug)]
struct Way {
    window: Window,
    heard: Duration,
    alive: bool,
}

/// An address about which a process says something else than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) address: IpAddr,
    pub(crate) was_claimed: bool,
    pub(crate) is_claimed: bool,
}

impl Life {
    pub(crate) fn new(now: Duration, heartbeat: &Heartbeat) -> Self {
        Self {
            boot: heartbeat.boot,
            proven: false,
            first_heard: now,
            alive: false,
            leaving: false,
            interval: heartbeat.interval,
            macs: Vec::new(),
            moved: None,
            source: None,
            entries: Entries::default(),
            advertised: Advertised::default(),
            lacking: None,
            highest: 0,
            highest_at: Duration::ZERO,
            ways: BTreeMap::new(),
        }
    }

    /// Notes that a heartbeat came on this way; `false` for one that came before.
    pub(crate) fn hear(&mut self, now: Duration, path: Path, sequence: u64) -> bool {
        let overtaken = sequence <= self.highest;
        let late = overtaken && now > self.highest_at + self.interval;
        if late || sequence.saturating_add(LATEST) <= self.highest {
            return false;
        }
        let way = self.ways.entry(path).or_insert(Way {
            window: Window::default(),
            heard: now,
            alive: false,
        });
        if !way.window.take(sequence) {
            return false;
        }
        way.heard = now;
        way.alive = true;
        if !overtaken {
            self.highest = sequence;
            self.highest_at = now;
        }
        self.alive = true;
        true
    }

    /// Whether another process of the node has ended, as this one has proven to be alive: nothing was heard of it since, for
    /// longer than it would be silent.
    pub(crate) fn replaces(&self, now: Duration, other: &Self) -> bool {
        let silent = other.last_heard() <= self.first_heard
            && now >= self.first_heard + other.interval.mul_f64(SILENT_FOR);
        silent || !other.alive
    }

    /// The greatest sequence number of all that was heard.
    pub(crate) const fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes over what the heartbeat says about announcing by BGP; gives the addresses about which that differs.
    pub(crate) fn take_advertised(&mut self, heartbeat: &Heartbeat) -> Vec<IpAddr> {
        match heartbeat.sequence < self.highest {
            true => Vec::new(),
            false => self.advertised.take(heartbeat),
        }
    }

    /// Takes over what the heartbeat says about layer 2; tells what differs.
    pub(crate) fn take(&mut self, now: Duration, heartbeat: Heartbeat, turns: &mut Vec<Turn>) {
        // What was said before the latest does not hold any more.
        if heartbeat.sequence < self.highest {
            return;
        }
        self.interval = heartbeat.interval;
        self.leaving = heartbeat.leaving;
        let moved = self.macs.iter().any(|mac| !heartbeat.macs.contains(mac));
        self.macs = heartbeat.macs;
        if moved {
            self.moved = Some(now);
        }
        if !self.holds(heartbeat.digest, heartbeat.count) {
            let page = &heartbeat.page;
            let gone: Vec<Entry> = self
                .entries
                .by_position()
                .range(page.first..=page.last)
                .filter(|(at, _)| {
                    !page
                        .entries
                        .iter()
                        .any(|entry| position(entry.address) == **at)
                })
                .map(|(_, entry)| *entry)
                .collect();
            for entry in gone {
                self.set(Entry::none(entry.address), turns);
            }
            for entry in page.entries.iter().chain(&heartbeat.changes) {
                self.set(*entry, turns);
            }
        }
        self.lacking = match self.holds(heartbeat.digest, heartbeat.count) {
            true => None,
            false => {
                let lacking = self.lacking.unwrap_or(Lacking {
                    since: now,
                    progress: now,
                });
                let progress = if turns.is_empty() {
                    lacking.progress
                } else {
                    now
                };
                Some(Lacking {
                    progress,
                    ..lacking
                })
            }
        };
    }

    /// It is gone for good: nothing that it said holds any more.
    pub(crate) fn clear(&mut self, turns: &mut Vec<Turn>) {
        for entry in core::mem::take(&mut self.entries).by_position().values() {
            turns.push(Turn {
                address: entry.address,
                was_claimed: entry.claimed,
                is_claimed: false,
            });
        }
        self.alive = false;
        for way in self.ways.values_mut() {
            way.alive = false;
        }
    }

    /// Marks the ways on which nothing comes any more; `true` when one more is dead.
    pub(crate) fn expire(&mut self, now: Duration) -> bool {
        let patience = self.interval.mul_f64(DEAD_AFTER);
        let (mut died, moved) = (false, self.moved);
        self.ways.retain(|_, way| {
            let dies = way.alive && way.heard + patience <= now;
            way.alive &= !dies;
            died |= dies;
            !(dies && moved.is_some_and(|moved| way.heard <= moved))
        });
        self.alive = self.ways.values().any(|way| way.alive);
        died
    }

    /// When [`Self::expire`] has something to do, unless it is heard again.
    pub(crate) fn expires(&self) -> Option<Duration> {
        let alive = self.ways.values().filter(|way| way.alive);
        let first = alive.map(|way| way.heard).min();
        first.map(|heard| heard + self.interval.mul_f64(DEAD_AFTER))
    }

    pub(crate) fn last_heard(&self) -> Duration {
        let heard = self.ways.values().map(|way| way.heard);
        heard.max().unwrap_or_default()
    }

    /// It went from an interface just now: what is sent to everybody there may not reach it any more.
    pub(crate) fn has_moved(&self, now: Duration) -> bool {
        self.moved.is_some_and(|moved| now < moved + MOVING)
    }

    /// Interfaces of ours on which it is heard.
    pub(crate) fn segments(&self) -> impl Iterator<Item = u32> {
        let alive = self.ways.iter().filter(|(_, way)| way.alive);
        alive.filter_map(|(path, _)| match path {
            Path::Segment(interface) => Some(*interface),
            Path::Routed => None,
        })
    }

    /// Whether what it says counts for an address that we answer on these interfaces.
    pub(crate) fn counts(&self, interfaces: &[u32]) -> bool {
        self.proven && self.reaches(interfaces)
    }

    /// It may own the address though we do not know of it, or do not believe it yet: it has been heard for a moment only,
    /// and with many nodes it takes some heartbeats until ours is listed.
    pub(crate) fn is_uncertain(
        &self,
        now: Duration,
        address: IpAddr,
        interfaces: &[u32],
        nodes: usize,
    ) -> bool {
        let (all, still) = UNCERTAIN;
        let lacks = |lacking: Lacking| now < lacking.since + all && now < lacking.progress + still;
        let lacking = self.lacking.is_some_and(lacks);
        let unknown = match self.proven {
            true => lacking,
            false => {
                let speaks = lacking || self.entries.by_position().contains_key(&position(address));
                let turns = u32::try_from(nodes / MOST_HEARD).unwrap_or(u32::MAX);
                let trust = self.interval * turns.saturating_add(TRUST);
                speaks && now < self.first_heard + trust
            }
        };
        unknown && self.reaches(interfaces)
    }

    /// It is heard on one of these interfaces. One that never was heard there is near when it is heard at all; one that
    /// was and is no longer is cut off from that segment.
    fn reaches(&self, interfaces: &[u32]) -> bool {
        if !self.alive {
            return false;
        }
        let mut neighbour = false;
        for interface in interfaces {
            match self.ways.get(&Path::Segment(*interface)) {
                Some(way) if way.alive => return true,
                Some(_) => neighbour = true,
                None => {}
            }
        }
        !neighbour
    }

    /// An interface of ours is gone: whether the process was heard there says nothing any more. It may be heard on a
    /// routed way as soon as it knows, and lives until it had time for that.
    pub(crate) fn forget_interface(&mut self, interface: u32) {
        if let Some(way) = self.ways.remove(&Path::Segment(interface)) {
            let routed = self.ways.entry(Path::Routed).or_insert(way);
            if routed.heard < way.heard {
                *routed = way;
            }
        }
        self.alive = self.ways.values().any(|way| way.alive);
    }

    fn holds(&self, digest: u64, count: u32) -> bool {
        self.entries.digest() == digest
            && u32::try_from(self.entries.by_position().len()) == Ok(count)
    }

    fn set(&mut self, entry: Entry, turns: &mut Vec<Turn>) {
        let entry = Entry {
            advertising: Advertising::Unable,
            ..entry
        };
        let known = self.entries.by_position();
        if known.len() >= MOST_ENTRIES && !known.contains_key(&position(entry.address)) {
            return;
        }
        if let Some(former) = self.entries.set(entry) {
            turns.push(Turn {
                address: entry.address,
                was_claimed: former.claimed,
                is_claimed: entry.claimed,
            });
        }
    }
}
