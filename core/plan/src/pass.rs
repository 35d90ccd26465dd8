//! One run of the rules, over everything or over the addresses of some Services.

mod record;

use alloc::{collections::BTreeSet, sync::Arc, vec, vec::Vec};
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
}

impl Decided {
    fn skip(skip: Skip) -> Self {
        Self {
            decision: Decision::Skip(skip),
            waits_for: None,
        }
    }
}
