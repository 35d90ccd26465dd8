use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bgp::ConnectionId;

use crate::Random;

/// Longest delay on the wire, in microseconds.
const WIRE_DELAY: u64 = 2_000;
/// How long TCP waits before it tries again over a dead link.
const RETRANSMIT: Duration = Duration::from_millis(200);
/// When a dial over a dead link is given up.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// TCP between the nodes and the router: ordered, late, and still while a link is down.
#[derive(Debug, Default)]
pub(crate) struct Network {
    flows: BTreeMap<Flow, VecDeque<(Duration, Packet)>>,
    wires: BTreeMap<Wire, Option<ConnectionId>>,
    down: BTreeSet<usize>,
}

/// One TCP connection, named by the node's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wire {
    pub(crate) node: usize,
    pub(crate) connection: ConnectionId,
}

/// One direction of a wire: what is first in it arrives first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flow {
    wire: Wire,
    to_router: bool,
}

/// What arrives at one end of a wire.
#[derive(Debug)]
pub(crate) enum Packet {
    /// The router is asked to accept.
    Syn,
    /// The node's dial succeeded.
    Accepted,
    /// The node's dial failed.
    Refused(&'static str),
    /// Bytes for the router.
    ToRouter(Vec<u8>),
    /// Bytes for the node.
    ToNode(Vec<u8>),
    /// The node closed.
    ClosedByNode,
    /// The router closed.
    ClosedByRouter,
}

impl Network {
    pub(crate) fn set_link(&mut self, node: usize, up: bool) {
        match up {
            true => self.down.remove(&node),
            false => self.down.insert(node),
        };
    }

    pub(crate) fn open(&mut self, wire: Wire) {
        self.wires.insert(wire, None);
    }

    pub(crate) fn attach(&mut self, wire: Wire, router: ConnectionId) {
        self.wires.insert(wire, Some(router));
    }

    /// The router's end.
    pub(crate) fn router_end(&self, wire: Wire) -> Option<ConnectionId> {
        self.wires.get(&wire).copied().flatten()
    }

    /// The wire that ends at the router as `connection`.
    pub(crate) fn wire_of(&self, connection: ConnectionId) -> Option<Wire> {
        self.wires
            .iter()
            .find(|(_, end)| **end == Some(connection))
            .map(|(wire, _)| *wire)
    }

    /// Forgets both ends; what is under way is lost.
    pub(crate) fn drop_wire(&mut self, wire: Wire) {
        self.wires.remove(&wire);
        self.flows.retain(|flow, _| flow.wire != wire);
    }

    pub(crate) fn wires_of(&self, node: usize) -> Vec<Wire> {
        self.wires
            .keys()
            .filter(|wire| wire.node == node)
            .copied()
            .collect()
    }

    pub(crate) fn wires(&self) -> Vec<Wire> {
        self.wires.keys().copied().collect()
    }

    /// Sends a packet; packets of one direction keep their order.
    pub(crate) fn send(&mut self, now: Duration, random: &mut Random, wire: Wire, packet: Packet) {
        let to_router = matches!(
            packet,
            Packet::Syn | Packet::ToRouter(_) | Packet::ClosedByNode
        );
        let due = now + Duration::from_micros(random.below(WIRE_DELAY));
        self.flows
            .entry(Flow { wire, to_router })
            .or_default()
            .push_back((due, packet));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.flows
            .values()
            .filter_map(|packets| Some(packets.front()?.0))
            .min()
    }

    /// The next packet that arrives; over a dead link it is sent again later.
    pub(crate) fn poll(&mut self, now: Duration) -> Option<(Wire, Packet)> {
        for (flow, packets) in &mut self.flows {
            let Some((due, _)) = packets.front_mut().filter(|(due, _)| *due <= now) else {
                continue;
            };
            if self.down.contains(&flow.wire.node) {
                *due = now + RETRANSMIT;
                continue;
            }
            let (_, packet) = packets.pop_front()?;
            return Some((flow.wire, packet));
        }
        None
    }
}
