use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use bgp::Prefix;

/// How an address counts for the aggregates that hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// This node announces it, and any node can take its traffic (externalTrafficPolicy Cluster).
    Anywhere,
    /// Only nodes with endpoints take its traffic (Local), and this one announces it.
    Here,
    /// The same, and this node does not.
    Elsewhere,
}

/// An address that is in an aggregate of an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The aggregate.
    pub(crate) prefix: Prefix,
    /// Place of the advertisement.
    pub(crate) place: usize,
    /// How it counts.
    pub(crate) presence: Presence,
}

/// Which addresses stand behind each aggregate: counts only, so that a change of one address costs the same however many
/// there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aggregates {
    members: BTreeMap<IpAddr, Vec<Member>>,
    counts: BTreeMap<Prefix, BTreeMap<usize, Count>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    anywhere: usize,
    here: usize,
    elsewhere: usize,
}

impl Aggregates {
    /// Takes what is true of an address now; gives the aggregates that it concerns or concerned, when that differs.
    pub(crate) fn handle_address(
        &mut self,
        address: IpAddr,
        members: Vec<Member>,
    ) -> BTreeSet<Prefix> {
        let former = match members.is_empty() {
            true => self.members.remove(&address),
            false => self.members.insert(address, members.clone()),
        };
        let former = former.unwrap_or_default();
        if former == members {
            return BTreeSet::new();
        }
        for member in &former {
            let places = self.counts.entry(member.prefix).or_default();
            let count = places.entry(member.place).or_default();
            *count.of(member.presence) = count.of(member.presence).saturating_sub(1);
            if *count == Count::default() {
                places.remove(&member.place);
            }
            if places.is_empty() {
                self.counts.remove(&member.prefix);
            }
        }
        for member in &members {
            let places = self.counts.entry(member.prefix).or_default();
            *places.entry(member.place).or_default().of(member.presence) += 1;
        }
        let both = former.iter().chain(&members);
        both.map(|member| member.prefix).collect()
    }

    /// Places of the advertisements whose aggregate this node announces, sorted: for an address whose traffic it may send
    /// anywhere, or when it serves every one that takes traffic only where its endpoints are.
    pub(crate) fn places(&self, prefix: Prefix) -> Vec<usize> {
        let places = self.counts.get(&prefix).into_iter().flatten();
        places
            .filter(|(_, count)| count.anywhere > 0 || (count.here > 0 && count.elsewhere == 0))
            .map(|(place, _)| *place)
            .collect()
    }

    /// All aggregates with an address behind them.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        self.counts.keys().copied()
    }
}

impl Count {
    const fn of(&mut self, presence: Presence) -> &mut usize {
        match presence {
            Presence::Anywhere => &mut self.anywhere,
            Presence::Here => &mut self.here,
            Presence::Elsewhere => &mut self.elsewhere,
        }
    }
}
