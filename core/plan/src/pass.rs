//! One run of the rules, over everything or over the addresses of some Services.

mod record;

use alloc::{collections::BTreeSet, sync::Arc, vec, vec::Vec};
use core::{net::IpAddr, time::Duration};

use bgp::{Import, Prefix, Route};
use l2::Nominee;
use model::{AddressFamily, Node, Service, ServiceKey};

use crate::{
    Capped, Changes, Decision, Decisions, Guard, Links, NetworkPlan, Planner, Skip, Stage, Target,
    bfd,
    bgp::{Grant, Reach},
    eligible::{Candidate, eligible, unassigned},
    gate::Requirement,
    holder::{Holders, keeper},
    imported::{Imported, Surroundings},
    l2::{node_ips, unite},
    network::Situation,
    planner::Stale,
    view::View,
};
use record::{replace, set};

/// What the rules say about one address.
struct Verdict {
    decisions: Vec<(Target, Decided)>,
    reach: Reach,
    guard: (Prefix, Option<Guard>),
    nominee: (IpAddr, Option<Nominee>),
    capped: (IpAddr, Option<Capped>),
}

struct Decided {
    decisions: Decisions,
    /// What the data plane lacks, for `DataplaneNotReady`.
    waits_for: Option<Requirement>,
}

impl Planner {
    /// Runs what is stale.
    pub(crate) fn pass(&mut self, now: Duration, stale: Stale) -> Changes {
        let mut changes = Changes::default();
        let former = self.view.take();
        let view = match former.clone() {
            Some(view) if !stale.view => view,
            _ => self.renew_view(now, former.is_none(), &mut changes),
        };
        if stale.everything || former.as_ref() != Some(&view) {
            self.run_everything(now, &view, &mut changes);
        } else {
            self.run_services(now, &view, (stale.services, stale.addresses), &mut changes);
        }
        if stale.bfd || stale.view {
            self.run_bfd(&view, &mut changes);
        }
        if stale.network || stale.view {
            self.run_network(&view, &mut changes);
        }
        if stale.nodes || stale.view {
            self.run_nodes(&view, &mut changes);
        }
        self.view = Some(view);
        changes
    }

    fn run_network(&mut self, view: &View, changes: &mut Changes) {
        let broken = match view.node_profile {
            Some(_) => self.broken_ways(),
            None => BTreeSet::new(),
        };
        let links = self.links.as_ref().filter(|_| !self.is_stale());
        // Before the interfaces and the nodes of today are known nothing is touched.
        let network = links.map(|links| self.plan_network(view, links, &broken));
        let network = network.unwrap_or_default();
        if *self.plan.network != network {
            self.plan.network = Arc::new(network);
            changes.network = Some(self.plan.network.clone());
        }
    }

    fn plan_network(&self, view: &View, links: &Links, broken: &BTreeSet<IpAddr>) -> NetworkPlan {
        let nodes = &self.cluster.nodes;
        let plan = match self.situation(view, broken) {
            Some(situation) => NetworkPlan::new(situation),
            None => NetworkPlan::without_pod_network(nodes.values()),
        };
        let own = nodes.get(&self.options.node);
        let imports: Vec<&Import> = view.peers.imports().collect();
        let imported = Imported::new(Surroundings {
            learned: &self.learned,
            imports: &imports,
            links,
            addresses: own.map_or(&[], |own| &own.addresses),
            own_pods: &own
                .into_iter()
                .flat_map(Node::pod_prefixes)
                .collect::<Vec<_>>(),
            cluster_pods: view.pod_network.as_ref().map_or(&[], |all| &all.pod_cidrs),
            pooled: &view.pooled,
        });
        plan.with(imported, view.imports, self.converged)
    }

    /// What the rules of the pod network look at; none without a PodNetwork, and before the interfaces and the nodes of today
    /// are known.
    fn situation<'a>(
        &'a self,
        view: &'a View,
        broken: &'a BTreeSet<IpAddr>,
    ) -> Option<Situation<'a>> {
        Some(Situation {
            pod_network: view.pod_network.as_ref()?,
            orphaned: view.orphaned,
            node: &self.options.node,
            nodes: &self.cluster.nodes,
            links: self.links.as_ref().filter(|_| !self.is_stale())?,
            broken,
        })
    }

    /// Addresses on the link to which the way is broken, says BFD.
    fn broken_ways(&self) -> BTreeSet<IpAddr> {
        let sessions = self.broken.iter();
        let configs = sessions.filter_map(|name| self.plan.bfd.get(name));
        let near = configs.filter(|config| !config.hops.is_multi());
        near.map(|config| config.remote).collect()
    }

    fn run_bfd(&mut self, view: &View, changes: &mut Changes) {
        let mut peers = bfd::peers(&view.bfd, self.links.as_ref());
        let none = BTreeSet::new();
        let situation = self.situation(view, &none);
        if let (Some(profile), Some(situation)) = (view.node_profile, situation) {
            bfd::with_nodes(&mut peers, profile, situation);
        }
        if self.plan.bfd != peers {
            self.plan.bfd = peers;
            changes.bfd = Some(self.plan.bfd.values().cloned().collect());
        }
    }

    fn run_nodes(&mut self, view: &View, changes: &mut Changes) {
        self.plan.takes_part_in_l2 = view.takes_part_in_l2();
        let counts = view.counts_announcers();
        if self.plan.counts_announcers != counts {
            self.plan.counts_announcers = counts;
            changes.counts_announcers = Some(counts);
        }
        let takes_part = self.plan.takes_part_in_l2 || counts;
        let nodes = self.cluster.nodes.values();
        let nodes = node_ips(nodes.filter(|_| takes_part));
        if *self.plan.nodes != nodes {
            self.plan.nodes = Arc::new(nodes);
            changes.nodes = Some(self.plan.nodes.clone());
        }
    }

    fn renew_view(&mut self, now: Duration, first: bool, changes: &mut Changes) -> View {
        let (mut view, unusable) = View::new(
            &self.options.node,
            self.options.ignore_exclude_label,
            &self.cluster,
            (self.links.as_ref(), &self.neighbors),
            &mut self.memory,
        );
        if self.plan.peers != view.peers.0 {
            self.plan.peers = view.peers.0.clone();
            changes.peers = Some(self.plan.peers.values().cloned().collect());
        }
        let interfaces = self.memory.peers.interfaces();
        if self.plan.unnumbered != *interfaces {
            self.plan.unnumbered.clone_from(interfaces);
            changes.unnumbered = Some(interfaces.clone());
        }
        if self.plan.heartbeat_keys != self.memory.heartbeat_keys {
            self.plan
                .heartbeat_keys
                .clone_from(&self.memory.heartbeat_keys);
            changes.heartbeat_keys = Some(self.plan.heartbeat_keys.clone());
        }
        let marked = self.node().is_some_and(|node| node.marked_for_drain);
        view.stage = self.drain.handle_pass(now, marked, first);
        self.plan.stage = view.stage;
        self.plan.addresses = view.addresses;
        self.plan.unusable = unusable;
        view
    }

    fn run_everything(&mut self, now: Duration, view: &View, changes: &mut Changes) {
        self.holders = Holders::of(&self.cluster);
        self.router.forget();
        let holders = &self.holders;
        self.router
            .damper
            .retain(|address| !holders.get(address).is_empty());
        self.announcers
            .retain(|address| !holders.get(address).is_empty());
        let mut decided = Vec::with_capacity(self.cluster.services.len());
        let stays = view.stage != Stage::Gone;
        let pod_routes = view.pod_routes.0.iter().filter(|_| stays);
        let mut routes: Vec<(Prefix, Vec<Route>)> = pod_routes
            .map(|(prefix, route)| (*prefix, vec![route.clone()]))
            .collect();
        self.plan.addresses_announced.clear();
        let (mut guards, mut nominees, mut capped) = (Vec::new(), Vec::new(), Vec::new());
        for address in self.holders.addresses() {
            let mut verdict = self.decide(now, view, address);
            self.announcers.note(now, address, verdict.capped.1);
            capped.push(verdict.capped);
            decided.append(&mut verdict.decisions);
            if verdict.reach.grant.is_some() {
                self.plan.addresses_announced.insert(address);
            }
            let (host, _) = self
                .router
                .handle_address(now, &view.advertisements, verdict.reach);
            routes.push(host);
            guards.push(verdict.guard);
            nominees.push(verdict.nominee);
        }
        for prefix in self.router.aggregates() {
            let (aggregated, guard) = self.router.aggregate(&view.advertisements, prefix);
            if !view.pod_routes.0.contains_key(&prefix) {
                routes.push((prefix, aggregated));
                guards.push((prefix, guard));
            }
        }
        let without = self
            .cluster
            .services
            .values()
            .filter(|s| s.addresses.is_empty());
        decided.extend(without.map(|service| {
            let target = Target {
                service: service.key.clone(),
                address: None,
            };
            (target, Decided::skip(unassigned(view, service)))
        }));
        self.replace_decisions(now, decided);
        self.replace_routes(routes, changes);
        replace(&mut self.plan.guards, guards, &mut changes.guards);
        replace(&mut self.plan.nominees, nominees, &mut changes.nominees);
        replace(&mut self.plan.capped, capped, &mut changes.capped);
    }

    fn run_services(
        &mut self,
        now: Duration,
        view: &View,
        (services, mut addresses): (BTreeSet<ServiceKey>, BTreeSet<IpAddr>),
        changes: &mut Changes,
    ) {
        for service in services {
            self.index(now, view, &service, &mut addresses);
        }
        let mut aggregates = BTreeSet::new();
        for address in addresses {
            let verdict = self.decide(now, view, address);
            self.announcers.note(now, address, verdict.capped.1);
            set(&mut self.plan.capped, verdict.capped, &mut changes.capped);
            for (target, decided) in verdict.decisions {
                self.set_decision(now, target, Some(decided));
            }
            match verdict.reach.grant {
                Some(_) => self.plan.addresses_announced.insert(address),
                None => self.plan.addresses_announced.remove(&address),
            };
            let (host, touched) =
                self.router
                    .handle_address(now, &view.advertisements, verdict.reach);
            self.set_routes(host, changes);
            aggregates.extend(touched);
            set(&mut self.plan.guards, verdict.guard, &mut changes.guards);
            set(
                &mut self.plan.nominees,
                verdict.nominee,
                &mut changes.nominees,
            );
        }
        for prefix in aggregates {
            let (routes, guard) = self.router.aggregate(&view.advertisements, prefix);
            if !view.pod_routes.0.contains_key(&prefix) {
                self.set_routes((prefix, routes), changes);
                set(&mut self.plan.guards, (prefix, guard), &mut changes.guards);
            }
        }
    }

    /// Brings the addresses of one Service up to date; those that it has and those that it had go to `addresses`.
    fn index(
        &mut self,
        now: Duration,
        view: &View,
        key: &ServiceKey,
        addresses: &mut BTreeSet<IpAddr>,
    ) {
        let former: Vec<Target> = self
            .plan
            .decisions_of(key)
            .map(|(target, _)| target.clone())
            .collect();
        let service = self.cluster.services.get(key);
        let current = service
            .map(|service| service.addresses.clone())
            .unwrap_or_default();
        let lacking = service
            .filter(|_| current.is_empty())
            .map(|s| unassigned(view, s));
        for target in former {
            match target.address {
                Some(address) => {
                    addresses.insert(address);
                    if !current.contains(&address) {
                        self.holders.remove(address, key);
                        self.set_decision(now, target, None);
                    }
                }
                None => self.set_decision(now, target, None),
            }
        }
        for address in current {
            self.holders.insert(address, key);
            addresses.insert(address);
        }
        if let Some(skip) = lacking {
            let target = Target {
                service: key.clone(),
                address: None,
            };
            self.set_decision(now, target, Some(Decided::skip(skip)));
        }
    }

    /// The Services that hold the address.
    fn services_of(&self, address: IpAddr) -> impl Iterator<Item = &Service> + Clone {
        let holders = self.holders.get(address).iter();
        holders.filter_map(|key| self.cluster.services.get(key))
    }

    /// Runs the rules for one address: all Services that hold it.
    fn decide(&self, now: Duration, view: &View, address: IpAddr) -> Verdict {
        let services = || self.services_of(address);
        let keeper = keeper(&view.settings, services());
        let mut decisions = Vec::new();
        let (mut granted, mut nominee, mut elsewhere) = (None, None, Vec::new());
        for service in services() {
            let target = Target {
                service: service.key.clone(),
                address: Some(address),
            };
            let family = AddressFamily::of(address);
            let endpoints = self.cluster.endpoints.get(&service.key);
            let candidate = Candidate {
                service,
                address,
                keeper,
                endpoints: endpoints.and_then(|endpoints| endpoints.reachable(family)),
            };
            let mut waits_for = None;
            let ready = |requirement| {
                let ready = self.gate.is_open(&service.key, family, requirement)
                    || self
                        .plan
                        .decisions
                        .get(&target)
                        .is_some_and(Decisions::passed_gate);
                waits_for = (!ready).then_some(requirement);
                ready
            };
            let eligible = eligible(view, candidate, ready);
            elsewhere.extend(eligible.elsewhere);
            let decided = Decided {
                decisions: Decisions {
                    bgp: join(&mut granted, eligible.bgp, Grant::and),
                    l2: join(&mut nominee, eligible.l2, unite),
                },
                waits_for,
            };
            decisions.push((target, decided));
        }
        let capped = self.cap(now, view, (address, services()), &mut granted);
        if granted.is_none() && capped.is_some() {
            give_up(&mut decisions);
        }
        let guard = granted.as_ref().and_then(|grant: &Grant| grant.guard);
        Verdict {
            decisions,
            reach: Reach {
                address,
                // Whoever serves it here serves it for all of its Services.
                elsewhere: if granted.is_some() {
                    Vec::new()
                } else {
                    elsewhere
                },
                grant: granted,
            },
            guard: (Prefix::host(address), guard),
            nominee: (address, nominee),
            capped: (address, capped),
        }
    }
}

/// Other nodes announce the address.
fn give_up(decisions: &mut [(Target, Decided)]) {
    for (_, decided) in decisions {
        if decided.decisions.bgp.is_announce() {
            decided.decisions.bgp = Decision::Skip(Skip::AnnouncerCap);
        }
    }
}

/// Adds what one Service may to what all Services of the address may together.
fn join<T>(all: &mut Option<T>, one: Result<T, Skip>, and: impl FnOnce(T, T) -> T) -> Decision {
    match one {
        Ok(one) => {
            *all = Some(match all.take() {
                Some(all) => and(all, one),
                None => one,
            });
            Decision::Announce
        }
        Err(skip) => Decision::Skip(skip),
    }
}

impl Decided {
    fn skip(skip: Skip) -> Self {
        Self {
            decisions: Decisions::skip(skip),
            waits_for: None,
        }
    }
}
