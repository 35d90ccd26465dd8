//! Membership in the solicited-node groups of addresses (RFC 4861 2.3), so that solicitations for them arrive. The kernel
//! joins groups of its own addresses only, and sends the MLD reports of these.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv6Addr},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Groups of one socket: the memory that memberships of one may take is bounded (net.core.optmem_max, 20 KiB at least;
/// one takes some 60 octets).
const PER_SOCKET: usize = 128;

/// The groups that are joined on one interface. All are left when it is dropped.
#[derive(Debug)]
pub(super) struct Groups {
    interface: u32,
    members: Vec<Member>,
    /// How many could not be joined, and why the last.
    pub(super) refused: Option<(usize, io::Error)>,
}

#[derive(Debug)]
struct Member {
    socket: Socket,
    groups: BTreeSet<Ipv6Addr>,
}

impl Groups {
    pub(super) fn new(interface: u32) -> Self {
        Self {
            interface,
            members: Vec::new(),
            refused: None,
        }
    }

    /// Joins the groups of these addresses, and leaves all others.
    pub(super) fn join(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        let ipv6 = addresses.into_iter().filter_map(|address| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(l2::ndp::solicited_node(address)),
        });
        let mut wanted = BTreeSet::from_iter(ipv6);
        for member in &mut self.members {
            let unwanted: Vec<_> = member.groups.difference(&wanted).copied().collect();
            for group in unwanted {
                // It may be gone with the interface's IPv6.
                let _ = member.socket.leave_multicast_v6(&group, self.interface);
                member.groups.remove(&group);
            }
            wanted.retain(|group| !member.groups.contains(group));
        }
        self.members.retain(|member| !member.groups.is_empty());
        self.refused = None;
        for group in wanted {
            if let Err(error) = self.join_one(group) {
                let before = self.refused.take().map_or(0, |(count, _)| count);
                self.refused = Some((before + 1, error));
            }
        }
    }

    fn join_one(&mut self, group: Ipv6Addr) -> io::Result<()> {
        let with_room = self.members.iter_mut();
        for member in with_room.filter(|member| member.groups.len() < PER_SOCKET) {
            match member.socket.join_multicast_v6(&group, self.interface) {
                Ok(()) => {
                    member.groups.insert(group);
                    return Ok(());
                }
                // This socket has no memory left for it.
                Err(error)
                    if matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS)) => {}
                Err(error) => return Err(error),
            }
        }
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        socket.join_multicast_v6(&group, self.interface)?;
        self.members.push(Member {
            socket,
            groups: BTreeSet::from([group]),
        });
        Ok(())
    }
}
