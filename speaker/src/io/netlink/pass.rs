//! The rules of one pass over routes and neighbours: what to do, and what to remember.

use std::collections::BTreeSet;

use bgp::Prefix;
use plan::{Hop, RouteDiff, RouteKey, RouteOp, RouteTarget, Routes};

use super::neighbor::Neighbors;

/// What is known from pass to pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Keys of which this run has once wanted a route: those are its own, whoever made them.
    routes: BTreeSet<RouteKey>,
    /// Neighbours that this run has once wanted.
    neighbors: BTreeSet<Hop>,
    /// The table as the last pass left it.
    pub(super) left: Option<Routes>,
    /// Keys of routes that others took or changed and that are not yet put back.
    lost: BTreeSet<RouteKey>,
    /// Routes that were put back.
    pub(super) repairs: u64,
}

impl Memory {
    /// What turns the table into what is wanted, without removing what this run has never wanted if `keeps` says so.
    pub(super) fn plan_routes(
        &mut self,
        desired: &Routes,
        observed: &Routes,
        foreign: &BTreeSet<Prefix>,
        keeps: impl Fn(&RouteKey) -> bool,
    ) -> RouteDiff {
        self.routes.extend(desired.keys());
        let mut diff = plan::diff(desired, observed, foreign, false);
        diff.ops.retain(|op| match op {
            RouteOp::Remove(key) => !keeps(key) || self.routes.contains(key),
            RouteOp::Add(..) | RouteOp::Replace(..) => true,
        });
        // What is not there any more needs no memory; while something is kept it may come back.
        let wanted = |key: &RouteKey| desired.contains_key(key) || observed.contains_key(key);
        self.routes.retain(|key| wanted(key) || keeps(key));
        diff
    }

    /// Notes the routes that are not as the last pass left them although they should be.
    pub(super) fn note_lost(&mut self, desired: &Routes, observed: &Routes) {
        self.lost.retain(|key| desired.contains_key(key));
        let left = self.left.iter().flatten();
        let lost = left.filter(|(key, target)| {
            desired.get(key) == Some(target) && observed.get(key) != Some(target)
        });
        self.lost.extend(lost.map(|(key, _)| *key));
    }

    /// Counts a route that was put back.
    pub(super) fn note_done(&mut self, op: &RouteOp) {
        if let RouteOp::Add(key, _) | RouteOp::Replace(key, _) = op {
            self.repairs += u64::from(self.lost.remove(key));
        }
    }

    /// Neighbours to ask the kernel for, and entries to remove. What it does not keep resolved is asked for each time.
    pub(super) fn plan_neighbors(
        &mut self,
        wanted: &BTreeSet<Hop>,
        observed: &Neighbors,
        keep: bool,
    ) -> (Vec<Hop>, Vec<Hop>) {
        self.neighbors.extend(wanted);
        let kept = |hop: &&Hop| observed.get(*hop) == Some(&true);
        let add = wanted.iter().filter(|hop| !kept(hop)).copied().collect();
        let gone = observed.keys().filter(|hop| {
            let ours = !keep || self.neighbors.contains(hop);
            ours && !wanted.contains(hop)
        });
        let remove = gone.copied().collect();
        if !keep {
            self.neighbors.retain(|hop| wanted.contains(hop));
        }
        (add, remove)
    }
}

/// One change of the table as the kernel can make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing may have the key.
    Add(RouteKey, RouteTarget),
    /// At once, without a gap.
    Replace(RouteKey, RouteTarget),
    /// It may be gone already.
    Remove(RouteKey),
}

impl Step {
    /// Destination.
    pub(super) fn prefix(&self) -> Prefix {
        match self {
            Self::Add(key, _) | Self::Replace(key, _) | Self::Remove(key) => key.prefix,
        }
    }
}

/// The steps of an operation. The kernel replaces an IPv6 route only by one of its kind (ip6_fib.c, fib6_add_rt2node): of
/// another it would make a second one.
pub(super) fn steps(op: &RouteOp, observed: &Routes) -> Vec<Step> {
    let has_hops = |target: Option<&RouteTarget>| match target {
        Some(RouteTarget::Via(hops)) => !hops.is_empty(),
        Some(RouteTarget::Unreachable) | None => false,
    };
    match op {
        RouteOp::Add(key, target) => vec![Step::Add(*key, target.clone())],
        RouteOp::Replace(key, target) if has_hops(Some(target)) && has_hops(observed.get(key)) => {
            vec![Step::Replace(*key, target.clone())]
        }
        RouteOp::Replace(key, target) => {
            vec![Step::Remove(*key), Step::Add(*key, target.clone())]
        }
        RouteOp::Remove(key) => vec![Step::Remove(*key)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(prefix: &str) -> RouteKey {
        RouteKey {
            prefix: prefix.parse().unwrap(),
            metric: 512,
        }
    }

    fn hop(gateway: &str) -> Hop {
        Hop {
            interface: 2,
            gateway: gateway.parse().unwrap(),
        }
    }

    fn via(gateway: &str) -> RouteTarget {
        RouteTarget::Via(vec![hop(gateway)])
    }

    #[test]
    fn removes_only_what_this_run_has_wanted_while_it_keeps_what_it_found() {
        let mut memory = Memory::default();
        let (a, b) = (key("10.1.0.0/24"), key("10.2.0.0/24"));
        let there = Routes::from([(a, via("10.0.0.2")), (b, via("10.0.0.3"))]);
        let wanted = Routes::from([(a, via("10.0.0.2"))]);
        let none = BTreeSet::new();
        let ops = |memory: &mut Memory, desired: &Routes, keep| {
            memory.plan_routes(desired, &there, &none, |_| keep).ops
        };
        assert_eq!(ops(&mut memory, &wanted, true), []);
        let nothing = Routes::new();
        assert_eq!(ops(&mut memory, &nothing, true), [RouteOp::Remove(a)]);
        assert_eq!(
            ops(&mut memory, &nothing, false),
            [RouteOp::Remove(a), RouteOp::Remove(b)]
        );
    }

    #[test]
    fn spares_what_this_run_has_never_wanted_and_no_more() {
        let mut memory = Memory::default();
        let [spared, wanted, left] = ["10.1.0.0/24", "10.1.1.0/24", "10.2.0.0/24"].map(key);
        let there = Routes::from([spared, wanted, left].map(|key| (key, via("10.0.0.2"))));
        let pods: Prefix = "10.1.0.0/16".parse().unwrap();
        let spares = |key: &RouteKey| pods.contains(&key.prefix);
        let none = BTreeSet::new();
        let once = Routes::from([(wanted, via("10.0.0.2"))]);
        let ops = memory.plan_routes(&once, &there, &none, spares).ops;
        assert_eq!(ops, [RouteOp::Remove(left)]);
        // Also when the kernel refused at first.
        for _ in 0..2 {
            let ops = memory
                .plan_routes(&Routes::new(), &there, &none, spares)
                .ops;
            assert_eq!(ops, [RouteOp::Remove(wanted), RouteOp::Remove(left)]);
        }
    }

    #[test]
    fn counts_what_others_took_when_it_is_put_back_and_not_what_was_never_there() {
        let mut memory = Memory::default();
        let [a, b, c] = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"].map(key);
        let all = Routes::from([a, b, c].map(|key| (key, via("10.0.0.2"))));
        let put_back = |memory: &mut Memory, key| {
            memory.note_done(&RouteOp::Add(key, via("10.0.0.2")));
            memory.repairs
        };
        memory.note_lost(&all, &Routes::new());
        assert_eq!(put_back(&mut memory, a), 0, "the first time");

        memory.left = Some(Routes::from([a, b].map(|key| (key, via("10.0.0.2")))));
        let observed = Routes::from([(a, via("10.0.0.2")), (b, via("10.0.0.9"))]);
        memory.note_lost(&all, &observed);
        // The kernel refuses at first.
        memory.left = Some(observed.clone());
        memory.note_lost(&all, &observed);
        assert_eq!(put_back(&mut memory, c), 0);
        assert_eq!(put_back(&mut memory, b), 1);
        assert_eq!(put_back(&mut memory, b), 1, "once");

        let other = Routes::from([(a, via("10.0.0.7"))]);
        memory.note_lost(&other, &Routes::new());
        assert_eq!(put_back(&mut memory, a), 1, "another is wanted");
    }

    #[test]
    fn asks_again_for_neighbours_that_the_kernel_does_not_keep() {
        let mut memory = Memory::default();
        let [kept, probed, old] = ["10.0.0.2", "10.0.0.3", "10.0.0.4"].map(hop);
        let wanted = BTreeSet::from([kept, probed]);
        let observed = Neighbors::from([(kept, true), (probed, false), (old, true)]);
        let plan = memory.plan_neighbors(&wanted, &observed, true);
        assert_eq!(plan, (vec![probed], vec![]));
        let plan = memory.plan_neighbors(&wanted, &observed, false);
        assert_eq!(plan, (vec![probed], vec![old]));
    }

    #[test]
    fn replaces_in_one_step_only_hops_by_hops() {
        let key = key("fd00:1::/64");
        let observed = Routes::from([(key, RouteTarget::Unreachable)]);
        let op = RouteOp::Replace(key, via("fd00::2"));
        let both = [Step::Remove(key), Step::Add(key, via("fd00::2"))];
        assert_eq!(steps(&op, &observed), both);
        let observed = Routes::from([(key, via("fd00::3"))]);
        assert_eq!(steps(&op, &observed), [Step::Replace(key, via("fd00::2"))]);
    }
}
