//! Machines of the lab: containers that run daemons, and among them the cluster's two nodes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::artifact::{self, Image};
use crate::command::Command;
use crate::condition::{Seen, await_condition};
use crate::control_plane;
use crate::docker::docker;
use crate::pki::{Authority, write};
use crate::topology::container;

/// A container of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    name: &'static str,
}

impl Machine {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Its name in the topology.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// A command inside the container, to be completed and run.
    #[must_use]
    pub fn command(self, program: &str) -> Command {
        docker(["exec", &container(self.name), program])
    }

    /// Standard output of a command inside the container.
    ///
    /// # Errors
    /// When it fails.
    pub async fn exec(self, arguments: &[&str]) -> Result<String> {
        docker(["exec", &container(self.name)])
            .args(arguments)
            .output()
            .await
    }

    /// Starts a daemon; its log is `/var/log/PROGRAM.log` in the container.
    ///
    /// # Errors
    /// When the container does not run.
    pub async fn start(self, program: &str, arguments: &[&str]) -> Result<()> {
        let script = format!(
            "echo $$ > /run/lab-{program}.pid; exec {program} \"$@\" >> /var/log/{program}.log 2>&1"
        );
        docker(["exec", "-d", &container(self.name)])
            .args(["bash", "-c", &script, program])
            .args(arguments)
            .output()
            .await?;
        Ok(())
    }

    /// Stops a daemon that `start` has started, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not run or does not end.
    pub async fn stop(self, program: &str) -> Result<()> {
        let script = format!(
            "pid=$(cat /run/lab-{program}.pid); kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.05; done"
        );
        let arguments = ["bash", "-c", &script];
        let stopping = self.exec(&arguments);
        tokio::time::timeout(Duration::from_secs(30), stopping)
            .await
            .with_context(|| format!("{program} does not end"))??;
        Ok(())
    }
}

/// The cluster's nodes.
pub const NODES: [Node; 2] = [
    Node {
        machine: Machine::new("w1"),
        ipv4: "10.1.0.11",
        ipv6: "fd01::11",
    },
    Node {
        machine: Machine::new("w2"),
        ipv4: "10.1.0.12",
        ipv6: "fd01::12",
    },
];

/// A node of the cluster: containerd, kubelet and kube-proxy in one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its container.
    pub machine: Machine,
    /// Its address on the rack's network, towards the router.
    pub ipv4: &'static str,
    /// The same for IPv6.
    pub ipv6: &'static str,
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
        let state = if up { "up" } else { "down" };
        self.machine
            .exec(&["ip", "link", "set", "eth1", state])
            .await?;
        Ok(())
    }

    /// Puts back the IPv6 address and the router's routes, which leave with a link that goes down.
    pub(crate) async fn restore_addresses(self) -> Result<()> {
        let address = format!("{}/64", self.ipv6);
        let script = "ip -6 addr replace \"$1\" dev eth1 nodad \
                      && ip route replace 10.9.0.0/24 via 10.1.0.1 \
                      && ip -6 route replace fd09::/64 via fd01::1";
        self.machine
            .exec(&["bash", "-c", script, "restore", &address])
            .await?;
        Ok(())
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
        for name in ["kubelet.yaml", "kube-proxy.yaml"] {
            std::fs::copy(source.join(name), folder.join(name))?;
        }
        let containerd = std::fs::read_to_string(source.join("containerd.toml"))?
            .replace("PAUSE_IMAGE", &Image::made("pause")?.tag);
        write(&folder.join("containerd.toml"), &containerd)
    }

    /// Starts the node's three daemons and gives it the lab's images.
    pub(crate) async fn start(self) -> Result<()> {
        self.machine
            .start("containerd", &["--config=/etc/herald-lab/containerd.toml"])
            .await?;
        await_condition("containerd answers", Duration::from_secs(60), async || {
            let answers = self.machine.command("ctr").arg("version").succeeds().await;
            Ok(Seen::when(answers, ()))
        })
        .await?;
        for name in ["pause", "web"] {
            self.load(&Image::made(name)?).await?;
        }
        let kubelet = [
            "--config=/etc/herald-lab/kubelet.yaml",
            "--kubeconfig=/etc/herald-lab/kubelet.kubeconfig",
            &format!("--hostname-override={}", self.name()),
            &format!("--node-ip={},{}", self.ipv4, self.ipv6),
        ];
        self.machine.start("kubelet", &kubelet).await?;
        let proxy = [
            "--config=/etc/herald-lab/kube-proxy.yaml",
            &format!("--hostname-override={}", self.name()),
        ];
        self.machine.start("kube-proxy", &proxy).await
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

    /// Routes to the pods of another node.
    pub(crate) async fn route_pods(self, other: Self, ranges: &[String]) -> Result<()> {
        for range in ranges {
            let gateway = if range.contains(':') {
                other.ipv6
            } else {
                other.ipv4
            };
            self.machine
                .exec(&["ip", "route", "replace", range, "via", gateway])
                .await?;
        }
        Ok(())
    }

    /// A plain point-to-point pod network for the node's own ranges.
    pub(crate) async fn write_pod_network(self, own: &[String]) -> Result<()> {
        let ranges: Vec<_> = own
            .iter()
            .map(|range| serde_json::json!([{"subnet": range}]))
            .collect();
        let configuration = serde_json::json!({
            "cniVersion": "1.0.0",
            "name": "lab",
            "plugins": [{
                "type": "ptp",
                "ipMasq": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": ranges,
                    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
                },
            }],
        });
        let script = "mkdir -p /etc/cni/net.d && cat > /etc/cni/net.d/lab.part \
                      && mv /etc/cni/net.d/lab.part /etc/cni/net.d/10-lab.conflist";
        docker(["exec", "-i", &container(self.name())])
            .args(["bash", "-c", script])
            .input(configuration.to_string().into_bytes())
            .output()
            .await?;
        Ok(())
    }
}
