use alloc::{collections::BTreeSet, vec::Vec};

use bgp::Prefix;

use crate::{RouteKey, RouteTarget, Routes};

/// One change of the routing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteOp {
    /// Add it; nothing has this key.
    Add(RouteKey, RouteTarget),
    /// Another target for a route of ours.
    Replace(RouteKey, RouteTarget),
    /// Remove one of ours.
    Remove(RouteKey),
}

/// What has to be done, and what cannot be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteDiff {
    /// In the order in which it is to be done.
    pub ops: Vec<RouteOp>,
    /// Wanted, but somebody else has a route for the very prefix (`ForeignRoute`).
    pub foreign: BTreeSet<Prefix>,
}

/// What turns `observed`, our routes as the kernel has them, into `desired`.
///
/// `foreign` are prefixes for which somebody else has a route in the same table: they get none of ours but the
/// unreachable one, which stands below everything. With `keep` nothing is removed: the run before may have left what
/// this one is still to learn.
pub fn diff(
    desired: &Routes,
    observed: &Routes,
    foreign: &BTreeSet<Prefix>,
    keep: bool,
) -> RouteDiff {
    let mut diff = RouteDiff::default();
    let blocked = |key: &RouteKey, target: &RouteTarget| {
        *target != RouteTarget::Unreachable && foreign.contains(&key.prefix)
    };
    for (key, target) in desired {
        if blocked(key, target) {
            diff.foreign.insert(key.prefix);
            continue;
        }
        match observed.get(key) {
            Some(there) if there == target => {}
            Some(_) => diff.ops.push(RouteOp::Replace(*key, target.clone())),
            None => diff.ops.push(RouteOp::Add(*key, target.clone())),
        }
    }
    let unwanted = observed.keys().filter(|key| {
        let wanted = desired.get(key);
        wanted.is_none_or(|target| blocked(key, target))
    });
    if !keep {
        diff.ops.extend(unwanted.map(|key| RouteOp::Remove(*key)));
    }
    diff
}

/// What the table holds after the change: the meaning of a [`RouteOp`].
pub fn apply(routes: &mut Routes, op: RouteOp) {
    match op {
        RouteOp::Add(key, target) | RouteOp::Replace(key, target) => {
            routes.insert(key, target);
        }
        RouteOp::Remove(key) => {
            routes.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::Hop;

    fn key() -> impl Strategy<Value = RouteKey> {
        (
            0..6_u8,
            prop::sample::select([512_u32, 768, u32::MAX].as_slice()),
        )
            .prop_map(|(third, metric)| RouteKey {
                prefix: alloc::format!("10.244.{third}.0/24").parse().unwrap(),
                metric,
            })
    }

    fn target() -> impl Strategy<Value = RouteTarget> {
        let hop = (1..3_u32, 1..4_u8).prop_map(|(interface, last)| Hop {
            interface,
            gateway: [10, 1, 0, last].into(),
        });
        prop_oneof![
            Just(RouteTarget::Unreachable),
            prop::collection::btree_set(hop, 1..3)
                .prop_map(|hops| RouteTarget::Via(hops.into_iter().collect())),
        ]
    }

    fn routes() -> impl Strategy<Value = Routes> {
        prop::collection::btree_map(key(), target(), 0..8)
    }

    fn applied(mut routes: Routes, ops: Vec<RouteOp>) -> Routes {
        for op in ops {
            apply(&mut routes, op);
        }
        routes
    }

    proptest! {
        #[test]
        fn applying_the_difference_gives_what_is_desired(desired in routes(), observed in routes()) {
            let nobody = BTreeSet::new();
            let result = applied(observed.clone(), diff(&desired, &observed, &nobody, false).ops);
            prop_assert_eq!(&result, &desired);
            prop_assert_eq!(diff(&desired, &result, &nobody, false), RouteDiff::default());
        }

        #[test]
        fn what_somebody_else_routes_gets_no_route_of_ours(desired in routes(), observed in routes(), third in 0..6_u8) {
            let taken: Prefix = alloc::format!("10.244.{third}.0/24").parse().unwrap();
            let foreign = BTreeSet::from([taken]);
            let result = applied(observed.clone(), diff(&desired, &observed, &foreign, false).ops);
            let beside = |routes: &Routes| -> BTreeMap<RouteKey, RouteTarget> {
                routes.iter().filter(|(key, _)| key.prefix != taken).map(|(k, t)| (*k, t.clone())).collect()
            };
            prop_assert_eq!(beside(&result), beside(&desired));
            prop_assert!(result.iter().all(|(key, target)| key.prefix != taken || *target == RouteTarget::Unreachable));
        }

        #[test]
        fn keeps_what_it_has_not_been_told_about_while_it_learns(desired in routes(), observed in routes()) {
            let result = applied(observed.clone(), diff(&desired, &observed, &BTreeSet::new(), true).ops);
            prop_assert!(observed.keys().all(|key| result.contains_key(key)));
            prop_assert!(desired.iter().all(|(key, target)| result.get(key) == Some(target)));
        }
    }
}
