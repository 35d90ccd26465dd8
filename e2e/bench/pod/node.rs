//! A node's own drivers in its network namespace, without Kubernetes: a process that is told over standard input what
//! to want, one JSON value a line, and answers each with the seconds that it took.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use model::AddressFamily;
use plan::{
    Egress, FamilyEgress, Hop, Links, NetworkPlan, Part, ROUTE_PROTOCOL, RouteKey, RouteTarget,
    Routes, SourceNat,
};
use serde::{Deserialize, Serialize};
use speaker::io::netlink::{self, RoutesState};
use speaker::io::nft;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use e2e::netns::Namespace;

use crate::commit::commits;
use crate::rig::{Host, UPLINK};

/// First argument with which this program is such a process.
pub(crate) const NODE: &str = "node";

/// Metric of direct routes.
const DIRECT: u32 = 512;
const PATIENCE: Duration = Duration::from_secs(30);
/// After the last transaction of a change.
const PAUSE: Duration = Duration::from_millis(200);

/// What a node is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Desired {
    /// Pod CIDRs of the other node, and its address.
    pub(crate) routes: Vec<(String, IpAddr)>,
    /// This node's pod CIDRs.
    pub(crate) own: Vec<String>,
    /// The cluster's pod ranges.
    pub(crate) cluster: Vec<String>,
    /// Addresses of all nodes.
    pub(crate) nodes: Vec<IpAddr>,
}

impl Desired {
    /// What the first of two nodes wants.
    pub(crate) fn between(host: &Host, other: &Host) -> Self {
        let [own, others] = [host, other].map(|host| host.ranges().map(|range| range.to_string()));
        Self {
            routes: others.iter().cloned().zip(other.addresses()).collect(),
            own: own.to_vec(),
            cluster: [own, others].concat(),
            nodes: [host.addresses(), other.addresses()].concat(),
        }
    }
}

/// A running process of that kind; killed when dropped.
pub(crate) struct NodeDrivers {
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl NodeDrivers {
    pub(crate) fn start(node: &Namespace, folder: &Path) -> Result<Self> {
        let mut command = node.enter(std::env::current_exe()?);
        let log = std::fs::File::create(folder.join(format!("{}.log", node.name())))?;
        command.arg(NODE).stderr(log);
        let mut child = Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let requests = child.stdin.take().context("standard input")?;
        let answers = child.stdout.take().context("standard output")?;
        Ok(Self {
            child,
            requests,
            answers: BufReader::new(answers).lines(),
        })
    }

    /// Makes the node so, and returns how many seconds that took.
    pub(crate) async fn apply(&mut self, desired: &Desired) -> Result<f64> {
        let line = format!("{}\n", serde_json::to_string(desired)?);
        self.requests.write_all(line.as_bytes()).await?;
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.context("in time")??;
        Ok(answer.context("the node's process has ended")?.parse()?)
    }

    /// Ends it in order.
    pub(crate) async fn stop(self) -> Result<()> {
        let Self {
            mut child,
            requests,
            ..
        } = self;
        drop(requests);
        tokio::time::timeout(PATIENCE, child.wait())
            .await
            .context("in time")??;
        Ok(())
    }
}

/// Is that process, until standard input ends.
pub(crate) async fn run() -> Result<()> {
    let (plans, plan) = watch::channel(Arc::default());
    let (links, links_seen) = watch::channel(Links::default());
    let (routes, routes_seen) = watch::channel(RoutesState::default());
    let guards = nft::Guards {
        complete: true,
        ..nft::Guards::default()
    };
    let routing = netlink::run(netlink::Config {
        plan: plan.clone(),
        links,
        state: routes,
        protocol: ROUTE_PROTOCOL,
    });
    let translating = nft::run(nft::Config {
        plan,
        guards: watch::Sender::new(guards),
        state: watch::Sender::new(nft::NftState::default()),
    });
    let drivers = Drivers {
        plans,
        links: links_seen,
        routes: routes_seen,
    };
    tokio::select! {
        served = drivers.serve() => served,
        () = routing => bail!("the driver of routes has ended"),
        () = translating => bail!("the driver of nftables has ended"),
    }
}

/// The lines of standard input: a thread reads them.
fn lines() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// What the speaker's drivers for routes and for nftables are told, and say.
struct Drivers {
    plans: watch::Sender<Arc<NetworkPlan>>,
    links: watch::Receiver<Links>,
    routes: watch::Receiver<RoutesState>,
}

impl Drivers {
    async fn serve(mut self) -> Result<()> {
        let mut commits = commits()?;
        let mut lines = lines();
        while let Some(line) = lines.recv().await {
            let plan = self.plan(&serde_json::from_str(&line)?).await?;
            while commits.try_recv().is_ok() {}
            let started = Instant::now();
            self.plans.send(Arc::new(plan))?;
            let commit = tokio::time::timeout(PATIENCE, commits.recv()).await;
            let mut done = commit
                .context("in time")?
                .context("the kernel's messages")?;
            // Should it be several transactions, the last one counts.
            while let Ok(Some(later)) = tokio::time::timeout(PAUSE, commits.recv()).await {
                done = later;
            }
            let in_sync = self.routes.wait_for(|state| state.in_sync);
            tokio::time::timeout(PATIENCE, in_sync)
                .await
                .context("routes in sync")??;
            let mut out = std::io::stdout();
            writeln!(out, "{}", (done - started).as_secs_f64())?;
            out.flush()?;
        }
        Ok(())
    }

    /// The pod network's plan for what is wanted, as the planner makes it.
    async fn plan(&mut self, desired: &Desired) -> Result<NetworkPlan> {
        let uplink = |links: &Links| {
            let mut links = links.0.iter();
            links.find_map(|(index, link)| (&*link.name == UPLINK).then_some(*index))
        };
        let links = self.links.wait_for(|links| uplink(links).is_some());
        let interface = uplink(&*links.await?).context("no uplink")?;
        let mut routes = Routes::new();
        for range in &desired.own {
            let (prefix, metric) = (range.parse()?, u32::MAX);
            routes.insert(RouteKey { prefix, metric }, RouteTarget::Unreachable);
        }
        let mut neighbors = BTreeSet::new();
        for (range, gateway) in &desired.routes {
            let (prefix, metric) = (range.parse()?, DIRECT);
            let hop = Hop {
                interface,
                gateway: *gateway,
            };
            routes.insert(RouteKey { prefix, metric }, RouteTarget::Via(vec![hop]));
            neighbors.insert(hop);
        }
        Ok(NetworkPlan {
            routes: Part::Present(routes),
            neighbors: Part::Present(neighbors),
            egress: Part::Present(egress(desired)?),
            ..NetworkPlan::default()
        })
    }
}

fn egress(desired: &Desired) -> Result<Egress> {
    let networks = |texts: &[String], four: bool| -> Result<Vec<IpNet>> {
        let parsed: Vec<IpNet> = texts
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?;
        let of_family = |network: &IpNet| network.addr().is_ipv4() == four;
        Ok(parsed.into_iter().filter(of_family).collect())
    };
    let mut egress = Egress::new();
    for (family, four) in [(AddressFamily::IPv4, true), (AddressFamily::IPv6, false)] {
        let nodes = desired.nodes.iter().copied();
        let rules = FamilyEgress {
            pods: networks(&desired.own, four)?,
            cluster: networks(&desired.cluster, four)?,
            nodes: nodes.filter(|node| node.is_ipv4() == four).collect(),
            excluded: Vec::new(),
            source: SourceNat::Masquerade,
        };
        egress.insert(family, rules);
    }
    Ok(egress)
}
