//! What the table holds, and what turns it into what it should hold.

use std::collections::{BTreeMap, BTreeSet};

use model::{AddressFamily, AddressRange};
use plan::Part;

use super::Count;
use super::section::{Desired, Section, SectionName, Set};

/// The table as the kernel has it. What others have put into it is not in here, apart from what they changed of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Observed {
    /// The table is there; whether it acts (NFT_TABLE_F_DORMANT is not set).
    pub(super) table: Option<bool>,
    /// Chains of ours, by name.
    pub(super) chains: BTreeMap<String, ObservedChain>,
    /// Named sets.
    pub(super) sets: BTreeMap<String, ObservedSet>,
    /// Named counters.
    pub(super) counters: BTreeMap<String, Count>,
}

/// A chain of ours: what was written beside it and its rules tells whether they are what they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ObservedChain {
    /// Its comment.
    pub(super) comment: String,
    /// What nothing matches is accepted.
    pub(super) accepts: bool,
    /// Comments of its rules.
    pub(super) rules: Vec<String>,
}

/// A set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObservedSet {
    /// Family of its keys; `None`: they are no addresses.
    pub(super) family: Option<AddressFamily>,
    /// It holds intervals.
    pub(super) interval: bool,
    /// What is in it; `None`: nothing that can be read.
    pub(super) ranges: Option<BTreeSet<AddressRange>>,
}

/// One change of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// The table is there and acts.
    PutTable,
    /// The table with all that is in it goes.
    RemoveTable,
    /// Chain, sets and counters of a part go.
    RemoveSection {
        /// Which part.
        name: SectionName,
        /// Its chain is there.
        chain: bool,
        /// Its sets.
        sets: Vec<String>,
        /// Its counters, if those go too.
        counters: Vec<String>,
    },
    /// Chain, sets and rules of a part come, and counters that are not there.
    AddSection {
        /// The part.
        section: Section,
        /// Counters that are not there yet.
        counters: Vec<String>,
    },
    /// Elements of a set go.
    RemoveElements(SetName, BTreeSet<AddressRange>),
    /// Elements of a set come.
    AddElements(SetName, BTreeSet<AddressRange>),
}

/// A set, and whether it holds intervals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetName {
    /// Its name.
    pub(super) name: String,
    /// It holds intervals.
    pub(super) interval: bool,
}

/// What turns `observed` into `desired`, in the order of one transaction; nothing where they are equal.
pub(super) fn diff(desired: &Desired, observed: &Observed) -> Vec<Op> {
    if !desired.wants_table() && !keeps_anything(desired, observed) {
        let there = observed.table.is_some();
        return there.then_some(Op::RemoveTable).into_iter().collect();
    }
    let mut ops = Vec::new();
    if desired.wants_table() && observed.table != Some(true) {
        ops.push(Op::PutTable);
    }
    for (name, part) in desired.sections() {
        match part {
            Part::Untouched => {}
            Part::Absent => ops.extend(remove(name, observed, true)),
            Part::Present(section) if has_form(section, observed) => {
                ops.extend(change_elements(section, observed));
            }
            Part::Present(section) => {
                ops.extend(remove(name, observed, false));
                let counters = section.rules.iter().map(|rule| rule.counter.clone());
                let missing = counters.filter(|name| !observed.counters.contains_key(name));
                ops.push(Op::AddSection {
                    section: section.clone(),
                    counters: missing.collect(),
                });
            }
        }
    }
    ops
}

/// What the table holds after the change: the meaning of an [`Op`].
pub(super) fn apply(observed: &mut Observed, op: &Op) {
    match op {
        Op::PutTable => observed.table = Some(true),
        Op::RemoveTable => *observed = Observed::default(),
        Op::RemoveSection {
            name,
            sets,
            counters,
            ..
        } => {
            observed.chains.remove(name.chain());
            sets.iter()
                .for_each(|name| drop(observed.sets.remove(name)));
            observed.counters.retain(|name, _| !counters.contains(name));
        }
        Op::AddSection { section, counters } => {
            let chain = ObservedChain {
                comment: section.comment(),
                accepts: true,
                rules: section
                    .rules
                    .iter()
                    .map(super::section::Rule::comment)
                    .collect(),
            };
            observed
                .chains
                .insert(section.name.chain().to_owned(), chain);
            let sets = section.sets.iter();
            observed
                .sets
                .extend(sets.map(|(name, set)| (name.clone(), set.into())));
            let counters = counters.iter().map(|name| (name.clone(), Count::default()));
            observed.counters.extend(counters);
        }
        Op::RemoveElements(set, gone) => {
            let set = observed.sets.get_mut(&set.name);
            if let Some(ranges) = set.and_then(|set| set.ranges.as_mut()) {
                ranges.retain(|range| !gone.contains(range));
            }
        }
        Op::AddElements(set, new) => {
            let set = observed.sets.get_mut(&set.name);
            if let Some(ranges) = set.and_then(|set| set.ranges.as_mut()) {
                ranges.extend(new);
            }
        }
    }
}

impl From<&Set> for ObservedSet {
    fn from(set: &Set) -> Self {
        Self {
            family: Some(set.family),
            interval: set.interval,
            ranges: Some(set.ranges.clone()),
        }
    }
}

/// A part that is left as it is has its chain in the table.
fn keeps_anything(desired: &Desired, observed: &Observed) -> bool {
    let mut sections = desired.sections().into_iter();
    sections
        .any(|(name, part)| *part == Part::Untouched && observed.chains.contains_key(name.chain()))
}

/// Chain, rules and kinds of sets are as they should be.
fn has_form(section: &Section, observed: &Observed) -> bool {
    let Some(chain) = observed.chains.get(section.name.chain()) else {
        return false;
    };
    let rules = section.rules.iter();
    let sets = section.sets.iter().all(|(name, set)| {
        let there = observed.sets.get(name);
        there.is_some_and(|there| {
            let kind = (there.family, there.interval);
            kind == (Some(set.family), set.interval) && there.ranges.is_some()
        })
    });
    let counters = section.rules.iter();
    chain.accepts
        && chain.comment == section.comment()
        && rules
            .map(super::section::Rule::comment)
            .eq(chain.rules.iter().cloned())
        && sets
        && counters
            .map(|rule| &rule.counter)
            .all(|name| observed.counters.contains_key(name))
}

fn change_elements(section: &Section, observed: &Observed) -> Vec<Op> {
    let none = BTreeSet::new();
    let mut ops = Vec::new();
    for (name, set) in &section.sets {
        let there = observed.sets.get(name).and_then(|set| set.ranges.as_ref());
        let there = there.unwrap_or(&none);
        let interval = set.interval;
        let name = SetName {
            name: name.clone(),
            interval,
        };
        let gone: BTreeSet<_> = there.difference(&set.ranges).copied().collect();
        let new: BTreeSet<_> = set.ranges.difference(there).copied().collect();
        if !gone.is_empty() {
            ops.push(Op::RemoveElements(name.clone(), gone));
        }
        if !new.is_empty() {
            ops.push(Op::AddElements(name, new));
        }
    }
    ops
}

fn remove(name: SectionName, observed: &Observed, with_counters: bool) -> Option<Op> {
    let chain = observed.chains.contains_key(name.chain());
    let sets = observed.sets.keys().filter(|set| name.has_set(set));
    let sets: Vec<_> = sets.cloned().collect();
    let counters = observed.counters.keys();
    let counters: Vec<_> = counters
        .filter(|counter| with_counters && name.has_counter(counter))
        .cloned()
        .collect();
    let any = chain || !sets.is_empty() || !counters.is_empty();
    any.then_some(Op::RemoveSection {
        name,
        chain,
        sets,
        counters,
    })
}

#[cfg(test)]
mod tests;
