//! Where a datagram came from and arrived, as the kernel tells it (recvmsg(2), IP_PKTINFO, IPV6_RECVPKTINFO).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::sys::socket::{ControlMessageOwned, SockaddrStorage};

/// Who sent it.
pub(in crate::io) fn sender(address: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = address.as_sockaddr_in().map(|peer| peer.ip().into());
    ipv4.or_else(|| address.as_sockaddr_in6().map(|peer| peer.ip().into()))
}

/// Its destination, and the index of the interface that it came in by.
pub(in crate::io) fn arrived_at(control: &ControlMessageOwned) -> Option<(IpAddr, u32)> {
    if let ControlMessageOwned::Ipv4PacketInfo(info) = control {
        let destination = Ipv4Addr::from_bits(u32::from_be(info.ipi_addr.s_addr));
        Some((destination.into(), u32::try_from(info.ipi_ifindex).ok()?))
    } else if let ControlMessageOwned::Ipv6PacketInfo(info) = control {
        let destination = Ipv6Addr::from(info.ipi6_addr.s6_addr);
        Some((destination.into(), info.ipi6_ifindex))
    } else {
        None
    }
}
