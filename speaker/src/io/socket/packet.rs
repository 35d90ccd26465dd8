//! Whole Ethernet frames of one EtherType at one interface (packet(7)).

use std::{io, mem, os::fd::AsRawFd as _};

use socket2::{Domain, SockAddr, SockFilter, Socket, Type};

/// Room for frames that wait, in octets: a burst, not a flood.
const RECEIVE_BUFFER: usize = 256 * 1024;

/// A socket that hears what the filter passes, and nothing that leaves this host; it does not block.
///
/// # Errors
/// CAP_NET_RAW is missing (`EPERM`), the interface is gone, or the kernel refuses the filter.
pub(in crate::io) fn open(
    interface: u32,
    ethertype: u16,
    filter: &[SockFilter],
) -> io::Result<Socket> {
    // Without a protocol it hears nothing until it is bound.
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    ignore_outgoing(&socket)?;
    socket.attach_filter(filter)?;
    socket.bind(&address(interface, ethertype)?)?;
    Ok(socket)
}

fn ignore_outgoing(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(mem::size_of_val(&on)).unwrap_or(0);
    // SAFETY: `on` lives until the call returns and is as long as `size` says; the descriptor is open as long as `socket`
    // is borrowed.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            size,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `struct sockaddr_ll` of linux/if_packet.h.
fn address(interface: u32, ethertype: u16) -> io::Result<SockAddr> {
    let index =
        i32::try_from(interface).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
    // SAFETY: the storage is zeroed, larger than a `sockaddr_ll` and aligned for any address; what is written is a whole
    // `sockaddr_ll`, and the length says so.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let link: *mut libc::sockaddr_ll = storage.cast();
            (*link).sll_family = family;
            (*link).sll_protocol = ethertype.to_be();
            (*link).sll_ifindex = index;
            *length =
                libc::socklen_t::try_from(mem::size_of::<libc::sockaddr_ll>()).unwrap_or_default();
            Ok(())
        })
    }?;
    Ok(address)
}
