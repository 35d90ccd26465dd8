use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::random::Random;

/// How well everything between the nodes carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    /// Of 100 packets so many are lost.
    pub(crate) loss: u64,
    /// Of 100 packets so many arrive twice.
    pub(crate) duplication: u64,
    /// Of 100 packets so many are overtaken by those sent up to 20 ms after them.
    pub(crate) reordering: u64,
    /// Least time on the way.
    pub(crate) delay: Duration,
    /// Up to so much more.
    pub(crate) jitter: Duration,
}

/// What a fault can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cargo {
    /// ARP or NDP.
    Frame,
    /// A datagram with a heartbeat.
    Heartbeat,
}

/// Segments, and routed paths between InternalIPs: who reaches whom, and after what time.
#[derive(Debug)]
pub(crate) struct Network {
    random: Random,
    pub(crate) quality: Quality,
    /// Sides of a segment that is partitioned, by node; who is not named is on side 0.
    segments: BTreeMap<usize, BTreeMap<usize, u8>>,
    /// Sides of the routed network.
    paths: BTreeMap<usize, u8>,
    /// Nodes whose heartbeats reach nobody, though their frames do.
    pub(crate) unheard: BTreeSet<usize>,
    /// Nodes that no heartbeat reaches, though frames do.
    pub(crate) deaf: BTreeSet<usize>,
}

impl Quality {
    /// A switch on an ordinary day.
    pub(crate) const GOOD: Self = Self {
        loss: 0,
        duplication: 0,
        reordering: 0,
        delay: Duration::from_micros(50),
        jitter: Duration::from_micros(500),
    };

    /// The longest that a packet is on its way.
    pub(crate) fn longest(&self) -> Duration {
        let late = Duration::from_millis(if self.reordering > 0 { 20 } else { 0 });
        self.delay + self.jitter + late
    }
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            quality: Quality::GOOD,
            segments: BTreeMap::new(),
            paths: BTreeMap::new(),
            unheard: BTreeSet::new(),
            deaf: BTreeSet::new(),
        }
    }

    /// After what times copies of a packet arrive; none when it is lost.
    pub(crate) fn arrivals(&mut self) -> impl Iterator<Item = Duration> + use<> {
        let Quality {
            loss,
            duplication,
            reordering,
            delay,
            jitter,
        } = self.quality;
        let copies = match self.random.chance(loss) {
            true => 0,
            false => 1 + usize::from(self.random.chance(duplication)),
        };
        let mut times = [Duration::ZERO; 2];
        for time in times.iter_mut().take(copies) {
            *time = delay + self.random.time(jitter);
            if self.random.chance(reordering) {
                *time += self.random.time(Duration::from_millis(20));
            }
        }
        times.into_iter().take(copies)
    }

    /// Whether the segment carries what `from` sends to `to`.
    pub(crate) fn segment_carries(
        &self,
        segment: usize,
        from: usize,
        to: usize,
        cargo: Cargo,
    ) -> bool {
        let open = self.segments.get(&segment).is_none_or(|sides| {
            let side = |node| sides.get(&node).copied().unwrap_or(0);
            side(from) == side(to)
        });
        open && (cargo == Cargo::Frame || self.lets_heartbeats(from, to))
    }

    /// Whether a heartbeat that `from` sends to an InternalIP of `to` gets there.
    pub(crate) fn path_carries(&self, from: usize, to: usize) -> bool {
        let side = |node| self.paths.get(&node).copied().unwrap_or(0);
        side(from) == side(to) && self.lets_heartbeats(from, to)
    }

    /// Puts these nodes on a side of their own on one segment.
    pub(crate) fn cut_segment(&mut self, segment: usize, nodes: impl IntoIterator<Item = usize>) {
        let sides = nodes.into_iter().map(|node| (node, 1)).collect();
        self.segments.insert(segment, sides);
    }

    /// Puts these nodes on a side of their own in the routed network.
    pub(crate) fn cut_paths(&mut self, nodes: impl IntoIterator<Item = usize>) {
        self.paths = nodes.into_iter().map(|node| (node, 1)).collect();
    }

    /// Everything carries again, and well.
    pub(crate) fn heal(&mut self) {
        self.segments.clear();
        self.paths.clear();
        self.unheard.clear();
        self.deaf.clear();
        self.quality = Quality::GOOD;
    }

    /// Nothing is cut and nothing gets lost.
    pub(crate) fn is_whole(&self) -> bool {
        self.lets_all_hear() && self.deaf.is_empty()
    }

    /// What a node says reaches all others, but for those who are deaf.
    pub(crate) fn lets_all_hear(&self) -> bool {
        self.segments.is_empty()
            && self.paths.is_empty()
            && self.unheard.is_empty()
            && self.quality.loss == 0
    }

    /// Heartbeats of some node, or to it, are lost though its frames are not.
    pub(crate) fn loses_heartbeats(&self) -> bool {
        !self.unheard.is_empty() || !self.deaf.is_empty()
    }

    fn lets_heartbeats(&self, from: usize, to: usize) -> bool {
        !self.unheard.contains(&from) && !self.deaf.contains(&to)
    }
}
