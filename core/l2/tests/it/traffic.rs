use std::{collections::BTreeMap, time::Duration};

/// How many packets each node sends in any second of the world.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    second: u64,
    current: BTreeMap<(usize, Way), u32>,
    most: BTreeMap<(usize, Way), u32>,
}

/// What kind of packet, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// A heartbeat on a card's segment.
    Segment(usize),
    /// A heartbeat to an InternalIP.
    Routed,
    /// An ARP or NDP frame to everybody on a segment.
    Broadcast,
}

impl Traffic {
    /// A node sends a packet.
    pub(crate) fn count(&mut self, now: Duration, node: usize, way: Way) {
        if now.as_secs() != self.second {
            self.close();
            self.second = now.as_secs();
        }
        *self.current.entry((node, way)).or_default() += 1;
    }

    /// The busiest second of any node on such a way.
    pub(crate) fn most(&mut self, way: impl Fn(Way) -> bool) -> u32 {
        self.close();
        let ways = self.most.iter().filter(|((_, at), _)| way(*at));
        ways.map(|(_, most)| *most).max().unwrap_or(0)
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self) {
        self.current.clear();
        self.most.clear();
    }

    fn close(&mut self) {
        for (at, count) in std::mem::take(&mut self.current) {
            let most = self.most.entry(at).or_default();
            *most = count.max(*most);
        }
    }
}
