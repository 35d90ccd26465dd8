use alloc::{collections::BTreeSet, vec::Vec};
use core::net::IpAddr;

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
    /// Ranges whose direct route is left out, as the way there is broken.
    pub(super) broken: Vec<(Prefix, IpAddr)>,
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
    direct(situation, &mut planned);
    planned
}

/// Without those whose way is broken. The entries of their neighbours are kept probed: the ways may be mended.
fn direct(situation: Situation<'_>, planned: &mut Planned) {
    for (_, prefix, hop) in situation.direct() {
        planned.neighbors.insert(hop);
        if situation.broken.contains(&hop.gateway) {
            planned.broken.push((prefix, hop.gateway));
            continue;
        }
        let key = RouteKey {
            prefix,
            metric: DIRECT_METRIC,
        };
        let target = RouteTarget::Via(Vec::from([hop]));
        planned.routes.insert(key, target);
    }
}

pub(super) fn overlaps(own: &[Prefix], prefix: &Prefix) -> bool {
    own.iter()
        .any(|range| range.contains(prefix) || prefix.contains(range))
}
