//! What an end says on the wire when it ends its BGP session.

use std::net::Ipv4Addr;

const ETHERNET: usize = 14;
const FIN_OR_RST: u8 = 0x05;
const NOTIFICATION: u8 = 3;

/// Whether this frame is a TCP segment of that host that holds a NOTIFICATION, or closes the connection.
pub(crate) fn ends_session(frame: &[u8], from: Ipv4Addr) -> bool {
    let segment = frame.get(ETHERNET..).and_then(|packet| {
        let is_from = packet.get(12..16)? == from.octets();
        let header = usize::from(packet.first()? & 0x0f) * 4;
        packet.get(header..).filter(|_| is_from)
    });
    let closes = |segment: &[u8]| Some(segment.get(13)? & FIN_OR_RST != 0);
    let says = |segment: &[u8]| {
        let header = usize::from(segment.get(12)? >> 4) * 4;
        segment.get(header..).map(holds_notification)
    };
    segment.is_some_and(|segment| closes(segment) == Some(true) || says(segment) == Some(true))
}

fn holds_notification(octets: &[u8]) -> bool {
    let mut headers = octets.windows(19);
    headers.any(|header| header.starts_with(&[0xff; 16]) && header.ends_with(&[NOTIFICATION]))
}
