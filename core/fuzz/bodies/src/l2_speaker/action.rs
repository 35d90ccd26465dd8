use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use l2::{
    Mac, Path, arp,
    heartbeat::{Advertising, Entry, Heartbeat, Page, digest, position},
    ndp,
};

use crate::script::Script;

/// The boot of the speaker's process.
pub(super) const BOOT: u64 = 1;
/// Other nodes, and one that is none.
pub(super) const PEERS: [&str; 3] = ["b", "c", "stranger"];
/// Addresses that may be nominated.
pub(super) const ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100)),
    IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 9, 0, 0, 0, 0x100)),
];

/// One thing that happens.
#[derive(Debug)]
pub(super) enum Action<'a> {
    Wait(Duration),
    /// Whether heartbeats leave from now on.
    Sent(bool),
    Frame(u32, Vec<u8>),
    /// The message of a heartbeat, to be signed with this key.
    Message(Path, u8, Vec<u8>),
    Datagram(Path, &'a [u8]),
    Nominate {
        address: IpAddr,
        weight: u16,
        pattern: Option<&'static str>,
        stability_time: Duration,
    },
    Withdraw(IpAddr),
    /// Which of two interfaces are there, with this MAC, and whether they speak IPv6.
    Interfaces {
        there: [bool; 2],
        mac: u8,
        ipv6: bool,
    },
    /// Which of three keys there are.
    Keys([bool; 3]),
    /// Which of [`PEERS`] are nodes.
    Nodes([bool; 3]),
    Leave,
}

impl<'a> Action<'a> {
    pub(super) fn next(script: &mut Script<'a>) -> Self {
        match script.below(16) {
            0 | 1 => Self::Wait(Duration::from_millis(script.u8().into())),
            2 => Self::Wait(Duration::from_millis(500) * u32::from(script.u8())),
            3 => Self::Sent(script.bits()[0]),
            4 => Self::Frame(interface(script), arp_frame(script)),
            5 => Self::Frame(interface(script), ndp_frame(script)),
            6 => Self::Frame(interface(script), script.octets().to_vec()),
            7 | 8 => Self::Message(path(script), 0, heartbeat(script)),
            9 => Self::Message(path(script), script.below(3), script.octets().to_vec()),
            10 => Self::Datagram(path(script), script.octets()),
            11 => Self::nominate(script),
            12 => Self::Withdraw(address(script)),
            13 => {
                let [first, second, ipv6, ..] = script.bits();
                Self::Interfaces {
                    there: [first, second],
                    mac: script.below(3),
                    ipv6,
                }
            }
            14 => {
                let [keys, a, b, c, ..] = script.bits();
                if keys {
                    Self::Keys([a, b, c])
                } else {
                    Self::Nodes([a, b, c])
                }
            }
            _ => match script.below(8) {
                0 => Self::Leave,
                _ => Self::Wait(Duration::from_millis(100)),
            },
        }
    }

    fn nominate(script: &mut Script<'_>) -> Self {
        let patterns = [None, None, Some("eth*"), Some("eth1"), Some("nothing")];
        Self::Nominate {
            address: address(script),
            weight: script.below(3).into(),
            pattern: patterns[usize::from(script.below(5))],
            stability_time: Duration::from_secs(script.below(3).into()),
        }
    }
}

/// The MAC of the speaker's interfaces, of other nodes, or of a foreign host.
pub(super) const fn mac(number: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, number])
}

fn interface(script: &mut Script<'_>) -> u32 {
    u32::from(script.below(3)) + 1
}

fn path(script: &mut Script<'_>) -> Path {
    match script.below(4) {
        0 => Path::Routed,
        index => Path::Segment(index.into()),
    }
}

fn address(script: &mut Script<'_>) -> IpAddr {
    ADDRESSES[usize::from(script.below(4))]
}

/// From one of the addresses, a foreign one or none, about one of them.
fn arp_frame(script: &mut Script<'_>) -> Vec<u8> {
    let sender = match script.below(4) {
        0 => Ipv4Addr::UNSPECIFIED,
        1 => Ipv4Addr::new(10, 0, 0, 100),
        2 => Ipv4Addr::new(10, 9, 9, 9),
        _ => Ipv4Addr::new(10, 0, 0, 50),
    };
    let target = match script.below(4) {
        0 => sender,
        1 => Ipv4Addr::new(10, 9, 9, 9),
        _ => Ipv4Addr::new(10, 0, 0, 100),
    };
    let packet = arp::Packet {
        destination: Mac::BROADCAST,
        operation: if script.bits()[0] {
            arp::Operation::Reply
        } else {
            arp::Operation::Request
        },
        sender_mac: mac(script.below(6)),
        sender,
        target_mac: mac(script.below(6)),
        target,
    };
    let mut frame = Vec::new();
    packet.encode(&mut frame);
    frame
}

fn ndp_frame(script: &mut Script<'_>) -> Vec<u8> {
    let target = match script.below(2) {
        0 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100),
        _ => Ipv6Addr::new(0x2001, 0xdb8, 0, 9, 0, 0, 0, 0x100),
    };
    let sender = mac(script.below(6));
    let [option, router, ..] = script.bits();
    let packet = match script.below(4) {
        0 => ndp::Packet::probe(sender, target),
        1 => ndp::Packet::unsolicited(sender, target, router),
        _ => ndp::Packet {
            source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5),
            message: ndp::Message::Solicitation {
                target,
                source_mac: option.then_some(sender),
            },
            ..ndp::Packet::probe(sender, target)
        },
    };
    let mut frame = Vec::new();
    packet.encode(&mut frame);
    frame
}

/// The message of a heartbeat that is right in itself, mostly.
fn heartbeat(script: &mut Script<'_>) -> Vec<u8> {
    let peer = script.below(4);
    let node = PEERS.get(usize::from(peer)).copied().unwrap_or("a");
    let [leaving, asking, hears, lies, changes, ..] = script.bits();
    let entries: Vec<Entry> = ADDRESSES
        .into_iter()
        .filter_map(|at| entry(at, script))
        .collect();
    let sum = entries
        .iter()
        .fold(0, |sum: u64, entry| sum.wrapping_add(digest(entry)));
    let mut paged = entries.clone();
    paged.sort_by_key(|entry| position(entry.address));
    let heartbeat = Heartbeat {
        node: node.into(),
        boot: u64::from(peer) * 16 + u64::from(script.below(4)) + 2,
        sequence: u64::from(script.u8()),
        interval: Duration::from_millis(100),
        leaving,
        asking,
        macs: vec![mac(peer + 3)],
        heard: if hears { vec![BOOT, 77] } else { Vec::new() },
        digest: if lies { 0 } else { sum },
        count: u32::try_from(entries.len()).unwrap(),
        changes: if changes { entries } else { Vec::new() },
        page: Page {
            first: 0,
            last: if changes { 0 } else { u128::MAX },
            entries: if changes { Vec::new() } else { paged },
        },
    };
    let mut message = Vec::new();
    heartbeat.encode(&mut message);
    message
}

fn entry(address: IpAddr, script: &mut Script<'_>) -> Option<Entry> {
    let [
        there,
        candidate,
        claimed,
        stable,
        on_subnet,
        heavy,
        able,
        advertises,
    ] = script.bits();
    there.then_some(Entry {
        address,
        weight: if heavy { 9 } else { 1 },
        candidate,
        claimed,
        stable,
        on_subnet,
        advertising: match (able, advertises) {
            (false, _) => Advertising::Unable,
            (true, false) => Advertising::Able,
            (true, true) => Advertising::Advertises,
        },
    })
}
