//! Client, router and node, each in a namespace: the router is a real FRR that has the node's address from BGP alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use e2e::await_condition;
use e2e::bench::Capture;
use e2e::condition::Seen;
use e2e::netns::{BfdPeer, Daemon, Frr, Namespace, Network, Peer};

use crate::ADDRESS;
use crate::case::Case;
use crate::node::{NODE_ADDRESS, NODE_ASN, Node, ROUTER_ADDRESS, ROUTER_ASN, settings};
use crate::traffic::{Client, Report, SERVE};

const PATIENCE: Duration = Duration::from_secs(60);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
const PORT: u16 = 7000;
/// Before the restart, and after all is said to be back.
const QUIET: Duration = Duration::from_secs(1);
/// A marker, the length 23, the type 2, and nothing withdrawn, no attributes (RFC 4724 section 2).
const END_OF_RIB: [u8; 7] = [0, 23, 2, 0, 0, 0, 0];

/// Everything that a case plays on. Gone when dropped.
pub(crate) struct Rig {
    case: Case,
    folder: PathBuf,
    client: Namespace,
    node_host: Namespace,
    router: Frr,
    node: Option<Node>,
    capture: Capture,
    _server: Daemon,
    network: Network,
}

/// What one restart cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    /// From the signal to End-of-RIB, s.
    pub(crate) back: f64,
}

impl Rig {
    pub(crate) async fn start(case: Case) -> Result<Self> {
        let mut network = Network::create()?;
        let client = network.namespace().await?;
        let (router_host, node_host) = (network.namespace().await?, network.namespace().await?);
        let end = |address: Ipv4Addr| [(IpAddr::from(address), 24)];
        network
            .link(
                (&client, "eth0", &end(CLIENT)),
                (&router_host, "eth0", &end(ROUTER)),
            )
            .await?;
        network
            .link(
                (&node_host, "eth0", &end(NODE_ADDRESS)),
                (&router_host, "eth1", &end(ROUTER_ADDRESS)),
            )
            .await?;
        let forwarding = ["-qw", "net.ipv4.ip_forward=1"];
        router_host.run("sysctl", &forwarding).await?;
        client.route_by(ROUTER.into()).await?;
        node_host.route_by(ROUTER_ADDRESS.into()).await?;
        let own = format!("{ADDRESS}/32");
        node_host.ip(&["addr", "add", &own, "dev", "lo"]).await?;
        let mut serve = node_host.enter(std::env::current_exe()?);
        serve.args([SERVE, &server().to_string()]);
        let server = Daemon::start(serve, &network.folder().join("server.log"))?;
        let capture = Capture::start(node_host.name(), "tcp port 179")?;
        let folder = network.folder().join("node");
        std::fs::create_dir(&folder)?;
        let peer = settings(
            case,
            (ROUTER_ADDRESS.into(), ROUTER_ASN),
            (NODE_ADDRESS.into(), NODE_ASN),
        );
        let router = Frr::start(&router_host, network.folder(), &peer).await?;
        let node = Node::start(case, (&node_host, &folder), false).await?;
        let rig = Self {
            case,
            folder,
            client,
            node_host,
            router,
            node: Some(node),
            capture,
            _server: server,
            network,
        };
        rig.await_route()
            .await
            .with_context(|| rig.network.logs(40))?;
        Ok(rig)
    }

    /// Ends what announces and starts it again, while the client asks.
    pub(crate) async fn restart(mut self) -> Result<Outcome> {
        let outcome = self.play().await;
        outcome.with_context(|| self.network.logs(40))
    }

    async fn play(&mut self) -> Result<Outcome> {
        let client = Client::start(&self.client, server())?;
        tokio::time::sleep(QUIET).await;
        while self.capture.poll().is_some() {}
        let (at, started) = (
            SystemTime::now().duration_since(UNIX_EPOCH)?,
            Instant::now(),
        );
        let node = self.node.take().context("the node does not run")?;
        node.end(self.case.end).await?;
        let place = (&self.node_host, &*self.folder);
        self.node = Some(Node::start(self.case, place, true).await?);
        let end_of_rib = async {
            loop {
                let packet = self.capture.next().await?;
                let mut parts = packet.bytes.windows(END_OF_RIB.len());
                if packet.at > at
                    && is_of_node(&packet.bytes)
                    && parts.any(|part| part == END_OF_RIB)
                {
                    return anyhow::Ok(packet.at - at);
                }
            }
        };
        let back = tokio::time::timeout(PATIENCE, end_of_rib).await;
        let back = back.context("no End-of-RIB")??;
        self.await_route().await?;
        // BFD that went down with the one before would have said so by now.
        tokio::time::sleep((3 * QUIET).saturating_sub(started.elapsed())).await;
        Ok(Outcome {
            report: client.stop().await?,
            back: back.as_secs_f64(),
        })
    }

    async fn await_route(&self) -> Result<()> {
        let prefix = format!("{ADDRESS}/32");
        let there = await_condition("the router has the route", PATIENCE, async || {
            if let Some(node) = &self.node {
                node.announce().await?;
            }
            let bfd = !self.case.bfd || self.router.bfd_is_up().await?;
            let there = bfd && self.router.route(&prefix).await?.is_some();
            Ok(Seen::when(there, there))
        });
        there.await.map(drop)
    }
}

fn server() -> SocketAddr {
    (ADDRESS, PORT).into()
}

/// Whether the frame's IPv4 source is the node.
fn is_of_node(frame: &[u8]) -> bool {
    frame.get(26..30) == Some(&NODE_ADDRESS.octets())
}
