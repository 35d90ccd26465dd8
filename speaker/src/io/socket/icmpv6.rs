//! Raw ICMPv6 sockets (RFC 3542 section 3).

use std::io;

use socket2::Socket;

/// Socket option of struct icmp6_filter (linux/icmpv6.h).
const ICMPV6_FILTER: libc::c_int = 1;

/// Lets the socket hear messages of these types only.
///
/// # Errors
/// It is no raw ICMPv6 socket.
pub(in crate::io) fn pass_only(socket: &Socket, types: &[u8]) -> io::Result<()> {
    // A bit that is set keeps its type away.
    let mut blocked = [u32::MAX; 8];
    for kind in types {
        if let Some(word) = blocked.get_mut(usize::from(kind / 32)) {
            *word &= !(1 << (kind % 32));
        }
    }
    super::set_option(socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)
}
