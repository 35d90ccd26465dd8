//! The raw ICMPv6 socket (ipv6(7), RFC 3542). It hears what arrives whatever accept_ra and forwarding say: these are about
//! what the kernel itself does with it.

use std::{
    collections::BTreeSet,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddrV6},
    os::fd::AsRawFd as _,
};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, setsockopt, sockopt};
use radv::{ALL_ROUTERS, Arrival, Transmit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{Interest, unix::AsyncFd};

use crate::io::socket::{CS6, datagram, icmpv6, readable};

/// Of a message so much is looked at: more than any link carries in one packet.
const LONGEST: usize = 9216;
/// Messages that are read in one turn.
const BATCH: usize = 64;
/// Room for the hop limit and one `in6_pktinfo` with their headers (cmsg(3)), and some more.
const CONTROL: usize = 256;
/// What no router can have touched (RFC 4861 section 3.1).
const HOP_LIMIT: u32 = 255;
/// ICMPv6 types of router solicitation and advertisement.
const TYPES: [u8; 2] = [133, 134];

/// The socket, and the interfaces on which it is among the routers.
#[derive(Debug)]
pub(super) struct RadvSocket {
    socket: AsyncFd<Socket>,
    joined: BTreeSet<u32>,
}

impl RadvSocket {
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
        icmpv6::pass_only(&socket, &TYPES)?;
        socket.set_nonblocking(true)?;
        socket.set_multicast_hops_v6(HOP_LIMIT)?;
        socket.set_multicast_loop_v6(false)?;
        socket.set_tclass_v6(CS6)?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
        Ok(Self {
            socket: readable(socket)?,
            joined: BTreeSet::new(),
        })
    }

    /// Hears solicitations on these interfaces. One that was away has forgotten its members.
    pub(super) fn join(&mut self, interfaces: &BTreeSet<u32>) -> io::Result<()> {
        let socket = self.socket.get_ref();
        self.joined.retain(|index| interfaces.contains(index));
        for index in interfaces {
            if !self.joined.contains(index) {
                let _ = socket.leave_multicast_v6(&ALL_ROUTERS, *index);
                socket.join_multicast_v6(&ALL_ROUTERS, *index)?;
                self.joined.insert(*index);
            }
        }
        Ok(())
    }

    pub(super) async fn readable(&self) {
        if self.socket.readable().await.is_err() {
            // The runtime ends.
            std::future::pending().await
        }
    }

    /// Hands over what has arrived.
    pub(super) fn receive(&self, mut take: impl FnMut(&Arrival, &[u8])) {
        let mut buffer = [0; LONGEST];
        for _ in 0..BATCH {
            let read = |socket: &Socket| receive(socket, &mut buffer);
            match self.socket.try_io(Interest::READABLE, read) {
                Ok((Some(arrival), length)) => {
                    take(&arrival, buffer.get(..length).unwrap_or_default());
                }
                Ok((None, _)) => {}
                Err(_) => break,
            }
        }
    }

    /// The kernel adds the checksum (RFC 3542 section 3.1), and takes a link-local address of the interface as source.
    pub(super) fn send(&self, transmit: &Transmit, packet: &[u8]) -> io::Result<()> {
        let to = SocketAddrV6::new(transmit.destination, 0, 0, transmit.interface);
        let sent = self.socket.get_ref().send_to(packet, &to.into());
        sent.map(drop)
    }
}

fn receive(socket: &Socket, buffer: &mut [u8; LONGEST]) -> io::Result<(Option<Arrival>, usize)> {
    let mut control = [0; CONTROL];
    let mut octets = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrIn6>(
        socket.as_raw_fd(),
        &mut octets,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let source = message.address.map(|address| address.ip());
    let (mut interface, mut hop_limit) = (None, None);
    for control in message.cmsgs()? {
        let arrived: Option<(IpAddr, u32)> = datagram::arrived_at(&control);
        interface = interface.or(arrived.map(|(_, interface)| interface));
        if let ControlMessageOwned::Ipv6HopLimit(hops) = control {
            hop_limit = u8::try_from(hops).ok();
        }
    }
    let arrival = source.zip(interface).zip(hop_limit);
    let arrival = arrival.map(|((source, interface), hop_limit)| Arrival {
        interface,
        source,
        hop_limit,
    });
    Ok((arrival, message.bytes))
}
