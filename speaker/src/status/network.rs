//! What SpeakerState says of the pod network.

use crds::{ImportedRoutes, LeftOutRoutes, PodNetworkState, UninstalledRoute};
use model::{Condition, ConditionStatus, condition_type};

use super::compose::{integer, shorten};
use crate::{io::netlink::FamilyCounts, kernel::KernelState};

/// Most routes in a status; the schema allows no more.
const MOST_UNINSTALLED: usize = 32;
/// Most CIDRs of one node in a status.
const MOST_CIDRS: usize = 8;
/// Longest message of one route, in characters, as the schema has it.
const LONGEST_ROUTE: usize = 1024;
/// Routes that a condition names; the rest are counted.
const MOST_NAMED: usize = 3;

/// `status.podNetwork`.
pub(super) fn state(kernel: &KernelState) -> Option<PodNetworkState> {
    let plan = &kernel.plan;
    let uninstalled = kernel.uninstalled().into_iter().take(MOST_UNINSTALLED);
    Some(PodNetworkState {
        mode: plan.mode?,
        pod_cidrs: plan
            .pod_cidrs
            .iter()
            .take(MOST_CIDRS)
            .map(ToString::to_string)
            .collect(),
        direct_routes: total(kernel.routes.direct),
        imported_routes: total(kernel.routes.imported),
        uninstalled: uninstalled
            .map(|route| UninstalledRoute {
                prefix: route.prefix.to_string(),
                reason: route.reason.to_owned(),
                message: shorten(&route.message, LONGEST_ROUTE),
            })
            .collect(),
    })
}

/// `status.imported`.
pub(super) fn imported(kernel: &KernelState) -> Option<ImportedRoutes> {
    let left_out = kernel.left_out().into_iter();
    kernel.plan.imports.then(|| ImportedRoutes {
        installed: total(kernel.routes.imported),
        left_out: left_out
            .map(|(reason, prefixes)| LeftOutRoutes {
                reason: reason.to_owned(),
                prefixes: integer(prefixes),
            })
            .collect(),
    })
}

fn total(counts: FamilyCounts) -> i64 {
    integer(counts.ipv4 as u64).saturating_add(integer(counts.ipv6 as u64))
}

/// The conditions of the pod network, as far as they say something on this node. `former` are those of the status before.
pub(super) fn conditions(kernel: &KernelState, former: &[crds::Condition]) -> Vec<Condition> {
    let in_sync = kernel
        .is_concerned()
        .then(|| kernel_in_sync(kernel, former));
    let cni = &kernel.cni;
    let cni_ready = cni.applies.then(|| {
        Condition::on_service(
            condition_type::CNI_READY,
            cni.ready,
            cni.reason,
            cni.message.clone(),
        )
    });
    let orphaned = kernel.is_orphaned();
    let orphaned = (orphaned || kernel.plan.mode.is_some()).then(|| self::orphaned(orphaned));
    in_sync
        .into_iter()
        .chain(cni_ready)
        .chain(orphaned)
        .collect()
}

/// False with the first reason that there is, and the sentences of all.
fn kernel_in_sync(kernel: &KernelState, former: &[crds::Condition]) -> Condition {
    let kind = condition_type::KERNEL_IN_SYNC;
    let problems = problems(kernel);
    if let Some((reason, _)) = problems.first() {
        let sentences: Vec<&str> = problems.iter().map(|(_, sentence)| &**sentence).collect();
        return Condition::on_service(kind, false, reason, sentences.join("; "));
    }
    let was_in_sync = former
        .iter()
        .any(|condition| condition.r#type == kind && condition.status == "True");
    // A change that is on its way is nothing to tell every time.
    if kernel.routes.in_sync && kernel.nft.in_sync || was_in_sync {
        let message = "routes, packet filter and kernel settings are what they should be";
        return Condition::on_service(kind, true, "InSync", message);
    }
    Condition {
        status: ConditionStatus::Unknown,
        ..Condition::on_service(kind, false, "Applying", "the kernel is being changed")
    }
}

/// Reasons with their sentences, in the order in which they take the condition.
fn problems(kernel: &KernelState) -> Vec<(&'static str, String)> {
    let error = kernel
        .routes
        .error
        .iter()
        .map(|error| format!("routes cannot be observed or changed: {error}"));
    let nft = kernel
        .nft
        .error
        .iter()
        .map(|error| format!("table inet herald cannot be observed or changed: {error}"));
    let refused = error.chain(missing(kernel, "Refused"));
    let foreign = missing(kernel, "ForeignRoute");
    let off_link = missing(kernel, "NextHopNotOnLink");
    let all = refused
        .map(|sentence| ("RoutesRefused", sentence))
        .chain(foreign.map(|sentence| ("ForeignRoute", sentence)))
        .chain(nft.map(|sentence| ("NftablesFailed", sentence)))
        .chain(
            kernel
                .settings
                .iter()
                .map(|sentence| ("KernelSettings", sentence.clone())),
        )
        .chain(off_link.map(|sentence| ("NextHopNotOnLink", sentence)));
    all.collect()
}

/// The first routes that are missing for the reason. How many there are in all is no part of the text, so that each
/// further one is no news.
fn missing(kernel: &KernelState, reason: &'static str) -> impl Iterator<Item = String> {
    let mut routes = kernel.uninstalled();
    routes.retain(|route| route.reason == reason);
    let more = (routes.len() > MOST_NAMED).then(|| "and more routes".to_owned());
    let named = routes
        .into_iter()
        .take(MOST_NAMED)
        .map(|route| format!("{}: {}", route.prefix, route.message));
    named.chain(more)
}

fn orphaned(yes: bool) -> Condition {
    let (reason, message) = match yes {
        true => (
            "PodNetworkGone",
            "there is no PodNetwork, and what it made on this node stays as it is; create it again, or remove it all with \
             `herald-speaker cleanup` (docs/uninstall.md)",
        ),
        false => (
            "PodNetworkFound",
            "what this node holds belongs to the PodNetwork",
        ),
    };
    Condition::on_service(condition_type::ORPHANED, yes, reason, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crds::PodNetworkMode;
    use plan::NetworkPlan;

    use super::*;
    use crate::io::{cni::CniState, netlink::RoutesState, nft::NftState};

    fn in_sync() -> KernelState {
        KernelState {
            plan: Arc::new(NetworkPlan {
                mode: Some(PodNetworkMode::Network),
                pod_cidrs: vec!["10.244.1.0/24".parse().unwrap()],
                ..NetworkPlan::default()
            }),
            routes: RoutesState {
                direct: FamilyCounts { ipv4: 2, ipv6: 1 },
                in_sync: true,
                ..RoutesState::default()
            },
            nft: NftState {
                in_sync: true,
                ..NftState::default()
            },
            ..KernelState::default()
        }
    }

    fn shown(kernel: &KernelState) -> Vec<(String, &'static str, String)> {
        let conditions = conditions(kernel, &[]).into_iter();
        conditions
            .map(|c| (c.kind.to_string(), c.status.as_str(), c.reason.to_string()))
            .collect()
    }

    fn first(kernel: &KernelState) -> Condition {
        conditions(kernel, &[]).remove(0)
    }

    #[test]
    fn says_nothing_where_there_is_no_pod_network() {
        let mut kernel = KernelState::default();
        kernel.routes.in_sync = true;
        kernel.nft.in_sync = true;
        assert_eq!((state(&kernel), shown(&kernel)), (None, Vec::new()));
    }

    #[test]
    fn says_what_is_imported_where_a_peer_asks_for_it() {
        let mut kernel = KernelState::default();
        kernel.routes.imported = FamilyCounts { ipv4: 2, ipv6: 1 };
        assert_eq!(imported(&kernel), None);
        let plan = Arc::make_mut(&mut kernel.plan);
        plan.imports = true;
        let default = "0.0.0.0/0".parse().unwrap();
        plan.left_out.insert(default, plan::LeftOut::DefaultRoute);
        let imported = imported(&kernel).unwrap();
        let reasons: Vec<_> = imported
            .left_out
            .iter()
            .map(|each| (&*each.reason, each.prefixes))
            .collect();
        assert_eq!(
            (imported.installed, reasons),
            (3, vec![("DefaultRoute", 1)])
        );
        assert_eq!(shown(&kernel)[0].0, "KernelInSync");
    }

    #[test]
    fn says_that_the_kernel_is_in_sync() {
        let kernel = in_sync();
        let state = state(&kernel).unwrap();
        assert_eq!((state.direct_routes, state.imported_routes), (3, 0));
        assert_eq!(state.pod_cidrs, ["10.244.1.0/24"]);
        let expected = [
            ("KernelInSync".to_owned(), "True", "InSync".to_owned()),
            ("Orphaned".to_owned(), "False", "PodNetworkFound".to_owned()),
        ];
        assert_eq!(shown(&kernel), expected);
    }

    #[test]
    fn the_first_reason_stands_for_all_and_every_sentence_is_there() {
        let mut kernel = in_sync();
        let mut reasons = Vec::new();
        let plan = Arc::make_mut(&mut kernel.plan);
        plan.off_link = vec![(
            "10.244.9.0/24".parse().unwrap(),
            "10.9.0.1".parse().unwrap(),
        )];
        reasons.push(first(&kernel).reason.to_string());
        kernel.settings = vec!["net.ipv4.ip_forward is 0".to_owned()];
        reasons.push(first(&kernel).reason.to_string());
        kernel.nft.error = Some("no nf_tables".to_owned());
        reasons.push(first(&kernel).reason.to_string());
        let foreign = "10.244.8.0/24".parse().unwrap();
        kernel.routes.foreign.insert(foreign);
        reasons.push(first(&kernel).reason.to_string());
        let refused = "10.244.7.0/24".parse().unwrap();
        kernel
            .routes
            .refused
            .insert(refused, "no device".to_owned());
        let condition = first(&kernel);
        reasons.push(condition.reason.to_string());
        let expected = [
            "NextHopNotOnLink",
            "KernelSettings",
            "NftablesFailed",
            "ForeignRoute",
            "RoutesRefused",
        ];
        assert_eq!(reasons, expected);
        for part in [
            "10.9.0.1",
            "ip_forward",
            "no nf_tables",
            "10.244.8.0/24",
            "no device",
        ] {
            assert!(condition.message.contains(part), "{}", condition.message);
        }
    }

    #[test]
    fn names_three_routes_and_says_that_there_are_more() {
        let mut kernel = in_sync();
        let foreign = (0..9).map(|n| format!("10.244.{n}.0/24").parse().unwrap());
        kernel.routes.foreign = foreign.collect();
        let message = first(&kernel).message;
        assert!(message.contains("10.244.2.0/24") && !message.contains("10.244.3.0/24"));
        assert!(message.ends_with("and more routes"), "{message}");
        assert_eq!(state(&kernel).unwrap().uninstalled.len(), 9);
    }

    #[test]
    fn a_change_on_its_way_is_told_only_until_it_was_in_sync_once() {
        let mut kernel = in_sync();
        kernel.routes.in_sync = false;
        assert_eq!(
            (first(&kernel).status.as_str(), &*first(&kernel).reason),
            ("Unknown", "Applying")
        );
        let former = crds::Condition {
            r#type: "KernelInSync".to_owned(),
            status: "True".to_owned(),
            ..crds::Condition::default()
        };
        assert_eq!(conditions(&kernel, &[former])[0].status.as_str(), "True");
    }

    #[test]
    fn cni_and_orphans_are_told() {
        let mut kernel = in_sync();
        kernel.cni = CniState {
            applies: true,
            ready: false,
            reason: "PluginMissing",
            message: "ptp is missing".to_owned(),
            held: false,
        };
        Arc::make_mut(&mut kernel.plan).orphaned = true;
        let expected = [
            ("KernelInSync".to_owned(), "True", "InSync".to_owned()),
            ("CNIReady".to_owned(), "False", "PluginMissing".to_owned()),
            ("Orphaned".to_owned(), "True", "PodNetworkGone".to_owned()),
        ];
        assert_eq!(shown(&kernel), expected);
    }

    #[test]
    fn a_stopped_packet_filter_counts_without_a_pod_network() {
        let mut kernel = KernelState::default();
        kernel.nft.error = Some("no nf_tables".to_owned());
        let expected = [(
            "KernelInSync".to_owned(),
            "False",
            "NftablesFailed".to_owned(),
        )];
        assert_eq!(shown(&kernel), expected);
    }
}
