//! Three nodes and two clients on one segment, and a second network by which the nodes reach the API server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context, Result};

use e2e::netns::{Daemon, Namespace, Network};

use crate::{SPEAKER, timeline::Mac};

/// The interface of nodes and clients that leads to the segment.
pub(crate) const UPLINK: &str = "eth0";
/// Where nodes reach the API server.
pub(crate) const API_SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);

const BRIDGE: &str = "br0";
const NODES: [u8; 3] = [1, 2, 3];

/// All hosts.
pub(crate) struct Rig {
    pub(crate) api_server: Namespace,
    switch: Namespace,
    pub(crate) nodes: Vec<Node>,
    /// Its kernel keeps addresses in caches, as everybody's does.
    pub(crate) pinging: Client,
    /// It has no cache, and asks each time.
    pub(crate) asking: Client,
}

/// A client.
pub(crate) struct Client {
    pub(crate) host: Namespace,
    pub(crate) addresses: (Ipv4Addr, Ipv6Addr),
}

/// A node.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) host: Namespace,
    pub(crate) mac: Mac,
    pub(crate) addresses: [IpAddr; 2],
    /// The switch's end of its wire.
    port: String,
}

impl Rig {
    /// Lays the wires.
    pub(crate) async fn create(network: &mut Network) -> Result<Self> {
        let (switch, api_server) = (network.namespace().await?, network.namespace().await?);
        for host in [&switch, &api_server] {
            host.ip(&["link", "add", BRIDGE, "type", "bridge"]).await?;
        }
        switch.bring_up(BRIDGE, &[]).await?;
        api_server
            .bring_up(BRIDGE, &[(API_SERVER.into(), 24)])
            .await?;
        let mut nodes = Vec::new();
        for number in NODES {
            let node = Node::create(network, &switch, number).await?;
            let port = format!("to-{}", node.name);
            let address = Ipv4Addr::new(10, 78, 0, 10 + number).into();
            network
                .link(
                    (&node.host, "eth1", &[(address, 24)]),
                    (&api_server, &port, &[]),
                )
                .await?;
            api_server
                .ip(&["link", "set", &port, "master", BRIDGE])
                .await?;
            nodes.push(node);
        }
        Ok(Self {
            pinging: Client::create(network, &switch, 2).await?,
            asking: Client::create(network, &switch, 3).await?,
            api_server,
            switch,
            nodes,
        })
    }

    /// Cuts a node's wire to the segment, or mends it.
    pub(crate) async fn set_link(&self, node: &Node, up: bool) -> Result<()> {
        let state = if up { "up" } else { "down" };
        self.switch.ip(&["link", "set", &node.port, state]).await
    }
}

impl Client {
    async fn create(network: &mut Network, switch: &Namespace, number: u8) -> Result<Self> {
        let host = network.namespace().await?;
        let addresses = subnet_addresses(number);
        let (ipv4, ipv6) = addresses;
        connect(
            network,
            switch,
            (&host, &[ipv4.into(), ipv6.into()]),
            &format!("client-{number}"),
        )
        .await?;
        Ok(Self { host, addresses })
    }
}

impl Node {
    async fn create(network: &mut Network, switch: &Namespace, number: u8) -> Result<Self> {
        let (host, name) = (network.namespace().await?, format!("n{number}"));
        let (ipv4, ipv6) = subnet_addresses(10 + number);
        let addresses = [ipv4.into(), ipv6.into()];
        connect(network, switch, (&host, &addresses), &name).await?;
        Ok(Self {
            mac: mac(&host).await?,
            port: name.clone(),
            name,
            host,
            addresses,
        })
    }

    /// Lets the node's kernel answer pings to an address, and nothing that asks for its MAC: that is the speaker's.
    pub(crate) async fn hold(&self, address: IpAddr) -> Result<()> {
        for setting in [
            "net.ipv4.conf.all.arp_ignore=1",
            "net.ipv4.conf.all.arp_announce=2",
        ] {
            self.host.run("sysctl", &["-qw", setting]).await?;
        }
        let (length, more): (u8, &[&str]) = match address {
            IpAddr::V4(_) => (32, &[]),
            IpAddr::V6(_) => (128, &["nodad"]),
        };
        let address = format!("{address}/{length}");
        let arguments = [&["addr", "add", &address, "dev", "lo"], more].concat();
        self.host.ip(&arguments).await
    }

    /// Starts the node's speaker.
    pub(crate) fn start(&self, kubeconfig: &Path, folder: &Path) -> Result<Daemon> {
        let mut command = self.host.enter(std::env::current_exe()?);
        command
            .arg(SPEAKER)
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--node-name={}", self.name))
            .arg(format!("--state-dir={}", folder.join(&self.name).display()))
            .arg("--dataplane-gate=off");
        Daemon::start(command, &folder.join(format!("{}.log", self.name)))
    }
}

/// A wire from a host to the switch.
async fn connect(
    network: &Network,
    switch: &Namespace,
    (host, addresses): (&Namespace, &[IpAddr; 2]),
    port: &str,
) -> Result<()> {
    let addresses = addresses.map(|address| (address, if address.is_ipv4() { 24 } else { 64 }));
    network
        .link((host, UPLINK, &addresses), (switch, port, &[]))
        .await?;
    switch.ip(&["link", "set", port, "master", BRIDGE]).await
}

fn subnet_addresses(host: u8) -> (Ipv4Addr, Ipv6Addr) {
    (
        Ipv4Addr::new(10, 77, 0, host),
        Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, host.into()),
    )
}

async fn mac(host: &Namespace) -> Result<Mac> {
    let path = format!("/sys/class/net/{UPLINK}/address");
    let text = host.run("cat", &[&path]).await?;
    let octets = text
        .trim()
        .split(':')
        .map(|octet| u8::from_str_radix(octet, 16));
    let octets: Vec<u8> = octets.collect::<Result<_, _>>()?;
    octets.try_into().ok().context("six octets")
}
