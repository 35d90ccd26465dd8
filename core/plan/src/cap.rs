//! Advertisements that only some nodes announce (`maxAnnouncers`).

#[cfg(test)]
mod tests;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, num::NonZeroU16, time::Duration};

use bgp::PeerName;
use l2::{Announcer, digest, heartbeat::Advertising};
use model::{AddressFamily, Name, Service, TrafficPolicy};

use crate::{
    Guard, Planner, Stage,
    bgp::{Grant, Terms},
    view::{Resolved, View},
};

/// So long a node that is alive, and would be preferred, is given to say that it can announce an address which this one
/// has only just been able to.
const GIVEN: Duration = Duration::from_secs(1);

/// How this node stands to an address of which only some nodes are to announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capped {
    /// It is one of them.
    pub within: bool,
    /// It has a session with a peer that is to know the address, and is not leaving.
    pub able: bool,
}

/// What is known of who can announce, besides the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announcers {
    /// Peers of this node with an Established session.
    established: BTreeSet<PeerName>,
    /// Other nodes that say they can announce an address.
    others: BTreeMap<IpAddr, Vec<Announcer>>,
    /// Other nodes that are heard.
    alive: BTreeSet<Name>,
    /// Since when this node could announce an address that it does not announce.
    since: BTreeMap<IpAddr, Duration>,
    due: BTreeSet<(Duration, IpAddr)>,
}

/// What one address asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contest<'a> {
    /// Most nodes that announce.
    pub(crate) cap: NonZeroU16,
    /// By what the nodes are ranked.
    pub(crate) key: IpAddr,
    pub(crate) node: &'a str,
    /// This node announced it until now.
    pub(crate) within: bool,
}

impl Contest<'_> {
    /// Whether this node announces, of those who can: the greater digest comes first. One that is over the cap goes on until
    /// as many as there may be do announce before it. Whether this node has a session makes no difference: without one
    /// nobody hears it, others do not count it, and with the next one its routes are there.
    pub(crate) fn is_within(self, others: &[Announcer]) -> bool {
        let own = digest(self.node, self.key);
        let ahead = |other: &&Announcer| digest(&other.node, self.key) > own;
        let ahead = others.iter().filter(ahead);
        let (all, advertising) = ahead.fold((0, 0), |(all, advertising), other| {
            (all + 1, advertising + usize::from(other.advertises))
        });
        let cap = usize::from(self.cap.get());
        all < cap || (self.within && advertising < cap)
    }
}

impl Capped {
    /// What other nodes are told.
    pub const fn advertising(self) -> Advertising {
        match (self.able, self.within) {
            (false, _) => Advertising::Unable,
            (true, false) => Advertising::Able,
            (true, true) => Advertising::Advertises,
        }
    }
}

impl Announcers {
    /// The addresses that may be decided otherwise as time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Vec<IpAddr> {
        let mut due = Vec::new();
        while let Some((at, address)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            due.push(address);
        }
        due
    }

    /// Forgets the addresses that nobody holds.
    pub(crate) fn retain(&mut self, held: impl Fn(IpAddr) -> bool) {
        self.since.retain(|address, _| held(*address));
        self.due.retain(|(_, address)| held(*address));
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Notes what was decided about an address.
    pub(crate) fn note(&mut self, now: Duration, address: IpAddr, capped: Option<Capped>) {
        let waits = capped.is_some_and(|capped| capped.able && !capped.within);
        match (waits, self.since.get(&address)) {
            (true, None) => {
                self.since.insert(address, now);
                self.due.insert((now + GIVEN, address));
            }
            (false, Some(since)) => {
                self.due.remove(&(*since + GIVEN, address));
                self.since.remove(&address);
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    fn has_session(&self, view: &View, advertisement: &Resolved<Terms>, address: IpAddr) -> bool {
        let peers = &advertisement.terms.peers;
        let mut sessions = self.established.iter();
        sessions.any(|name| view.peers.takes(name, peers, address))
    }

    /// Other nodes that say they can announce the address, and those that are given time to say so.
    fn others(
        &self,
        now: Duration,
        address: IpAddr,
        counts: impl Fn(&str) -> bool,
        may: impl Fn(&str) -> bool,
    ) -> Vec<Announcer> {
        let said = self.others.get(&address).into_iter().flatten();
        let mut others: Vec<_> = said.filter(|other| counts(&other.node)).cloned().collect();
        let since = self.since.get(&address).copied().unwrap_or(now);
        if now < since + GIVEN {
            let silent = |node: &&Name| !others.iter().any(|other| other.node == **node);
            let alive = self.alive.iter().filter(|node| counts(node) && may(node));
            let silent: Vec<_> = alive.filter(silent).cloned().collect();
            others.extend(silent.into_iter().map(|node| Announcer {
                node,
                advertises: false,
            }));
        }
        others
    }
}

impl Planner {
    /// Takes the names of the peers with which this node has an Established session.
    pub fn handle_established(&mut self, established: BTreeSet<PeerName>) {
        if self.announcers.established != established {
            self.announcers.established = established;
            self.stale.everything |= self.counts_announcers();
        }
    }

    /// Takes which other nodes can announce an address, as they say, and those about which they say something else than
    /// before.
    pub fn handle_announcers(
        &mut self,
        others: impl IntoIterator<Item = (IpAddr, Vec<Announcer>)>,
    ) {
        for (address, others) in others {
            match others.is_empty() {
                true => self.announcers.others.remove(&address),
                false => self.announcers.others.insert(address, others),
            };
            if self.plan.capped.contains_key(&address) {
                self.stale.addresses.insert(address);
            }
        }
    }

    /// Takes the names of the other nodes whose heartbeats are heard.
    pub fn handle_alive(&mut self, alive: BTreeSet<Name>) {
        self.announcers.alive = alive;
    }

    /// Whether this node is to tell others what it announces.
    pub(crate) fn counts_announcers(&self) -> bool {
        self.view.as_ref().is_some_and(View::counts_announcers)
    }

    /// Takes from the grant what other nodes are to announce; `None`: as many nodes as can may announce the address.
    pub(crate) fn cap<'a>(
        &self,
        now: Duration,
        view: &View,
        (address, services): (IpAddr, impl Iterator<Item = &'a Service> + Clone),
        granted: &mut Option<Grant>,
    ) -> Option<Capped> {
        let places = granted.as_ref()?.places.iter();
        let advertisements = places.filter_map(|place| view.advertisements.get(*place));
        let capped: Vec<_> = advertisements
            .filter(|advertisement| advertisement.terms.cap.is_some())
            .collect();
        let cap = capped
            .iter()
            .filter_map(|advertisement| advertisement.terms.cap);
        let (first, cap) = (capped.first()?, cap.min()?);
        let aggregate = first.terms.aggregation.of(address);
        let contest = Contest {
            cap,
            key: aggregate.map_or(address, |prefix| prefix.address()),
            node: &view.node,
            within: match self.plan.capped.get(&address) {
                Some(capped) => capped.within,
                None => self.plan.addresses_announced.contains(&address),
            },
        };
        let counts = |node: &str| capped.iter().any(|each| each.crowd.contains(node));
        let may = |node: &str| self.may_announce(node, address, services.clone());
        let others = self.announcers.others(now, address, counts, may);
        let within = contest.is_within(&others);
        if !within {
            *granted = granted
                .take()
                .and_then(|grant| grant.give_up(&view.advertisements));
        }
        let serving = view.stage == Stage::Serving;
        let mut sessions = capped.iter();
        Some(Capped {
            within,
            able: serving && sessions.any(|each| self.announcers.has_session(view, each, address)),
        })
    }

    /// Whether a node can serve one of the Services, as far as their endpoints say.
    fn may_announce<'a>(
        &self,
        node: &str,
        address: IpAddr,
        mut services: impl Iterator<Item = &'a Service>,
    ) -> bool {
        services.any(|service| match service.traffic_policy {
            TrafficPolicy::Cluster => true,
            TrafficPolicy::Local => {
                let endpoints = self.cluster.endpoints.get(&service.key);
                let reachable =
                    endpoints.and_then(|endpoints| endpoints.reachable(AddressFamily::of(address)));
                let here = reachable.and_then(|reachable| reachable.nodes.get(node));
                here.is_some_and(|here| here.ready > 0)
            }
        })
    }
}

impl Grant {
    /// Without what other nodes are to announce; `None`: that is all of it.
    fn give_up(mut self, advertisements: &[Resolved<Terms>]) -> Option<Self> {
        let terms = |place: &usize| advertisements.get(*place).map(|each| &each.terms);
        self.places
            .retain(|place| terms(place).is_some_and(|terms| terms.cap.is_none()));
        let guards = self.places.iter().filter_map(terms);
        let guard: Option<Guard> = guards.filter_map(|terms| terms.guard).max();
        self.guard = guard;
        (!self.places.is_empty()).then_some(self)
    }
}
