//! What a pass has found is taken into the plan, and what differs from before is told.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use bgp::{Prefix, Route};
use model::AddressFamily;

use super::Decided;
use crate::{Changes, Decisions, Planner, Target, gate::Requirement};

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
            self.count(&decided.decisions);
            decisions.push((target, decided.decisions));
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
        for (protocol, decision) in before.iter().flat_map(Decisions::iter) {
            if let Some(count) = self.counts.get_mut(&(protocol, decision.reason())) {
                *count = count.saturating_sub(1);
            }
        }
        if let Some(Decided { decisions, .. }) = decided {
            self.count(&decisions);
            self.plan.decisions.insert(target, decisions);
        }
    }

    fn count(&mut self, decisions: &Decisions) {
        for (protocol, decision) in decisions.iter() {
            *self
                .counts
                .entry((protocol, decision.reason()))
                .or_default() += 1;
        }
    }

    fn tell_gate(
        &mut self,
        now: Duration,
        target: &Target,
        before: Option<&Decisions>,
        waits_for: Option<Requirement>,
    ) {
        let waited = before.is_some_and(Decisions::waits_for_gate);
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
        let routes = self.plan.stage.lower(routes);
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

    pub(super) fn set_routes(&mut self, route: (Prefix, Vec<Route>), changes: &mut Changes) {
        for (prefix, routes) in self.plan.stage.lower(Vec::from([route])) {
            self.set_lowered(prefix, routes, changes);
        }
    }

    fn set_lowered(&mut self, prefix: Prefix, routes: Vec<Route>, changes: &mut Changes) {
        let former = match routes.is_empty() {
            true => self.plan.routes.remove(&prefix),
            false => self.plan.routes.insert(prefix, routes.clone()),
        };
        if former.unwrap_or_default() != routes {
            changes.routes.insert(prefix, routes);
        }
    }
}

/// Takes what is wanted of every key in place of what was, and tells the difference.
pub(super) fn replace<K: Copy + Ord, T: Clone + PartialEq>(
    planned: &mut BTreeMap<K, T>,
    wanted: Vec<(K, Option<T>)>,
    told: &mut BTreeMap<K, Option<T>>,
) {
    let wanted = wanted.into_iter();
    let wanted = wanted.filter_map(|(address, value)| Some((address, value?)));
    let former = core::mem::replace(planned, wanted.collect());
    for (address, value) in &*planned {
        if former.get(address) != Some(value) {
            told.insert(*address, Some(value.clone()));
        }
    }
    let gone = former
        .keys()
        .filter(|address| !planned.contains_key(address));
    told.extend(gone.map(|address| (*address, None)));
}

/// Takes what is wanted of one key in place of what was, and tells the difference.
pub(super) fn set<K: Copy + Ord, T: Clone + PartialEq>(
    planned: &mut BTreeMap<K, T>,
    (address, wanted): (K, Option<T>),
    told: &mut BTreeMap<K, Option<T>>,
) {
    let former = match wanted.clone() {
        Some(value) => planned.insert(address, value),
        None => planned.remove(&address),
    };
    if former != wanted {
        told.insert(address, wanted);
    }
}
