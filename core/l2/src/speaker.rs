use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::IpAddr, time::Duration};

use crate::{Interfaces, Key, NodeName, Nominee, Notice, View};

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
}

impl Speaker {
    /// A speaker that knows nothing yet. `now` is the time since some moment on a clock that goes on while the machine
    /// is suspended.
    pub fn new(_now: Duration, config: Config) -> Self {
        Self { config }
    }

    /// Takes the cluster's keys as the Secret has them, oldest first. Without any this node nominates itself for nothing.
    pub fn handle_keys(&mut self, _now: Duration, _keys: Vec<Key>) {}

    /// Takes the interfaces that are up.
    pub fn handle_interfaces(&mut self, _now: Duration, _interfaces: Interfaces) {}

    /// Takes the cluster's nodes with their InternalIPs, this one among them.
    pub fn handle_nodes(&mut self, _now: Duration, _nodes: BTreeMap<NodeName, Vec<IpAddr>>) {}

    /// This node may answer the address, or must not any more.
    pub fn handle_nominee(&mut self, _now: Duration, _address: IpAddr, _nominee: Option<Nominee>) {}

    /// Takes a frame with ARP or NDP, as [`crate::arp`] and [`crate::ndp`] know it, that an interface has received.
    /// Returns `true` when `reply` holds a frame to be sent by the same interface.
    pub fn handle_frame(
        &mut self,
        _now: Duration,
        _interface: u32,
        _frame: &[u8],
        _reply: &mut Vec<u8>,
    ) -> bool {
        false
    }

    /// Takes a heartbeat datagram: `path` is the interface that it arrived at if it was sent to everybody there.
    pub fn handle_datagram(
        &mut self,
        _now: Duration,
        _path: Path,
        _source: IpAddr,
        _datagram: &[u8],
    ) {
    }

    /// Whether the heartbeat of the last [`Transmit::Multicast`] or [`Transmit::Unicast`] left this node.
    pub fn handle_sent(&mut self, _now: Duration, _transmit: Transmit, _left: bool) {}

    /// The process is going to end: hands everything over. [`Self::is_done`] says when it may end.
    pub fn handle_leave(&mut self, _now: Duration) {}

    /// Runs what is due; to be called first after each wake-up.
    pub fn handle_timeout(&mut self, _now: Duration) {}

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// The next thing to send, in `buffer`, whose former content is lost.
    pub fn poll_transmit(&mut self, _now: Duration, _buffer: &mut Vec<u8>) -> Option<Transmit> {
        None
    }

    /// What has happened.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        None
    }

    /// Everything has been handed over after [`Self::handle_leave`].
    pub fn is_done(&self) -> bool {
        true
    }

    /// Addresses about which frames of this interface are of interest: what the driver's packet filter passes, and
    /// whose solicited-node groups it joins. Changes only with [`Self::handle_nominee`] and [`Self::handle_interfaces`].
    pub fn addresses(&self, _interface: u32) -> impl Iterator<Item = IpAddr> {
        core::iter::empty()
    }

    /// Grows whenever [`Self::view`] gives something else than before, counters aside.
    pub fn version(&self) -> u64 {
        0
    }

    /// How everything stands.
    pub fn view(&self) -> View {
        View::default()
    }

    /// Name of this node.
    pub fn node(&self) -> &NodeName {
        &self.config.node
    }
}
