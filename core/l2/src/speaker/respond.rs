//! ARP and NDP come in.

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use super::{Speaker, transmit::Shot};
use crate::{Conflict, Mac, Notice, arp, claim::State, ndp};

/// Time between two reports of a conflict over one address.
const TELL: Duration = Duration::from_secs(60);
/// Time between two defences of one address (RFC 5227 section 2.4, DEFEND_INTERVAL).
const DEFEND: Duration = Duration::from_secs(10);

impl Speaker {
    /// Takes a frame with ARP or NDP, as [`crate::arp`] and [`crate::ndp`] know it, that an interface has received.
    /// Returns `true` when `reply` holds a frame to be sent by the same interface.
    pub fn handle_frame(
        &mut self,
        now: Duration,
        interface: u32,
        frame: &[u8],
        reply: &mut Vec<u8>,
    ) -> bool {
        let ethertype = frame.get(12..14).and_then(|octets| octets.try_into().ok());
        match ethertype.map(u16::from_be_bytes) {
            Some(arp::ETHERTYPE) => match arp::Packet::decode(frame) {
                Ok(packet) => self.handle_arp(now, interface, &packet, reply),
                Err(malformed) => self.drop_frame(malformed.as_str()),
            },
            Some(ndp::ETHERTYPE) => match ndp::Packet::decode(frame) {
                Ok(packet) => self.handle_ndp(now, interface, &packet, reply),
                Err(malformed) => self.drop_frame(malformed.as_str()),
            },
            Some(_) | None => false,
        }
    }

    fn handle_arp(
        &mut self,
        now: Duration,
        interface: u32,
        packet: &arp::Packet,
        reply: &mut Vec<u8>,
    ) -> bool {
        self.handle_claim_of(now, interface, packet.sender.into(), packet.sender_mac);
        let asked = packet.operation == arp::Operation::Request && packet.sender != packet.target;
        if !asked || !self.answers(now, interface, packet.target.into()) {
            return false;
        }
        let Some(port) = self.ports.get(&interface) else {
            return false;
        };
        arp::Packet::reply_to(packet, port.interface.mac).encode(reply);
        self.count_answer(interface, "IPv4");
        true
    }

    fn handle_ndp(
        &mut self,
        now: Duration,
        interface: u32,
        packet: &ndp::Packet,
        reply: &mut Vec<u8>,
    ) -> bool {
        let target = packet.message.target();
        match packet.message {
            ndp::Message::Advertisement { target_mac, .. } => {
                let mac = target_mac.unwrap_or(packet.source_mac);
                self.handle_claim_of(now, interface, target.into(), mac);
                return false;
            }
            ndp::Message::Solicitation { source_mac, .. } => {
                let mac = source_mac.unwrap_or(packet.source_mac);
                self.handle_claim_of(now, interface, packet.source.into(), mac);
            }
        }
        if !self.answers(now, interface, target.into()) {
            return false;
        }
        let Some(port) = self.ports.get(&interface) else {
            return false;
        };
        ndp::Packet::answer(packet, port.interface.mac, port.interface.router).encode(reply);
        self.count_answer(interface, "IPv6");
        true
    }

    /// Whether we answer for the address on this interface, at this moment: the others know that we live.
    fn answers(&self, now: Duration, interface: u32, address: IpAddr) -> bool {
        let Some(claim) = self.claims.get(&address) else {
            return false;
        };
        claim.is_answered()
            && claim.interfaces.contains(&interface)
            && !self.was_stopped(now)
            && self
                .ports
                .get(&interface)
                .is_some_and(|port| port.is_fresh(now, self.patience()))
    }

    /// Somebody with this MAC says that the address is theirs.
    fn handle_claim_of(&mut self, now: Duration, interface: u32, address: IpAddr, mac: Mac) {
        let Some(claim) = self.claims.get_mut(&address) else {
            return;
        };
        let ours = self.ports.values().any(|port| port.interface.mac == mac);
        if ours || !claim.interfaces.contains(&interface) {
            return;
        }
        // While heartbeats of the cluster's nodes cannot be read, a stranger may be a node.
        let may_be_node = !self.suspects.is_empty() && !claim.is_answered();
        if may_be_node || self.membership.owner_of(now, mac).is_some() {
            claim.contested = true;
            return self.block(now, address);
        }
        if claim.is_answered() || matches!(claim.state, State::Probing { .. }) {
            self.handle_conflict(now, interface, address, mac);
        }
    }

    fn handle_conflict(&mut self, now: Duration, interface: u32, address: IpAddr, mac: Mac) {
        let (Some(claim), Some(port)) = (self.claims.get_mut(&address), self.ports.get(&interface))
        else {
            return;
        };
        self.counters.conflicts += 1;
        if claim.told.is_none_or(|told| now >= told + TELL) {
            claim.told = Some(now);
            self.notices.push_back(Notice::Conflict(Conflict {
                address,
                mac,
                interface: port.interface.name.clone(),
            }));
        }
        if claim.is_answered()
            && claim
                .defended
                .is_none_or(|defended| now >= defended + DEFEND)
        {
            claim.defended = Some(now);
            self.counters.defences += 1;
            self.shots.insert(address, Shot::Announce);
        }
    }

    fn count_answer(&mut self, interface: u32, family: &'static str) {
        if let Some(port) = self.ports.get(&interface) {
            let name = port.interface.name.clone();
            *self.counters.answered.entry((name, family)).or_default() += 1;
        }
    }

    fn drop_frame(&mut self, reason: &'static str) -> bool {
        *self.counters.frames_dropped.entry(reason).or_default() += 1;
        false
    }
}
