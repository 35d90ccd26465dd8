//! The frames of clients, written out by hand: the codecs of the speaker that is measured have no part in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use e2e::bench::Packet;

use crate::timeline::{Heard, Kind, Mac};

const ARP: [u8; 2] = [0x08, 0x06];
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
/// Flag S of a neighbor advertisement (RFC 4861 4.4).
const SOLICITED: u8 = 0x40;

/// What a client captures: claims of addresses, and answers to pings. `inbound`: not what it sends itself.
pub(crate) const FILTER: &str =
    "inbound and (arp or icmp[0] = 0 or (icmp6 and (ip6[40] = 129 or ip6[40] = 136)))";

/// A broadcast ARP request (RFC 826).
pub(crate) fn arp_request(mac: Mac, own: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    [
        &[0xff; 6],
        mac.as_slice(),
        &ARP,
        &[0, 1, 8, 0, 6, 4, 0, 1],
        &mac,
        &own.octets(),
        &[0; 6],
        &target.octets(),
    ]
    .concat()
}

/// A neighbor solicitation to the target's solicited-node group (RFC 4861 4.3).
pub(crate) fn solicitation(mac: Mac, own: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let [.., x, y, z] = target.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z]);
    let message = |checksum: [u8; 2]| {
        [
            &[SOLICITATION, 0],
            checksum.as_slice(),
            &[0; 4],
            &target.octets(),
            &[1, 1],
            &mac,
        ]
        .concat()
    };
    let length = [0, 0, 0, 32];
    let pseudo_header = [
        own.octets().as_slice(),
        &group.octets(),
        &length,
        &[0, 0, 0, ICMPV6],
    ]
    .concat();
    let checksum = checksum(&[pseudo_header, message([0; 2])].concat());
    [
        &[0x33, 0x33, 0xff, x, y, z],
        mac.as_slice(),
        &IPV6,
        &[0x60, 0, 0, 0, 0, 32, ICMPV6, 255],
        &own.octets(),
        &group.octets(),
        &message(checksum),
    ]
    .concat()
}

/// An ICMP echo request (RFC 792).
pub(crate) fn echo_request(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let mut message = [8, 0, 0, 0, 0, 1, high, low];
    let sum = checksum(&message);
    [message[2], message[3]] = sum;
    message.to_vec()
}

/// An ICMPv6 echo request (RFC 4443 4.1); the kernel adds the checksum.
pub(crate) fn echo_request6(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![128, 0, 0, 0, 0, 1, high, low]
}

/// What a captured packet says about whose an address is; `None` for what says nothing.
pub(crate) fn heard(packet: &Packet) -> Option<Heard> {
    let (header, rest) = packet.bytes.split_first_chunk::<14>()?;
    let [_, _, _, _, _, _, a, b, c, d, e, f, kind @ ..] = *header;
    let source = [a, b, c, d, e, f];
    match kind {
        ARP => arp(packet.at, rest),
        IPV4 => Some(Heard {
            at: packet.at,
            address: IpAddr::from(*rest.get(12..)?.first_chunk::<4>()?),
            mac: source,
            kind: Kind::Echo,
        }),
        IPV6 => ipv6(packet.at, source, rest),
        _ => None,
    }
}

fn arp(at: Duration, bytes: &[u8]) -> Option<Heard> {
    let operation = *bytes.get(6..)?.first_chunk::<2>()?;
    let mac = *bytes.get(8..)?.first_chunk::<6>()?;
    let sender = *bytes.get(14..)?.first_chunk::<4>()?;
    let target = *bytes.get(24..)?.first_chunk::<4>()?;
    Some(Heard {
        at,
        address: sender.into(),
        mac,
        // A gratuitous one is about the sender's own address.
        kind: match operation == [0, 2] && sender != target {
            true => Kind::Answer,
            false => Kind::Announcement,
        },
    })
}

fn ipv6(at: Duration, source: Mac, bytes: &[u8]) -> Option<Heard> {
    let sender = *bytes.get(8..)?.first_chunk::<16>()?;
    let message = bytes.get(40..)?;
    let (kind, flags) = (*message.first()?, *message.get(4)?);
    if kind == 129 {
        return Some(Heard {
            at,
            address: sender.into(),
            mac: source,
            kind: Kind::Echo,
        });
    }
    let target = *message.get(8..)?.first_chunk::<16>()?;
    Some(Heard {
        at,
        address: target.into(),
        // The only option of a neighbor advertisement (RFC 4861 4.4).
        mac: *message.get(26..)?.first_chunk::<6>()?,
        kind: match flags & SOLICITED != 0 {
            true => Kind::Answer,
            false => Kind::Announcement,
        },
    })
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| {
        let [high, low] = [0, 1].map(|at| u32::from(pair.get(at).copied().unwrap_or(0)));
        high << 8 | low
    });
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let [_, _, high, low] = (!folded).to_be_bytes();
    [high, low]
}
