//! A node's daemons: started, restarted, and ended as a power cut ends them.

use std::time::Duration;

use anyhow::Result;

use crate::condition::{Seen, await_condition};
use crate::network::Network;
use crate::node::Node;

/// How kube-proxy programs the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyMode {
    /// Tables `kube-proxy` of nftables.
    Nftables,
    /// Chains of iptables.
    Iptables,
}

impl ProxyMode {
    /// The word of the configuration field `mode`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nftables => "nftables",
            Self::Iptables => "iptables",
        }
    }

    /// The file with that mode in the node's `/etc/herald-lab`.
    pub(crate) const fn configuration(self) -> &'static str {
        match self {
            Self::Nftables => "kube-proxy.yaml",
            Self::Iptables => "kube-proxy-iptables.yaml",
        }
    }
}

impl Node {
    /// Starts the node's three daemons and gives it the lab's images.
    pub(crate) async fn start(self) -> Result<()> {
        // Where clusters have the plugins; Debian's package has them elsewhere.
        let script =
            "[ -e /opt/cni/bin ] || { mkdir -p /opt/cni && ln -s /usr/lib/cni /opt/cni/bin; }";
        self.machine.exec(&["bash", "-c", script]).await?;
        self.start_containerd().await?;
        for name in ["pause", "web"] {
            self.load_made(name).await?;
        }
        self.start_kubelet().await?;
        self.start_proxy(ProxyMode::Nftables).await
    }

    async fn start_containerd(self) -> Result<()> {
        self.machine
            .start("containerd", &["--config=/etc/herald-lab/containerd.toml"])
            .await?;
        await_condition("containerd answers", Duration::from_secs(60), async || {
            let answers = self.machine.command("ctr").arg("version").succeeds().await;
            Ok(Seen::when(answers, ()))
        })
        .await
    }

    async fn start_kubelet(self) -> Result<()> {
        let arguments = [
            "--config=/etc/herald-lab/kubelet.yaml",
            "--kubeconfig=/etc/herald-lab/kubelet.kubeconfig",
            &format!("--hostname-override={}", self.name()),
            &format!("--node-ip={},{}", self.ipv4, self.ipv6),
        ];
        self.machine.start("kubelet", &arguments).await
    }

    async fn start_proxy(self, mode: ProxyMode) -> Result<()> {
        let arguments = [
            &format!("--config=/etc/herald-lab/{}", mode.configuration()),
            &format!("--hostname-override={}", self.name()),
        ];
        self.machine
            .start("kube-proxy", &arguments.map(String::as_str))
            .await
    }

    /// Starts kube-proxy anew; what it has programmed in another mode is removed, as its own `--cleanup` does.
    ///
    /// # Errors
    /// When it does not end or start.
    pub async fn restart_proxy(self, mode: ProxyMode) -> Result<()> {
        self.machine.stop("kube-proxy").await?;
        let configuration = format!("--config=/etc/herald-lab/{}", mode.configuration());
        self.machine
            .exec(&["kube-proxy", &configuration, "--cleanup"])
            .await?;
        self.start_proxy(mode).await?;
        let sentence = format!("kube-proxy of {} is in mode {}", self.name(), mode.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            let page = self
                .machine
                .fetch("http://127.0.0.1:10249/proxyMode")
                .await?;
            Ok(Seen::when(page == mode.name(), page))
        })
        .await
        .map(|_| ())
    }

    /// Ends everything on the node as a power cut does, and starts it again: no process, no namespace of a pod, no
    /// file in `/run`, no route, rule or setting of the kernel survives; disks do.
    ///
    /// # Errors
    /// When a daemon does not start.
    pub async fn reboot(self, network: Network) -> Result<()> {
        self.power_off().await?;
        self.power_on(network).await
    }

    /// Replaces the machine by a new one with the same name and addresses: containers, images, CNI state and whatever
    /// Herald has kept are gone. The Node object is the caller's to delete, while the power is off.
    ///
    /// # Errors
    /// When the disk cannot be wiped.
    pub async fn wipe(self) -> Result<()> {
        let script = "find /var/lib/containerd -mindepth 1 -delete; \
                      rm -rf /var/lib/kubelet /var/lib/cni /etc/cni /opt/cni /var/lib/herald";
        self.machine.exec(&["bash", "-c", script]).await?;
        Ok(())
    }

    /// Everything ends at once.
    ///
    /// # Errors
    /// When the container does not run.
    pub async fn power_off(self) -> Result<()> {
        self.machine.exec(&["bash", "-c", POWER_OFF]).await?;
        Ok(())
    }

    /// Whether a kubelet runs there.
    pub(crate) async fn is_on(self) -> bool {
        let looking = self.machine.command("pgrep").args(["-x", "kubelet"]);
        looking.succeeds().await
    }

    /// Starts the node after `power_off`.
    ///
    /// # Errors
    /// When a daemon does not start.
    pub async fn power_on(self, network: Network) -> Result<()> {
        for interface in network.interfaces() {
            self.set_interface(interface, true).await?;
        }
        self.restore_addresses(network).await?;
        self.start().await
    }
}

/// Processes, mounts of pods, network namespaces, `/run`, cgroups (the kubelet waits seconds for each dead one); then
/// what a kernel has when it starts.
const POWER_OFF: &str = "\
for pid in $(ps -e -o pid=); do \
  [ $pid = 1 ] || [ $pid = $$ ] || kill -9 $pid 2> /dev/null; \
done; \
for turn in 1 2 3; do \
  awk '$2 ~ \"^/(run/|var/lib/containerd/|var/lib/kubelet)\" {print $2}' /proc/mounts | sort -r | xargs -r umount -l 2> /dev/null; \
done; \
find /run -mindepth 1 -delete 2> /dev/null; \
find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} \\; 2> /dev/null; \
nft flush ruleset; \
for link in $(ip -o link show type veth | awk -F'[ :@]+' '$2 !~ /^eth/ {print $2}') $(ip -o link show type bridge | awk -F'[ :@]+' '{print $2}'); do \
  ip link delete $link; \
done; \
cd /sys/class/net; for link in eth[1-9]; do ip link set $link down; done; \
for table in -4 -6; do for kind in unicast unreachable blackhole; do ip $table route flush type $kind proto 158; done; done; \
for setting in net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv6.conf.default.forwarding; do \
  sysctl -qw $setting=0; \
done; \
for link in all default eth[0-9]; do sysctl -qw net.ipv6.conf.$link.accept_ra=1; done; \
true";
