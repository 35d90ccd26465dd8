//! Frames go out.

use alloc::{sync::Arc, vec::Vec};
use core::{net::IpAddr, time::Duration};

use super::{Speaker, Transmit};
use crate::{Interface, arp, ndp};

/// What is to be sent about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shot {
    /// Does somebody have it?
    Probe,
    /// We have it.
    Announce,
}

/// The frames of one address that are under way: the next one goes out of this interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    address: IpAddr,
    shot: Shot,
    interface: u32,
    /// The reply form of a gratuitous ARP comes after the request form.
    second: bool,
}

impl Speaker {
    /// The next thing to send, in `buffer`, whose former content is lost.
    pub fn poll_transmit(&mut self, now: Duration, buffer: &mut Vec<u8>) -> Option<Transmit> {
        if let Some(heartbeat) = self.next_heartbeat(now, buffer) {
            return Some(heartbeat);
        }
        loop {
            let under_way = match self.under_way.take() {
                Some(under_way) => under_way,
                None => self.next_shot()?,
            };
            self.under_way = self.after(under_way);
            if let Some(port) = self.ports.get(&under_way.interface) {
                encode(under_way, &port.interface, buffer);
                self.count_frame(under_way);
                let interface = under_way.interface;
                return Some(Transmit::Frame { interface });
            }
        }
    }

    /// Whether the heartbeat of the last [`Transmit::Multicast`] or [`Transmit::Unicast`] left this node.
    pub fn handle_sent(&mut self, now: Duration, transmit: Transmit, left: bool) {
        if !left {
            return;
        }
        match transmit {
            Transmit::Multicast { interface, .. } => {
                self.counters.heartbeats_sent += 1;
                if let Some(port) = self.ports.get_mut(&interface) {
                    port.handle_left(now);
                }
            }
            Transmit::Unicast { .. } => self.counters.heartbeats_sent += 1,
            Transmit::Frame { .. } => {}
        }
    }

    fn next_shot(&mut self) -> Option<UnderWay> {
        loop {
            let (address, shot) = self.shots.pop_first()?;
            let claim = self.claims.get(&address)?;
            if let Some(&interface) = claim.interfaces.first() {
                return Some(UnderWay {
                    address,
                    shot,
                    interface,
                    second: false,
                });
            }
        }
    }

    fn after(&self, under_way: UnderWay) -> Option<UnderWay> {
        if !under_way.second && under_way.address.is_ipv4() && under_way.shot == Shot::Announce {
            return Some(UnderWay {
                second: true,
                ..under_way
            });
        }
        let claim = self.claims.get(&under_way.address)?;
        let mut rest = claim
            .interfaces
            .iter()
            .skip_while(|index| **index != under_way.interface);
        rest.next();
        Some(UnderWay {
            interface: *rest.next()?,
            second: false,
            ..under_way
        })
    }

    fn count_frame(&mut self, under_way: UnderWay) {
        if under_way.shot != Shot::Announce {
            return;
        }
        let family = if under_way.address.is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        };
        if let Some(port) = self.ports.get(&under_way.interface) {
            let name: Arc<str> = port.interface.name.clone();
            *self.counters.gratuitous.entry((name, family)).or_default() += 1;
        }
    }
}

fn encode(under_way: UnderWay, interface: &Interface, buffer: &mut Vec<u8>) {
    let own = interface.mac;
    match (under_way.address, under_way.shot) {
        (IpAddr::V4(address), Shot::Probe) => arp::Packet::probe(own, address).encode(buffer),
        (IpAddr::V4(address), Shot::Announce) => {
            let [request, reply] = arp::Packet::gratuitous(own, address);
            let packet = if under_way.second { reply } else { request };
            packet.encode(buffer);
        }
        (IpAddr::V6(address), Shot::Probe) => ndp::Packet::probe(own, address).encode(buffer),
        (IpAddr::V6(address), Shot::Announce) => {
            ndp::Packet::unsolicited(own, address, interface.router).encode(buffer);
        }
    }
}
