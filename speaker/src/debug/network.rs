//! The pod network on the debug page.

use std::{collections::BTreeMap, net::IpAddr};

use plan::{Cni, NetworkPlan, Part, RouteTarget, SourceNat};
use serde::Serialize;

use crate::kernel::KernelState;

/// What the kernel and the CNI folder should hold.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    /// `null`: there never was a PodNetwork.
    mode: Option<String>,
    orphaned: bool,
    #[serde(rename = "podCIDRs")]
    pod_cidrs: Vec<String>,
    routes: PartLine<Vec<RouteLine>>,
    /// Neighbours whose entries are kept probed.
    neighbors: PartLine<Vec<IpAddr>>,
    egress: PartLine<Vec<EgressLine>>,
    cni: CniLine,
    settings: Vec<String>,
    /// Learned prefixes that get no route on purpose, and why.
    left_out: BTreeMap<String, &'static str>,
}

/// `Untouched`, `Absent`, or what should be there.
#[derive(Debug, Serialize)]
enum PartLine<T> {
    Untouched,
    Absent,
    Present(T),
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct RouteLine {
    prefix: String,
    metric: u32,
    /// Empty: unreachable.
    via: Vec<HopLine>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct HopLine {
    gateway: IpAddr,
    /// Index of the interface.
    interface: u32,
}

#[derive(Debug, Serialize)]
struct EgressLine {
    family: String,
    /// This node's pods.
    pods: Vec<String>,
    /// Destinations that see the pod's own address, besides nodes.
    untranslated: Vec<String>,
    /// Nodes, which do so too.
    nodes: usize,
    /// `null`: the address of the interface.
    source: Option<IpAddr>,
}

#[derive(Debug, Serialize)]
enum CniLine {
    Untouched,
    Absent,
    NoPodCIDR,
    Install { text: String },
}

/// What they hold.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kernel {
    routes: RoutesLine,
    uninstalled: Vec<UninstalledLine>,
    nftables: NftLine,
    cni: CniStateLine,
    /// Settings that are wrong and cannot be set.
    settings: Vec<String>,
    network_is_up: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoutesLine {
    direct: usize,
    imported: usize,
    held: usize,
    in_sync: bool,
    repairs: u64,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct UninstalledLine {
    prefix: String,
    reason: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NftLine {
    held: bool,
    in_sync: bool,
    repairs: u64,
    error: Option<String>,
    /// Packets by family and what they were counted for.
    packets: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct CniStateLine {
    applies: bool,
    ready: bool,
    held: bool,
    reason: &'static str,
    message: String,
}

impl Plan {
    pub(super) fn of(plan: &NetworkPlan) -> Self {
        Self {
            mode: plan.mode.map(|mode| format!("{mode:?}")),
            orphaned: plan.orphaned,
            pod_cidrs: shown(&plan.pod_cidrs),
            routes: PartLine::of(&plan.routes, |routes| {
                let line = |(key, target): (&plan::RouteKey, &RouteTarget)| RouteLine {
                    prefix: key.prefix.to_string(),
                    metric: key.metric,
                    via: hops(target),
                };
                routes.iter().map(line).collect()
            }),
            neighbors: PartLine::of(&plan.neighbors, |hops| {
                hops.iter().map(|hop| hop.gateway).collect()
            }),
            egress: PartLine::of(&plan.egress, |egress| {
                let line =
                    |(family, egress): (&model::AddressFamily, &plan::FamilyEgress)| EgressLine {
                        family: format!("{family:?}"),
                        pods: shown(&egress.pods),
                        untranslated: shown(egress.cluster.iter().chain(&egress.excluded)),
                        nodes: egress.nodes.len(),
                        source: match egress.source {
                            SourceNat::Masquerade => None,
                            SourceNat::To(address) => Some(address),
                        },
                    };
                egress.iter().map(line).collect()
            }),
            cni: match &plan.cni {
                Cni::Untouched => CniLine::Untouched,
                Cni::Absent => CniLine::Absent,
                Cni::NoPodCidr => CniLine::NoPodCIDR,
                Cni::Install(config) => CniLine::Install {
                    text: config.text(),
                },
            },
            settings: plan
                .settings
                .iter()
                .filter_map(|setting| setting.paths().pop())
                .collect(),
            left_out: plan
                .left_out
                .iter()
                .map(|(prefix, reason)| (prefix.to_string(), reason.as_str()))
                .collect(),
        }
    }
}

impl<T> PartLine<T> {
    fn of<P>(part: &Part<P>, line: impl FnOnce(&P) -> T) -> Self {
        match part {
            Part::Untouched => Self::Untouched,
            Part::Absent => Self::Absent,
            Part::Present(value) => Self::Present(line(value)),
        }
    }
}

fn hops(target: &RouteTarget) -> Vec<HopLine> {
    match target {
        RouteTarget::Unreachable => Vec::new(),
        RouteTarget::Via(hops) => hops
            .iter()
            .map(|hop| HopLine {
                gateway: hop.gateway,
                interface: hop.interface,
            })
            .collect(),
    }
}

fn shown<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

impl Kernel {
    pub(super) fn of(state: &KernelState) -> Self {
        let (routes, nft, cni) = (&state.routes, &state.nft, &state.cni);
        let uninstalled = state.uninstalled().into_iter();
        let packets = nft
            .counters
            .iter()
            .map(|((family, counted), count)| (format!("{family:?} {counted:?}"), count.packets));
        Self {
            routes: RoutesLine {
                direct: routes.direct.ipv4 + routes.direct.ipv6,
                imported: routes.imported.ipv4 + routes.imported.ipv6,
                held: routes.held,
                in_sync: routes.in_sync,
                repairs: routes.repairs,
                error: routes.error.clone(),
            },
            uninstalled: uninstalled
                .map(|route| UninstalledLine {
                    prefix: route.prefix.to_string(),
                    reason: route.reason,
                    message: route.message,
                })
                .collect(),
            nftables: NftLine {
                held: nft.held,
                in_sync: nft.in_sync,
                repairs: nft.repairs,
                error: nft.error.clone(),
                packets: packets.collect(),
            },
            cni: CniStateLine {
                applies: cni.applies,
                ready: cni.ready,
                held: cni.held,
                reason: cni.reason,
                message: cni.message.clone(),
            },
            settings: state.settings.clone(),
            network_is_up: state.network_is_up(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plan::{Hop, RouteKey};

    use super::*;

    #[test]
    fn shows_what_should_be_and_what_is() {
        let key = RouteKey {
            prefix: "10.244.2.0/24".parse().unwrap(),
            metric: 512,
        };
        let hop = Hop {
            interface: 2,
            gateway: "10.1.0.2".parse().unwrap(),
        };
        let plan = NetworkPlan {
            mode: Some(model::PodNetworkMode::Network),
            routes: Part::Present([(key, RouteTarget::Via(vec![hop]))].into()),
            egress: Part::Absent,
            cni: Cni::NoPodCidr,
            left_out: [("10.0.0.0/24".parse().unwrap(), plan::LeftOut::InPool)].into(),
            ..NetworkPlan::default()
        };
        let state = KernelState {
            plan: Arc::new(plan),
            ..KernelState::default()
        };
        let shown = serde_json::to_value(Plan::of(&state.plan)).unwrap();
        let expected = serde_json::json!({
            "mode": "Network", "orphaned": false, "podCIDRs": [],
            "routes": { "Present": [{
                "prefix": "10.244.2.0/24", "metric": 512,
                "via": [{ "gateway": "10.1.0.2", "interface": 2 }],
            }] },
            "neighbors": "Untouched", "egress": "Absent", "cni": "NoPodCIDR", "settings": [],
            "leftOut": { "10.0.0.0/24": "InPool" },
        });
        assert_eq!(shown, expected);
        let kernel = serde_json::to_value(Kernel::of(&state)).unwrap();
        assert_eq!(kernel["routes"]["inSync"], false);
        assert_eq!(kernel["networkIsUp"], false);
    }
}
