//! The ports where peers reach us, each on all addresses of one family.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsRawFd as _,
    task::{Context, Poll},
};

use bfd::{Arrival, PeerConfig};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{Interest, unix::AsyncFd};

use crate::io::socket::{datagram, readable};

/// Of a datagram so much is looked at: a packet has 24 octets, and no more than 52 with authentication.
pub(super) const LONGEST: usize = 128;
/// Datagrams of one port that are read in one turn: far more than peers send, so that only a flood waits.
const BATCH: usize = 4096;
/// Room for datagrams that wait, in octets: those of many peers during a stop of some seconds.
const RECEIVE_BUFFER: usize = 1 << 20;
/// Room for the TTL and one `in6_pktinfo` with their headers (cmsg(3)), and some more.
const CONTROL: usize = 256;

/// One of the four ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    pub(super) ipv6: bool,
    /// RFC 5883.
    pub(super) multihop: bool,
}

/// Those that are needed, each with its socket or why there is none.
#[derive(Debug, Default)]
pub(super) struct Ports(BTreeMap<Port, io::Result<AsyncFd<Socket>>>);

impl Port {
    /// Where the peer reaches us.
    pub(super) fn of(peer: &PeerConfig) -> Self {
        Self {
            ipv6: peer.remote.is_ipv6(),
            multihop: peer.hops.is_multi(),
        }
    }

    /// Its number: RFC 5881 section 4, RFC 5883 section 5.
    pub(super) const fn number(self) -> u16 {
        match self.multihop {
            false => 3784,
            true => 4784,
        }
    }

    fn open(self) -> io::Result<AsyncFd<Socket>> {
        let (domain, any) = match self.ipv6 {
            false => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            true => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        match self.ipv6 {
            false => {
                setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
                setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
            }
            true => {
                socket.set_only_v6(true)?;
                setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
                setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
            }
        }
        // Beyond net.core.rmem_max only with CAP_NET_ADMIN.
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        }
        socket.bind(&SocketAddr::new(any, self.number()).into())?;
        readable(socket)
    }

    fn problem(self, error: &io::Error) -> String {
        let (number, family) = (self.number(), if self.ipv6 { "IPv6" } else { "IPv4" });
        let what = format!("UDP port {number}, which BFD over {family} needs,");
        match error.raw_os_error() {
            Some(libc::EADDRINUSE) => format!(
                "{what} is in use, and only one program of a node can have it: end the one that has it (ss -ulpn sport \
                 = :{number}), or take bfdProfile out of BGPPeers and PodNetwork; tried again every 5 s"
            ),
            _ => format!("{what} cannot be taken: {error}; tried again every 5 s"),
        }
    }
}

impl Ports {
    /// Takes the ports that are needed now and gives the others back. What failed before is tried again.
    pub(super) fn need(&mut self, needed: &BTreeSet<Port>) {
        self.0.retain(|port, _| needed.contains(port));
        for port in needed {
            match self.0.entry(*port) {
                Entry::Occupied(mut place) if place.get().is_err() => {
                    *place.get_mut() = port.open();
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(place) => {
                    place.insert(port.open());
                }
            }
        }
    }

    /// What does not work, a sentence each.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|(port, socket)| {
            let error = socket.as_ref().err()?;
            Some(port.problem(error))
        })
    }

    /// Hands over what has arrived: all of it, unless that is a flood.
    pub(super) fn receive(&self, mut take: impl FnMut(&Arrival, &[u8])) {
        let mut buffer = [0; LONGEST];
        for (port, socket) in &self.0 {
            let Ok(socket) = socket else {
                continue;
            };
            for _ in 0..BATCH {
                let read = |socket: &Socket| receive(socket, port.multihop, &mut buffer);
                match socket.try_io(Interest::READABLE, read) {
                    Ok((Some(arrival), length)) => {
                        take(&arrival, buffer.get(..length).unwrap_or_default());
                    }
                    // The kernel said nothing of where it came from: nobody can tell whose it is.
                    Ok((None, _)) => {}
                    Err(_) => break,
                }
            }
        }
    }

    /// Whether something has arrived.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut ready = false;
        // Each has to know whom to wake.
        for socket in self.0.values().flatten() {
            ready |= socket.poll_read_ready(context).is_ready();
        }
        match ready {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// A datagram: how it came, and how long it is. What is longer than the buffer ends there.
fn receive(
    socket: &Socket,
    multihop: bool,
    buffer: &mut [u8; LONGEST],
) -> io::Result<(Option<Arrival>, usize)> {
    let mut control = [0; CONTROL];
    let mut octets = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut octets,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let remote = message.address.as_ref().and_then(datagram::sender);
    let (mut destination, mut ttl) = (None, None);
    for control in message.cmsgs()? {
        destination = destination.or_else(|| datagram::arrived_at(&control));
        ttl = ttl.or_else(|| hops_left(&control));
    }
    let arrival = remote.zip(destination).zip(ttl);
    let arrival = arrival.map(|((remote, (local, interface)), ttl)| Arrival {
        remote,
        local,
        interface,
        ttl,
        multihop,
    });
    Ok((arrival, message.bytes))
}

fn hops_left(control: &ControlMessageOwned) -> Option<u8> {
    if let ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) = control {
        u8::try_from(*ttl).ok()
    } else {
        None
    }
}
