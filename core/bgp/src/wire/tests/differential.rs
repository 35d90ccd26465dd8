//! Other people's decoders understand what we write, and we understand what they write.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::IpAddr;

use proptest::prelude::*;
use rustbgpd_wire as other;
use zettabgp::prelude::{BgpMessage, BgpSessionParams, BgpTransportMode, BgpUpdateMessage};

use super::{decode_all, encode};
use crate::params::{Family, FamilySet, Prefix};
use crate::wire::attr::{NextHop, PathAttribute, RouteAttributes};
use crate::wire::capability::Capability;
use crate::wire::generator::{self, DIALECT};
use crate::wire::{
    AttributeBlock, Dialect, Message, Open, PeerType, RawUpdate, RouteRefresh, UpdateWriter,
    encode_end_of_rib,
};

fn theirs(octets: &[u8]) -> other::Message {
    let mut octets = bytes::Bytes::copy_from_slice(octets);
    other::decode_message(&mut octets, other::MAX_MESSAGE_LEN).unwrap()
}

fn their_update(octets: &[u8]) -> other::ParsedUpdate {
    let other::Message::Update(update) = theirs(octets) else {
        panic!("no UPDATE")
    };
    let parsed = update.parse_revised(true, true, false, &[]).unwrap();
    assert_eq!(parsed.malformed, []);
    parsed.update
}

/// One UPDATE of a group, and how many of the prefixes went into it.
fn announce(block: &AttributeBlock, prefixes: &[Prefix]) -> (Vec<u8>, usize) {
    let mut out = Vec::new();
    let mut writer = UpdateWriter::announce(block, &mut out);
    let fitting = prefixes
        .iter()
        .take_while(|prefix| writer.push(prefix))
        .count();
    writer.finish();
    (out, fitting)
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<std::string::String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

/// What they read must say the same as what we meant.
fn agrees(attribute: &other::PathAttribute, attributes: &RouteAttributes) -> bool {
    use other::PathAttribute as Theirs;
    match attribute {
        Theirs::Origin(origin) => *origin as u8 == attributes.origin.code(),
        Theirs::AsPath(path) => {
            let sequences = path.segments.iter().flat_map(|segment| match segment {
                other::AsPathSegment::AsSequence(asns) => asns.clone(),
                other::AsPathSegment::AsSet(_) => panic!("we write no sets"),
            });
            sequences.eq(attributes.as_path.asns().map(|asn| asn.0))
        }
        Theirs::Med(number) => attributes.multi_exit_disc == Some(*number),
        Theirs::LocalPref(number) => attributes.local_pref == Some(*number),
        Theirs::Communities(list) => list
            .iter()
            .copied()
            .eq(attributes.communities.iter().map(|community| community.0)),
        Theirs::ExtendedCommunities(list) => {
            let ours = attributes
                .extended_communities
                .iter()
                .map(|community| community.0);
            list.iter().map(|community| community.as_u64()).eq(ours)
        }
        Theirs::LargeCommunities(list) => {
            let ours = attributes.large_communities.iter();
            let theirs = list
                .iter()
                .map(|c| (c.global_admin, c.local_data1, c.local_data2));
            theirs.eq(ours.map(|c| (c.global, c.local_1, c.local_2)))
        }
        Theirs::NextHop(_) | Theirs::MpReachNlri(_) => true,
        unexpected => panic!("{unexpected:?}"),
    }
}

fn group() -> impl Strategy<Value = (Family, NextHop, RouteAttributes, Vec<Prefix>)> {
    generator::known_family().prop_flat_map(|family| {
        (
            Just(family),
            generator::next_hop(family),
            generator::route_attributes(),
            prop::collection::vec(generator::prefix(family), 1..50),
        )
    })
}

/// Attributes that both codecs write alike: theirs has no confederations and drops duplicates, and each has its own idea of
/// AS_SET and of the flags of what it does not know.
fn shared_update() -> impl Strategy<Value = RawUpdate> {
    generator::raw_update().prop_map(|mut update| {
        update.attributes.retain(|attribute| match attribute {
            PathAttribute::AsPath(path) => path.defect(PeerType::External).is_none(),
            PathAttribute::Aggregator(_) => true,
            PathAttribute::LargeCommunities(list) => {
                let unique: alloc::collections::BTreeSet<_> = list.iter().collect();
                unique.len() == list.len()
            }
            PathAttribute::Unknown(_) => false,
            _ => true,
        });
        update
    })
}

proptest! {
    #[test]
    fn rustbgpd_reads_the_routes_that_we_announce(
        (family, next_hop, attributes, prefixes) in group()
    ) {
        let block = AttributeBlock::new(family, next_hop, &attributes, &DIALECT).unwrap();
        let (octets, fitting) = announce(&block, &prefixes);
        let update = their_update(&octets);
        prop_assert!(update.attributes.iter().all(|attribute| agrees(attribute, &attributes)));
        let reach = update.attributes.iter().find_map(|attribute| match attribute {
            other::PathAttribute::MpReachNlri(reach) => Some(reach),
            _ => None,
        });
        let announced = match reach {
            None => {
                let NextHop::Ipv4(address) = next_hop else { panic!("{next_hop:?}") };
                let theirs = other::PathAttribute::NextHop(address);
                prop_assert!(update.attributes.contains(&theirs));
                let entries = update.announced.iter().map(|entry| entry.prefix);
                entries.map(|prefix| std::format!("{}/{}", prefix.addr, prefix.len)).collect()
            }
            Some(reach) => {
                let theirs = match (reach.next_hop, reach.link_local_next_hop) {
                    (IpAddr::V6(global), Some(link_local)) => {
                        NextHop::Ipv6WithLinkLocal { global, link_local }
                    }
                    (IpAddr::V6(address), None) => NextHop::Ipv6(address),
                    (IpAddr::V4(address), _) => NextHop::Ipv4(address),
                };
                prop_assert_eq!(theirs, next_hop);
                reach.announced.iter().map(|entry| match entry.prefix {
                    other::Prefix::V4(prefix) => std::format!("{}/{}", prefix.addr, prefix.len),
                    other::Prefix::V6(prefix) => std::format!("{}/{}", prefix.addr, prefix.len),
                }).collect::<Vec<_>>()
            }
        };
        prop_assert_eq!(announced, texts(&prefixes[..fitting]));
    }

    #[test]
    fn rustbgpd_writes_what_we_read(update in shared_update()) {
        let octets = encode(&Message::Update(update.clone()), &DIALECT);
        let parsed = their_update(&octets);
        let message = other::UpdateMessage::try_build(
            &parsed.announced, &parsed.withdrawn, &parsed.attributes, true, false,
            other::Ipv4UnicastMode::Body,
        ).unwrap();
        let octets = other::encode_message(&other::Message::Update(message)).unwrap();
        let [Message::Update(again)] = &decode_all(&octets, &DIALECT).unwrap()[..] else { panic!() };
        prop_assert_eq!(&again.faults, &[]);
        prop_assert_eq!(&again.withdrawn, &update.withdrawn);
        prop_assert_eq!(&again.announced, &update.announced);
        let sorted = |update: &RawUpdate| {
            let mut attributes = update.attributes.clone();
            attributes.sort_by_key(PathAttribute::code);
            attributes
        };
        prop_assert_eq!(sorted(again), sorted(&update));
    }

    #[test]
    fn rustbgpd_reads_and_writes_our_open(open in generator::open()) {
        let known = |capability: &Capability| !matches!(capability, Capability::Unknown(_));
        let mut capabilities: Vec<_> = open.capabilities.into_iter().filter(known).collect();
        // Families that it does not know it passes over there.
        for capability in &mut capabilities {
            if let Capability::GracefulRestart(terms) = capability {
                terms.families.retain(|each| each.family.is_known());
            }
        }
        let open = Open { capabilities, ..open };
        let octets = encode(&Message::Open(open.clone()), &DIALECT);
        let message = theirs(&octets);
        let other::Message::Open(read) = &message else { panic!("no OPEN") };
        prop_assert_eq!((read.my_as, read.hold_time), (open.asn_field, open.hold_time.seconds()));
        prop_assert_eq!(read.bgp_identifier.to_string(), open.identifier.to_string());
        prop_assert_eq!(read.capabilities.len(), open.capabilities.len());
        let octets = other::encode_message(&message).unwrap();
        prop_assert_eq!(decode_all(&octets, &DIALECT).unwrap(), [Message::Open(open)]);
    }

    #[test]
    fn rustbgpd_reads_and_writes_our_other_messages(message in prop_oneof![
        generator::notification().prop_map(Message::Notification),
        generator::route_refresh().prop_map(Message::RouteRefresh),
        Just(Message::Keepalive),
    ]) {
        let octets = encode(&message, &DIALECT);
        let again = other::encode_message(&theirs(&octets)).unwrap();
        prop_assert_eq!(&again[..], &octets[..]);
    }

    #[test]
    fn zettabgp_reads_the_routes_that_we_announce(
        (family, next_hop, attributes, prefixes) in group().prop_filter(
            "it knows no IPv4 over IPv6",
            |(family, next_hop, ..)| {
                matches!(next_hop, NextHop::Ipv4(_)) || *family == Family::IPV6_UNICAST
            },
        )
    ) {
        let block = AttributeBlock::new(family, next_hop, &attributes, &DIALECT).unwrap();
        let (octets, fitting) = announce(&block, &prefixes);
        let update = zetta_update(&octets, family);
        let read = match (&update.updates, update.get_mpupdates().map(|reach| &reach.addrs)) {
            (zettabgp::prelude::BgpAddrs::IPV4U(list), None) => texts(list),
            (_, Some(zettabgp::prelude::BgpAddrs::IPV6U(list))) => texts(list),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(read, texts(&prefixes[..fitting]));
        let list = update.get_attr_communitylist().map(|list| list.value.iter().map(|c| c.value));
        let ours = attributes.communities.iter().map(|community| community.0);
        prop_assert!(list.into_iter().flatten().eq(ours));
    }
}

fn zetta_update(octets: &[u8], family: Family) -> BgpUpdateMessage {
    let mode = match family {
        Family::IPV4_UNICAST => BgpTransportMode::IPv4,
        _ => BgpTransportMode::IPv6,
    };
    let mut params = BgpSessionParams::new(65000, 90, mode, [10, 0, 0, 1].into(), Vec::new());
    params.fuzzy_pathid = false;
    let mut update = BgpUpdateMessage::new();
    update.decode_from(&params, &octets[19..]).unwrap();
    update
}

#[test]
fn rustbgpd_knows_our_end_of_rib_and_route_refresh() {
    let mut out = Vec::new();
    encode_end_of_rib(Family::IPV6_UNICAST, &mut out);
    let update = their_update(&out);
    let [other::PathAttribute::MpUnreachNlri(unreach)] = &update.attributes[..] else {
        panic!()
    };
    assert_eq!(
        (unreach.afi, unreach.safi),
        (other::Afi::Ipv6, other::Safi::Unicast)
    );
    assert_eq!(unreach.withdrawn, []);
    let refresh = RouteRefresh::request(Family::IPV4_UNICAST);
    let octets = encode(
        &Message::RouteRefresh(refresh),
        &Dialect {
            families: FamilySet::NONE,
            ..DIALECT
        },
    );
    let other::Message::RouteRefresh(read) = theirs(&octets) else {
        panic!()
    };
    assert_eq!((read.afi_raw, read.subtype_raw, read.safi_raw), (1, 0, 1));
}
