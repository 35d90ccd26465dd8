use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::notice::LocalAddresses;
use crate::params::{Asn, BgpIdentifier};
use crate::peer_config::PeerConfig;
use crate::wire::attr::{AsPath, NextHop, ReceivedAttributes, RouteAttributes};

fn config() -> PeerConfig {
    let asns = [Asn(64512), Asn(64513)];
    let identifier = BgpIdentifier::new(1).unwrap();
    PeerConfig::new("tor".into(), [192, 0, 2, 2].into(), asns, identifier)
}

/// A table with its filter, and what left it.
struct Fixture {
    table: AdjRibIn,
    import: Import,
    counters: Counters,
    learned: Learned,
}

impl Fixture {
    fn new() -> Self {
        let addresses = LocalAddresses {
            local: [192, 0, 2, 1].into(),
            ipv4: None,
            ipv6: None,
            on_link: true,
        };
        Self {
            table: AdjRibIn::new(LocalEnd::new(&config(), &addresses)),
            import: Import {
                except: vec![prefix("10.244.1.0/24")],
                ..Import::within(["10.244.0.0/16", "fd00::/48"].map(prefix), 3)
            },
            counters: Counters::default(),
            learned: Learned::default(),
        }
    }

    fn update(&mut self, update: &Update) -> Option<Family> {
        let mut outcome = Outcome {
            counters: &mut self.counters,
            learned: &mut self.learned,
        };
        self.table.handle_update(update, &self.import, &mut outcome)
    }

    fn announce(&mut self, prefixes: &[&str]) {
        self.update(&announced(prefixes, 2, &[64513]));
    }

    fn import(&mut self, change: impl FnOnce(&mut Import)) -> Option<Family> {
        change(&mut self.import);
        let mut outcome = Outcome {
            counters: &mut self.counters,
            learned: &mut self.learned,
        };
        self.table.handle_import(&self.import, &mut outcome)
    }

    fn rejected(&self, reason: RejectReason) -> u64 {
        self.counters.rejected.count(reason)
    }

    fn held(&self) -> Vec<Prefix> {
        self.table.prefixes().copied().collect()
    }

    /// Which prefixes are said to have changed since the last look.
    fn changed(&mut self) -> Vec<Prefix> {
        core::mem::take(&mut self.learned).into_pending().collect()
    }
}

fn allow(import: &mut Import, own_asns: u8) {
    for rule in &mut import.rules {
        rule.allow_own_asn = own_asns;
    }
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn announced(prefixes: &[&str], last: u8, asns: &[u32]) -> Update {
    let asns: Vec<_> = asns.iter().copied().map(Asn).collect();
    let (ipv4, ipv6): (Vec<_>, Vec<_>) = prefixes
        .iter()
        .map(|text| prefix(text))
        .partition(|prefix| prefix.family() == Family::IPV4_UNICAST);
    let reach = |family, next_hop, prefixes: Vec<Prefix>| {
        (!prefixes.is_empty()).then_some(Reach {
            family,
            next_hop,
            prefixes,
        })
    };
    let global = core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into());
    let ipv4 = reach(
        Family::IPV4_UNICAST,
        NextHop::Ipv4([192, 0, 2, last].into()),
        ipv4,
    );
    let ipv6 = reach(Family::IPV6_UNICAST, NextHop::Ipv6(global), ipv6);
    Update {
        announced: ipv4.into_iter().chain(ipv6).collect(),
        attributes: ReceivedAttributes {
            route: RouteAttributes {
                as_path: AsPath::sequence(&asns),
                ..RouteAttributes::default()
            },
            ..ReceivedAttributes::default()
        },
        ..Update::default()
    }
}

fn withdrawn(prefixes: &[&str]) -> Update {
    Update {
        withdrawn: prefixes.iter().map(|text| prefix(text)).collect(),
        ..Update::default()
    }
}

#[test]
fn keeps_what_the_filter_lets_pass_and_counts_the_rest() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24", "10.244.1.0/24", "10.0.0.0/8", "fd00::/64"]);
    let kept = [prefix("10.244.2.0/24"), prefix("fd00::/64")];
    assert_eq!(fixture.held(), kept);
    assert_eq!(fixture.changed(), kept);
    assert_eq!(fixture.rejected(RejectReason::NotInFilter), 2);
    assert_eq!(
        (fixture.table.accepted(), fixture.counters.updates_received),
        (2, 1)
    );
}

#[test]
fn prefixes_of_one_update_share_their_path() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24", "10.244.3.0/24"]);
    let prefixes = ["10.244.2.0/24", "10.244.3.0/24"].map(prefix);
    let [first, second] = prefixes.map(|prefix| fixture.table.path(&prefix).unwrap());
    assert!(core::ptr::eq(first, second));
}

#[test]
fn a_withdrawal_ends_a_route_and_a_second_one_is_no_change() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24", "fd00::/64"]);
    fixture.changed();
    fixture.update(&withdrawn(&["10.244.2.0/24", "fd00::/64", "10.244.9.0/24"]));
    assert_eq!(fixture.changed().len(), 2);
    assert_eq!(fixture.table.accepted(), 0);
    fixture.update(&withdrawn(&["10.244.2.0/24"]));
    assert!(fixture.changed().is_empty());
}

#[test]
fn what_comes_again_replaces_what_was_and_equal_is_no_change() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24"]);
    fixture.changed();
    fixture.announce(&["10.244.2.0/24"]);
    assert!(fixture.changed().is_empty());
    fixture.update(&announced(&["10.244.2.0/24"], 3, &[64513]));
    assert_eq!(fixture.changed().len(), 1);
    let path = fixture.table.path(&prefix("10.244.2.0/24")).unwrap();
    assert_eq!(
        path.next_hop.address,
        core::net::IpAddr::from([192, 0, 2, 3])
    );
}

#[test]
fn a_route_that_turns_bad_takes_the_good_one_with_it() {
    let mut fixture = Fixture::new();
    for (bad, reason) in [
        (
            announced(&["10.244.2.0/24"], 2, &[64512]),
            RejectReason::OwnAsn,
        ),
        (
            announced(&["10.244.2.0/24"], 1, &[64513]),
            RejectReason::OwnNextHop,
        ),
    ] {
        fixture.announce(&["10.244.2.0/24"]);
        fixture.update(&bad);
        assert_eq!(fixture.rejected(reason), 1);
        assert_eq!(fixture.table.accepted(), 0);
    }
}

#[test]
fn a_prefix_that_is_withdrawn_and_announced_at_once_is_announced() {
    let mut fixture = Fixture::new();
    let mut update = announced(&["10.244.2.0/24"], 2, &[]);
    update.withdrawn.push(prefix("10.244.2.0/24"));
    fixture.update(&update);
    assert_eq!(fixture.table.accepted(), 1);
}

#[test]
fn a_full_table_takes_changes_but_nothing_new_in_each_family_by_itself() {
    let mut fixture = Fixture::new();
    fixture.announce(&[
        "10.244.2.0/24",
        "10.244.3.0/24",
        "10.244.4.0/24",
        "10.244.5.0/24",
    ]);
    fixture.announce(&["fd00::/64"]);
    assert_eq!(fixture.rejected(RejectReason::MaxPrefixes), 1);
    assert_eq!(fixture.table.overflowed(), FamilySet::IPV4);
    assert!(fixture.table.has_room_again(&fixture.import).is_empty());
    assert_eq!(fixture.table.accepted(), 4);
    let changed = announced(&["10.244.4.0/24"], 9, &[64513]);
    assert_eq!(fixture.update(&changed), None);
    let path = fixture.table.path(&prefix("10.244.4.0/24")).unwrap();
    assert_eq!(
        path.next_hop.address,
        core::net::IpAddr::from([192, 0, 2, 9])
    );
    let more = announced(&["10.244.6.0/24"], 2, &[64513]);
    assert_eq!(fixture.update(&more), Some(Family::IPV4_UNICAST));
    fixture.update(&withdrawn(&["10.244.4.0/24"]));
    assert_eq!(
        fixture.table.has_room_again(&fixture.import),
        FamilySet::IPV4
    );
}

#[test]
fn a_lower_limit_is_exceeded_by_what_is_held() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24", "10.244.3.0/24"]);
    assert_eq!(fixture.import(|import| import.max_prefixes = 2), None);
    let exceeded = fixture.import(|import| import.max_prefixes = 1);
    assert_eq!(exceeded, Some(Family::IPV4_UNICAST));
    assert_eq!(fixture.import(|import| import.max_prefixes = 2), None);
}

#[test]
fn a_narrower_filter_applies_to_what_is_held() {
    let mut fixture = Fixture::new();
    fixture.update(&announced(&["10.244.2.0/24", "10.244.3.0/24"], 2, &[64513]));
    fixture.changed();
    fixture.import(|import| import.except.push(prefix("10.244.3.0/24")));
    assert!(fixture.changed().contains(&prefix("10.244.3.0/24")));
    assert_eq!(fixture.held(), [prefix("10.244.2.0/24")]);
    fixture.announce(&["10.244.4.0/24"]);
    fixture.import(|import| import.max_prefixes = 1);
    assert_eq!(fixture.held(), [prefix("10.244.2.0/24")]);
    fixture.import(|import| *import = Import::default());
    assert_eq!(fixture.table.accepted(), 0);
}

#[test]
fn fewer_own_systems_apply_to_what_is_held() {
    let mut fixture = Fixture::new();
    fixture.import(|import| allow(import, 1));
    fixture.update(&announced(&["10.244.2.0/24"], 2, &[64513, 64512]));
    fixture.announce(&["10.244.3.0/24"]);
    assert_eq!(fixture.table.accepted(), 2);
    fixture.import(|import| allow(import, 0));
    assert_eq!(fixture.held(), [prefix("10.244.3.0/24")]);
    assert_eq!(fixture.rejected(RejectReason::OwnAsn), 1);
}

#[test]
fn the_end_of_a_session_ends_its_routes() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24", "fd00::/64"]);
    fixture.changed();
    let Fixture {
        table, mut learned, ..
    } = fixture;
    table.release(&mut learned);
    assert_eq!(learned.into_pending().count(), 2);
}

#[test]
fn what_is_stale_stays_until_it_is_swept_and_what_is_confirmed_longer() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24", "10.244.3.0/24", "fd00::/64"]);
    fixture.changed();
    fixture.table.mark_stale(Family::IPV4_UNICAST);
    assert_eq!((fixture.table.accepted(), fixture.table.stale()), (3, 2));
    fixture.announce(&["10.244.3.0/24"]);
    assert!(fixture.changed().is_empty());
    fixture
        .table
        .sweep(Family::IPV4_UNICAST, &mut fixture.learned);
    let kept = ["10.244.3.0/24", "fd00::/64"].map(prefix);
    assert_eq!(fixture.held(), kept);
    assert_eq!(fixture.changed(), [prefix("10.244.2.0/24")]);
    assert_eq!(fixture.table.stale(), 0);
}

#[test]
fn what_is_stale_makes_room_for_what_is_new() {
    let mut fixture = Fixture::new();
    fixture.announce(&["10.244.2.0/24", "10.244.3.0/24", "10.244.4.0/24"]);
    fixture.table.mark_stale(Family::IPV4_UNICAST);
    fixture.announce(&["10.244.3.0/24", "10.244.8.0/24"]);
    let kept = ["10.244.3.0/24", "10.244.4.0/24", "10.244.8.0/24"].map(prefix);
    assert_eq!(fixture.held(), kept);
    assert_eq!(fixture.rejected(RejectReason::MaxPrefixes), 0);
    assert!(fixture.table.overflowed().is_empty());
}

proptest! {
    #[test]
    fn holds_no_more_than_may_be_whatever_comes(
        updates in prop::collection::vec((0..6_u8, prop::collection::vec(0..20_u8, 1..10)), 0..60)
    ) {
        let mut fixture = Fixture::new();
        for (kind, numbers) in updates {
            let texts: Vec<_> = numbers.iter().map(|n| alloc::format!("10.244.{n}.0/24")).collect();
            let texts: Vec<&str> = texts.iter().map(|text| text.as_str()).collect();
            match kind {
                0..=2 => fixture.announce(&texts),
                3 => drop(fixture.update(&withdrawn(&texts))),
                4 => fixture.table.mark_stale(Family::IPV4_UNICAST),
                _ => {
                    fixture.table.sweep(Family::IPV4_UNICAST, &mut fixture.learned);
                    prop_assert_eq!(fixture.table.stale(), 0);
                }
            }
            prop_assert!(fixture.table.accepted() <= 3);
            prop_assert!(fixture.table.stale() <= fixture.table.accepted());
            prop_assert!(fixture.held().iter().all(|prefix| fixture.import.accepts(prefix)));
        }
    }
}
