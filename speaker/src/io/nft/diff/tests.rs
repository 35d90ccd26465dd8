use std::net::IpAddr;

use bgp::Prefix;
use plan::{Egress, FamilyEgress, Guard, SourceNat};

use super::*;

fn egress(excluded: &[&str], source: SourceNat) -> Part<Egress> {
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let family = FamilyEgress {
        pods: networks(&["10.244.1.0/24"]),
        cluster: networks(&["10.244.0.0/16"]),
        nodes: BTreeSet::from(["192.0.2.1".parse().unwrap()]),
        excluded: networks(excluded),
        source,
    };
    Part::Present(Egress::from([(AddressFamily::IPv4, family)]))
}

fn guards(networks: &[&str]) -> BTreeMap<Prefix, Guard> {
    let guard = |text: &&str| (guarded(text), Guard::Reject);
    networks.iter().map(guard).collect()
}

/// An address, or a network with its length.
fn guarded(text: &str) -> Prefix {
    let address = text.parse::<IpAddr>().map(Prefix::host);
    address.unwrap_or_else(|_| text.parse().unwrap())
}

fn table(egress: &Part<Egress>, guarded: &[&str]) -> Desired {
    Desired::plan(egress, Some(&guards(guarded)))
}

/// The table after it was made what is desired.
fn reached(desired: &Desired, mut observed: Observed) -> Observed {
    for op in diff(desired, &observed) {
        apply(&mut observed, &op);
    }
    assert_eq!(diff(desired, &observed), [], "there is nothing left to do");
    observed
}

#[test]
fn makes_the_table_what_it_should_be_whatever_it_was() {
    let masquerade = egress(&[], SourceNat::Masquerade);
    let snat = egress(
        &["198.51.100.0/24"],
        SourceNat::To("192.0.2.1".parse().unwrap()),
    );
    let wishes = [
        table(&Part::Absent, &[]),
        table(&masquerade, &[]),
        table(&snat, &["203.0.113.1", "2001:db8::1"]),
        table(&Part::Absent, &["203.0.113.2"]),
        table(
            &masquerade,
            &["203.0.113.0/24", "203.0.113.2", "198.51.100.1"],
        ),
    ];
    for from in &wishes {
        for to in &wishes {
            let observed = reached(to, reached(from, Observed::default()));
            assert_eq!(observed.table.is_some(), to.wants_table());
        }
    }
}

#[test]
fn changes_elements_in_place_when_only_those_differ() {
    let before = table(&egress(&[], SourceNat::Masquerade), &["203.0.113.1"]);
    let after = table(
        &egress(&["198.51.100.0/24"], SourceNat::Masquerade),
        &["203.0.113.2"],
    );
    let ops = diff(&after, &reached(&before, Observed::default()));
    let elements = |op: &Op| matches!(op, Op::AddElements(..) | Op::RemoveElements(..));
    assert_eq!(ops.len(), 3);
    assert!(ops.iter().all(elements), "{ops:?}");
}

#[test]
fn replaces_a_part_when_its_rules_differ_and_leaves_the_other_and_all_counters() {
    let before = table(&egress(&[], SourceNat::Masquerade), &["203.0.113.1"]);
    let snat = SourceNat::To("192.0.2.1".parse().unwrap());
    let after = table(&egress(&[], snat), &["203.0.113.1"]);
    let ops = diff(&after, &reached(&before, Observed::default()));
    let [
        Op::RemoveSection { name, counters, .. },
        Op::AddSection { counters: new, .. },
    ] = &ops[..]
    else {
        panic!("{ops:?}");
    };
    assert_eq!(*name, SectionName::Egress);
    assert!(counters.is_empty() && new.is_empty());
}

#[test]
fn puts_back_what_others_have_changed() {
    let desired = table(&egress(&[], SourceNat::Masquerade), &["203.0.113.1"]);
    let good = reached(&desired, Observed::default());
    let changes: [fn(&mut Observed); 8] = [
        |table| *table = Observed::default(),
        |table| table.table = Some(false),
        |table| drop(table.chains.remove("forward")),
        |table| table.chains.get_mut("forward").unwrap().accepts = false,
        |table| drop(table.chains.get_mut("postrouting").unwrap().rules.pop()),
        |table| table.sets.get_mut("pods_v4").unwrap().ranges = Some(BTreeSet::new()),
        |table| table.sets.get_mut("pods_v4").unwrap().ranges = None,
        |table| table.counters.clear(),
    ];
    for change in changes {
        let mut observed = good.clone();
        change(&mut observed);
        assert_ne!(diff(&desired, &observed), []);
        assert_eq!(reached(&desired, observed), good);
    }
}

#[test]
fn leaves_a_part_alone_of_which_nothing_is_known() {
    let before = table(&egress(&[], SourceNat::Masquerade), &["203.0.113.1"]);
    let observed = reached(&before, Observed::default());
    let unknown = Desired::plan(&Part::Untouched, None);
    assert_eq!(diff(&unknown, &observed), []);
    let unguarded = table(&Part::Untouched, &[]);
    let observed = reached(&unguarded, observed);
    assert!(observed.chains.contains_key("postrouting"));
    assert!(!observed.chains.contains_key("forward"));
    let nothing = table(&Part::Absent, &[]);
    assert_eq!(diff(&nothing, &observed), [Op::RemoveTable]);
}
