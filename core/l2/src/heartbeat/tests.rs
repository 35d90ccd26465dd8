use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use proptest::{collection::vec, prelude::*};

use super::*;

const IPV4: Entry = Entry {
    address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
    weight: 0x0102,
    candidate: true,
    claimed: true,
    stable: false,
    on_subnet: false,
    advertising: Advertising::Unable,
};
const IPV6: Entry = Entry {
    address: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)),
    weight: 5,
    candidate: false,
    claimed: false,
    stable: true,
    on_subnet: true,
    advertising: Advertising::Unable,
};

fn beat() -> Heartbeat {
    Heartbeat {
        node: "a.b-1".into(),
        boot: 0x0102_0304_0506_0708,
        sequence: 9,
        interval: Duration::from_millis(100),
        leaving: false,
        asking: true,
        macs: [Mac([2, 0, 0, 0, 0, 1])].to_vec(),
        heard: [7].to_vec(),
        digest: 0x1111_1111_1111_1111,
        count: 2,
        changes: [IPV6].to_vec(),
        page: Page {
            first: 0,
            last: u128::MAX,
            entries: [IPV4, IPV6].to_vec(),
        },
    }
}

/// What [`beat`] is on the wire.
const BEAT: [u8; 151] = [
    b'H', b'R', b'L', b'D', 1, // magic, version
    5, b'a', b'.', b'b', b'-', b'1', // node
    2, 0, 100, // asking; 100 ms
    1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9, // boot, sequence
    0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0, 0, 0, 2, // digest, count
    1, 2, 0, 0, 0, 0, 1, // MACs
    1, 0, 0, 0, 0, 0, 0, 0, 7, // heard
    0, 1, // changes
    0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 5, 12, // IPv6
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // first
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, // last
    0, 2, // the page's
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 10, 1, 2, 3, // IPv4
    0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 5, 12, // IPv6
];

fn encode(beat: &Heartbeat) -> Vec<u8> {
    let mut buffer = [9; 100].to_vec();
    beat.encode(&mut buffer);
    buffer
}

fn with(position: usize, octets: &[u8]) -> Vec<u8> {
    let mut message = BEAT.to_vec();
    message.splice(position..position + octets.len(), octets.iter().copied());
    message
}

/// [`BEAT`] by a node of another name.
fn named(name: &[u8]) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    [&BEAT[..5], &[length], name, &BEAT[11..]].concat()
}

#[test]
fn is_written_as_the_table_says() {
    assert_eq!(encode(&beat()), BEAT);
    assert_eq!(Heartbeat::decode(&BEAT), Ok(beat()));
}

#[test]
fn every_flag_has_its_bit() {
    let leaving = Heartbeat {
        leaving: true,
        asking: false,
        ..beat()
    };
    assert_eq!(encode(&leaving), with(11, &[1]));
    for (flags, bit) in [
        ([true, false, false, false], 1),
        ([false, true, false, false], 2),
        ([false, false, true, false], 4),
        ([false, false, false, true], 8),
    ] {
        let [candidate, claimed, stable, on_subnet] = flags;
        let entry = Entry {
            candidate,
            claimed,
            stable,
            on_subnet,
            ..IPV6
        };
        let changes = [entry].to_vec();
        assert_eq!(encode(&Heartbeat { changes, ..beat() })[78], bit);
    }
}

#[test]
fn says_what_is_wrong_with_a_message() {
    let cases = [
        (Vec::new(), Malformed::Short),
        (BEAT[..4].to_vec(), Malformed::Short),
        (BEAT[..10].to_vec(), Malformed::Short),
        (BEAT[..150].to_vec(), Malformed::Short),
        (with(58, &[0, 2]), Malformed::Short),
        (with(58, &[0xff, 0xff]), Malformed::Short),
        ([0; LONGEST_MESSAGE + 1].to_vec(), Malformed::Long),
        (with(0, b"h"), Malformed::Magic),
        (with(4, &[2]), Malformed::Version(2)),
        (named(b""), Malformed::Node),
        (named(b"Node"), Malformed::Node),
        (named(b"-a"), Malformed::Node),
        (named(b"a-.b"), Malformed::Node),
        (named(b"a..b"), Malformed::Node),
        (named(b"a."), Malformed::Node),
        (named(b"a_b"), Malformed::Node),
        (named(&[0xc3, 0x28]), Malformed::Node),
        (named(&[b'a'; 254]), Malformed::Node),
        (with(12, &[0, 9]), Malformed::Interval(9)),
        (with(12, &[0xea, 0x61]), Malformed::Interval(60_001)),
        (with(42, &[17]), Malformed::Macs(17)),
        (with(49, &[17]), Malformed::Heard(17)),
        ([&BEAT[..], &[0]].concat(), Malformed::Trailing),
    ];
    for (message, expected) in cases {
        let malformed = Heartbeat::decode(&message).unwrap_err();
        assert_eq!(malformed, expected, "{message:?}");
        let debug = std::format!("{malformed:?}");
        assert!(debug.starts_with(malformed.as_str()), "{debug}");
    }
}

#[test]
fn the_entries_of_a_page_ascend_within_it() {
    let (low, high) = (position(IPV4.address), position(IPV6.address));
    for (first, last, entries, valid) in [
        (low, high, &[IPV4, IPV6][..], true),
        (low, low, &[IPV4], true),
        (high, low, &[], false),
        (low + 1, high, &[IPV4, IPV6], false),
        (low, high - 1, &[IPV4, IPV6], false),
        (low, high, &[IPV6, IPV4], false),
        (low, high, &[IPV4, IPV4], false),
    ] {
        let page = Page {
            first,
            last,
            entries: entries.to_vec(),
        };
        let decoded = Heartbeat::decode(&encode(&Heartbeat { page, ..beat() }));
        assert_eq!(decoded.is_ok(), valid, "{decoded:?}");
        assert!(valid || decoded == Err(Malformed::Page));
    }
}

#[test]
fn bits_that_mean_nothing_yet_are_ignored() {
    assert_eq!(Heartbeat::decode(&with(11, &[0xfe])), Ok(beat()));
    assert_eq!(Heartbeat::decode(&with(78, &[0xcc])), Ok(beat()));
}

#[test]
fn a_name_may_have_253_octets() {
    let name = [b'a'; 253];
    let beat = Heartbeat::decode(&named(&name)).unwrap();
    assert_eq!(beat.node.as_bytes(), name);
}

#[test]
fn fills_a_datagram_and_no_more() {
    for (name, macs, heard) in [(1, 0, 0), (20, 2, 5), (253, 16, 16), (253, 40, 40)] {
        let mut beat = Heartbeat {
            node: "n".repeat(name).into(),
            macs: [Mac::default()].repeat(macs),
            heard: [1].repeat(heard),
            changes: Vec::new(),
            page: Page {
                first: 0,
                last: u128::MAX,
                entries: Vec::new(),
            },
            ..beat()
        };
        let room = beat.room();
        assert!(room >= 32, "{room}");
        let entry = |low| Entry {
            address: IpAddr::V6(Ipv6Addr::from_bits(low)),
            ..IPV6
        };
        beat.changes = [IPV4].repeat(3);
        beat.page.entries = (1..).take(room - 3).map(entry).collect();
        let length = encode(&beat).len() + KeyRing::OVERHEAD;
        assert!((LONGEST - Entry::LENGTH + 1..=LONGEST).contains(&length));
        assert_eq!(beat.room(), 0);
        let decoded = Heartbeat::decode(&encode(&beat)).unwrap();
        assert_eq!(decoded.page, beat.page);
        assert_eq!(decoded.macs.len(), macs.min(MOST_MACS));
        assert_eq!(decoded.heard.len(), heard.min(MOST_HEARD));
    }
}

#[test]
fn the_name_can_be_seen_before_the_rest_is_believed() {
    assert_eq!(peek_node(&BEAT), Some("a.b-1"));
    assert_eq!(peek_node(&BEAT[..11]), Some("a.b-1"));
    for datagram in [&BEAT[..10], &[], &with(4, &[2]), &named(b"<script>")] {
        assert_eq!(peek_node(datagram), None);
    }
}

#[test]
fn digests_are_fixed_for_ever() {
    assert_eq!(digest(&IPV4), 0xe1eb_b7e4_0458_ce4d);
    assert_eq!(digest(&IPV6), 0xff7b_fe91_5389_a100);
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::V4),
        any::<Ipv6Addr>().prop_map(|address| address.to_canonical()),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (address(), any::<u16>(), any::<[bool; 4]>(), 0..3_u8).prop_map(
        |(address, weight, [candidate, claimed, stable, on_subnet], advertising)| Entry {
            address,
            weight,
            candidate,
            claimed,
            stable,
            on_subnet,
            advertising: match advertising {
                0 => Advertising::Unable,
                1 => Advertising::Able,
                _ => Advertising::Advertises,
            },
        },
    )
}

/// Any page, which begins somewhere before its entries and ends somewhere after them.
fn page() -> impl Strategy<Value = Page> {
    (vec(entry(), 0..16), any::<[u128; 2]>()).prop_map(|(mut entries, ends)| {
        entries.sort_by_key(|entry| position(entry.address));
        entries.dedup_by_key(|entry| entry.address);
        let ends = entries
            .iter()
            .map(|entry| position(entry.address))
            .chain(ends);
        Page {
            first: ends.clone().min().unwrap(),
            last: ends.max().unwrap(),
            entries,
        }
    })
}

prop_compose! {
    fn any_beat()(
        node in "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z0-9]{1,9}){0,3}",
        [boot, sequence, digest] in any::<[u64; 3]>(),
        count in any::<u32>(),
        interval in 10..=60_000u64,
        [leaving, asking] in any::<[bool; 2]>(),
        macs in vec(any::<[u8; 6]>().prop_map(Mac), 0..=MOST_MACS),
        heard in vec(any::<u64>(), 0..=MOST_HEARD),
        changes in vec(entry(), 0..16),
        page in page(),
    ) -> Heartbeat {
        Heartbeat {
            node: node.into(),
            boot,
            sequence,
            interval: Duration::from_millis(interval),
            leaving,
            asking,
            macs,
            heard,
            digest,
            count,
            changes,
            page,
        }
    }
}

proptest! {
    #[test]
    fn reads_what_it_writes(beat in any_beat()) {
        let message = encode(&beat);
        prop_assert_eq!(peek_node(&message), Some(&*beat.node));
        prop_assert_eq!(Heartbeat::decode(&message), Ok(beat));
    }

    #[test]
    fn survives_any_octets(octets in vec(any::<u8>(), 0..300)) {
        let _ = Heartbeat::decode(&octets);
        let _ = Heartbeat::decode(&[&BEAT[..11], &octets].concat());
    }

    #[test]
    fn survives_messages_with_octets_changed(
        beat in any_beat(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut message = encode(&beat);
        for (position, octet) in changes {
            let position = position.index(message.len());
            message[position] = octet;
        }
        let cut = &message[..end.index(message.len())];
        for message in [cut, &message] {
            if let Ok(beat) = Heartbeat::decode(message) {
                prop_assert_eq!(Heartbeat::decode(&encode(&beat)), Ok(beat));
            }
        }
    }

    #[test]
    fn every_bit_of_an_entry_counts_in_its_digest(
        entry in entry(), bit in 0..Entry::LENGTH * 8 - 4
    ) {
        let mut octets = Vec::new();
        entry.encode(&mut octets);
        // The last octet has four bits that mean something, at its end.
        let bit = if bit < 18 * 8 { bit } else { bit + 4 };
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        let other = Entry::decode(&mut crate::reader::Reader::new(&octets)).unwrap();
        let difference = (digest(&entry) ^ digest(&other)).count_ones();
        prop_assert!((8..=56).contains(&difference), "{difference} bits");
    }
}
