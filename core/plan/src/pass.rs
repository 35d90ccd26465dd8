//! One run of the rules, over everything or over the addresses of some Services.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec,
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use bgp::{Prefix, Route};
use model::{AddressFamily, ServiceKey};

use crate::{
    Changes, Decision, Guard, NetworkPlan, Planner, Skip, Target,
    eligible::{Candidate, Grant, eligible, unassigned},
    gate::Requirement,
    holder::{Holders, keeper},
    network::Situation,
    planner::Stale,
    view::View,
};

/// What the rules say about one address.
struct Verdict {
    decisions: Vec<(Target, Decided)>,
    route: (Prefix, Vec<Route>),
    guard: (IpAddr, Option<Guard>),
}

struct Decided {
    decision: Decision,
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
            _ => self.renew_view(&mut changes),
        };
        if stale.everything || former.as_ref() != Some(&view) {
            self.run_everything(now, &view, &mut changes);
        } else {
            self.run_services(now, &view, stale.services, &mut changes);
        }
        if stale.network || stale.view {
            self.run_network(&view, &mut changes);
        }
        self.view = Some(view);
        changes
    }

    fn run_network(&mut self, view: &View, changes: &mut Changes) {
        let network = match (&view.pod_network, &self.links) {
            (Some(pod_network), Some(links)) => NetworkPlan::new(Situation {
                pod_network,
                orphaned: view.orphaned,
                node: &self.options.node,
                nodes: &self.cluster.nodes,
                links,
                learned: &self.learned,
            }),
            // Before the interfaces are known nothing is touched, as without a PodNetwork.
            (_, None) | (None, _) => NetworkPlan::default(),
        };
        if *self.plan.network != network {
            self.plan.network = Arc::new(network);
            changes.network = Some(self.plan.network.clone());
        }
    }

    fn renew_view(&mut self, changes: &mut Changes) -> View {
        let (view, unusable) = View::new(
            &self.options.node,
            self.options.ignore_exclude_label,
            &self.cluster,
            &mut self.memory,
        );
        if self.plan.peers != view.peers.0 {
            self.plan.peers = view.peers.0.clone();
            changes.peers = Some(self.plan.peers.values().cloned().collect());
        }
        self.plan.addresses = view.addresses;
        self.plan.unusable = unusable;
        view
    }

    fn run_everything(&mut self, now: Duration, view: &View, changes: &mut Changes) {
        self.holders = Holders::of(&self.cluster);
        let mut decided = Vec::with_capacity(self.cluster.services.len());
        let pod_routes = view.pod_routes.0.iter();
        let mut routes: Vec<(Prefix, Vec<Route>)> = pod_routes
            .map(|(prefix, route)| (*prefix, vec![route.clone()]))
            .collect();
        let mut guards = Vec::new();
        for address in self.holders.addresses() {
            let mut verdict = self.decide(view, address);
            decided.append(&mut verdict.decisions);
            routes.push(verdict.route);
            guards.push(verdict.guard);
        }
        self.plan.pod_cidrs = view.pod_routes.0.len();
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
        self.replace_guards(guards, changes);
    }

    fn run_services(
        &mut self,
        now: Duration,
        view: &View,
        services: BTreeSet<ServiceKey>,
        changes: &mut Changes,
    ) {
        let mut addresses = BTreeSet::new();
        for service in services {
            self.index(now, view, &service, &mut addresses);
        }
        for address in addresses {
            let verdict = self.decide(view, address);
            for (target, decided) in verdict.decisions {
                self.set_decision(now, target, Some(decided));
            }
            let (prefix, routes) = verdict.route;
            self.set_routes(prefix, routes, changes);
            let (address, guard) = verdict.guard;
            self.set_guard(address, guard, changes);
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

    /// Runs the rules for one address: all Services that hold it.
    fn decide(&self, view: &View, address: IpAddr) -> Verdict {
        let holders = self.holders.get(address);
        let services = || {
            holders
                .iter()
                .filter_map(|key| self.cluster.services.get(key))
        };
        let keeper = keeper(&view.settings, services());
        let mut decisions = Vec::with_capacity(holders.len());
        let mut granted: Option<Grant> = None;
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
                        .is_some_and(Decision::passed_gate);
                waits_for = (!ready).then_some(requirement);
                ready
            };
            let decision = match eligible(view, candidate, ready) {
                Ok(grant) => {
                    granted = Some(match granted.take() {
                        Some(all) => all.and(grant),
                        None => grant,
                    });
                    Decision::Announce
                }
                Err(skip) => Decision::Skip(skip),
            };
            decisions.push((
                target,
                Decided {
                    decision,
                    waits_for,
                },
            ));
        }
        let guard = granted.as_ref().and_then(|grant| grant.guard);
        let peers = granted.map(|grant| grant.peers);
        Verdict {
            decisions,
            route: (Prefix::host(address), self.router.routes(peers)),
            guard: (address, guard),
        }
    }

    fn replace_decisions(&mut self, now: Duration, decided: Vec<(Target, Decided)>) {
        let former = core::mem::take(&mut self.plan.decisions);
        let targets: BTreeSet<&Target> = decided.iter().map(|(target, _)| target).collect();
        // Before what is new: the gate knows a Service and a family, and the new address may be of the same two.
        for (target, before) in former
            .iter()
            .filter(|(target, _)| !targets.contains(target))
        {
            self.tell_gate(now, target, Some(before), None);
        }
        self.counts.clear();
        let mut decisions = Vec::with_capacity(decided.len());
        for (target, decided) in decided {
            self.tell_gate(now, &target, former.get(&target), decided.waits_for);
            *self.counts.entry(decided.decision.reason()).or_default() += 1;
            decisions.push((target, decided.decision));
        }
        self.plan.decisions = BTreeMap::from_iter(decisions);
    }

    fn set_decision(&mut self, now: Duration, target: Target, decided: Option<Decided>) {
        let before = self.plan.decisions.remove(&target);
        self.tell_gate(
            now,
            &target,
            before.as_ref(),
            decided.as_ref().and_then(|d| d.waits_for),
        );
        if let Some(before) = before
            && let Some(count) = self.counts.get_mut(before.reason())
        {
            *count = count.saturating_sub(1);
        }
        if let Some(Decided { decision, .. }) = decided {
            *self.counts.entry(decision.reason()).or_default() += 1;
            self.plan.decisions.insert(target, decision);
        }
    }

    fn tell_gate(
        &mut self,
        now: Duration,
        target: &Target,
        before: Option<&Decision>,
        waits_for: Option<Requirement>,
    ) {
        let waited = before == Some(&Decision::Skip(Skip::DataplaneNotReady));
        if let Some(address) = target.address
            && (waited || waits_for.is_some())
        {
            let family = AddressFamily::of(address);
            self.gate
                .handle_wait(now, &target.service, family, waits_for);
        }
    }

    fn replace_routes(&mut self, routes: Vec<(Prefix, Vec<Route>)>, changes: &mut Changes) {
        let former = core::mem::take(&mut self.plan.routes);
        self.plan.routes = routes
            .into_iter()
            .filter(|(_, routes)| !routes.is_empty())
            .collect();
        for (prefix, routes) in &self.plan.routes {
            if former.get(prefix) != Some(routes) {
                changes.routes.insert(*prefix, routes.clone());
            }
        }
        for prefix in former
            .keys()
            .filter(|prefix| !self.plan.routes.contains_key(prefix))
        {
            changes.routes.insert(*prefix, Vec::new());
        }
    }

    fn replace_guards(&mut self, guards: Vec<(IpAddr, Option<Guard>)>, changes: &mut Changes) {
        let former = core::mem::take(&mut self.plan.guards);
        self.plan.guards = guards
            .into_iter()
            .filter_map(|(address, guard)| Some((address, guard?)))
            .collect();
        for (address, guard) in &self.plan.guards {
            if former.get(address) != Some(guard) {
                changes.guards.insert(*address, Some(*guard));
            }
        }
        let gone = former
            .keys()
            .filter(|address| !self.plan.guards.contains_key(address));
        changes.guards.extend(gone.map(|address| (*address, None)));
    }

    fn set_guard(&mut self, address: IpAddr, guard: Option<Guard>, changes: &mut Changes) {
        let former = match guard {
            Some(guard) => self.plan.guards.insert(address, guard),
            None => self.plan.guards.remove(&address),
        };
        if former != guard {
            changes.guards.insert(address, guard);
        }
    }

    fn set_routes(&mut self, prefix: Prefix, routes: Vec<Route>, changes: &mut Changes) {
        let former = match routes.is_empty() {
            true => self.plan.routes.remove(&prefix),
            false => self.plan.routes.insert(prefix, routes.clone()),
        };
        if former.unwrap_or_default() != routes {
            changes.routes.insert(prefix, routes);
        }
    }
}

impl Decided {
    fn skip(skip: Skip) -> Self {
        Self {
            decision: Decision::Skip(skip),
            waits_for: None,
        }
    }
}
