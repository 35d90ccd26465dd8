use alloc::vec::Vec;

use etherparse::{
    ArpEthIpv4Packet, ArpHardwareId, ArpOperation, ArpPacket, EtherType, LinkSlice, NetSlice,
    PacketBuilder, SlicedPacket,
};
use proptest::prelude::*;

use super::*;

const OWN: Mac = Mac([2, 0, 0, 0, 0, 2]);
const CLIENT: Mac = Mac([2, 0, 0, 0, 0, 1]);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

/// 192.0.2.1 asks for 192.0.2.10.
const REQUEST: [u8; LENGTH] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0,
    0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
];

fn encode(packet: &Packet) -> Vec<u8> {
    let mut buffer = [9; 100].to_vec();
    packet.encode(&mut buffer);
    buffer
}

fn with(position: usize, octets: &[u8]) -> Vec<u8> {
    let mut frame = REQUEST.to_vec();
    frame.splice(position..position + octets.len(), octets.iter().copied());
    frame
}

#[test]
fn answers_a_request_at_its_sender() {
    let request = Packet::decode(&REQUEST).unwrap();
    assert_eq!(encode(&request), REQUEST);
    let reply = encode(&Packet::reply_to(&request, OWN));
    let expected = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 192, 0,
        2, 10, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1,
    ];
    assert_eq!(reply, expected);
}

#[test]
fn a_probe_has_no_sender_and_is_answered_at_its_mac() {
    let probe = encode(&Packet::probe(CLIENT, ADDRESS));
    assert_eq!(probe, with(28, &[0, 0, 0, 0]));
    let reply = Packet::reply_to(&Packet::decode(&probe).unwrap(), OWN);
    assert_eq!((reply.destination, reply.target_mac), (CLIENT, CLIENT));
    assert_eq!(
        (reply.sender, reply.target),
        (ADDRESS, Ipv4Addr::UNSPECIFIED)
    );
}

#[test]
fn announces_as_request_and_as_reply() {
    let [request, reply] = Packet::gratuitous(OWN, ADDRESS).map(|packet| encode(&packet));
    let expected = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0,
        0, 0, 0, 2, 192, 0, 2, 10, 0, 0, 0, 0, 0, 0, 192, 0, 2, 10,
    ];
    assert_eq!(request, expected);
    let expected = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0,
        0, 0, 0, 2, 192, 0, 2, 10, 2, 0, 0, 0, 0, 2, 192, 0, 2, 10,
    ];
    assert_eq!(reply, expected);
}

#[test]
fn says_what_is_wrong_with_a_frame() {
    let group = Mac([0x33, 0x33, 0, 0, 0, 1]);
    let cases = [
        (Vec::new(), Malformed::Short),
        (REQUEST[..41].to_vec(), Malformed::Short),
        (with(12, &[8, 0]), Malformed::EtherType(0x0800)),
        (with(14, &[0, 6]), Malformed::HardwareType(6)),
        (with(16, &[0x86, 0xdd]), Malformed::ProtocolType(0x86dd)),
        (with(18, &[8]), Malformed::AddressLength),
        (with(19, &[16]), Malformed::AddressLength),
        (with(20, &[0, 0]), Malformed::Operation(0)),
        (with(20, &[0, 3]), Malformed::Operation(3)),
        (with(22, &group.0), Malformed::SenderMac(group)),
        (with(22, &[0xff; 6]), Malformed::SenderMac(Mac::BROADCAST)),
        (
            with(28, &[224, 0, 0, 1]),
            Malformed::Sender(Ipv4Addr::new(224, 0, 0, 1)),
        ),
        (with(28, &[255; 4]), Malformed::Sender(Ipv4Addr::BROADCAST)),
    ];
    for (frame, expected) in cases {
        let malformed = Packet::decode(&frame).unwrap_err();
        assert_eq!(malformed, expected, "{frame:?}");
        let debug = std::format!("{malformed:?}");
        assert!(debug.starts_with(malformed.as_str()), "{debug}");
    }
}

#[test]
fn ignores_padding_and_the_source_of_the_frame() {
    let request = Packet::decode(&REQUEST);
    assert_eq!(
        Packet::decode(&[&REQUEST[..], &[0xaa; 18]].concat()),
        request
    );
    assert_eq!(Packet::decode(&with(6, &[0xff; 6])), request);
}

fn packet() -> impl Strategy<Value = Packet> {
    let sender_mac = any::<[u8; 6]>().prop_map(|mut octets| {
        octets[0] &= 0xfe;
        Mac(octets)
    });
    let sender = any::<Ipv4Addr>().prop_filter("a station", |address| {
        !address.is_multicast() && !address.is_broadcast()
    });
    let operation = prop_oneof![Just(Operation::Request), Just(Operation::Reply)];
    (
        any::<[u8; 6]>(),
        operation,
        sender_mac,
        sender,
        any::<[u8; 6]>(),
        any::<Ipv4Addr>(),
    )
        .prop_map(
            |(destination, operation, sender_mac, sender, target_mac, target)| Packet {
                destination: Mac(destination),
                operation,
                sender_mac,
                sender,
                target_mac: Mac(target_mac),
                target,
            },
        )
}

/// The same packet in etherparse's words.
fn theirs(packet: &Packet) -> ArpEthIpv4Packet {
    ArpEthIpv4Packet {
        operation: match packet.operation {
            Operation::Request => ArpOperation::REQUEST,
            Operation::Reply => ArpOperation::REPLY,
        },
        sender_mac: packet.sender_mac.0,
        sender_ipv4: packet.sender.octets(),
        target_mac: packet.target_mac.0,
        target_ipv4: packet.target.octets(),
    }
}

proptest! {
    #[test]
    fn reads_what_it_writes(packet in packet()) {
        prop_assert_eq!(Packet::decode(&encode(&packet)), Ok(packet));
    }

    #[test]
    fn survives_any_octets(octets in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Packet::decode(&octets);
    }

    #[test]
    fn survives_frames_with_octets_changed(
        packet in packet(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut frame = encode(&packet);
        for (position, octet) in changes {
            let position = position.index(frame.len());
            frame[position] = octet;
        }
        if let Ok(packet) = Packet::decode(&frame) {
            prop_assert_eq!(Packet::decode(&encode(&packet)), Ok(packet));
        }
    }

    #[test]
    fn etherparse_reads_what_we_write(packet in packet()) {
        let frame = encode(&packet);
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(LinkSlice::Ethernet2(link)) = &sliced.link else { panic!("{sliced:?}") };
        prop_assert_eq!(link.destination(), packet.destination.0);
        prop_assert_eq!(link.source(), packet.sender_mac.0);
        prop_assert_eq!(link.ether_type(), EtherType::ARP);
        let Some(NetSlice::Arp(arp)) = &sliced.net else { panic!("{sliced:?}") };
        prop_assert_eq!(arp.to_packet().try_eth_ipv4().unwrap(), theirs(&packet));
    }

    #[test]
    fn we_read_what_etherparse_writes(packet in packet()) {
        let arp = theirs(&packet);
        let arp = ArpPacket::new(
            ArpHardwareId::ETHERNET,
            EtherType::IPV4,
            arp.operation,
            &arp.sender_mac,
            &arp.sender_ipv4,
            &arp.target_mac,
            &arp.target_ipv4,
        );
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(packet.sender_mac.0, packet.destination.0)
            .arp(arp.unwrap())
            .write(&mut frame)
            .unwrap();
        prop_assert_eq!(Packet::decode(&frame), Ok(packet));
    }
}
