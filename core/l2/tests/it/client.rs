//! Hosts on a segment that are no nodes: who asks, who listens, who takes what is not theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use l2::{
    Mac,
    arp::{self, Operation},
    ndp::{self, Message},
};

/// The client that asks for every address all the time.
pub(crate) const CLIENT: Mac = Mac([2, 0xc1, 0, 0, 0, 1]);
const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 250, 1);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xc1);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);

/// What a bystander makes of a frame, from its octets alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) destination: Mac,
    /// The address that is asked for or claimed.
    pub(crate) about: IpAddr,
    /// As whom the sender speaks.
    pub(crate) sender: IpAddr,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Who has it?
    Question,
    /// Is it free? From nobody's address.
    Probe,
    /// To one who asked: it is at this MAC.
    Answer(Mac),
    /// To everybody: it is at this MAC.
    Announcement(Mac),
}

/// The client's question for an address.
pub(crate) fn question(address: IpAddr) -> Vec<u8> {
    let mut frame = Vec::new();
    match address {
        IpAddr::V4(target) => arp::Packet {
            destination: Mac::BROADCAST,
            operation: Operation::Request,
            sender_mac: CLIENT,
            sender: CLIENT_V4,
            target_mac: Mac::default(),
            target,
        }
        .encode(&mut frame),
        IpAddr::V6(target) => ndp::Packet {
            destination_mac: group_mac(target),
            source_mac: CLIENT,
            source: CLIENT_V6,
            destination: ndp::solicited_node(target),
            message: Message::Solicitation {
                target,
                source_mac: Some(CLIENT),
            },
        }
        .encode(&mut frame),
    }
    frame
}

/// A host tells everybody that an address is at its MAC.
pub(crate) fn announcement(address: IpAddr, mac: Mac) -> Vec<u8> {
    let mut frame = Vec::new();
    match address {
        IpAddr::V4(address) => arp::Packet {
            destination: Mac::BROADCAST,
            operation: Operation::Request,
            sender_mac: mac,
            sender: address,
            target_mac: Mac::default(),
            target: address,
        }
        .encode(&mut frame),
        IpAddr::V6(target) => ndp::Packet {
            destination_mac: ALL_NODES_MAC,
            source_mac: mac,
            source: CLIENT_V6,
            destination: ALL_NODES,
            message: Message::Advertisement {
                target,
                router: false,
                solicited: false,
                r#override: true,
                target_mac: Some(mac),
            },
        }
        .encode(&mut frame),
    }
    frame
}

/// What a host that has the address says to a question or probe, to the MAC that it came from.
pub(crate) fn answer(address: IpAddr, mac: Mac, to: Mac) -> Vec<u8> {
    match address {
        IpAddr::V4(sender) => {
            let mut frame = Vec::new();
            arp::Packet {
                destination: to,
                operation: Operation::Reply,
                sender_mac: mac,
                sender,
                target_mac: to,
                target: Ipv4Addr::UNSPECIFIED,
            }
            .encode(&mut frame);
            frame
        }
        // To a probe everybody is told (RFC 4861 section 7.2.4), and that does for the others too.
        IpAddr::V6(_) => announcement(address, mac),
    }
}

/// Reads a frame as a host does that knows nothing of Herald.
pub(crate) fn read(frame: &[u8]) -> Option<Seen> {
    let destination = Mac(frame.get(..6)?.try_into().ok()?);
    match frame.get(12..14)? {
        [0x08, 0x06] => read_arp(frame, destination),
        [0x86, 0xdd] => read_ndp(frame, destination),
        _ => None,
    }
}

/// The MAC that a frame gives as its source.
pub(crate) fn source(frame: &[u8]) -> Option<Mac> {
    Some(Mac(frame.get(6..12)?.try_into().ok()?))
}

fn read_arp(frame: &[u8], destination: Mac) -> Option<Seen> {
    let address = |at: usize| -> Option<Ipv4Addr> {
        let octets: [u8; 4] = frame.get(at..at + 4)?.try_into().ok()?;
        Some(octets.into())
    };
    let mac = Mac(frame.get(22..28)?.try_into().ok()?);
    let (sender, target) = (address(28)?, address(38)?);
    let reply = frame.get(21) == Some(&2);
    let (about, kind) = match (reply, sender == target) {
        (true, _) if !destination.is_multicast() => (sender, Kind::Answer(mac)),
        (true, _) | (false, true) => (sender, Kind::Announcement(mac)),
        (false, false) if sender.is_unspecified() => (target, Kind::Probe),
        (false, false) => (target, Kind::Question),
    };
    Some(Seen {
        destination,
        about: about.into(),
        sender: sender.into(),
        kind,
    })
}

fn read_ndp(frame: &[u8], destination: Mac) -> Option<Seen> {
    let address = |at: usize| -> Option<Ipv6Addr> {
        let octets: [u8; 16] = frame.get(at..at + 16)?.try_into().ok()?;
        Some(octets.into())
    };
    let (source, target) = (address(22)?, address(62)?);
    let (sender, kind) = match frame.get(54)? {
        135 if source.is_unspecified() => (source, Kind::Probe),
        135 => (source, Kind::Question),
        136 => {
            let mac = Mac(frame.get(80..86)?.try_into().ok()?);
            let kind = match destination.is_multicast() {
                true => Kind::Announcement(mac),
                false => Kind::Answer(mac),
            };
            (target, kind)
        }
        _ => return None,
    };
    Some(Seen {
        destination,
        about: target.into(),
        sender: sender.into(),
        kind,
    })
}

/// The Ethernet group of a solicited-node address (RFC 2464 section 7).
fn group_mac(target: Ipv6Addr) -> Mac {
    let [.., a, b, c] = target.octets();
    Mac([0x33, 0x33, 0xff, a, b, c])
}
