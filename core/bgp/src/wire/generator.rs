//! Strategies for everything that can stand on the wire; tests of the whole crate share them.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;

use super::attr::{
    Aggregator, AsPath, AttributeFlags, MpReach, MpUnreach, NextHop, Origin, PathAttribute,
    RouteAttributes, SegmentKind, UnknownAttribute,
};
use super::capability::{
    Capability, ExtendedNextHop, NextHopRule, RestartFamily, RestartTerms, UnknownCapability,
};
use super::{
    AsnWidth, AttributeCode, CapabilityCode, Dialect, ErrorCode, Message, Notification, Open,
    PeerType, RawUpdate, RouteRefresh, RouteRefreshKind,
};
use crate::params::{
    Afi, Asn, BgpIdentifier, Community, ExtendedCommunity, Family, FamilySet, HoldTime,
    LargeCommunity, Prefix, Safi,
};

/// A session with both families and 4-octet numbers.
pub(crate) const DIALECT: Dialect = Dialect {
    peer_type: PeerType::Internal,
    asn_width: AsnWidth::Four,
    families: FamilySet::BOTH,
    extended_next_hop: true,
    enhanced_route_refresh: true,
    max_message_length: Dialect::STANDARD_LENGTH,
};

pub(crate) fn asn() -> impl Strategy<Value = Asn> {
    prop_oneof![1..=65535u32, 65536..=u32::MAX].prop_map(Asn)
}

pub(crate) fn identifier() -> impl Strategy<Value = BgpIdentifier> {
    (1..=u32::MAX).prop_map(|bits| BgpIdentifier::new(bits).unwrap())
}

pub(crate) fn known_family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::IPV4_UNICAST), Just(Family::IPV6_UNICAST)]
}

fn any_family() -> impl Strategy<Value = Family> {
    prop_oneof![
        known_family(),
        any::<(u16, u8)>().prop_map(|(afi, safi)| Family::new(Afi(afi), Safi(safi))),
    ]
}

pub(crate) fn prefix(family: Family) -> BoxedStrategy<Prefix> {
    match family {
        Family::IPV4_UNICAST => (any::<Ipv4Addr>(), 0..=32u8)
            .prop_map(|(address, length)| Prefix::new(IpAddr::V4(address), length).unwrap())
            .boxed(),
        _ => (any::<Ipv6Addr>(), 0..=128u8)
            .prop_map(|(address, length)| Prefix::new(IpAddr::V6(address), length).unwrap())
            .boxed(),
    }
}

fn host_v4() -> impl Strategy<Value = Ipv4Addr> {
    (0x0100_0000..0x7f00_0000u32).prop_map(Ipv4Addr::from_bits)
}

fn host_v6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u64>().prop_map(|low| Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(low)))
}

fn link_local() -> impl Strategy<Value = Ipv6Addr> {
    any::<u64>().prop_map(|low| Ipv6Addr::from_bits((0xfe80 << 112) | u128::from(low)))
}

/// A usable next hop that fits the family where RFC 8950 was negotiated.
pub(crate) fn next_hop(family: Family) -> BoxedStrategy<NextHop> {
    let ipv6 = prop_oneof![
        prop_oneof![host_v6().boxed(), link_local().boxed()].prop_map(NextHop::Ipv6),
        (host_v6(), link_local())
            .prop_map(|(global, link_local)| NextHop::Ipv6WithLinkLocal { global, link_local }),
    ];
    match family {
        Family::IPV4_UNICAST => prop_oneof![host_v4().prop_map(NextHop::Ipv4), ipv6].boxed(),
        _ => ipv6.boxed(),
    }
}

fn any_segment_kind() -> impl Strategy<Value = SegmentKind> {
    prop_oneof![
        Just(SegmentKind::Set),
        Just(SegmentKind::Sequence),
        Just(SegmentKind::ConfedSequence),
        Just(SegmentKind::ConfedSet),
    ]
}

/// A path of sequences, with up to 300 systems.
pub(crate) fn as_path() -> impl Strategy<Value = AsPath> {
    prop_oneof![9 => vec(asn(), 0..8), 1 => vec(asn(), 250..300)]
        .prop_map(|asns| AsPath::sequence(&asns))
}

fn any_as_path() -> impl Strategy<Value = AsPath> {
    vec((any_segment_kind(), vec(asn(), 1..6)), 0..4).prop_map(|segments| {
        let mut path = AsPath::EMPTY;
        segments
            .iter()
            .for_each(|(kind, asns)| path.push(*kind, asns));
        path
    })
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        Just(Origin::Igp),
        Just(Origin::Egp),
        Just(Origin::Incomplete)
    ]
}

fn large_community() -> impl Strategy<Value = LargeCommunity> {
    any::<(u32, u32, u32)>().prop_map(|(global, local_1, local_2)| LargeCommunity {
        global,
        local_1,
        local_2,
    })
}

/// What a route can say; with up to 80 communities of each kind, so that lengths of two octets occur.
pub(crate) fn route_attributes() -> impl Strategy<Value = RouteAttributes> {
    use proptest::collection::btree_set;
    (
        origin(),
        as_path(),
        any::<Option<u32>>(),
        any::<Option<u32>>(),
        btree_set(any::<u32>().prop_map(Community), 0..80),
        btree_set(large_community(), 0..80),
        btree_set(any::<u64>().prop_map(ExtendedCommunity), 0..80),
    )
        .prop_map(
            |(origin, as_path, multi_exit_disc, local_pref, communities, large, extended)| {
                RouteAttributes {
                    origin,
                    as_path,
                    multi_exit_disc,
                    local_pref,
                    communities,
                    large_communities: large,
                    extended_communities: extended,
                    ..RouteAttributes::default()
                }
            },
        )
}

fn mp_reach() -> impl Strategy<Value = MpReach> {
    known_family().prop_flat_map(|family| {
        (next_hop(family), vec(prefix(family), 0..20)).prop_map(move |(next_hop, prefixes)| {
            MpReach {
                family,
                next_hop,
                prefixes,
            }
        })
    })
}

fn mp_unreach() -> impl Strategy<Value = MpUnreach> {
    known_family().prop_flat_map(|family| {
        vec(prefix(family), 0..20).prop_map(move |prefixes| MpUnreach { family, prefixes })
    })
}

fn unknown_attribute() -> impl Strategy<Value = UnknownAttribute> {
    let flags = prop_oneof![
        Just(AttributeFlags::OPTIONAL),
        Just(AttributeFlags::OPTIONAL_TRANSITIVE),
        Just(AttributeFlags::PARTIAL),
    ];
    let code = (40..=255u8).prop_map(AttributeCode);
    (code, flags, vec(any::<u8>(), 0..300)).prop_map(|(code, flags, value)| UnknownAttribute {
        code,
        flags,
        value,
    })
}

fn aggregator() -> impl Strategy<Value = Aggregator> {
    (asn(), any::<Ipv4Addr>()).prop_map(|(asn, address)| Aggregator { asn, address })
}

/// Every attribute that a 4-octet session from inside the AS takes.
pub(crate) fn path_attribute() -> impl Strategy<Value = PathAttribute> {
    let lists = prop_oneof![
        vec(any::<u32>().prop_map(Community), 1..80).prop_map(PathAttribute::Communities),
        vec(any::<Ipv4Addr>(), 1..5).prop_map(PathAttribute::ClusterList),
        vec(any::<u64>().prop_map(ExtendedCommunity), 1..40)
            .prop_map(PathAttribute::ExtendedCommunities),
        vec(large_community(), 1..30).prop_map(PathAttribute::LargeCommunities),
    ];
    let numbers = prop_oneof![
        any::<u32>().prop_map(PathAttribute::MultiExitDisc),
        any::<u32>().prop_map(PathAttribute::LocalPref),
        identifier().prop_map(PathAttribute::OriginatorId),
        host_v4().prop_map(PathAttribute::NextHop),
        Just(PathAttribute::AtomicAggregate),
    ];
    prop_oneof![
        origin().prop_map(PathAttribute::Origin),
        any_as_path().prop_map(PathAttribute::AsPath),
        aggregator().prop_map(PathAttribute::Aggregator),
        mp_reach().prop_map(PathAttribute::MpReach),
        mp_unreach().prop_map(PathAttribute::MpUnreach),
        unknown_attribute().prop_map(PathAttribute::Unknown),
        lists,
        numbers,
    ]
}

/// An UPDATE without a defect of its encoding: each attribute at most once, in any order.
pub(crate) fn raw_update() -> impl Strategy<Value = RawUpdate> {
    let prefixes = || vec(prefix(Family::IPV4_UNICAST), 0..20);
    (prefixes(), vec(path_attribute(), 0..8), prefixes()).prop_map(
        |(withdrawn, attributes, announced)| {
            let mut unique: Vec<PathAttribute> = Vec::new();
            for attribute in attributes {
                if unique.iter().all(|other| other.code() != attribute.code()) {
                    unique.push(attribute);
                }
            }
            RawUpdate {
                withdrawn,
                attributes: unique,
                faults: Vec::new(),
                announced,
            }
        },
    )
}

pub(crate) fn capability() -> impl Strategy<Value = Capability> {
    let rule = (any_family(), any::<u16>()).prop_map(|(family, afi)| NextHopRule {
        family,
        next_hop: Afi(afi),
    });
    // Codes that we know would come back as what they are.
    let unknown = (
        prop_oneof![3..=4u8, 7..=63u8, 66..=69u8, 71..=255u8],
        vec(any::<u8>(), 0..=255),
    )
        .prop_map(|(code, value)| UnknownCapability::new(CapabilityCode(code), &value));
    prop_oneof![
        any_family().prop_map(Capability::Multiprotocol),
        Just(Capability::RouteRefresh),
        Just(Capability::ExtendedMessage),
        vec(rule, 0..=42).prop_map(|rules| Capability::ExtendedNextHop(ExtendedNextHop(rules))),
        asn().prop_map(Capability::FourOctetAsn),
        restart_terms().prop_map(Capability::GracefulRestart),
        Just(Capability::EnhancedRouteRefresh),
        unknown.prop_map(Capability::Unknown),
    ]
}

fn restart_terms() -> impl Strategy<Value = RestartTerms> {
    let family = (any_family(), any::<bool>())
        .prop_map(|(family, forwarding)| RestartFamily { family, forwarding });
    let families = vec(family, 0..=RestartTerms::MAX_FAMILIES);
    (any::<(bool, bool)>(), 0..4096_u16, families).prop_map(|(flags, restart_seconds, families)| {
        RestartTerms {
            restarting: flags.0,
            notification: flags.1,
            restart_seconds,
            families,
        }
    })
}

/// Small ones and such that need the extended parameters of RFC 9072.
pub(crate) fn open() -> impl Strategy<Value = Open> {
    let hold_time = prop_oneof![Just(0), 3..=u16::MAX].prop_map(|s| HoldTime::new(s).unwrap());
    (
        1..=u16::MAX,
        hold_time,
        identifier(),
        vec(capability(), 0..12),
    )
        .prop_map(|(asn_field, hold_time, identifier, capabilities)| Open {
            asn_field,
            hold_time,
            identifier,
            capabilities,
        })
}

pub(crate) fn notification() -> impl Strategy<Value = Notification> {
    (any::<(u8, u8)>(), vec(any::<u8>(), 0..300)).prop_map(|((code, subcode), data)| {
        Notification::new(ErrorCode::from_codes(code, subcode), data)
    })
}

pub(crate) fn route_refresh() -> impl Strategy<Value = RouteRefresh> {
    let kind = prop_oneof![
        Just(RouteRefreshKind::Request),
        Just(RouteRefreshKind::Begin),
        Just(RouteRefreshKind::End),
        (3..=255u8).prop_map(RouteRefreshKind::Unknown),
    ];
    (any_family(), kind).prop_map(|(family, kind)| RouteRefresh { family, kind })
}

/// Any message that [`DIALECT`] can carry.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        1 => open().prop_map(Message::Open),
        4 => raw_update().prop_map(Message::Update),
        1 => notification().prop_map(Message::Notification),
        1 => Just(Message::Keepalive),
        1 => route_refresh().prop_map(Message::RouteRefresh),
    ]
}
