//! Sockets with the options that the standard library does not know: TCP of BGP here, packets and priority beside.
#![allow(
    unsafe_code,
    reason = "TCP MD5 signatures (RFC 2385), packet(7), sched(7) and epoll(7) have no safe interface"
)]

pub(in crate::io) mod datagram;
pub(in crate::io) mod icmpv6;
pub(in crate::io) mod packet;
pub(crate) mod priority;

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use model::Secret;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::{Interest, unix::AsyncFd};

/// Traffic class CS6, which routers use among themselves (RFC 4594 section 3.1), with the ECN bits clear.
pub(in crate::io) const CS6: u32 = 0xc0;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// TTLs (hop limits) of one connection; none: the system's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ttls {
    /// Of what we send.
    pub(crate) sent: Option<u8>,
    /// What the kernel drops when it arrives with less (ip(7), IP_MINTTL).
    pub(crate) least: Option<u8>,
}

/// A socket for a connection to `remote`, ready to connect without blocking.
///
/// # Errors
/// The kernel refuses the socket or one of its options.
pub(crate) fn dialling(
    remote: SocketAddr,
    ttls: Ttls,
    password: Option<&Secret>,
) -> io::Result<Socket> {
    let socket = new(remote)?;
    tune(&socket, remote.ip(), ttls)?;
    if let Some(password) = password {
        set_md5_key(&socket, remote.ip(), Some(password))?;
    }
    Ok(socket)
}

/// A socket that listens on `address`; on `[::]` it takes IPv6 only.
///
/// # Errors
/// The address is in use, or not there.
pub(crate) fn listening(address: SocketAddr) -> io::Result<Socket> {
    let socket = new(address)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Answers to a SYN go out before it is known who is there: with less a peer that uses GTSM (RFC 5082) drops them.
    let ttls = Ttls {
        sent: Some(u8::MAX),
        least: None,
    };
    tune(&socket, address.ip(), ttls)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// What every BGP connection has: no delay, traffic class CS6, and the TTLs (hop limits) that were asked for.
///
/// # Errors
/// The kernel refuses an option.
pub(crate) fn tune(socket: &Socket, remote: IpAddr, ttls: Ttls) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let sent = ttls.sent.map(u32::from);
    match remote {
        IpAddr::V4(_) => {
            socket.set_tos_v4(CS6)?;
            sent.map_or(Ok(()), |ttl| socket.set_ttl_v4(ttl))?;
        }
        IpAddr::V6(_) => {
            socket.set_tclass_v6(CS6)?;
            sent.map_or(Ok(()), |ttl| socket.set_unicast_hops_v6(ttl))?;
        }
    }
    ttls.least
        .map_or(Ok(()), |least| set_least_ttl(socket, remote, least))
}

fn set_least_ttl(socket: &Socket, remote: IpAddr, least: u8) -> io::Result<()> {
    let (level, option) = match remote {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MINTTL),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    set_option(socket, level, option, &libc::c_int::from(least))
}

/// setsockopt(2) with a value that is laid out as the kernel has it.
fn set_option<T>(
    socket: &impl AsRawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let size = libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0);
    let value: *const T = value;
    // SAFETY: `value` lives until the call returns and is as long as `size` says; the descriptor is open as long as `socket`
    // is borrowed.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.cast(), size) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets the key that segments from and to `remote` are signed with (RFC 2385); none removes it. On a listening socket it
/// counts for connections that come later.
///
/// # Errors
/// The password has more than 80 octets or none, or the kernel was built without TCP_MD5SIG.
pub(crate) fn set_md5_key(
    socket: &impl AsRawFd,
    remote: IpAddr,
    password: Option<&Secret>,
) -> io::Result<()> {
    let key = password.map_or(&[][..], |password| password.reveal().as_bytes());
    let mut option = Md5Signature::new(remote);
    match option.key.get_mut(..key.len()) {
        Some(place) if password.is_none() || !key.is_empty() => place.copy_from_slice(key),
        _ => {
            let words = "a TCP MD5 password has 1 to 80 octets";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
    }
    option.key_length = u16::try_from(key.len()).unwrap_or(u16::MAX);
    set_option(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &option)
}

/// `struct tcp_md5sig` of linux/tcp.h.
#[repr(C)]
struct Md5Signature {
    address: libc::sockaddr_storage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: libc::c_int,
    key: [u8; libc::TCP_MD5SIG_MAXKEYLEN],
}

impl Md5Signature {
    fn new(remote: IpAddr) -> Self {
        // SAFETY: `SockAddr` holds a whole `sockaddr_storage`, whatever part of it the address fills.
        let address = unsafe { *SockAddr::from(SocketAddr::new(remote, 0)).as_ptr().cast() };
        Self {
            address,
            flags: 0,
            prefix_length: 0,
            key_length: 0,
            interface: 0,
            key: [0; libc::TCP_MD5SIG_MAXKEYLEN],
        }
    }
}

/// The socket with tokio's word of when it can be read. It must not block.
///
/// # Errors
/// There is no room for it in epoll(7).
pub(in crate::io) fn readable(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns its descriptor, always gives the same one, and closes it when it is dropped.
    let registered = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
    registered.map_err(io::Error::from)
}

fn new(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_password_that_the_kernel_cannot_hold() {
        let remote = "127.0.0.1:179".parse().unwrap();
        for password in ["", &"x".repeat(81)] {
            let secret = Secret::new(password.into());
            let error = dialling(remote, Ttls::default(), Some(&secret)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        let longest = Secret::new("x".repeat(80));
        dialling(remote, Ttls::default(), Some(&longest)).unwrap();
    }

    #[test]
    fn gives_connections_their_class_and_ttl() {
        let ttls = Ttls {
            sent: Some(7),
            least: Some(255),
        };
        let socket = dialling("127.0.0.1:179".parse().unwrap(), ttls, None).unwrap();
        assert_eq!(socket.ttl_v4().unwrap(), 7);
        assert_eq!(socket.tos_v4().unwrap(), CS6);
        let socket = dialling("[::1]:179".parse().unwrap(), ttls, None).unwrap();
        assert_eq!(socket.unicast_hops_v6().unwrap(), 7);
        assert_eq!(socket.tclass_v6().unwrap(), CS6);
    }
}
