use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use bgp::Prefix;

use super::Situation;
use crate::{DIRECT_METRIC, Hop, IMPORTED_METRIC, RouteKey, RouteTarget, Routes};

/// Metric of the route that answers for unused addresses of this node's own range: below everything.
const UNUSED: u32 = u32::MAX;

/// Routes, and what stands in the way of more.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) routes: Routes,
    /// Next hops of the direct routes.
    pub(super) neighbors: BTreeSet<Hop>,
    /// Learned prefixes with a next hop that is not on-link.
    pub(super) off_link: Vec<(Prefix, IpAddr)>,
}

/// The routes to all pods of the cluster, as far as this node can know them.
pub(super) fn plan(situation: Situation<'_>) -> Planned {
    let own = situation.own_cidrs();
    let mut planned = Planned::default();
    for prefix in &own {
        let key = RouteKey {
            prefix: *prefix,
            metric: UNUSED,
        };
        planned.routes.insert(key, RouteTarget::Unreachable);
    }
    if situation.pod_network.direct {
        direct(situation, &own, &mut planned);
    }
    if situation.pod_network.import {
        imported(situation, &own, &mut planned);
    }
    planned
}

/// Of two nodes that claim one range the first by name has it.
fn direct(situation: Situation<'_>, own: &[Prefix], planned: &mut Planned) {
    for node in situation.others() {
        for prefix in node.pod_prefixes() {
            let near = node.internal_ips.iter().find_map(|address| {
                let same_family = Prefix::host(*address).family() == prefix.family();
                let (interface, _) = situation.links.on_link(*address).filter(|_| same_family)?;
                Some(Hop {
                    interface,
                    gateway: *address,
                })
            });
            let key = RouteKey {
                prefix,
                metric: DIRECT_METRIC,
            };
            if let Some(hop) = near
                && !overlaps(own, &prefix)
                && !planned.routes.contains_key(&key)
            {
                let target = RouteTarget::Via(Vec::from([hop]));
                planned.routes.insert(key, target);
                planned.neighbors.insert(hop);
            }
        }
    }
}

/// The import filter let pass what is inside the cluster's ranges; that filter may be a moment older than this plan.
fn imported(situation: Situation<'_>, own: &[Prefix], planned: &mut Planned) {
    let mut near: BTreeMap<IpAddr, Option<u32>> = BTreeMap::new();
    for (prefix, next_hops) in situation.learned.iter() {
        let inside = situation
            .pod_network
            .pod_cidrs
            .iter()
            .any(|range| range.contains(prefix));
        if !inside || overlaps(own, prefix) {
            continue;
        }
        let mut hops = BTreeSet::new();
        for &gateway in next_hops.iter() {
            let interface = *near
                .entry(gateway)
                .or_insert_with(|| situation.links.on_link(gateway).map(|(index, _)| index));
            match interface {
                Some(interface) => {
                    hops.insert(Hop { interface, gateway });
                }
                // Our own address comes back to us when a router reflects what we advertise; nothing is missing.
                None if situation.links.holder(gateway).is_some() => {}
                None => planned.off_link.push((*prefix, gateway)),
            }
        }
        if !hops.is_empty() {
            let key = RouteKey {
                prefix: *prefix,
                metric: IMPORTED_METRIC,
            };
            let target = RouteTarget::Via(hops.into_iter().collect());
            planned.routes.insert(key, target);
        }
    }
}

fn overlaps(own: &[Prefix], prefix: &Prefix) -> bool {
    own.iter()
        .any(|range| range.contains(prefix) || prefix.contains(range))
}
