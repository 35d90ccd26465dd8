use std::sync::Arc;

use plan::{Links, NetworkPlan};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    flags::HostFlags,
    io::{
        cni::{self, CniState},
        netlink::{self, RoutesState},
        nft::{self, Guards, NftState},
        sysctl,
    },
    kernel::{KernelSources, KernelState},
};

/// The drivers of this node's kernel and CNI folder, as the rest of the program sees them.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Interfaces.
    pub(crate) links: watch::Receiver<Links>,
    /// What should be, and what is.
    pub(crate) kernel: watch::Receiver<KernelState>,
}

impl Host {
    /// Starts the drivers in `parts`.
    pub(crate) fn start(
        flags: &HostFlags,
        network: &watch::Sender<Arc<NetworkPlan>>,
        guards: &watch::Sender<Guards>,
        parts: &mut JoinSet<()>,
    ) -> Self {
        let (links, links_seen) = watch::channel(Links::default());
        let (routes, routes_seen) = watch::channel(RoutesState::default());
        let (nft, nft_seen) = watch::channel(NftState::default());
        let (cni, cni_seen) = watch::channel(CniState::default());
        let (problems, settings_seen) = watch::channel(Vec::new());
        parts.spawn(netlink::run(netlink::Config {
            plan: network.subscribe(),
            links,
            state: routes,
            protocol: flags.route_protocol,
        }));
        parts.spawn(nft::run(nft::Config {
            plan: network.subscribe(),
            guards: guards.clone(),
            state: nft,
        }));
        parts.spawn(cni::run(cni::Config {
            folders: cni::Folders {
                conf: flags.cni_conf_dir.clone(),
                bin: flags.cni_bin_dir.clone(),
            },
            network: network.subscribe(),
            state: cni,
        }));
        parts.spawn(sysctl::run(sysctl::Config {
            folder: sysctl::Folder(flags.sysctl_dir.clone()),
            originals: sysctl::Originals(flags.state_dir.clone()),
            network: network.subscribe(),
            problems,
        }));
        let (kernel, kernel_seen) = watch::channel(KernelState::default());
        let sources = KernelSources {
            plan: network.subscribe(),
            routes: routes_seen,
            nft: nft_seen,
            cni: cni_seen,
            settings: settings_seen,
        };
        parts.spawn(sources.follow(kernel));
        Self {
            links: links_seen,
            kernel: kernel_seen,
        }
    }
}
