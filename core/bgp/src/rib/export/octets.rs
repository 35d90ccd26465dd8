//! What leaves a session, octet by octet.

use alloc::{format, string::String, vec, vec::Vec};

use super::*;
use crate::params::{Community, LargeCommunity, LinkBandwidth, Prefix};
use crate::wire::{AsnWidth, UpdateWriter};

/// Our AS is 64512.
fn export(peer_type: PeerType, asn_width: AsnWidth) -> Export {
    Export {
        dialect: Dialect {
            asn_width,
            families: FamilySet::BOTH,
            ..Dialect::initial(peer_type)
        },
        local_asn: Asn(64512),
        ipv4: Some(NextHop::Ipv4([192, 0, 2, 1].into())),
        ipv6: None,
    }
}

/// The attributes of an UPDATE with 10.0.0.1/32, each as code and value.
fn sent(export: &Export, attributes: &RouteAttributes) -> Vec<(u8, String)> {
    let block = export.block(Family::IPV4_UNICAST, attributes).unwrap();
    let mut out = vec![];
    let mut writer = UpdateWriter::announce(&block, &mut out);
    assert!(writer.push(&Prefix::host([10, 0, 0, 1].into())));
    writer.finish();
    assert!(out.ends_with(&[32, 10, 0, 0, 1]));
    let mut rest = &out[23..out.len() - 5];
    let mut attributes = vec![];
    while let [flags, code, more @ ..] = rest {
        let long = flags & 0x10 != 0;
        let (length, value) = match long {
            true => (usize::from(more[0]) << 8 | usize::from(more[1]), &more[2..]),
            false => (usize::from(more[0]), &more[1..]),
        };
        let (value, behind) = value.split_at(length);
        attributes.push((*code, hex(value)));
        rest = behind;
    }
    attributes
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn everything() -> RouteAttributes {
    RouteAttributes {
        multi_exit_disc: Some(7),
        local_pref: Some(200),
        communities: [Community::NO_EXPORT, Community::new(64512, 1)].into(),
        large_communities: [LargeCommunity {
            global: 64512,
            local_1: 1,
            local_2: 2,
        }]
        .into(),
        extended_communities: ["0x0002fc0000000001".parse().unwrap()].into(),
        prepend: 2,
        link_bandwidth: Some(LinkBandwidth(3_000_000)),
        ..RouteAttributes::default()
    }
}

fn expect(export: &Export, attributes: &RouteAttributes, expected: &[(u8, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(code, value)| (*code, String::from(*value)))
        .collect();
    assert_eq!(sent(export, attributes), expected);
}

#[test]
fn an_external_peer_gets_our_as_as_often_as_asked_for_and_a_bandwidth_that_travels() {
    let export = export(PeerType::External, AsnWidth::Four);
    expect(
        &export,
        &everything(),
        &[
            (1, "00"),
            (2, "02030000fc000000fc000000fc00"),
            (3, "c0000201"),
            (4, "00000007"),
            (8, "fc000001ffffff01"),
            (16, "0002fc00000000010004fc004a371b00"),
            (32, "0000fc000000000100000002"),
        ],
    );
}

#[test]
fn an_external_peer_with_short_as_numbers_gets_them_short() {
    let prepended = RouteAttributes {
        prepend: 1,
        ..RouteAttributes::default()
    };
    let export = export(PeerType::External, AsnWidth::Two);
    let expected = [(1, "00"), (2, "0202fc00fc00"), (3, "c0000201")];
    expect(&export, &prepended, &expected);
}

#[test]
fn an_internal_peer_gets_local_pref_an_empty_path_and_a_bandwidth_that_stays() {
    let export = export(PeerType::Internal, AsnWidth::Four);
    expect(
        &export,
        &everything(),
        &[
            (1, "00"),
            (2, ""),
            (3, "c0000201"),
            (4, "00000007"),
            (5, "000000c8"),
            (8, "fc000001ffffff01"),
            (16, "0002fc00000000014004fc004a371b00"),
            (32, "0000fc000000000100000002"),
        ],
    );
}

#[test]
fn what_nobody_asked_for_is_not_sent() {
    let export = export(PeerType::External, AsnWidth::Four);
    let expected = [(1, "00"), (2, "02010000fc00"), (3, "c0000201")];
    expect(&export, &RouteAttributes::default(), &expected);
}
