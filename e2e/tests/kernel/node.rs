//! The drivers on a thread that is in a namespace.

use std::{
    collections::BTreeMap, fs::File, io, path::Path, sync::Arc, thread, thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result};
use bgp::Prefix;
use e2e::netns::Namespace;
use nix::sched::{CloneFlags, setns};
use plan::{Egress, Guard, Hop, Links, NetworkPlan, Part, Routes};
use speaker::io::{
    netlink::{self, RoutesState},
    nft::{self, Guards, NftState},
};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

/// Generous: nothing here waits for more than a second unless something is wrong.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Protocol number of our routes.
pub(crate) const PROTOCOL: u8 = plan::ROUTE_PROTOCOL;

/// The drivers of one node; they end when it is dropped.
pub(crate) struct Node {
    plan: watch::Sender<Arc<NetworkPlan>>,
    guards: watch::Sender<Guards>,
    links: watch::Receiver<Links>,
    pub(crate) routes: watch::Receiver<RoutesState>,
    pub(crate) nft: watch::Receiver<NftState>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Runs something on a thread inside the namespace.
pub(crate) fn inside<T: Send + 'static>(
    namespace: &Namespace,
    run: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let path = Path::new("/run/netns").join(namespace.name());
    thread::spawn(move || {
        let namespace = File::open(path).expect("the namespace is there");
        setns(namespace, CloneFlags::CLONE_NEWNET).expect("root may enter it");
        run()
    })
}

impl Node {
    /// Starts the drivers.
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let (plan, plan_seen) = watch::channel(Arc::default());
        let guards = watch::Sender::new(Guards::default());
        let (links_sender, links) = watch::channel(Links::default());
        let (routes_sender, routes) = watch::channel(RoutesState::default());
        let (nft_sender, nft) = watch::channel(NftState::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let netlink = netlink::Config {
            plan: plan_seen.clone(),
            links: links_sender,
            state: routes_sender,
            protocol: PROTOCOL,
        };
        let nft_config = nft::Config {
            plan: plan_seen,
            guards: guards.clone(),
            state: nft_sender,
        };
        let thread = inside(namespace, || {
            run(async {
                tokio::select! {
                    () = netlink::run(netlink) => {}
                    () = nft::run(nft_config) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            plan,
            guards,
            links,
            routes,
            nft,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// From now on this is wanted.
    pub(crate) fn plan(&self, change: impl FnOnce(&mut NetworkPlan)) {
        self.plan.send_modify(|plan| change(Arc::make_mut(plan)));
    }

    pub(crate) fn want_routes(&self, routes: &Routes) {
        self.plan(|plan| plan.routes = Part::Present(routes.clone()));
    }

    pub(crate) fn want_egress(&self, egress: Egress) {
        self.plan(|plan| plan.egress = Part::Present(egress));
    }

    /// Guards change; all others are known.
    pub(crate) fn guard(&self, changed: impl IntoIterator<Item = (Prefix, Option<Guard>)>) {
        let later = Guards {
            changed: BTreeMap::from_iter(changed),
            complete: true,
        };
        self.guards.send_modify(|guards| guards.merge(later));
    }

    /// A neighbour behind `eth0` and one behind `eth1`, by IPv4 and then by IPv6.
    pub(crate) async fn hops(&self) -> Result<[Hop; 4]> {
        Ok([
            self.hop("eth0", "10.0.0.2").await?,
            self.hop("eth1", "10.0.1.2").await?,
            self.hop("eth0", "fd00::2").await?,
            self.hop("eth1", "fd00:0:0:1::2").await?,
        ])
    }

    /// The neighbour behind an interface of that name.
    pub(crate) async fn hop(&self, interface: &str, gateway: &str) -> Result<Hop> {
        let index = |links: &Links| {
            let mut links = links.0.iter();
            let found = links.find(|(_, link)| &*link.name == interface && link.up);
            found.map(|(index, _)| *index)
        };
        let links = self.await_links(|links| index(links).is_some()).await?;
        Ok(Hop {
            interface: index(&links).context("the interface is gone")?,
            gateway: gateway.parse()?,
        })
    }

    /// The interfaces as they are now.
    pub(crate) async fn links(&self) -> Result<Links> {
        self.await_links(|_| true).await
    }

    pub(crate) async fn await_links(&self, holds: impl FnMut(&Links) -> bool) -> Result<Links> {
        wait_for(&self.links, holds).await
    }

    pub(crate) async fn await_routes(
        &self,
        holds: impl FnMut(&RoutesState) -> bool,
    ) -> Result<RoutesState> {
        wait_for(&self.routes, holds).await
    }

    pub(crate) async fn await_nft(&self, holds: impl FnMut(&NftState) -> bool) -> Result<NftState> {
        wait_for(&self.nft, holds).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            eprintln!("a driver panicked");
        }
    }
}

/// Runs a future as the program does.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// Does something of the cleanup inside the namespace.
pub(crate) fn clean<T: Send + 'static>(
    namespace: &Namespace,
    cleanup: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = inside(namespace, cleanup).join();
    Ok(done.map_err(|_| anyhow::anyhow!("the cleanup panicked"))??)
}

async fn wait_for<T: Clone + std::fmt::Debug>(
    channel: &watch::Receiver<T>,
    holds: impl FnMut(&T) -> bool,
) -> Result<T> {
    let mut channel = channel.clone();
    let waited = timeout(DEADLINE, channel.wait_for(holds)).await;
    let seen = waited.map(|seen| seen.map(|seen| seen.clone()));
    match seen {
        Ok(seen) => seen.context("the driver has ended"),
        Err(_) => anyhow::bail!("not in time; last seen: {:?}", channel.borrow().clone()),
    }
}
