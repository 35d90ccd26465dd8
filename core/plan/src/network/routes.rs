use alloc::{collections::BTreeSet, vec::Vec};

use bgp::Prefix;

use super::Situation;
use crate::{DIRECT_METRIC, Hop, RouteKey, RouteTarget, Routes};

/// Metric of the route that answers for unused addresses of this node's own range: below everything.
const UNUSED: u32 = u32::MAX;

/// Routes, and what keeps them going.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) routes: Routes,
    /// Next hops of the direct routes.
    pub(super) neighbors: BTreeSet<Hop>,
}

/// The routes to all pods of the cluster, as far as this node can know them by itself.
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

fn overlaps(own: &[Prefix], prefix: &Prefix) -> bool {
    own.iter()
        .any(|range| range.contains(prefix) || prefix.contains(range))
}
