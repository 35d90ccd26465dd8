//! etherparse understands what we write, and we understand what it writes.

use etherparse::{
    Icmpv6Type, LinkSlice, NetSlice, PacketBuilder, SlicedPacket, TransportSlice,
    icmpv6::{Icmpv6PayloadSlice, NdpOptionSlice, NdpOptionsIterator, NeighborAdvertisementHeader},
};

use super::*;

/// The first option in etherparse's reading: whether it is the target's, and the MAC.
fn their_option(options: NdpOptionsIterator<'_>) -> Option<(bool, Vec<u8>)> {
    let mut options = options.map(|option| match option.unwrap() {
        NdpOptionSlice::SourceLinkLayerAddress(option) => {
            (false, option.link_layer_address().to_vec())
        }
        NdpOptionSlice::TargetLinkLayerAddress(option) => {
            (true, option.link_layer_address().to_vec())
        }
        unexpected => panic!("{unexpected:?}"),
    });
    let first = options.next();
    assert!(options.next().is_none());
    first
}

fn their_type(message: &Message) -> Icmpv6Type {
    match *message {
        Message::Solicitation { .. } => Icmpv6Type::NeighborSolicitation,
        Message::Advertisement {
            router,
            solicited,
            r#override,
            ..
        } => Icmpv6Type::NeighborAdvertisement(NeighborAdvertisementHeader {
            router,
            solicited,
            r#override,
        }),
    }
}

proptest! {
    #[test]
    fn etherparse_reads_what_we_write(packet in packet()) {
        let frame = encode(&packet);
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(LinkSlice::Ethernet2(link)) = &sliced.link else { panic!("{sliced:?}") };
        prop_assert_eq!(link.destination(), packet.destination_mac.0);
        prop_assert_eq!(link.source(), packet.source_mac.0);
        let Some(NetSlice::Ipv6(ip)) = &sliced.net else { panic!("{sliced:?}") };
        prop_assert_eq!(ip.header().source_addr(), packet.source);
        prop_assert_eq!(ip.header().destination_addr(), packet.destination);
        prop_assert_eq!(ip.header().hop_limit(), 255);
        let Some(TransportSlice::Icmpv6(icmp)) = &sliced.transport else { panic!("{sliced:?}") };
        prop_assert!(icmp.is_checksum_valid(packet.source.octets(), packet.destination.octets()));
        prop_assert_eq!(icmp.icmp_type(), their_type(&packet.message));
        let (target, option) = match icmp.payload_slice().unwrap() {
            Icmpv6PayloadSlice::NeighborSolicitation(message) => {
                (message.target_address(), their_option(message.options_iterator()))
            }
            Icmpv6PayloadSlice::NeighborAdvertisement(message) => {
                (message.target_address(), their_option(message.options_iterator()))
            }
            unexpected => panic!("{unexpected:?}"),
        };
        prop_assert_eq!(target, packet.message.target());
        let expected = match packet.message {
            Message::Solicitation { source_mac, .. } => source_mac.map(|mac| (false, mac.0.to_vec())),
            Message::Advertisement { target_mac, .. } => target_mac.map(|mac| (true, mac.0.to_vec())),
        };
        prop_assert_eq!(option, expected);
    }

    #[test]
    fn we_read_what_etherparse_writes(packet in packet()) {
        let mut payload = packet.message.target().octets().to_vec();
        let (option, mac) = match packet.message {
            Message::Solicitation { source_mac, .. } => (1, source_mac),
            Message::Advertisement { target_mac, .. } => (2, target_mac),
        };
        if let Some(Mac(octets)) = mac {
            payload.extend([option, 1]);
            payload.extend(octets);
        }
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(packet.source_mac.0, packet.destination_mac.0)
            .ipv6(packet.source.octets(), packet.destination.octets(), 255)
            .icmpv6(their_type(&packet.message))
            .write(&mut frame, &payload)
            .unwrap();
        prop_assert_eq!(Packet::decode(&frame), Ok(packet));
    }
}
