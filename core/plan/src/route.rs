use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use bgp::Prefix;

/// Protocol number of our routes in the kernel (rtm_protocol), unless a flag says otherwise.
pub const ROUTE_PROTOCOL: u8 = 158;

/// Routes of the kernel's main table: ours, or those that should be ours.
pub type Routes = BTreeMap<RouteKey, RouteTarget>;

/// What the kernel tells routes apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteKey {
    /// Destination.
    pub prefix: Prefix,
    /// Lower is preferred (RTA_PRIORITY).
    pub metric: u32,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTarget {
    /// Nowhere: an ICMP error (RTN_UNREACHABLE).
    Unreachable,
    /// To one or several neighbours of equal weight, sorted, none twice.
    Via(Vec<Hop>),
}

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Index of the interface that it is behind.
    pub interface: u32,
    /// Its address.
    pub gateway: IpAddr,
}

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
