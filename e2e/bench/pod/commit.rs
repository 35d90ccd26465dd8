//! When the kernel has carried out a transaction of nf_tables in this network namespace.

use std::os::fd::AsRawFd;
use std::time::Instant;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt,
    socket, sockopt,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Bit of the multicast group NFNLGRP_NFTABLES, 7 (linux/netfilter/nfnetlink.h).
const GROUP: u32 = 1 << 6;
/// `nlmsg_type` of the message that ends each transaction's: NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN.
const NEW_GENERATION: [u8; 2] = ((10_u16 << 8) | 15).to_ne_bytes();
/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// What the kernel tells of 4,000 elements at once.
const ROOM: usize = 16 << 20;

/// The times at which transactions were done, from now on.
pub(crate) fn commits() -> Result<UnboundedReceiver<Instant>> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )?;
    setsockopt(&socket, sockopt::RcvBufForce, &ROOM)?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUP))?;
    let (sender, commits) = unbounded_channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => length,
                Err(Errno::EINTR) => continue,
                // Without the messages there are no times: whoever waits for one will say so.
                Err(_) => return,
            };
            let ends = buffer.get(..length).is_some_and(ends_transaction);
            if ends && sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    Ok(commits)
}

/// Whether a datagram has the message that ends a transaction's.
fn ends_transaction(datagram: &[u8]) -> bool {
    let mut rest = datagram;
    while let Some((length, message)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(0);
        if message.starts_with(&NEW_GENERATION) {
            return true;
        }
        // Messages are aligned to four octets.
        match rest.get(length.max(HEADER).next_multiple_of(4)..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    false
}
