//! Finds the routers of peers that are configured by interface: the real driver of router discovery, on a thread of its
//! own, and the planner's rule of whom to take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Result;
use plan::{Neighbor, NetworkPlan, ROUTE_PROTOCOL, find_neighbor};
use speaker::io::netlink;
use speaker::io::radv::{self, RadvState};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::DesiredPeer;

/// Ends with its owner.
pub(super) struct Finder {
    interfaces: watch::Sender<BTreeSet<Arc<str>>>,
    links: watch::Receiver<plan::Links>,
    state: watch::Receiver<RadvState>,
    found: BTreeMap<String, Neighbor>,
    problems: Vec<String>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Finder {
    pub(super) fn spawn() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (interfaces, interfaces_seen) = watch::channel(BTreeSet::new());
        let (links, links_seen) = watch::channel(plan::Links::default());
        let (state, state_seen) = watch::channel(RadvState::default());
        // Nothing is planned for the kernel.
        let (plan, plan_seen) = watch::channel(Arc::new(NetworkPlan::default()));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let discovery = radv::Config {
            seed: u64::from(std::process::id()),
            interfaces: interfaces_seen,
            links: links_seen.clone(),
            state,
        };
        let kernel = netlink::Config {
            plan: plan_seen,
            links,
            state: watch::Sender::default(),
            protocol: ROUTE_PROTOCOL,
        };
        let work = async move {
            let _plan = plan;
            tokio::select! {
                () = stopped.cancelled() => {}
                () = netlink::run(kernel) => {}
                () = radv::run(discovery) => {}
            }
        };
        let thread = std::thread::Builder::new()
            .name("radv".into())
            .spawn(move || runtime.block_on(work))?;
        Ok(Self {
            interfaces,
            links: links_seen,
            state: state_seen,
            found: BTreeMap::new(),
            problems: Vec::new(),
            stop,
            thread: Some(thread),
        })
    }

    /// Looks who is there; whether that has changed.
    pub(super) fn look(&mut self, peers: &[DesiredPeer]) -> bool {
        let names = peers.iter().filter_map(|peer| peer.interface.as_deref());
        let names: BTreeSet<Arc<str>> = names.map(Arc::from).collect();
        self.interfaces.send_if_modified(|known| {
            let differs = *known != names;
            *known = names;
            differs
        });
        let (links, state) = (self.links.borrow(), self.state.borrow());
        let mut found = BTreeMap::new();
        self.problems.clear();
        for peer in peers {
            let Some(name) = &peer.interface else {
                continue;
            };
            let before = self.found.get(&peer.name);
            let name = name.as_str().into();
            let (neighbor, problem) = find_neighbor(&name, &links, &state.neighbors, before);
            found.extend(neighbor.map(|neighbor| (peer.name.clone(), neighbor)));
            self.problems.extend(problem);
        }
        let changed = found != self.found;
        self.found = found;
        changed
    }

    pub(super) fn found(&self, peer: &str) -> Option<&Neighbor> {
        self.found.get(peer)
    }

    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl Drop for Finder {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
