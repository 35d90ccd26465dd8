//! What the table should hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hasher},
};

use bgp::Prefix;
use ipnet::IpNet;
use model::{AddressFamily, AddressRange};
use plan::{Egress, FamilyEgress, Guard, Part, SourceNat};

use super::range::{hosts, merge};

/// Both parts of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Desired {
    /// Translation of what pods send outside.
    pub(super) egress: Part<Section>,
    /// Packets that are not sent on.
    pub(super) forward: Part<Section>,
}

/// The two parts, each of which is replaced on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SectionName {
    /// Chain `postrouting`.
    Egress,
    /// Chain `forward`.
    Forward,
}

/// A chain with what its rules refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Which one.
    pub(super) name: SectionName,
    /// Sets by name.
    pub(super) sets: BTreeMap<String, Set>,
    /// Rules in their order.
    pub(super) rules: Vec<Rule>,
}

/// A named set of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Family of its keys.
    pub(super) family: AddressFamily,
    /// It holds intervals; otherwise single addresses.
    pub(super) interval: bool,
    /// What is in it.
    pub(super) ranges: BTreeSet<AddressRange>,
}

/// A rule, which has a named counter of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Name of its counter.
    pub(super) counter: String,
    /// Packets of this family
    pub(super) family: AddressFamily,
    /// that match all of these
    pub(super) matches: Vec<Match>,
    /// are counted, and then this happens.
    pub(super) action: Action,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The source is in the set.
    SourceIn(String),
    /// The destination is in the set.
    DestinationIn(String),
    /// The destination is not in the set.
    DestinationNotIn(String),
    /// The destination is one host.
    NotMulticast,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Another source, with a random port.
    Translate(SourceNat),
    /// ICMP or ICMPv6: host (address) unreachable.
    Reject,
    /// Nothing.
    Drop,
}

impl Desired {
    /// The table for what the plan says; `guards` of `None`: not known yet.
    pub(super) fn plan(egress: &Part<Egress>, guards: Option<&BTreeMap<Prefix, Guard>>) -> Self {
        let egress = match egress {
            Part::Untouched => Part::Untouched,
            Part::Present(families) if !families.is_empty() => Part::Present(plan_egress(families)),
            Part::Absent | Part::Present(_) => Part::Absent,
        };
        let forward = match guards {
            None => Part::Untouched,
            Some(guards) if guards.is_empty() => Part::Absent,
            Some(guards) => Part::Present(plan_forward(guards)),
        };
        Self { egress, forward }
    }

    /// Both parts with their names.
    pub(super) fn sections(&self) -> [(SectionName, &Part<Section>); 2] {
        [
            (SectionName::Egress, &self.egress),
            (SectionName::Forward, &self.forward),
        ]
    }

    /// Something should be there.
    pub(super) fn wants_table(&self) -> bool {
        let mut sections = self.sections().into_iter();
        sections.any(|(_, section)| section.present().is_some())
    }
}

impl SectionName {
    /// Name of its chain.
    pub(super) fn chain(self) -> &'static str {
        match self {
            Self::Egress => "postrouting",
            Self::Forward => "forward",
        }
    }

    /// Whether a set belongs to it.
    pub(super) fn has_set(self, name: &str) -> bool {
        let sets: &[&str] = match self {
            Self::Egress => &["pods_", "cluster_", "nodes_", "excluded_"],
            Self::Forward => &["reject_", "drop_"],
        };
        sets.iter().any(|prefix| name.starts_with(prefix))
    }

    /// Whether a counter belongs to it.
    pub(super) fn has_counter(self, name: &str) -> bool {
        let counters: &[&str] = match self {
            Self::Egress => &["egress_"],
            Self::Forward => &["reject_", "drop_"],
        };
        counters.iter().any(|prefix| name.starts_with(prefix))
    }
}

impl Section {
    /// What the chain's comment says: another text, and the section is replaced.
    pub(super) fn comment(&self) -> String {
        let sets = self.sets.iter().map(|(name, set)| (name, set.interval));
        let form = format!("{:?} {:?}", self.rules, sets.collect::<Vec<_>>());
        format!("herald-speaker {:016x}", hash(&form))
    }
}

impl Rule {
    /// What the rule's comment says.
    pub(super) fn comment(&self) -> String {
        format!("{} {:016x}", self.counter, hash(&format!("{self:?}")))
    }
}

/// `_v4` or `_v6`.
pub(super) fn suffix(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::IPv4 => "_v4",
        AddressFamily::IPv6 => "_v6",
    }
}

/// The same text gives the same number in every run of one version of the program.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn plan_egress(families: &Egress) -> Section {
    let (mut sets, mut rules) = (BTreeMap::new(), Vec::new());
    for (family, egress) in families {
        let FamilyEgress {
            pods,
            cluster,
            nodes,
            excluded,
            source,
        } = egress;
        let name = |set: &str| [set, suffix(*family)].concat();
        for (set, interval, ranges) in [
            ("pods", true, merge(pods)),
            ("cluster", true, merge(cluster)),
            ("nodes", false, hosts(nodes)),
            ("excluded", true, merge(excluded)),
        ] {
            let set_of = Set {
                family: *family,
                interval,
                ranges,
            };
            sets.insert(name(set), set_of);
        }
        rules.push(Rule {
            counter: name("egress"),
            family: *family,
            matches: vec![
                Match::SourceIn(name("pods")),
                Match::DestinationNotIn(name("cluster")),
                Match::DestinationNotIn(name("nodes")),
                Match::DestinationNotIn(name("excluded")),
                Match::NotMulticast,
            ],
            action: Action::Translate(*source),
        });
    }
    Section {
        name: SectionName::Egress,
        sets,
        rules,
    }
}

fn plan_forward(guards: &BTreeMap<Prefix, Guard>) -> Section {
    let (mut sets, mut rules) = (BTreeMap::new(), Vec::new());
    for family in [AddressFamily::IPv4, AddressFamily::IPv6] {
        // Of two networks that hold an address the stricter one counts.
        for (kind, guard, action) in [
            ("drop", Guard::Drop, Action::Drop),
            ("reject", Guard::Reject, Action::Reject),
        ] {
            let name = [kind, suffix(family)].concat();
            let guarded = guards.iter().filter(|(prefix, wanted)| {
                **wanted == guard && AddressFamily::of(prefix.address()) == family
            });
            let networks: Vec<IpNet> = guarded.map(|(prefix, _)| prefix.network()).collect();
            let interval = networks
                .iter()
                .any(|network| !Prefix::from(*network).is_host());
            let set = Set {
                family,
                interval,
                ranges: match interval {
                    true => merge(&networks),
                    false => hosts(&networks.iter().map(IpNet::addr).collect::<Vec<_>>()),
                },
            };
            rules.push(Rule {
                counter: name.clone(),
                family,
                matches: vec![Match::DestinationIn(name.clone())],
                action,
            });
            sets.insert(name, set);
        }
    }
    Section {
        name: SectionName::Forward,
        sets,
        rules,
    }
}
