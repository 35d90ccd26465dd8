use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::Ipv6Addr,
    time::Duration,
};

use model::Name;
use plan::{Link, Links};
use radv::{Interface, Speaker};
use tracing::{debug, info};

use super::{Config, RadvState, socket::RadvSocket};
use crate::io::clock;

/// Between two attempts at what the kernel refuses.
const RETRY: Duration = Duration::from_secs(5);

/// The machine with its socket.
pub(super) struct RadvDriver {
    config: Config,
    speaker: Speaker,
    /// Open while a peer is on an interface.
    socket: Option<RadvSocket>,
    problem: Option<String>,
    retry_at: Option<Duration>,
    packet: Vec<u8>,
}

impl RadvDriver {
    pub(super) fn new(config: Config) -> Self {
        Self {
            speaker: Speaker::new(config.seed),
            config,
            socket: None,
            problem: None,
            retry_at: None,
            packet: Vec::new(),
        }
    }

    /// Everything that can be done now.
    pub(super) fn turn(&mut self) {
        let now = clock::now();
        let interfaces = self.interfaces();
        self.set_socket(now, &interfaces);
        let own = own_addresses(&self.config.links.borrow());
        self.speaker.handle_interfaces(now, &interfaces, own);
        self.receive(now);
        self.speaker.handle_timeout(now);
        self.transmit(now);
        self.publish();
    }

    /// How long until something is due, if ever.
    pub(super) fn wait(&self) -> Option<Duration> {
        let due = self.speaker.poll_timeout().into_iter().chain(self.retry_at);
        due.min().map(|due| due.saturating_sub(clock::now()))
    }

    /// Waits until something can be read.
    pub(super) async fn readable(&self) {
        match &self.socket {
            Some(socket) => socket.readable().await,
            None => std::future::pending().await,
        }
    }

    /// The interfaces with a peer on them, as far as they are there.
    fn interfaces(&self) -> BTreeMap<u32, Interface> {
        let links = self.config.links.borrow();
        let wanted = self.config.interfaces.borrow();
        let found = wanted.iter().filter_map(|name| {
            let (index, link) = links.named(name)?;
            Some((index, interface(link)?))
        });
        found.collect()
    }

    fn set_socket(&mut self, now: Duration, interfaces: &BTreeMap<u32, Interface>) {
        if interfaces.is_empty() {
            (self.socket, self.problem, self.retry_at) = (None, None, None);
            return;
        }
        if self.retry_at.is_some_and(|at| at > now) {
            return;
        }
        let ready = interfaces.iter().filter(|(_, interface)| interface.ready);
        let ready: BTreeSet<u32> = ready.map(|(index, _)| *index).collect();
        let result = self.open().and_then(|socket| socket.join(&ready));
        (self.problem, self.retry_at) = match result {
            Ok(()) => (None, None),
            Err(error) => (Some(refusal(&error)), Some(now + RETRY)),
        };
    }

    fn open(&mut self) -> io::Result<&mut RadvSocket> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => RadvSocket::open()?,
        };
        Ok(self.socket.insert(socket))
    }

    fn receive(&mut self, now: Duration) {
        let (speaker, Some(socket)) = (&mut self.speaker, &self.socket) else {
            return;
        };
        socket.receive(|arrival, octets| {
            if let Err(reason) = speaker.handle_packet(now, arrival, octets) {
                debug!(source = %arrival.source, %reason, "a message of router discovery was discarded");
            }
        });
    }

    fn transmit(&mut self, now: Duration) {
        while let Some(transmit) = self.speaker.poll_transmit(now, &mut self.packet) {
            let Some(socket) = &self.socket else { continue };
            // What cannot be sent now is sent again.
            if let Err(error) = socket.send(&transmit, &self.packet) {
                debug!(?transmit, %error, "a message of router discovery could not be sent");
            }
        }
    }

    fn publish(&self) {
        let neighbors = self.speaker.neighbors();
        let next = RadvState {
            interfaces: names(&self.config.links.borrow(), neighbors.keys()),
            neighbors,
            counters: self.speaker.counters().clone(),
            problem: self.problem.clone(),
        };
        self.config.state.send_if_modified(|state| {
            if state.neighbors != next.neighbors {
                info!(neighbors = ?next.neighbors, "routers on interfaces of peers");
            }
            let changed = *state != next;
            *state = next;
            changed
        });
    }
}

fn interface(link: &Link) -> Option<Interface> {
    let ethernet = link.ethernet?;
    Some(Interface {
        mac: ethernet.mac.0,
        ready: link.up && ethernet.link_local.is_some(),
    })
}

fn names<'a>(links: &Links, indices: impl Iterator<Item = &'a u32>) -> BTreeMap<u32, Name> {
    let named = indices.filter_map(|index| Some((*index, links.0.get(index)?.name.clone())));
    named.collect()
}

fn own_addresses(links: &Links) -> BTreeSet<Ipv6Addr> {
    let ethernet = links.0.values().filter_map(|link| link.ethernet);
    ethernet
        .filter_map(|ethernet| ethernet.link_local)
        .collect()
}

fn refusal(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => {
            "capability NET_RAW is missing, without which no router is found on the interfaces of \
                              BGPPeers; add it to the container's securityContext.capabilities.add"
                .to_owned()
        }
        _ => format!(
            "ICMPv6, by which routers are found on the interfaces of BGPPeers, cannot be spoken: {error}; tried again \
             every 5 s"
        ),
    }
}
