use model::Node;

use super::Situation;
use crate::{Cni, CniConfig, LinkRole};

/// The configuration for this node's pods.
pub(super) fn plan(situation: Situation<'_>) -> Cni {
    let node = situation.own();
    let subnets = node.map(|node| node.pod_cidrs.clone()).unwrap_or_default();
    match (situation.pod_network.cni_install, subnets.is_empty()) {
        (false, _) => Cni::Absent,
        (true, true) => Cni::NoPodCidr,
        (true, false) => Cni::Install(CniConfig {
            kind: situation.pod_network.cni_type,
            subnets,
            mtu: node.and_then(|node| uplink_mtu(situation, node)),
        }),
    }
}

/// That of the interface with the node's address, or else of the one that the default route leaves through.
fn uplink_mtu(situation: Situation<'_>, node: &Node) -> Option<u32> {
    let holder = |address| {
        let link = situation.links.holder(address);
        link.filter(|link| link.role == LinkRole::Uplink)
    };
    let uplinks = situation.links.uplinks();
    let default = || uplinks.filter(|link| link.default_ipv4 || link.default_ipv6);
    let link = node
        .internal_ips
        .iter()
        .find_map(|address| holder(*address))
        .or_else(|| default().next())?;
    Some(link.mtu)
}
