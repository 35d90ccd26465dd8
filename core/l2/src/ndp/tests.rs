#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names only what it expects"
)]

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

mod oracle;

const OWN: Mac = Mac([2, 0, 0, 0, 0, 2]);
const CLIENT: Mac = Mac([2, 0, 0, 0, 0, 1]);
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);

/// fe80::1 asks for 2001:db8::10.
const SOLICITATION_FRAME: [u8; 86] = [
    0x33, 0x33, 0xff, 0, 0, 0x10, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, // Ethernet
    0x60, 0, 0, 0, 0, 32, 58, 255, // IPv6
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // source
    0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0x10, // destination
    135, 0, 0x4b, 0x43, 0, 0, 0, 0, // ICMPv6
    0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, // target
    1, 1, 2, 0, 0, 0, 0, 1, // source link-layer address
];

/// Where the ICMPv6 message begins.
const MESSAGE: usize = 54;

fn encode(packet: &Packet) -> Vec<u8> {
    let mut buffer = [9; 100].to_vec();
    packet.encode(&mut buffer);
    buffer
}

/// The frame with its payload length and checksum put right.
fn mend(mut frame: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(frame.len() - MESSAGE).unwrap();
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    frame[56..58].copy_from_slice(&[0, 0]);
    let address = |from: usize| <[u8; 16]>::try_from(&frame[from..from + 16]).unwrap();
    let mut sum =
        encode::Checksum::of_pseudo_header(address(22).into(), address(38).into(), length);
    sum.add(&frame[MESSAGE..]);
    let sum = sum.finish().to_be_bytes();
    frame[56..58].copy_from_slice(&sum);
    frame
}

fn with(position: usize, octets: &[u8]) -> Vec<u8> {
    let mut frame = SOLICITATION_FRAME.to_vec();
    frame.splice(position..position + octets.len(), octets.iter().copied());
    frame
}

/// The solicitation with these options instead of its own.
fn with_options(options: &[u8]) -> Vec<u8> {
    mend([&SOLICITATION_FRAME[..78], options].concat())
}

/// The same from `::`, which makes a probe of it.
fn probe_with(destination: [u8; 16], options: &[u8]) -> Vec<u8> {
    let mut frame = with_options(options);
    frame[22..38].fill(0);
    frame[38..54].copy_from_slice(&destination);
    mend(frame)
}

#[test]
fn answers_a_solicitation_at_its_sender() {
    let request = Packet::decode(&SOLICITATION_FRAME).unwrap();
    assert_eq!(encode(&request), SOLICITATION_FRAME);
    let answer = encode(&Packet::answer(&request, OWN, true));
    let expected = [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, // Ethernet
        0x60, 0, 0, 0, 0, 32, 58, 255, // IPv6
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, // source: the target
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // destination
        136, 0, 0x39, 0x8d, 0xe0, 0, 0, 0, // ICMPv6: R, S, O
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, // target
        2, 1, 2, 0, 0, 0, 0, 2, // target link-layer address
    ];
    assert_eq!(answer, expected);
}

#[test]
fn answers_a_solicitation_without_link_layer_address_at_the_source_of_the_frame() {
    let request = Packet::decode(&with_options(&[])).unwrap();
    let answer = Packet::answer(&request, OWN, false);
    assert_eq!(answer.destination_mac, CLIENT);
    assert_eq!(answer.destination, request.source);
}

#[test]
fn answers_a_probe_to_all_nodes_as_if_unasked() {
    let probe = encode(&Packet::probe(CLIENT, ADDRESS));
    assert_eq!(
        probe,
        probe_with(solicited_node(ADDRESS).octets(), &[]),
        "no source and no option"
    );
    let request = Packet::decode(&probe).unwrap();
    let answer = Packet::answer(&request, OWN, false);
    assert_eq!(answer, Packet::unsolicited(OWN, ADDRESS, false));
    let expected = [
        0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, // Ethernet
        0x60, 0, 0, 0, 0, 32, 58, 255, // IPv6
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, // source: the target
        0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // destination
        136, 0, 0xf9, 0xb, 0x20, 0, 0, 0, // ICMPv6: O
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, // target
        2, 1, 2, 0, 0, 0, 0, 2, // target link-layer address
    ];
    assert_eq!(encode(&answer), expected);
}

#[test]
fn the_group_has_the_last_three_octets() {
    for (address, group) in [
        ("2001:db8::10", "ff02::1:ff00:10"),
        ("2001:db8::1234:5678:9abc", "ff02::1:ff78:9abc"),
        ("::ffff:ff", "ff02::1:ffff:ff"),
    ] {
        let group: Ipv6Addr = group.parse().unwrap();
        assert_eq!(solicited_node(address.parse().unwrap()), group);
    }
}

#[test]
fn says_what_is_wrong_with_a_frame() {
    let group = solicited_node(ADDRESS).octets();
    let mut answer_to_all = encode(&Packet::unsolicited(OWN, ADDRESS, false));
    answer_to_all[MESSAGE + 4] |= SOLICITED;
    let mut short_payload = SOLICITATION_FRAME.to_vec();
    short_payload[19] = 33;
    let cases = [
        (Vec::new(), Malformed::Short),
        (SOLICITATION_FRAME[..85].to_vec(), Malformed::Short),
        (short_payload, Malformed::Short),
        (mend(SOLICITATION_FRAME[..77].to_vec()), Malformed::Short),
        (mend(SOLICITATION_FRAME[..58].to_vec()), Malformed::Short),
        (with(12, &[8, 0]), Malformed::NotIpv6),
        (with(14, &[0x45]), Malformed::NotIpv6),
        (with(6, &[0xff; 6]), Malformed::SourceMac(Mac::BROADCAST)),
        (with(20, &[0]), Malformed::NextHeader(0)),
        (with(21, &[254]), Malformed::HopLimit(254)),
        (mend(with(22, &group)), Malformed::Source(group.into())),
        (with(56, &[0x4b, 0x44]), Malformed::Checksum),
        (with(77, &[0x11]), Malformed::Checksum),
        (mend(with(MESSAGE, &[134])), Malformed::Type(134)),
        (mend(with(MESSAGE + 1, &[1])), Malformed::Code(1)),
        (mend(with(62, &group)), Malformed::Target(group.into())),
        (
            with_options(&[1, 0, 0, 0, 0, 0, 0, 0]),
            Malformed::OptionLength,
        ),
        (with_options(&[14, 0]), Malformed::OptionLength),
        (with_options(&[1]), Malformed::OptionLength),
        (
            with_options(&[1, 2, 0, 0, 0, 0, 0, 0]),
            Malformed::OptionLength,
        ),
        (
            with_options(&[&[1, 2][..], &[0; 14]].concat()),
            Malformed::OptionLength,
        ),
        (
            probe_with(ADDRESS.octets(), &[]),
            Malformed::ProbeDestination(ADDRESS),
        ),
        (
            probe_with(group, &[1, 1, 2, 0, 0, 0, 0, 1]),
            Malformed::ProbeOption,
        ),
        (mend(answer_to_all), Malformed::SolicitedGroup),
    ];
    for (frame, expected) in cases {
        let malformed = Packet::decode(&frame).unwrap_err();
        assert_eq!(malformed, expected, "{frame:02x?}");
        let debug = std::format!("{malformed:?}");
        assert!(debug.starts_with(malformed.as_str()), "{debug}");
    }
}

#[test]
fn ignores_padding_and_options_that_are_not_its_business() {
    let expected = Packet::decode(&SOLICITATION_FRAME);
    assert_eq!(
        Packet::decode(&[&SOLICITATION_FRAME[..], &[0xaa; 3]].concat()),
        expected
    );
    // A nonce (RFC 3971 section 5.3.2), a target's address, then two sources of which the first counts.
    let options = [
        [14, 1, 1, 2, 3, 4, 5, 6],
        [2, 1, 7, 7, 7, 7, 7, 7],
        [1, 1, 2, 0, 0, 0, 0, 1],
        [1, 1, 8, 8, 8, 8, 8, 8],
    ];
    assert_eq!(Packet::decode(&with_options(&options.concat())), expected);
}

fn mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(|mut octets| {
        octets[0] &= 0xfe;
        Mac(octets)
    })
}

fn station() -> impl Strategy<Value = Ipv6Addr> {
    any::<Ipv6Addr>().prop_filter("a station", |address| {
        !address.is_multicast() && !address.is_unspecified()
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    let solicitation = (station(), prop::option::of(mac()), any::<bool>()).prop_map(
        |(target, source_mac, probe)| Message::Solicitation {
            target,
            source_mac: source_mac.filter(|_| !probe),
        },
    );
    let advertisement = (station(), any::<[bool; 3]>(), prop::option::of(mac())).prop_map(
        |(target, [router, solicited, r#override], target_mac)| Message::Advertisement {
            target,
            router,
            solicited,
            r#override,
            target_mac,
        },
    );
    let message = prop_oneof![solicitation, advertisement];
    (
        any::<[u8; 6]>(),
        mac(),
        station(),
        station(),
        message,
        any::<bool>(),
    )
        .prop_map(
            |(destination_mac, source_mac, source, other, message, group)| {
                let (source, destination) = match message {
                    Message::Solicitation {
                        source_mac: None,
                        target,
                    } => (Ipv6Addr::UNSPECIFIED, solicited_node(target)),
                    Message::Solicitation { target, .. } if group => {
                        (source, solicited_node(target))
                    }
                    Message::Advertisement {
                        solicited: false, ..
                    } if group => (source, ALL_NODES),
                    _ => (source, other),
                };
                Packet {
                    destination_mac: Mac(destination_mac),
                    source_mac,
                    source,
                    destination,
                    message,
                }
            },
        )
}

proptest! {
    #[test]
    fn reads_what_it_writes(packet in packet()) {
        prop_assert_eq!(Packet::decode(&encode(&packet)), Ok(packet));
    }

    #[test]
    fn survives_any_octets(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Packet::decode(&octets);
    }

    #[test]
    fn survives_frames_with_octets_changed(
        packet in packet(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        whole in any::<bool>(),
    ) {
        let mut frame = encode(&packet);
        for (position, octet) in changes {
            let position = position.index(frame.len());
            frame[position] = octet;
        }
        // Else hardly any would come past the checksum.
        let frame = if whole { mend(frame) } else { frame };
        if let Ok(packet) = Packet::decode(&frame) {
            prop_assert_eq!(Packet::decode(&encode(&packet)), Ok(packet));
        }
    }

    #[test]
    fn survives_any_options(options in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..64)) {
        let _ = Packet::decode(&with_options(&options));
    }
}
