//! Heartbeats over UDP: one socket per family on all addresses.
//!
//! No group is joined: every host is a member of 224.0.0.1 and ff02::1 on each of its interfaces (RFC 1112 4, RFC 4291
//! 2.8), and a socket hears every group of its host (IP_MULTICAST_ALL, IPV6_MULTICAST_ALL), so nothing is lost with an
//! interface that goes and returns.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::AsRawFd as _,
    task::{Context, Poll},
};

use l2::{Path, heartbeat::PORT};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrStorage, recvmsg, sendmsg,
    setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{Interest, unix::AsyncFd};
use tracing::debug;

use crate::io::socket::{CS6, datagram, readable};

/// The longest datagram that is looked at.
pub(super) const LONGEST: usize = 2048;
/// Room for heartbeats that wait, in octets: those of 200 nodes during a few hundred milliseconds.
const RECEIVE_BUFFER: usize = 1 << 20;
/// TTL and hop limit on a routed way.
const TTL: u32 = 64;
/// Everybody on a segment.
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Room for one `in6_pktinfo` with its header (cmsg(3)), and some more.
const CONTROL: usize = 128;

/// The sockets.
#[derive(Debug)]
pub(super) struct Heartbeats {
    ipv4: io::Result<AsyncFd<Socket>>,
    ipv6: io::Result<AsyncFd<Socket>>,
}

/// A datagram that has arrived; its octets are in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram {
    pub(super) path: Path,
    pub(super) source: IpAddr,
    pub(super) length: usize,
}

impl Heartbeats {
    /// Takes the port.
    pub(super) fn open() -> Self {
        Self {
            ipv4: open_ipv4(),
            ipv6: open_ipv6(),
        }
    }

    /// Takes the port where that failed before.
    pub(super) fn retry(&mut self) {
        if self.ipv4.is_err() {
            self.ipv4 = open_ipv4();
        }
        if self.ipv6.is_err() {
            self.ipv6 = open_ipv6();
        }
    }

    /// What does not work, a sentence each.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        let families = [("IPv4", &self.ipv4), ("IPv6", &self.ipv6)];
        families.into_iter().filter_map(|(family, socket)| {
            let error = socket.as_ref().err()?;
            // The kernel was told to do without.
            let absent = error.raw_os_error() == Some(libc::EAFNOSUPPORT);
            (!absent).then(|| problem(family, error))
        })
    }

    /// The next datagram, if there is one.
    pub(super) fn receive(&self, buffer: &mut [u8; LONGEST]) -> Option<Datagram> {
        self.sockets().find_map(|socket| {
            // What is too long is not worth a word, but what comes behind it is.
            loop {
                let read = |socket: &Socket| receive(socket, buffer);
                match socket.try_io(Interest::READABLE, read) {
                    Ok(Some(datagram)) => return Some(datagram),
                    Ok(None) => {}
                    Err(_) => return None,
                }
            }
        })
    }

    /// Sends to everybody on the segment of an interface; whether it left.
    pub(super) fn send_to_all(&self, interface: u32, ipv6: bool, message: &[u8]) -> bool {
        let sent = match (ipv6, &self.ipv4, &self.ipv6) {
            (true, _, Ok(socket)) => {
                let to = SocketAddrV6::new(ALL_NODES, PORT, 0, interface);
                let socket = socket.get_ref();
                socket.send_to(message, &SocketAddr::from(to).into())
            }
            (false, Ok(socket), _) => send_ipv4(socket.get_ref(), interface, message),
            (true, _, Err(_)) | (false, Err(_), _) => return false,
        };
        note(sent, format_args!("interface {interface}"))
    }

    /// Sends to one node; whether it left.
    pub(super) fn send_to(&self, address: IpAddr, message: &[u8]) -> bool {
        let socket = match address {
            IpAddr::V4(_) => &self.ipv4,
            IpAddr::V6(_) => &self.ipv6,
        };
        let Ok(socket) = socket else {
            return false;
        };
        let to = SocketAddr::new(address, PORT).into();
        note(
            socket.get_ref().send_to(message, &to),
            format_args!("{address}"),
        )
    }

    /// Reads and forgets what has arrived.
    pub(super) fn drop_backlog(&self, buffer: &mut [u8; LONGEST]) {
        for socket in self.sockets() {
            for _ in 0..super::BACKLOG {
                if receive(socket.get_ref(), buffer).is_err() {
                    break;
                }
            }
        }
    }

    /// Whether something has arrived.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        let ready = |socket: &AsyncFd<Socket>| socket.poll_read_ready(context).is_ready();
        // Each has to know whom to wake.
        match self
            .sockets()
            .map(ready)
            .fold(false, |one, other| one | other)
        {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn sockets(&self) -> impl Iterator<Item = &AsyncFd<Socket>> {
        [&self.ipv4, &self.ipv6].into_iter().flatten()
    }
}

fn open_ipv4() -> io::Result<AsyncFd<Socket>> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_tos_v4(CS6)?;
    socket.set_ttl_v4(TTL)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(false)?;
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    bind(socket, Ipv4Addr::UNSPECIFIED.into())
}

fn open_ipv6() -> io::Result<AsyncFd<Socket>> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    socket.set_tclass_v6(CS6)?;
    socket.set_unicast_hops_v6(TTL)?;
    socket.set_multicast_hops_v6(1)?;
    socket.set_multicast_loop_v6(false)?;
    setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    bind(socket, Ipv6Addr::UNSPECIFIED.into())
}

fn bind(socket: Socket, any: IpAddr) -> io::Result<AsyncFd<Socket>> {
    socket.set_nonblocking(true)?;
    // Beyond net.core.rmem_max only with CAP_NET_ADMIN.
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    }
    socket.bind(&SocketAddr::new(any, PORT).into())?;
    readable(socket)
}

fn problem(family: &str, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => format!(
            "UDP port {PORT}, which heartbeats over {family} need, is in use, and only one program of a node can have \
             it: end the one that has it (ss -ulpn sport = :{PORT}); tried again every 5 s"
        ),
        _ => format!(
            "UDP port {PORT}, which heartbeats over {family} need, cannot be taken: {error}; tried again every 5 s"
        ),
    }
}

/// A datagram; `None`: one that is too long.
fn receive(socket: &Socket, buffer: &mut [u8; LONGEST]) -> io::Result<Option<Datagram>> {
    let mut control = [0; CONTROL];
    let mut octets = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut octets,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Ok(None);
    }
    let source = message.address.as_ref().and_then(datagram::sender);
    let path = message.cmsgs()?.find_map(|control| path(&control));
    Ok(source.zip(path).map(|(source, path)| Datagram {
        path,
        source,
        length: message.bytes,
    }))
}

/// The way that a datagram took, by its destination.
fn path(control: &ControlMessageOwned) -> Option<Path> {
    let (destination, interface) = datagram::arrived_at(control)?;
    Some(match destination.is_multicast() {
        true => Path::Segment(interface),
        false => Path::Routed,
    })
}

/// Out of this interface, whatever the routes say.
fn send_ipv4(socket: &Socket, interface: u32, message: &[u8]) -> io::Result<usize> {
    let any = libc::in_addr { s_addr: 0 };
    let info = libc::in_pktinfo {
        ipi_ifindex: i32::try_from(interface).map_err(io::Error::other)?,
        ipi_spec_dst: any,
        ipi_addr: any,
    };
    let to = SockaddrIn::from(SocketAddrV4::new(ALL_HOSTS, PORT));
    let sent = sendmsg(
        socket.as_raw_fd(),
        &[IoSlice::new(message)],
        &[ControlMessage::Ipv4PacketInfo(&info)],
        MsgFlags::MSG_DONTWAIT,
        Some(&to),
    );
    sent.map_err(io::Error::from)
}

fn note(sent: io::Result<usize>, to: std::fmt::Arguments<'_>) -> bool {
    if let Err(error) = &sent {
        debug!(%to, %error, "a heartbeat could not be sent");
    }
    sent.is_ok()
}
