//! What the node holds besides its sessions: what should be, and what the drivers last saw.

use std::{collections::BTreeMap, sync::Arc};

use bgp::Prefix;
use model::PodNetworkMode;
use plan::{Cni, NetworkPlan};
use tokio::sync::watch;

use crate::io::{
    cni::CniState,
    netlink::RoutesState,
    nft::{Counted, NftState},
};

/// What status, metrics and debug page need of routes, packet filter, CNI and kernel settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KernelState {
    /// What should be.
    pub(crate) plan: Arc<NetworkPlan>,
    /// Routes.
    pub(crate) routes: RoutesState,
    /// The nftables table.
    pub(crate) nft: NftState,
    /// The CNI configuration.
    pub(crate) cni: CniState,
    /// Kernel settings that are wrong and cannot be set: a sentence each.
    pub(crate) settings: Vec<String>,
}

/// Where it comes from.
pub(crate) struct KernelSources {
    pub(crate) plan: watch::Receiver<Arc<NetworkPlan>>,
    pub(crate) routes: watch::Receiver<RoutesState>,
    pub(crate) nft: watch::Receiver<NftState>,
    pub(crate) cni: watch::Receiver<CniState>,
    pub(crate) settings: watch::Receiver<Vec<String>>,
}

/// A route that this node should have and has not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Uninstalled {
    pub(crate) prefix: Prefix,
    /// One of [`Uninstalled::REASONS`].
    pub(crate) reason: &'static str,
    /// A sentence for people, with the remedy.
    pub(crate) message: String,
}

impl Uninstalled {
    /// What users see as reason.
    pub(crate) const REASONS: [&'static str; 4] =
        ["BFDDown", "ForeignRoute", "NextHopNotOnLink", "Refused"];
}

impl KernelSources {
    /// Puts the newest of each source together, until one has ended.
    pub(crate) async fn follow(mut self, state: watch::Sender<KernelState>) {
        loop {
            let now = KernelState {
                plan: self.plan.borrow_and_update().clone(),
                routes: self.routes.borrow_and_update().clone(),
                nft: self.nft.borrow_and_update().clone(),
                cni: self.cni.borrow_and_update().clone(),
                settings: self.settings.borrow_and_update().clone(),
            };
            state.send_if_modified(|known| {
                let differs = *known != now;
                *known = now;
                differs
            });
            let changed = tokio::select! {
                changed = self.plan.changed() => changed,
                changed = self.routes.changed() => changed,
                changed = self.nft.changed() => changed,
                changed = self.cni.changed() => changed,
                changed = self.settings.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }
}

impl KernelState {
    /// Routes that should be there and are not, by prefix.
    pub(crate) fn uninstalled(&self) -> Vec<Uninstalled> {
        let off_link = self.plan.off_link.iter().map(|(prefix, next_hop)| {
            let message = format!(
                "next hop {next_hop} is on no subnet of this node; let the router advertise its own address there as next \
                 hop (FRR: next-hop-self)"
            );
            (*prefix, "NextHopNotOnLink", message)
        });
        let foreign = self.routes.foreign.iter().map(|prefix| {
            let message = "a route that is not Herald's leads to this very prefix and is left alone; remove it (ip route \
                           show says whose it is), or do not import the prefix";
            (*prefix, "ForeignRoute", message.to_owned())
        });
        let refused = self.routes.refused.iter().map(|(prefix, words)| {
            let message = format!("the kernel refuses the route: {words}");
            (*prefix, "Refused", message)
        });
        let broken = self.plan.broken.iter().map(|(prefix, address)| {
            let message = format!(
                "the direct route is left out: BFD to {address} was up and is down; look at the link to that node and at its \
                 speaker"
            );
            (*prefix, "BFDDown", message)
        });
        let all = off_link.chain(foreign).chain(refused).chain(broken);
        let mut all: Vec<Uninstalled> = all
            .map(|(prefix, reason, message)| Uninstalled {
                prefix,
                reason,
                message,
            })
            .collect();
        all.sort();
        all
    }

    /// How many accepted prefixes have no route here, by reason; only reasons that there are.
    pub(crate) fn left_out(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        let intended = self.plan.left_out.values().map(|reason| reason.as_str());
        let missing = self.uninstalled();
        for reason in intended.chain(missing.iter().map(|route| route.reason)) {
            *counts.entry(reason).or_default() += 1;
        }
        counts
    }

    /// Whether there is anything of ours, or should be, that can be in sync or not.
    pub(crate) fn is_concerned(&self) -> bool {
        self.plan.mode.is_some()
            || self.plan.imports
            || self.routes.held > 0
            || self.routes.error.is_some()
            || self.nft.held
            || self.nft.error.is_some()
    }

    /// There is no PodNetwork any more, and what one made is still here.
    pub(crate) fn is_orphaned(&self) -> bool {
        let translates = |(_, kind): &(_, Counted)| *kind == Counted::Translated;
        let left = self.routes.spared > 0
            || self.cni.held
            || self.nft.held && self.nft.counters.keys().any(translates);
        self.plan.orphaned || self.plan.mode.is_none() && left
    }

    /// The node's pods are reached and can be started: Herald is its pod network, and all of it is in place.
    pub(crate) fn network_is_up(&self) -> bool {
        let cni = match self.plan.cni {
            Cni::Install(_) => self.cni.ready,
            Cni::NoPodCidr => false,
            Cni::Untouched | Cni::Absent => true,
        };
        self.plan.mode == Some(PodNetworkMode::Network) && cni && self.routes.in_sync
    }
}

#[cfg(test)]
mod tests {
    use plan::CniConfig;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn plan(plan: NetworkPlan) -> KernelState {
        KernelState {
            plan: Arc::new(plan),
            ..KernelState::default()
        }
    }

    #[test]
    fn says_for_every_missing_route_why_it_is_missing() {
        let mut state = plan(NetworkPlan {
            off_link: vec![(prefix("10.244.3.0/24"), "10.9.0.1".parse().unwrap())],
            broken: vec![(prefix("10.244.4.0/24"), "10.0.0.4".parse().unwrap())],
            ..NetworkPlan::default()
        });
        state.routes.foreign.insert(prefix("10.244.2.0/24"));
        let words = "Network is unreachable".to_owned();
        state.routes.refused.insert(prefix("10.244.1.0/24"), words);
        let uninstalled = state.uninstalled();
        let reasons: Vec<_> = uninstalled.iter().map(|route| route.reason).collect();
        let expected = ["Refused", "ForeignRoute", "NextHopNotOnLink", "BFDDown"];
        assert_eq!(reasons, expected);
        assert!(uninstalled[2].message.contains("10.9.0.1"));
        assert!(
            reasons
                .iter()
                .all(|reason| Uninstalled::REASONS.contains(reason))
        );
    }

    #[test]
    fn counts_what_is_left_out_on_purpose_and_what_is_missing() {
        use plan::LeftOut::{InPool, OwnSubnet};
        let left_out = [
            ("10.1.0.0/24", InPool),
            ("10.2.0.0/24", InPool),
            ("10.3.0.0/24", OwnSubnet),
        ];
        let mut state = plan(NetworkPlan {
            left_out: left_out.map(|(text, reason)| (prefix(text), reason)).into(),
            ..NetworkPlan::default()
        });
        state.routes.foreign.insert(prefix("0.0.0.0/0"));
        let expected = [("ForeignRoute", 1), ("InPool", 2), ("OwnSubnet", 1)];
        assert_eq!(state.left_out(), expected.into());
        assert_eq!(
            state.uninstalled().len(),
            1,
            "the others are as they should be"
        );
    }

    #[test]
    fn the_network_is_up_once_routes_and_cni_are_in_place() {
        let config = CniConfig {
            kind: model::CniType::Ptp,
            subnets: Vec::new(),
            mtu: None,
        };
        let mut state = plan(NetworkPlan {
            mode: Some(PodNetworkMode::Network),
            cni: Cni::Install(config),
            ..NetworkPlan::default()
        });
        assert!(!state.network_is_up());
        state.routes.in_sync = true;
        assert!(!state.network_is_up());
        state.cni.ready = true;
        assert!(state.network_is_up());
    }

    #[test]
    fn a_network_without_our_cni_configuration_needs_its_routes_only() {
        let mut state = plan(NetworkPlan {
            mode: Some(PodNetworkMode::Network),
            cni: Cni::Absent,
            ..NetworkPlan::default()
        });
        state.routes.in_sync = true;
        assert!(state.network_is_up());
        Arc::make_mut(&mut state.plan).mode = Some(PodNetworkMode::Advertise);
        assert!(!state.network_is_up());
    }

    #[test]
    fn guards_alone_are_no_orphans() {
        let mut state = KernelState::default();
        assert!(!state.is_concerned() && !state.is_orphaned());
        state.nft.held = true;
        assert!(state.is_concerned() && !state.is_orphaned());
        state.routes.held = 1;
        assert!(!state.is_orphaned(), "a route that a BGPPeer imports");
        state.routes.spared = 1;
        assert!(state.is_orphaned());
        Arc::make_mut(&mut state.plan).mode = Some(PodNetworkMode::Network);
        assert!(!state.is_orphaned());
        Arc::make_mut(&mut state.plan).orphaned = true;
        assert!(state.is_orphaned());
    }
}
