use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::Ipv6Addr, time::Duration};

use crate::{ALL_NODES, ALL_ROUTERS, Discarded, Message, interface::Port, random::Random};

/// Link-local addresses of routers, by index of the interface on which they are.
pub type Neighbors = BTreeMap<u32, BTreeSet<Ipv6Addr>>;

/// An interface with a peer on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its link-layer address (Ethernet).
    pub mac: [u8; 6],
    /// It is up, and has a link-local address to speak from.
    pub ready: bool,
}

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Index of the interface.
    pub interface: u32,
    /// Who sent it.
    pub source: Ipv6Addr,
    /// Its hop limit.
    pub hop_limit: u8,
}

/// Where a message goes, with hop limit 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Index of the interface.
    pub interface: u32,
    /// A group of the link.
    pub destination: Ipv6Addr,
}

/// What was sent and heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Advertisements sent.
    pub advertisements_sent: u64,
    /// Solicitations sent.
    pub solicitations_sent: u64,
    /// Advertisements heard and taken.
    pub advertisements_received: u64,
    /// Solicitations heard and answered.
    pub solicitations_received: u64,
    /// Messages without effect, by [`Discarded::as_str`].
    pub discarded: BTreeMap<&'static str, u64>,
}

/// All interfaces with a peer on them.
#[derive(Clone, Debug)]
pub struct Speaker {
    ports: BTreeMap<u32, Port>,
    own: BTreeSet<Ipv6Addr>,
    counters: Counters,
    random: Random,
}

impl Speaker {
    /// Without interfaces. The seed is for jitter only.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            ports: BTreeMap::new(),
            own: BTreeSet::new(),
            counters: Counters::default(),
            random: Random::new(seed),
        }
    }

    /// Sets all interfaces with a peer on them, and this node's link-local addresses. What was known of an interface that is
    /// gone is forgotten.
    pub fn handle_interfaces(
        &mut self,
        now: Duration,
        interfaces: &BTreeMap<u32, Interface>,
        own: BTreeSet<Ipv6Addr>,
    ) {
        self.own = own;
        self.ports.retain(|index, _| interfaces.contains_key(index));
        for (index, interface) in interfaces {
            let port = self.ports.entry(*index);
            let port = port.or_insert_with(|| Port::new(interface.mac));
            port.mac = interface.mac;
            port.set_ready(now, interface.ready);
        }
    }

    /// Takes an ICMPv6 message, whose checksum is right.
    ///
    /// # Errors
    /// It has no effect; that is counted.
    pub fn handle_packet(
        &mut self,
        now: Duration,
        arrival: &Arrival,
        octets: &[u8],
    ) -> Result<(), Discarded> {
        let taken = self.take(now, arrival, octets);
        if let Err(reason) = taken {
            *self.counters.discarded.entry(reason.as_str()).or_default() += 1;
        }
        taken
    }

    /// Neighbours may have been silent for too long.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.ports
            .values_mut()
            .for_each(|port| port.handle_timeout(now));
    }

    /// When to call [`Self::handle_timeout`] or [`Self::poll_transmit`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.ports.values().filter_map(Port::poll_timeout).min()
    }

    /// Writes what is to be sent now in place of what the buffer held.
    pub fn poll_transmit(&mut self, now: Duration, buffer: &mut Vec<u8>) -> Option<Transmit> {
        let random = &mut self.random;
        let mut ports = self.ports.iter_mut();
        let (interface, message) = ports.find_map(|(index, port)| {
            let message = port.poll_transmit(now, random)?;
            message.encode(port.mac, buffer);
            Some((*index, message))
        })?;
        let (count, destination) = match message {
            Message::Advertisement => (&mut self.counters.advertisements_sent, ALL_NODES),
            Message::Solicitation => (&mut self.counters.solicitations_sent, ALL_ROUTERS),
        };
        *count += 1;
        Some(Transmit {
            interface,
            destination,
        })
    }

    /// Who is there, for every interface with a peer on it.
    #[must_use]
    pub fn neighbors(&self) -> Neighbors {
        let ports = self.ports.iter();
        ports
            .map(|(index, port)| (*index, port.neighbors().collect()))
            .collect()
    }

    /// What was sent and heard.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    fn take(&mut self, now: Duration, arrival: &Arrival, octets: &[u8]) -> Result<(), Discarded> {
        let message = Message::decode(arrival.hop_limit, arrival.source, octets)?;
        let port = self.ports.get_mut(&arrival.interface);
        let port = port.ok_or(Discarded::Interface)?;
        if self.own.contains(&arrival.source) {
            return Err(Discarded::Own);
        }
        match message {
            Message::Advertisement => {
                port.hear(now, arrival.source)?;
                self.counters.advertisements_received += 1;
            }
            Message::Solicitation => {
                port.answer(now, &mut self.random);
                self.counters.solicitations_received += 1;
            }
        }
        Ok(())
    }
}
