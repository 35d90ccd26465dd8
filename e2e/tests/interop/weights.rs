//! Two nodes that tell how much traffic they take, and a router whose kernel spreads it so.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{
    Asns, Desired, DesiredPeer, DesiredRoute, Frr, Namespace, Network, Peer, PeerSettings, Speaker,
};

use crate::scene::{DEADLINE, program};

const ADDRESS: &str = "192.0.2.10";
const OUR_ASN: u32 = 64512;
const ROUTER_ASN: u32 = 64513;

/// One node and its wire to the router.
struct Node {
    speaker: Speaker,
    desired: Desired,
}

/// All of it; a failure shows what everybody logged.
pub(crate) async fn run() -> Result<()> {
    let mut network = Network::create()?;
    let result = live(&mut network).await;
    result.with_context(|| network.logs(60))
}

async fn live(network: &mut Network) -> Result<()> {
    let router = network.namespace().await?;
    let hosts = [network.namespace().await?, network.namespace().await?];
    for (number, host) in hosts.iter().enumerate() {
        let near = [(IpAddr::V4(address(number, 2)), 24)];
        let far = [(IpAddr::V4(address(number, 1)), 24)];
        let interface = format!("eth{number}");
        network
            .link((&router, &interface, &near), (host, "eth0", &far))
            .await?;
    }
    let frr = Frr::start(&router, network.folder(), &settings(0)).await?;
    await_condition("the router takes commands", DEADLINE, async || {
        let added = frr.add_neighbor(address(1, 1).into(), OUR_ASN).await;
        Ok(Seen::when(
            added.is_ok(),
            added.map_err(|error| error.to_string()),
        ))
    })
    .await
    .map(drop)?;
    let mut nodes = Vec::new();
    for (number, host) in hosts.iter().enumerate() {
        nodes.push(Node::start(network, host, number).await?);
    }
    for (node, endpoints) in nodes.iter_mut().zip([3, 1]) {
        node.advertise(endpoints).await?;
    }
    await_weights(&router, [3, 1]).await?;
    await_words(&frr).await?;

    let mut monitor = Monitor::start(&router, network)?;
    nodes[0].advertise(9).await?;
    await_weights(&router, [9, 1]).await?;
    let seen = monitor.stop()?;
    let withdrawn = |line: &&str| line.starts_with("Deleted") && line.contains(ADDRESS);
    ensure!(
        !seen.lines().any(|line| withdrawn(&line)),
        "the route was away for a moment: {seen}"
    );
    ensure!(frr.sessions().await? == 1, "the session did not last");
    Ok(())
}

/// Of the wire of this node: the node has host number 1, the router 2.
fn address(node: usize, host: u8) -> Ipv4Addr {
    let wire = if node == 0 { 0 } else { 1 };
    Ipv4Addr::new(10, 77, wire, host)
}

fn settings(node: usize) -> PeerSettings {
    PeerSettings::new(
        (address(node, 2).into(), ROUTER_ASN),
        (address(node, 1).into(), OUR_ASN),
    )
}

impl Node {
    async fn start(network: &Network, host: &Namespace, number: usize) -> Result<Self> {
        let asns = Asns {
            local: OUR_ASN,
            remote: ROUTER_ASN,
        };
        let identifier = format!("10.0.9.{}", 10 + number);
        let peer = DesiredPeer::new("peer", settings(number).address, asns, identifier);
        let desired = Desired {
            peers: vec![peer],
            ..Desired::default()
        };
        let mut speaker = Speaker::start(host.enter(program()), network.folder())?;
        speaker.apply(&desired).await?;
        Ok(Self { speaker, desired })
    }

    /// The address, with all that a route can say.
    async fn advertise(&mut self, endpoints: u64) -> Result<()> {
        self.desired.routes = vec![DesiredRoute {
            prefix: format!("{ADDRESS}/32"),
            med: Some(10),
            communities: vec!["64512:7".to_owned()],
            large_communities: vec!["64512:1:2".to_owned()],
            // Route target 64512:7.
            extended_communities: vec!["0x0002fc0000000007".to_owned()],
            prepend: 2,
            link_bandwidth: Some(endpoints * 1_000_000),
            ..DesiredRoute::default()
        }];
        self.speaker.apply(&self.desired).await
    }
}

/// Waits until the kernel of the router spreads traffic over both nodes in this proportion.
async fn await_weights(router: &Namespace, parts: [u64; 2]) -> Result<()> {
    await_condition(&format!("weights {parts:?}"), DEADLINE, async || {
        let shown = router.run("ip", &["-j", "route", "show", ADDRESS]).await?;
        let routes: Value = serde_json::from_str(&shown)?;
        let weight = |node: usize| {
            let gateway = address(node, 1).to_string();
            let hops = routes.pointer("/0/nexthops")?.as_array()?;
            let hop = hops.iter().find(|hop| hop["gateway"] == gateway.as_str())?;
            hop["weight"].as_u64()
        };
        // FRR makes them parts of a hundred, rounded down.
        let total: u64 = parts.iter().sum();
        let expected = parts.map(|part| Some(part * 100 / total));
        Ok(Seen::when([weight(0), weight(1)] == expected, shown))
    })
    .await
    .map(drop)
}

/// Waits until the router shows everything that the route says.
async fn await_words(frr: &Frr) -> Result<()> {
    await_condition("the route's attributes", DEADLINE, async || {
        let paths = frr.paths(&format!("{ADDRESS}/32")).await?;
        let paths = paths.as_array().cloned().unwrap_or_default();
        let right = |path: &Value| {
            let text = |pointer: &str| {
                path.pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let extended = text("/extendedCommunity/string");
            path["metric"] == 10
                && text("/aspath/string") == "64512 64512 64512"
                && text("/community/string") == "64512:7"
                && text("/largeCommunity/string") == "64512:1:2"
                && extended.contains("RT:64512:7")
                && extended.contains("LB:64512:")
        };
        Ok(Seen::when(
            paths.len() == 2 && paths.iter().all(right),
            paths,
        ))
    })
    .await
    .map(drop)
}

/// What the kernel of the router tells about its routes.
struct Monitor {
    child: std::process::Child,
    path: std::path::PathBuf,
}

impl Monitor {
    fn start(router: &Namespace, network: &Network) -> Result<Self> {
        let path = network.folder().join("monitor.log");
        let mut command = router.enter("ip");
        command.args(["monitor", "route"]);
        command.stdout(std::fs::File::create(&path)?);
        let child = command.spawn()?;
        Ok(Self { child, path })
    }

    fn stop(&mut self) -> Result<String> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(std::fs::read_to_string(&self.path)?)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
