//! What is done to the world: to nodes, to the network, by strangers.

use std::{net::IpAddr, sync::Arc, time::Duration};

use l2::{InterfaceFilter, Key, Mac, Nominee};

use crate::{client, node::State, witness::TAKEOVER, world::World};

/// How long everything must have been well in these worlds; ten seconds in real ones.
pub(crate) const STABILITY_TIME: Duration = Duration::from_secs(1);

/// A nomination as most tests want it.
pub(crate) fn nominee(weight: u16) -> Nominee {
    Nominee {
        interfaces: InterfaceFilter::new([]),
        weight,
        stability_time: STABILITY_TIME,
        gratuitous_interval: None,
    }
}

/// The nth address, of both families in turn, in the subnet of segment 0.
pub(crate) fn address(number: usize) -> IpAddr {
    let host = u16::try_from(number).unwrap();
    let [high, low] = host.to_be_bytes();
    match number % 2 {
        0 => [10, 0, 128 + high, low].into(),
        _ => [0xfd00, 0, 0, 0, 0, 0, 0x200, host].into(),
    }
}

impl World {
    /// Every node may answer the first so many addresses.
    pub(crate) fn offer(&mut self, addresses: usize) {
        for address in (0..addresses).map(address) {
            for node in 0..self.nodes.len() {
                self.nominate(node, address, Some(nominee(0)));
            }
        }
    }

    /// The plan of one node says something about an address.
    pub(crate) fn nominate(&mut self, node: usize, address: IpAddr, nominee: Option<Nominee>) {
        self.disturb();
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
        match &nominee {
            Some(nominee) => self.nodes[node].nominees.insert(address, nominee.clone()),
            None => self.nodes[node].nominees.remove(&address),
        };
        self.at(node, |node, world| {
            node.call(world, |speaker, now| {
                speaker.handle_nominee(now, address, nominee)
            })
        });
        self.nodes[node].set_filters();
    }

    /// A process starts, or starts again.
    pub(crate) fn start(&mut self, node: usize) {
        self.disturb();
        let boot = self.random.next_u64();
        self.at(node, |node, now| node.start(now, boot));
        self.nodes[node].set_filters();
    }

    /// All processes start.
    pub(crate) fn start_all(&mut self) {
        (0..self.nodes.len()).for_each(|node| self.start(node));
    }

    /// SIGKILL.
    pub(crate) fn crash(&mut self, node: usize) {
        self.note_end(node);
        self.nodes[node].crash();
    }

    /// SIGSTOP, or suspend.
    pub(crate) fn stop(&mut self, node: usize) {
        self.note_end(node);
        if self.nodes[node].state == State::Running {
            self.nodes[node].state = State::Stopped;
        }
    }

    /// SIGCONT.
    pub(crate) fn resume(&mut self, node: usize) {
        self.disturb();
        self.at(node, |node, now| node.resume(now));
    }

    /// SIGTERM for good.
    pub(crate) fn leave(&mut self, node: usize) {
        self.note_end(node);
        if self.nodes[node].state == State::Running && !self.nodes[node].leaving {
            self.nodes[node].leaving = true;
            self.at(node, |node, world| {
                node.call(world, |speaker, now| speaker.handle_leave(now))
            });
        }
    }

    /// A card's cable is pulled, or put in again.
    pub(crate) fn set_carrier(&mut self, node: usize, nic: usize, carrier: bool) {
        self.disturb();
        if !carrier {
            self.note_end(node);
        }
        self.nodes[node].nics[nic].carrier = carrier;
        self.tell_interfaces(node);
    }

    /// A card gets another MAC.
    pub(crate) fn set_mac(&mut self, node: usize, nic: usize, mac: Mac) {
        self.disturb();
        self.nodes[node].nics[nic].interface.mac = mac;
        self.tell_interfaces(node);
    }

    /// The Secret at one node.
    pub(crate) fn set_keys(&mut self, node: usize, keys: Vec<Key>) {
        self.disturb();
        self.nodes[node].keys = keys.clone();
        self.at(node, |node, world| {
            node.call(world, |speaker, now| speaker.handle_keys(now, keys))
        });
    }

    /// A node's own firewall refuses its heartbeats.
    pub(crate) fn gag(&mut self, node: usize, gagged: bool) {
        if self.nodes[node].gagged != gagged {
            // Until it notices, it is one whose heartbeats are lost.
            self.disturb_network();
        }
        self.nodes[node].gagged = gagged;
    }

    /// These nodes are on their own, on every segment and on routed paths.
    pub(crate) fn isolate(&mut self, nodes: &[usize]) {
        for segment in 0..3 {
            self.network.cut_segment(segment, nodes.iter().copied());
        }
        self.network.cut_paths(nodes.iter().copied());
        self.disturb_network();
    }

    /// The network carries everything again.
    pub(crate) fn heal(&mut self) {
        self.network.heal();
        self.disturb_network();
    }

    /// A stranger tells segment 0 that an address is at its MAC.
    pub(crate) fn claim_foreign(&mut self, address: IpAddr, mac: Mac) {
        let frame: Arc<[u8]> = client::announcement(address, mac).into();
        self.broadcast(None, 0, &frame);
    }

    /// Something has changed: what was promised for peace counts from now.
    pub(crate) fn disturb(&mut self) {
        self.changed = self.now;
    }

    /// Something has changed in the network.
    pub(crate) fn disturb_network(&mut self) {
        self.disturb();
        self.network_changed = self.now;
    }

    fn note_end(&mut self, node: usize) {
        self.disturb();
        // After the network is whole again it takes a moment until all are heard.
        let heard_since = self.network_changed + TAKEOVER;
        if !self.network.lets_all_hear() || self.now < heard_since {
            self.died_unheard.insert(node);
        }
    }

    fn tell_interfaces(&mut self, node: usize) {
        let interfaces = self.nodes[node].interfaces();
        self.at(node, |node, world| {
            node.call(world, |speaker, now| {
                speaker.handle_interfaces(now, interfaces)
            })
        });
        self.nodes[node].set_filters();
    }
}
