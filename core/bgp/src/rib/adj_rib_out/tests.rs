use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use core::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::fsm::Negotiated;
use crate::notice::LocalAddresses;
use crate::params::{Asn, BgpIdentifier, HoldTime};
use crate::peer_config::PeerConfig;
use crate::rib::{PeerSet, Route};
use crate::wire::attr::NextHop;
use crate::wire::{AsnWidth, Decoder, Dialect, Message, PeerType};

/// A peer that believes all it is told, demarcations included.
struct Receiver {
    dialect: Dialect,
    decoder: Decoder,
    routes: BTreeMap<Prefix, (NextHop, RouteAttributes)>,
    ends: Vec<Family>,
    /// By family that is being sent again: what was not sent yet.
    stale: BTreeMap<Family, BTreeSet<Prefix>>,
    updates: u64,
}

impl Receiver {
    fn new(dialect: Dialect) -> Self {
        let (decoder, routes) = (Decoder::new(), BTreeMap::new());
        Self {
            dialect,
            decoder,
            routes,
            ends: vec![],
            stale: BTreeMap::new(),
            updates: 0,
        }
    }

    fn read(&mut self, mut octets: &[u8]) {
        while let Some(message) = self.decoder.decode(&mut octets, &self.dialect).unwrap() {
            let update = match message {
                Message::Update(update) => update,
                Message::RouteRefresh(refresh) => {
                    self.take_mark(refresh);
                    continue;
                }
                Message::Open(_) | Message::Notification(_) | Message::Keepalive => {
                    panic!("{message:?}")
                }
            };
            let update = update.treat(&self.dialect).unwrap();
            assert!(update.findings.is_empty(), "{:?}", update.findings);
            self.updates += 1;
            self.ends.extend(update.end_of_rib);
            for prefix in update.withdrawn {
                assert!(
                    self.routes.remove(&prefix).is_some(),
                    "{prefix} was never announced"
                );
            }
            for reach in update.announced {
                for prefix in reach.prefixes {
                    if let Some(stale) = self.stale.get_mut(&prefix.family()) {
                        stale.remove(&prefix);
                    }
                    let route = (reach.next_hop, update.attributes.route.clone());
                    self.routes.insert(prefix, route);
                }
            }
        }
        assert_eq!(
            self.decoder.buffered(),
            0,
            "only whole messages are written"
        );
    }

    fn take_mark(&mut self, refresh: RouteRefresh) {
        let family = refresh.family;
        match refresh.kind {
            RouteRefreshKind::Begin => {
                assert!(self.ends.contains(&family), "End-of-RIB comes first");
                let of_family = |prefix: &&Prefix| prefix.family() == family;
                let all = self.routes.keys().filter(of_family).copied().collect();
                self.stale.insert(family, all);
            }
            RouteRefreshKind::End => {
                for prefix in self.stale.remove(&family).unwrap() {
                    self.routes.remove(&prefix);
                }
            }
            RouteRefreshKind::Request | RouteRefreshKind::Unknown(_) => panic!("{refresh:?}"),
        }
    }
}

fn config(peer_type: PeerType) -> PeerConfig {
    let remote_asn = Asn(if peer_type == PeerType::Internal {
        64512
    } else {
        64513
    });
    let asns = [Asn(64512), remote_asn];
    let identifier = BgpIdentifier::new(1).unwrap();
    PeerConfig::new("tor".into(), [192, 0, 2, 2].into(), asns, identifier)
}

fn dialect(peer_type: PeerType) -> Dialect {
    Dialect {
        asn_width: AsnWidth::Four,
        families: FamilySet::BOTH,
        ..Dialect::initial(peer_type)
    }
}

fn export(peer_type: PeerType) -> Export {
    export_with(peer_type, false)
}

/// With or without marks around what is sent again.
fn export_with(peer_type: PeerType, enhanced_route_refresh: bool) -> Export {
    let negotiated = Negotiated {
        remote_asn: Asn(64513),
        dialect: Dialect {
            enhanced_route_refresh,
            ..dialect(peer_type)
        },
        hold_time: HoldTime::DEFAULT,
        keepalive: None,
        send_hold: None,
        remote_identifier: BgpIdentifier::new(2).unwrap(),
        route_refresh: true,
        restart: None,
        promises_end_of_rib: false,
        restarting: false,
    };
    let addresses = LocalAddresses {
        local: [192, 0, 2, 1].into(),
        ipv4: None,
        ipv6: Some("2001:db8::1".parse().unwrap()),
        on_link: true,
    };
    Export::new(&config(peer_type), &negotiated, &addresses)
}

fn attributes(number: u32) -> RouteAttributes {
    RouteAttributes {
        multi_exit_disc: Some(number),
        ..RouteAttributes::default()
    }
}

fn route(peers: PeerSet, number: u32) -> Route {
    Route {
        peers,
        attributes: Arc::new(attributes(number)),
    }
}

fn ipv4(number: u32) -> Prefix {
    Prefix::host(IpAddr::V4((0x0a00_0000 + number).into()))
}

fn prefix(number: u32) -> Prefix {
    match number.is_multiple_of(2) {
        true => ipv4(number),
        false => Prefix::host(IpAddr::V6(
            (0x2001_0db8_u128 << 96 | u128::from(number)).into(),
        )),
    }
}

/// Writes all that waits.
fn drain(out: &mut AdjRibOut, rib: &mut LocRib, receiver: &mut Receiver) -> u64 {
    let (mut octets, mut messages) = (vec![], 0);
    loop {
        octets.clear();
        messages += out.poll_transmit(rib, 10_000, &mut octets);
        if octets.is_empty() {
            return messages;
        }
        receiver.read(&octets);
    }
}

#[derive(Clone, Debug)]
enum Op {
    Set { prefix: u32, routes: Vec<(u8, u32)> },
    Write { messages: usize },
    Refresh { ipv6: bool },
    Reset,
}

fn op() -> impl Strategy<Value = Op> {
    let routes = prop::collection::vec((0..3_u8, 0..4_u32), 0..3);
    prop_oneof![
        8 => (0..40_u32, routes).prop_map(|(prefix, routes)| Op::Set { prefix, routes }),
        3 => (0..4_usize).prop_map(|messages| Op::Write { messages }),
        1 => any::<bool>().prop_map(|ipv6| Op::Refresh { ipv6 }),
        1 => Just(Op::Reset),
    ]
}

fn peers(number: u8) -> PeerSet {
    match number {
        0 => PeerSet::All,
        1 => PeerSet::only(vec!["other".into(), "tor".into()]),
        _ => PeerSet::only(vec!["other".into()]),
    }
}

proptest! {
    #[test]
    fn a_receiver_holds_exactly_what_is_wanted(
        marks in any::<bool>(),
        ops in prop::collection::vec(op(), 0..120),
    ) {
        let mut rib = LocRib::default();
        rib.set_complete();
        let export = export_with(PeerType::External, marks);
        let mut out = AdjRibOut::new("tor".into(), export.clone(), &rib);
        let mut receiver = Receiver::new(dialect(PeerType::External));
        let mut wanted: BTreeMap<Prefix, Vec<Route>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Set { prefix: number, routes } => {
                    let routes: Vec<_> =
                        routes.into_iter().map(|(set, med)| route(peers(set), med)).collect();
                    if let Some(slot) = rib.set(prefix(number), &routes) {
                        out.mark(slot);
                    }
                    wanted.insert(prefix(number), routes);
                    rib.sweep(out.sent());
                }
                Op::Write { messages } => (0..messages).for_each(|_| {
                    let mut octets = vec![];
                    out.poll_transmit(&mut rib, 1, &mut octets);
                    receiver.read(&octets);
                }),
                Op::Refresh { ipv6 } => {
                    let family = if ipv6 { Family::IPV6_UNICAST } else { Family::IPV4_UNICAST };
                    out.resend(family, &rib);
                }
                Op::Reset => {
                    out.release(&mut rib);
                    out = AdjRibOut::new("tor".into(), export.clone(), &rib);
                    receiver = Receiver::new(dialect(PeerType::External));
                }
            }
        }
        drain(&mut out, &mut rib, &mut receiver);
        prop_assert_eq!(&receiver.stale, &BTreeMap::new());
        let expected: BTreeMap<_, _> = wanted.iter().filter_map(|(prefix, routes)| {
            let route = routes.iter().find(|route| route.peers.contains("tor"))?;
            Some((*prefix, route.attributes.multi_exit_disc))
        }).collect();
        let held: BTreeMap<_, _> = receiver.routes.iter()
            .map(|(prefix, (_, attributes))| (*prefix, attributes.multi_exit_disc)).collect();
        prop_assert_eq!(&held, &expected);
        prop_assert_eq!(out.advertised(), expected.len());
        for (prefix, routes) in &wanted {
            let slot = rib.set(*prefix, routes);
            prop_assert_eq!(slot, None);
        }
        prop_assert_eq!(drain(&mut out, &mut rib, &mut receiver), 0);
        out.release(&mut rib);
        for prefix in wanted.keys() {
            rib.set(*prefix, &[]);
        }
        prop_assert_eq!(rib.slots().count(), 0);
    }
}

#[test]
fn what_is_sent_again_stands_between_marks() {
    let mut rib = LocRib::default();
    rib.set(prefix(1), &[route(PeerSet::All, 1)]);
    rib.set(prefix(2), &[route(PeerSet::All, 1)]);
    let mut out = AdjRibOut::new("tor".into(), export_with(PeerType::External, true), &rib);
    let mut receiver = Receiver::new(dialect(PeerType::External));
    drain(&mut out, &mut rib, &mut receiver);
    // Before End-of-RIB no mark may stand: the receiver would fail.
    out.resend(Family::IPV6_UNICAST, &rib);
    assert_eq!(drain(&mut out, &mut rib, &mut receiver), 1);
    rib.set_complete();
    drain(&mut out, &mut rib, &mut receiver);
    // What the receiver should not have any more goes without a withdrawal.
    let lost = "2001:db8::ffff/128".parse().unwrap();
    receiver
        .routes
        .insert(lost, receiver.routes[&prefix(1)].clone());
    out.resend(Family::IPV6_UNICAST, &rib);
    out.resend(Family::IPV6_UNICAST, &rib);
    assert_eq!(drain(&mut out, &mut rib, &mut receiver), 1);
    let held: Vec<_> = receiver.routes.keys().copied().collect();
    assert_eq!(held, [prefix(2), prefix(1)]);
}

#[test]
fn packs_a_hundred_thousand_prefixes_into_as_few_updates_as_fit() {
    let mut rib = LocRib::default();
    let routes = [route(PeerSet::All, 1)];
    (0..100_000).for_each(|number| {
        rib.set(ipv4(number), &routes);
    });
    rib.set_complete();
    let mut out = AdjRibOut::new("tor".into(), export(PeerType::External), &rib);
    let mut receiver = Receiver::new(dialect(PeerType::External));
    let messages = drain(&mut out, &mut rib, &mut receiver);
    assert_eq!(receiver.routes.len(), 100_000);
    assert_eq!(messages, receiver.updates);
    // ORIGIN 4, AS_PATH 9, NEXT_HOP 7, MED 7 octets beside header and lengths; two End-of-RIBs.
    let room = (4096 - 23 - 27) / 5;
    assert_eq!(messages, 100_000_u64.div_ceil(room) + 2);
    assert_eq!(receiver.ends, [Family::IPV4_UNICAST, Family::IPV6_UNICAST]);
}

#[test]
fn a_change_that_is_taken_back_before_it_was_written_sends_nothing() {
    let mut rib = LocRib::default();
    let slot = rib.set(ipv4(1), &[route(PeerSet::All, 1)]).unwrap();
    let mut out = AdjRibOut::new("tor".into(), export(PeerType::External), &rib);
    let mut receiver = Receiver::new(dialect(PeerType::External));
    assert_eq!(drain(&mut out, &mut rib, &mut receiver), 1);
    for number in [2, 3, 1] {
        rib.set(ipv4(1), &[route(PeerSet::All, number)]);
        out.mark(slot);
    }
    assert_eq!(drain(&mut out, &mut rib, &mut receiver), 0);
}

#[test]
fn ends_the_rib_only_when_the_first_full_set_was_delivered() {
    let mut rib = LocRib::default();
    rib.set(ipv4(1), &[route(PeerSet::All, 1)]);
    let mut out = AdjRibOut::new("tor".into(), export(PeerType::External), &rib);
    let mut receiver = Receiver::new(dialect(PeerType::External));
    drain(&mut out, &mut rib, &mut receiver);
    assert!(receiver.ends.is_empty());
    rib.set_complete();
    drain(&mut out, &mut rib, &mut receiver);
    assert_eq!(receiver.ends, [Family::IPV4_UNICAST, Family::IPV6_UNICAST]);
}

#[test]
fn an_internal_peer_gets_local_pref_and_an_external_one_our_as() {
    for (peer_type, path, local_pref) in [
        (PeerType::External, vec![Asn(64512)], None),
        (PeerType::Internal, vec![], Some(100)),
    ] {
        let mut rib = LocRib::default();
        rib.set(prefix(1), &[route(PeerSet::All, 1)]);
        let mut out = AdjRibOut::new("tor".into(), export(peer_type), &rib);
        let mut receiver = Receiver::new(dialect(peer_type));
        drain(&mut out, &mut rib, &mut receiver);
        let (next_hop, attributes) = &receiver.routes[&prefix(1)];
        assert_eq!(*next_hop, NextHop::Ipv6("2001:db8::1".parse().unwrap()));
        assert_eq!(attributes.as_path.asns().collect::<Vec<_>>(), path);
        assert_eq!(attributes.local_pref, local_pref);
    }
}

#[test]
fn attributes_that_fit_no_message_withdraw_the_prefix() {
    let mut rib = LocRib::default();
    let slot = rib.set(ipv4(1), &[route(PeerSet::All, 1)]).unwrap();
    let mut out = AdjRibOut::new("tor".into(), export(PeerType::External), &rib);
    let mut receiver = Receiver::new(dialect(PeerType::External));
    drain(&mut out, &mut rib, &mut receiver);
    let communities = (0..2000).map(crate::params::Community).collect();
    let large = RouteAttributes {
        communities,
        ..RouteAttributes::default()
    };
    rib.set(
        ipv4(1),
        &[Route {
            peers: PeerSet::All,
            attributes: Arc::new(large),
        }],
    );
    out.mark(slot);
    drain(&mut out, &mut rib, &mut receiver);
    assert!(receiver.routes.is_empty());
    assert_eq!(out.advertised(), 0);
}
