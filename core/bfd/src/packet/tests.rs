use std::vec;

use proptest::prelude::*;

use super::*;

const UP: Packet = Packet {
    diagnostic: Diagnostic::NeighborSignaledSessionDown,
    state: State::Up,
    poll: true,
    is_final: false,
    control_plane_independent: false,
    demand: false,
    detect_multiplier: 5,
    my_discriminator: 0x0102_0304,
    your_discriminator: 0xa0b0_c0d0,
    desired_min_tx: Duration::from_millis(300),
    required_min_rx: Duration::from_millis(50),
    required_min_echo_rx: Duration::ZERO,
};

/// Section 4.1, by hand: 300 ms are 0x493e0 microseconds, 50 ms 0xc350.
const UP_OCTETS: [u8; 24] = [
    0x23, 0xe0, 5, 24, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0, 0, 4, 0x93, 0xe0, 0, 0, 0xc3, 0x50, 0,
    0, 0, 0,
];

fn encoded(packet: &Packet) -> Vec<u8> {
    let mut octets = vec![];
    packet.encode(&mut octets);
    octets
}

/// The octets with one of them replaced.
fn with(position: usize, octet: u8) -> [u8; 24] {
    let mut octets = UP_OCTETS;
    octets[position] = octet;
    octets
}

#[test]
fn writes_and_reads_exactly_these_octets() {
    assert_eq!(encoded(&UP), UP_OCTETS);
    assert_eq!(Packet::decode(&UP_OCTETS), Ok(UP));
}

#[test]
fn every_flag_has_its_bit() {
    let bare = Packet { poll: false, ..UP };
    let flags = |packet: Packet| encoded(&packet)[1];
    assert_eq!(flags(bare), 0xc0);
    assert_eq!(flags(UP), 0xe0);
    let is_final = Packet {
        is_final: true,
        ..bare
    };
    assert_eq!(flags(is_final), 0xd0);
    let independent = Packet {
        control_plane_independent: true,
        ..bare
    };
    assert_eq!(flags(independent), 0xc8);
    let demand = Packet {
        demand: true,
        ..bare
    };
    assert_eq!(flags(demand), 0xc2);
    for (state, bits) in State::ALL.into_iter().zip([0, 0x40, 0x80, 0xc0]) {
        assert_eq!(flags(Packet { state, ..bare }), bits);
    }
}

#[test]
fn discards_what_no_session_can_take() {
    let mut silent = UP_OCTETS;
    silent[8..12].fill(0);
    let mut nobody = UP_OCTETS;
    nobody[4..8].fill(0);
    let cases: [(&[u8], Discarded); 12] = [
        (&[], Discarded::TooShort),
        (&UP_OCTETS[..23], Discarded::TooShort),
        (&with(0, 0x03), Discarded::Version),
        (&with(0, 0x43), Discarded::Version),
        (&with(3, 23), Discarded::TooShort),
        (&with(3, 0), Discarded::TooShort),
        (&with(3, 25), Discarded::Length),
        (&with(2, 0), Discarded::DetectMultiplier),
        (&with(1, 0xe1), Discarded::Multipoint),
        (&nobody, Discarded::MyDiscriminator),
        (&with(1, 0xe4), Discarded::Authentication),
        (&silent, Discarded::YourDiscriminator),
    ];
    for (octets, expected) in cases {
        assert_eq!(Packet::decode(octets), Err(expected), "{octets:x?}");
    }
    silent[1] = 0x80;
    assert_eq!(Packet::decode(&silent), Err(Discarded::YourDiscriminator));
    for flags in [0x00, 0x40] {
        silent[1] = flags;
        assert!(Packet::decode(&silent).is_ok(), "AdminDown and Down may");
    }
}

#[test]
fn what_follows_the_packet_is_passed_over() {
    let mut padded = UP_OCTETS.to_vec();
    padded.extend([0xff; 40]);
    assert_eq!(Packet::decode(&padded), Ok(UP));
}

#[test]
fn an_interval_that_has_no_room_is_written_as_the_longest() {
    let endless = Packet {
        desired_min_tx: Duration::MAX,
        ..UP
    };
    assert_eq!(encoded(&endless)[12..16], [0xff; 4]);
}

fn packet() -> impl Strategy<Value = Packet> {
    let interval = || any::<u32>().prop_map(|micros| Duration::from_micros(micros.into()));
    let states = prop::sample::select(State::ALL.to_vec());
    let identity = (1..=u8::MAX, 1..=u32::MAX, 1..=u32::MAX);
    let intervals = [interval(), interval(), interval()];
    (0..32_u8, states, any::<[bool; 4]>(), identity, intervals).prop_map(
        |(code, state, flags, (detect_multiplier, my, your), intervals)| Packet {
            diagnostic: Diagnostic::from(code),
            state,
            poll: flags[0],
            is_final: flags[1],
            control_plane_independent: flags[2],
            demand: flags[3],
            detect_multiplier,
            my_discriminator: my,
            your_discriminator: your,
            desired_min_tx: intervals[0],
            required_min_rx: intervals[1],
            required_min_echo_rx: intervals[2],
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_alike(packet in packet()) {
        let octets = encoded(&packet);
        prop_assert_eq!(octets.len(), Packet::LENGTH);
        prop_assert_eq!(Packet::decode(&octets), Ok(packet));
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(packet) = Packet::decode(&octets) {
            prop_assert_eq!(&encoded(&packet)[..3], &octets[..3]);
        }
    }

    #[test]
    fn one_wrong_octet_does_not_make_it_panic(position in 0..24_usize, octet: u8) {
        let _ = Packet::decode(&with(position, octet));
    }
}
