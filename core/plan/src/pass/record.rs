//! What a pass has found is taken into the plan, and what differs from before is told.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use bgp::{Prefix, Route};
use model::AddressFamily;

use super::Decided;
use crate::{Changes, Decision, Guard, Planner, Skip, Target, gate::Requirement};

impl Planner {
    pub(super) fn replace_decisions(&mut self, now: Duration, decided: Vec<(Target, Decided)>) {
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

    pub(super) fn set_decision(&mut self, now: Duration, target: Target, decided: Option<Decided>) {
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

    pub(super) fn replace_routes(
        &mut self,
        routes: Vec<(Prefix, Vec<Route>)>,
        changes: &mut Changes,
    ) {
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

    pub(super) fn replace_guards(
        &mut self,
        guards: Vec<(IpAddr, Option<Guard>)>,
        changes: &mut Changes,
    ) {
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

    pub(super) fn set_guard(
        &mut self,
        address: IpAddr,
        guard: Option<Guard>,
        changes: &mut Changes,
    ) {
        let former = match guard {
            Some(guard) => self.plan.guards.insert(address, guard),
            None => self.plan.guards.remove(&address),
        };
        if former != guard {
            changes.guards.insert(address, guard);
        }
    }

    pub(super) fn set_routes(&mut self, prefix: Prefix, routes: Vec<Route>, changes: &mut Changes) {
        let former = match routes.is_empty() {
            true => self.plan.routes.remove(&prefix),
            false => self.plan.routes.insert(prefix, routes.clone()),
        };
        if former.unwrap_or_default() != routes {
            changes.routes.insert(prefix, routes);
        }
    }
}
