//! The cluster's nodes.

use std::path::Path;

use anyhow::{Result, bail};

use crate::artifact::{self, Image};
use crate::boot::ProxyMode;
use crate::control_plane;
use crate::docker::docker;
pub use crate::machine::Machine;
use crate::network::Network;
use crate::pki::{Authority, write};
use crate::topology::container;

/// A node in the first subnet, `rack` of both flavours.
pub const W1: Node = Node {
    machine: Machine::new("w1"),
    ipv4: "10.1.0.11",
    ipv6: "fd01::11",
    segment: ["10.7.0.11", "fd07::11"],
    gateways: crate::router::ADDRESSES,
};
/// Its neighbour.
pub const W2: Node = Node {
    machine: Machine::new("w2"),
    ipv4: "10.1.0.12",
    ipv6: "fd01::12",
    segment: ["10.7.0.12", "fd07::12"],
    gateways: crate::router::ADDRESSES,
};
/// The node in the other subnet, of the flavour `NETWORK=herald` alone.
pub const W3: Node = Node {
    machine: Machine::new("w3"),
    ipv4: "10.2.0.13",
    ipv6: "fd02::13",
    segment: ["10.7.0.13", "fd07::13"],
    gateways: crate::router::FAR_ADDRESSES,
};
/// The cluster's nodes when the pod network is another one's.
pub const NODES: [Node; 2] = [W1, W2];
/// The cluster's nodes when the pod network is Herald's.
pub const FABRIC: [Node; 3] = [W1, W2, W3];

/// A node of the cluster: containerd, kubelet and kube-proxy in one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its container.
    pub machine: Machine,
    /// Its address on the rack's network, towards the router.
    pub ipv4: &'static str,
    /// The same for IPv6.
    pub ipv6: &'static str,
    /// Its addresses on the segment without a router, of the flavour `NETWORK=herald` alone.
    pub segment: [&'static str; 2],
    /// The router's addresses on that network.
    pub gateways: [&'static str; 2],
}

impl Node {
    /// Its name in the cluster.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.machine.name()
    }

    /// Cuts or restores the link to the router.
    ///
    /// # Errors
    /// When the container does not run.
    pub async fn set_link(self, up: bool) -> Result<()> {
        self.set_interface("eth1", up).await
    }

    /// Takes an interface down or up.
    ///
    /// # Errors
    /// When there is no such interface.
    pub async fn set_interface(self, name: &str, up: bool) -> Result<()> {
        let state = if up { "up" } else { "down" };
        self.machine
            .exec(&["ip", "link", "set", name, state])
            .await?;
        Ok(())
    }

    /// Kills a program of the node, or of a pod on it, without a word.
    ///
    /// # Errors
    /// When it does not run, or runs more than once.
    pub async fn kill(self, program: &str) -> Result<()> {
        let found = self.machine.exec(&["pgrep", "-x", program]).await?;
        let pid: u32 = found.trim().parse()?;
        self.machine.exec(&["kill", "-9", &pid.to_string()]).await?;
        Ok(())
    }

    /// Puts back the IPv6 address and the routes by the router, which leave with a link that goes down.
    ///
    /// # Errors
    /// When a link is down.
    pub async fn restore_addresses(self, network: Network) -> Result<()> {
        let script = self.network_script(network);
        self.machine.exec(&["bash", "-ec", &script]).await?;
        Ok(())
    }

    /// The commands by which an administrator's network daemon sets addresses and routes.
    #[must_use]
    pub fn network_script(self, network: Network) -> String {
        let (Self { ipv4, ipv6, .. }, [gateway4, gateway6]) = (self, self.gateways);
        let [behind4, behind6] = network.behind_router();
        let mut script = format!(
            "ip addr replace {ipv4}/24 dev eth1; ip -6 addr replace {ipv6}/64 dev eth1 nodad; \
             ip route replace {behind4} via {gateway4}; ip -6 route replace {behind6} via {gateway6}"
        );
        if network == Network::Herald {
            let [ipv4, ipv6] = self.segment;
            script.push_str(&format!(
                "; ip addr replace {ipv4}/24 dev eth2; ip -6 addr replace {ipv6}/64 dev eth2 nodad"
            ));
        }
        script
    }

    /// Writes what containerd, kubelet and kube-proxy read.
    pub(crate) fn write_files(self, folder: &Path, authority: &Authority) -> Result<()> {
        write(&folder.join("ca.crt"), authority.certificate())?;
        let kubelet = authority.client(
            &format!("system:node:{}", self.name()),
            Some("system:nodes"),
        )?;
        let proxy = authority.client("system:kube-proxy", None)?;
        for (name, identity) in [("kubelet", kubelet), ("kube-proxy", proxy)] {
            let kubeconfig = authority.kubeconfig(&identity, &control_plane::url())?;
            write(&folder.join(format!("{name}.kubeconfig")), &kubeconfig)?;
        }
        let source = artifact::root().join("e2e/topologies/node");
        std::fs::copy(source.join("kubelet.yaml"), folder.join("kubelet.yaml"))?;
        let proxy = std::fs::read_to_string(source.join("kube-proxy.yaml"))?;
        for mode in [ProxyMode::Nftables, ProxyMode::Iptables] {
            let proxy = proxy.replace("PROXY_MODE", mode.name());
            write(&folder.join(mode.configuration()), &proxy)?;
        }
        let containerd = std::fs::read_to_string(source.join("containerd.toml"))?
            .replace("PAUSE_IMAGE", &Image::made("pause")?.tag);
        write(&folder.join("containerd.toml"), &containerd)
    }

    /// Gives the node's containerd an image that `e2e/images` makes, and returns its full name.
    ///
    /// # Errors
    /// When there is no such image.
    pub async fn load_made(self, name: &str) -> Result<String> {
        let image = Image::made(name)?;
        self.load(&image).await?;
        Ok(image.tag)
    }

    /// Gives the node's containerd an image from its archive.
    pub(crate) async fn load(self, image: &Image) -> Result<()> {
        if !image.archive.exists() {
            bail!("{} does not exist", image.archive.display());
        }
        let archive = std::fs::read(&image.archive)?;
        docker(["exec", "-i", &container(self.name())])
            .args(["ctr", "-n", "k8s.io", "images", "import", "-"])
            .input(archive)
            .output()
            .await?;
        Ok(())
    }
}
