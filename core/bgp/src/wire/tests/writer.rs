use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::decode_all;
use crate::params::{Asn, Community, Family, Prefix};
use crate::wire::attr::{AsPath, AttributeFlags, NextHop, RouteAttributes};
use crate::wire::generator::{self, DIALECT};
use crate::wire::{
    AsnWidth, AttributeBlock, Dialect, EncodeError, Message, Update, UpdateWriter,
    encode_end_of_rib,
};

const V4: NextHop = NextHop::Ipv4(core::net::Ipv4Addr::new(192, 0, 2, 1));

/// All UPDATEs in these octets as a receiver understands them; each must fit the session.
fn received(octets: &[u8], dialect: &Dialect) -> Vec<Update> {
    let understood = |message| match message {
        Message::Update(update) => update.treat(dialect).unwrap(),
        other => panic!("{other:?}"),
    };
    decode_all(octets, dialect)
        .unwrap()
        .into_iter()
        .map(understood)
        .collect()
}

fn announce_all(block: &AttributeBlock, prefixes: &[Prefix]) -> (Vec<u8>, usize) {
    let (mut out, mut messages, mut rest) = (Vec::new(), 0, prefixes);
    while !rest.is_empty() {
        let mut writer = UpdateWriter::announce(block, &mut out);
        let fitting = rest.iter().take_while(|prefix| writer.push(prefix)).count();
        assert!(fitting > 0, "a prefix always fits an empty UPDATE");
        writer.finish();
        rest = &rest[fitting..];
        messages += 1;
    }
    (out, messages)
}

fn withdraw_all(family: Family, dialect: &Dialect, prefixes: &[Prefix]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), prefixes);
    while !rest.is_empty() {
        let mut writer = UpdateWriter::withdraw(family, dialect, &mut out);
        let fitting = rest.iter().take_while(|prefix| writer.push(prefix)).count();
        writer.finish();
        rest = &rest[fitting..];
    }
    out
}

fn group() -> impl Strategy<Value = (Family, NextHop, RouteAttributes, Vec<Prefix>)> {
    generator::known_family().prop_flat_map(|family| {
        (
            Just(family),
            generator::next_hop(family),
            generator::route_attributes(),
            prop::collection::vec(generator::prefix(family), 0..2000),
        )
    })
}

fn dialect() -> impl Strategy<Value = Dialect> {
    (
        any::<bool>(),
        prop_oneof![Just(4096u16), Just(65535), 4096..=65535u16],
    )
        .prop_map(|(wide, max_message_length)| Dialect {
            asn_width: if wide { AsnWidth::Four } else { AsnWidth::Two },
            max_message_length,
            ..DIALECT
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_receiver_gets_what_was_announced(
        (family, next_hop, attributes, prefixes) in group(), dialect in dialect()
    ) {
        let block = AttributeBlock::new(family, next_hop, &attributes, &dialect).unwrap();
        let (out, _) = announce_all(&block, &prefixes);
        let mut announced = Vec::new();
        for update in received(&out, &dialect) {
            prop_assert_eq!(&update.findings, &[]);
            prop_assert_eq!(&update.attributes.route, &attributes);
            let [reach] = &update.announced[..] else { panic!("{update:?}") };
            prop_assert_eq!((reach.family, reach.next_hop), (family, next_hop));
            announced.extend_from_slice(&reach.prefixes);
        }
        prop_assert_eq!(announced, prefixes);
    }

    #[test]
    fn a_receiver_gets_what_was_withdrawn(
        (family, _, _, prefixes) in group(), dialect in dialect()
    ) {
        let out = withdraw_all(family, &dialect, &prefixes);
        let updates = received(&out, &dialect);
        let withdrawn: Vec<_> = updates.into_iter().flat_map(|update| update.withdrawn).collect();
        prop_assert_eq!(withdrawn, prefixes);
    }
}

fn hosts(count: u32) -> Vec<Prefix> {
    (0..count)
        .map(|host| Prefix::host(core::net::Ipv4Addr::from_bits(0x0a00_0000 + host).into()))
        .collect()
}

#[test]
fn fills_every_message_to_the_last_octet() {
    let attributes = RouteAttributes {
        as_path: AsPath::sequence(&[Asn(65001)]),
        multi_exit_disc: Some(1),
        extended_communities: BTreeSet::from(["0x0000000000000001".parse().unwrap()]),
        ..RouteAttributes::default()
    };
    let block = AttributeBlock::new(Family::IPV4_UNICAST, V4, &attributes, &DIALECT).unwrap();
    // 23 octets around 38 of attributes (ORIGIN 4, AS_PATH 9, NEXT_HOP 7, MULTI_EXIT_DISC 7, EXTENDED COMMUNITIES 11) leave
    // room for exactly 807 prefixes of 5 octets.
    let (out, messages) = announce_all(&block, &hosts(8070));
    assert_eq!((messages, out.len()), (10, 10 * 4096));
}

#[test]
fn writes_nothing_without_a_prefix() {
    let block = AttributeBlock::new(
        Family::IPV4_UNICAST,
        V4,
        &RouteAttributes::default(),
        &DIALECT,
    )
    .unwrap();
    let mut out = Vec::from([7]);
    assert_eq!(UpdateWriter::announce(&block, &mut out).finish(), 0);
    assert_eq!(
        UpdateWriter::withdraw(Family::IPV6_UNICAST, &DIALECT, &mut out).finish(),
        0
    );
    assert_eq!(out, [7]);
}

#[test]
fn takes_no_prefix_of_another_family() {
    let mut out = Vec::new();
    let mut writer = UpdateWriter::withdraw(Family::IPV4_UNICAST, &DIALECT, &mut out);
    assert!(!writer.push(&"2001:db8::/32".parse().unwrap()));
    assert!(writer.push(&"10.0.0.0/8".parse().unwrap()));
    assert_eq!(writer.finish(), 25);
}

#[test]
fn refuses_next_hops_that_do_not_fit_the_family() {
    let attributes = RouteAttributes::default();
    let plain = Dialect {
        extended_next_hop: false,
        ..DIALECT
    };
    let v6 = NextHop::Ipv6("2001:db8::1".parse().unwrap());
    let block =
        |family, next_hop, dialect| AttributeBlock::new(family, next_hop, &attributes, dialect);
    assert_eq!(
        block(Family::IPV6_UNICAST, V4, &DIALECT),
        Err(EncodeError::NextHopFamily)
    );
    assert_eq!(
        block(Family::IPV4_UNICAST, v6, &plain),
        Err(EncodeError::NextHopFamily)
    );
    assert!(block(Family::IPV4_UNICAST, v6, &DIALECT).is_ok());
    assert!(block(Family::IPV6_UNICAST, v6, &plain).is_ok());
}

/// With one community more at a time: as long as the block is made, a prefix of full length fits, and no longer.
#[test]
fn refuses_attributes_exactly_when_they_leave_no_room_for_a_prefix() {
    let global = "2001:db8::1".parse().unwrap();
    let both = NextHop::Ipv6WithLinkLocal {
        global,
        link_local: "fe80::1".parse().unwrap(),
    };
    let (v4, v6) = (hosts(1)[0], Prefix::host(global.into()));
    for (next_hop, prefix) in [
        (V4, v4),
        (NextHop::Ipv6(global), v4),
        (NextHop::Ipv6(global), v6),
        (both, v4),
        (both, v6),
    ] {
        let block = |count| {
            let communities = (0..count).map(Community).collect();
            let attributes = RouteAttributes {
                communities,
                ..RouteAttributes::default()
            };
            AttributeBlock::new(prefix.family(), next_hop, &attributes, &DIALECT)
        };
        let count = (900..1100).find(|count| block(*count).is_err()).unwrap();
        assert_eq!(block(count), Err(EncodeError::TooLong { limit: 4096 }));
        let mut out = Vec::new();
        let last = block(count - 1).unwrap();
        let mut writer = UpdateWriter::announce(&last, &mut out);
        assert!(writer.push(&prefix), "{next_hop:?} {prefix}");
        assert!(writer.finish() + 4 > 4096, "{next_hop:?} {prefix}");
    }
}

#[test]
fn gives_old_peers_both_forms_of_the_path() {
    let dialect = Dialect {
        asn_width: AsnWidth::Two,
        ..DIALECT
    };
    let attributes = RouteAttributes {
        as_path: AsPath::sequence(&[Asn(65001), Asn(100_000)]),
        ..RouteAttributes::default()
    };
    let block = AttributeBlock::new(Family::IPV4_UNICAST, V4, &attributes, &dialect).unwrap();
    let (out, _) = announce_all(&block, &hosts(1));
    let old: &[u8] = &[0x40, 2, 6, 2, 2, 0xfd, 0xe9, 0x5b, 0xa0];
    let new: &[u8] = &[0xc0, 17, 10, 2, 2, 0, 0, 0xfd, 0xe9, 0, 1, 0x86, 0xa0];
    assert!(out.windows(old.len()).any(|part| part == old));
    assert!(out.windows(new.len()).any(|part| part == new));
}

/// RFC 7606 section 5.1 for MP_REACH_NLRI, RFC 4271 section 5 for the others.
#[test]
fn puts_mp_reach_first_and_the_others_in_the_order_of_their_codes() {
    let attributes = RouteAttributes {
        multi_exit_disc: Some(1),
        local_pref: Some(2),
        communities: BTreeSet::from([Community(1)]),
        large_communities: BTreeSet::from(["1:2:3".parse().unwrap()]),
        extended_communities: BTreeSet::from(["0x0000000000000001".parse().unwrap()]),
        ..RouteAttributes::default()
    };
    let next_hop = NextHop::Ipv6("2001:db8::1".parse().unwrap());
    let block = AttributeBlock::new(Family::IPV6_UNICAST, next_hop, &attributes, &DIALECT).unwrap();
    let (out, _) = announce_all(&block, &["2001:db8::/32".parse().unwrap()]);
    let [Message::Update(update)] = &decode_all(&out, &DIALECT).unwrap()[..] else {
        panic!()
    };
    let codes: Vec<u8> = update
        .attributes
        .iter()
        .map(|attribute| attribute.code().0)
        .collect();
    assert_eq!(codes, [14, 1, 2, 4, 5, 8, 16, 32]);
    assert_eq!(
        AttributeFlags::of(update.attributes[1].code()),
        Some(AttributeFlags::WELL_KNOWN)
    );
}

#[test]
fn says_that_all_of_a_family_was_sent() {
    for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
        let mut out = Vec::new();
        encode_end_of_rib(family, &mut out);
        let [update] = &received(&out, &DIALECT)[..] else {
            panic!()
        };
        assert_eq!(
            *update,
            Update {
                end_of_rib: Some(family),
                ..Update::default()
            }
        );
    }
}
