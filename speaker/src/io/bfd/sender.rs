//! A socket per session: the peer tells our sessions apart by their source ports, too.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

use bfd::{PeerName, Transmit};
use socket2::{Domain, Protocol, Socket, Type};
use tracing::debug;

use super::port::Port;
use crate::io::socket::CS6;

/// Where packets come from (RFC 5881 section 4).
const FIRST: u16 = 49152;
/// So many of them there are.
const COUNT: u16 = u16::MAX - FIRST + 1;
/// So many are tried before it is given up: others hardly use any.
const ATTEMPTS: u16 = 256;
/// TTL and hop limit of what we send (RFC 5881 section 5).
const TTL: u32 = 255;
/// Nothing is ever read from these sockets, so that nothing should wait there.
const RECEIVE_BUFFER: usize = 1;

/// The sockets, by name of the peer.
#[derive(Debug)]
pub(super) struct Senders {
    sockets: BTreeMap<PeerName, Bound>,
    /// Peers whose sockets the kernel does not give.
    refused: BTreeMap<PeerName, Refused>,
    /// Which port comes next, counted from the first.
    next: u16,
}

#[derive(Debug)]
struct Refused {
    sentence: String,
    /// Until the next attempt nothing is sent.
    waits: bool,
}

/// A socket, and what it was made for.
#[derive(Debug)]
struct Bound {
    socket: Socket,
    ipv6: bool,
    local: Option<IpAddr>,
}

impl Senders {
    /// The first port is as good as random.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            sockets: BTreeMap::new(),
            refused: BTreeMap::new(),
            next: u16::try_from(seed % u64::from(COUNT)).unwrap_or_default(),
        }
    }

    /// What does not work, a sentence each.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        self.refused
            .values()
            .map(|refused| refused.sentence.clone())
    }

    /// Another attempt is made for those that failed.
    pub(super) fn retry(&mut self) {
        for refused in self.refused.values_mut() {
            refused.waits = false;
        }
    }

    pub(super) fn forget(&mut self, peer: &str) {
        self.sockets.remove(peer);
        self.refused.remove(peer);
    }

    /// Sends; returns whether the problems have changed.
    pub(super) fn send(&mut self, transmit: &Transmit, packet: &[u8]) -> bool {
        let peer = &transmit.peer;
        if self.refused.get(peer).is_some_and(|refused| refused.waits) {
            return false;
        }
        let fits = |bound: &Bound| {
            bound.ipv6 == transmit.remote.is_ipv6() && bound.local == transmit.local
        };
        if self.sockets.get(peer).is_some_and(|bound| !fits(bound)) {
            self.sockets.remove(peer);
        }
        let bound = match self.sockets.entry(peer.clone()) {
            Entry::Occupied(place) => place.into_mut(),
            Entry::Vacant(place) => match Bound::open(transmit, &mut self.next) {
                Ok(bound) => place.insert(bound),
                Err(error) => {
                    let refused = Refused {
                        sentence: refusal(transmit, &error),
                        waits: true,
                    };
                    self.refused.insert(peer.clone(), refused);
                    return true;
                }
            },
        };
        // What the routes do not carry now is lost as on any wire.
        if let Err(error) = bound.socket.send_to(packet, &destination(transmit).into()) {
            debug!(%peer, %error, "a BFD packet could not be sent");
        }
        self.refused.remove(peer).is_some()
    }
}

impl Bound {
    fn open(transmit: &Transmit, next: &mut u16) -> io::Result<Self> {
        let ipv6 = transmit.remote.is_ipv6();
        let (domain, any) = match ipv6 {
            false => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            true => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        match ipv6 {
            false => {
                socket.set_ttl_v4(TTL)?;
                socket.set_tos_v4(CS6)?;
            }
            true => {
                socket.set_only_v6(true)?;
                socket.set_unicast_hops_v6(TTL)?;
                socket.set_tclass_v6(CS6)?;
            }
        }
        let local = transmit.local.unwrap_or(any);
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..ATTEMPTS {
            let port = FIRST + *next;
            *next = (*next + 1) % COUNT;
            match socket.bind(&at(local, port, transmit.interface).into()) {
                Ok(()) => {
                    return Ok(Self {
                        socket,
                        ipv6,
                        local: transmit.local,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

fn destination(transmit: &Transmit) -> SocketAddr {
    let port = Port {
        ipv6: transmit.remote.is_ipv6(),
        multihop: transmit.multihop,
    };
    at(transmit.remote, port.number(), transmit.interface)
}

/// A link-local address means something on an interface only.
fn at(address: IpAddr, port: u16, interface: Option<u32>) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, interface.unwrap_or_default()).into()
        }
        IpAddr::V4(_) | IpAddr::V6(_) => SocketAddr::new(address, port),
    }
}

fn refusal(transmit: &Transmit, error: &io::Error) -> String {
    let from = match transmit.local {
        Some(local) => format!(" from {local}"),
        None => String::new(),
    };
    format!(
        "BFD packets to BGPPeer {} at {} cannot be sent{from}: {error}; tried again every 5 s",
        transmit.peer, transmit.remote
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transmit(peer: &str, local: Option<&str>) -> Transmit {
        Transmit {
            peer: peer.into(),
            remote: Ipv4Addr::LOCALHOST.into(),
            local: local.map(|local| local.parse().unwrap()),
            interface: None,
            multihop: false,
        }
    }

    fn source(senders: &Senders, peer: &str) -> SocketAddr {
        let address = senders.sockets[peer].socket.local_addr().unwrap();
        address.as_socket().unwrap()
    }

    #[test]
    fn each_session_has_a_source_port_of_its_own_and_keeps_it() {
        // The last port: the next one is the first again.
        let mut senders = Senders::new(u64::from(COUNT) - 1);
        for peer in ["a", "b", "a"] {
            assert!(!senders.send(&transmit(peer, None), &[0; 24]));
        }
        let ports = ["a", "b"].map(|peer| source(&senders, peer).port());
        assert!(ports[0] >= FIRST && ports[1] >= FIRST);
        assert_ne!(ports[0], ports[1]);
        senders.send(&transmit("a", None), &[0; 24]);
        assert_eq!(source(&senders, "a").port(), ports[0]);
    }

    #[test]
    fn what_is_sent_has_the_ttl_and_class_of_bfd() {
        let mut senders = Senders::new(7);
        senders.send(&transmit("a", None), &[0; 24]);
        let socket = &senders.sockets["a"].socket;
        assert_eq!(socket.ttl_v4().unwrap(), 255);
        assert_eq!(socket.tos_v4().unwrap(), CS6);
    }

    #[test]
    fn a_local_address_that_is_not_there_is_a_problem_until_it_is() {
        let mut senders = Senders::new(7);
        assert!(senders.send(&transmit("a", Some("192.0.2.77")), &[0; 24]));
        let problems: Vec<_> = senders.problems().collect();
        assert!(
            problems.concat().contains("cannot be sent from 192.0.2.77"),
            "{problems:?}"
        );
        let elsewhere = transmit("a", Some("127.0.0.1"));
        assert!(!senders.send(&elsewhere, &[0; 24]), "it is not tried yet");
        senders.retry();
        assert!(senders.send(&elsewhere, &[0; 24]));
        assert_eq!(senders.problems().count(), 0);
        assert_eq!(source(&senders, "a").ip(), Ipv4Addr::LOCALHOST);
    }
}
