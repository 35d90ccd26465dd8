use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv6Addr},
    task::{Context, Poll},
};

use l2::Interface;
use socket2::{SockFilter, Socket};
use tokio::io::{Interest, unix::AsyncFd};
use tracing::debug;

use super::{
    filter::{self, Program},
    group::Groups,
};
use crate::io::socket::{packet, readable};

/// The longest frame that is of interest; what is longer arrives cut, and is no ARP or NDP that anybody sends.
pub(super) const LONGEST: usize = 2048;

/// One interface on which addresses are, or might have to be, answered.
#[derive(Debug)]
pub(super) struct Port {
    interface: u32,
    name: std::sync::Arc<str>,
    link_local: Option<Ipv6Addr>,
    addresses: BTreeSet<IpAddr>,
    arp: AsyncFd<Socket>,
    ndp: AsyncFd<Socket>,
    groups: Groups,
}

impl Port {
    /// Hears what concerns these addresses.
    ///
    /// # Errors
    /// The kernel gives no packet sockets.
    pub(super) fn open(
        index: u32,
        interface: &Interface,
        addresses: BTreeSet<IpAddr>,
    ) -> io::Result<Self> {
        let (arp, ndp) = programs(&addresses);
        let open =
            |ethertype, program| readable(packet::open(index, ethertype, &instructions(program))?);
        let mut port = Self {
            interface: index,
            name: interface.name.clone(),
            link_local: interface.link_local,
            arp: open(l2::arp::ETHERTYPE, arp)?,
            ndp: open(l2::ndp::ETHERTYPE, ndp)?,
            groups: Groups::new(index),
            addresses,
        };
        port.join();
        Ok(port)
    }

    /// Takes what the addresses and the interface have become.
    ///
    /// # Errors
    /// The kernel refuses the filter: it is to be opened anew.
    pub(super) fn update(
        &mut self,
        interface: &Interface,
        addresses: BTreeSet<IpAddr>,
    ) -> io::Result<()> {
        self.name = interface.name.clone();
        if self.link_local != interface.link_local {
            // IPv6 may have been away meanwhile, and all memberships with it.
            self.link_local = interface.link_local;
            self.groups = Groups::new(self.interface);
        }
        if self.addresses != addresses {
            let (arp, ndp) = programs(&addresses);
            self.arp.get_ref().attach_filter(&instructions(arp))?;
            self.ndp.get_ref().attach_filter(&instructions(ndp))?;
            self.addresses = addresses;
        }
        self.join();
        Ok(())
    }

    fn join(&mut self) {
        // Without IPv6 there is nothing to join.
        let addresses = self.link_local.map(|_| self.addresses.iter().copied());
        self.groups.join(addresses.into_iter().flatten());
    }

    /// What does not work, in a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let (count, error) = self.groups.refused.as_ref()?;
        let name = &self.name;
        Some(format!(
            "{count} solicited-node groups cannot be joined on {name}: {error}; IPv6 neighbours may not find the \
             addresses; if memory is short raise net.core.optmem_max; tried again every 5 s"
        ))
    }

    /// The next frame of that type, if there is one.
    pub(super) fn receive<'a>(
        &self,
        ethertype: u16,
        buffer: &'a mut [u8; LONGEST],
    ) -> Option<&'a [u8]> {
        let read = |mut socket: &Socket| io::Read::read(&mut socket, buffer);
        let socket = self.socket(ethertype);
        let length = socket.try_io(Interest::READABLE, read).ok()?;
        buffer.get(..length)
    }

    /// Sends a frame; whether it left.
    pub(super) fn send(&self, frame: &[u8]) -> bool {
        let ethertype = frame.get(12..14).and_then(|octets| octets.try_into().ok());
        let ethertype = ethertype.map_or(l2::arp::ETHERTYPE, u16::from_be_bytes);
        let sent = self.socket(ethertype).get_ref().send(frame);
        if let Err(error) = &sent {
            debug!(interface = %self.name, %error, "a frame could not be sent");
        }
        sent.is_ok()
    }

    /// Reads and forgets what has arrived.
    pub(super) fn drop_backlog(&self, buffer: &mut [u8; LONGEST]) {
        for socket in [&self.arp, &self.ndp] {
            for _ in 0..super::BACKLOG {
                if io::Read::read(&mut socket.get_ref(), buffer).is_err() {
                    break;
                }
            }
        }
    }

    fn socket(&self, ethertype: u16) -> &AsyncFd<Socket> {
        match ethertype {
            l2::ndp::ETHERTYPE => &self.ndp,
            _ => &self.arp,
        }
    }

    /// Whether something has arrived.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        let arp = self.arp.poll_read_ready(context).is_ready();
        let ndp = self.ndp.poll_read_ready(context).is_ready();
        match arp || ndp {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

fn programs(addresses: &BTreeSet<IpAddr>) -> (Program, Program) {
    let (ipv4, ipv6) = filter::by_family(addresses.iter().copied());
    (filter::arp(ipv4), filter::ndp(ipv6))
}

fn instructions(program: Program) -> Vec<SockFilter> {
    program.into_iter().map(SockFilter::from).collect()
}

/// Why an interface has no sockets, in a sentence.
pub(super) fn refusal(name: &str, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => format!(
            "capability NET_RAW is missing, without which nobody is answered on {name}; add it to the container's \
             securityContext.capabilities.add"
        ),
        _ => format!(
            "{name} gives no packet sockets, so nobody is answered there: {error}; tried again every 5 s"
        ),
    }
}
