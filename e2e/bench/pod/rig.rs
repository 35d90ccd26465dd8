//! Two nodes on one segment, each with a pod, as the CNI plugin `ptp` attaches it: a network of namespaces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context, Result};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use e2e::netns::{Namespace, Network};

/// The interface that leads to the other node.
pub(crate) const UPLINK: &str = "eth0";
/// The node's end of the pod's wire.
const POD_LINK: &str = "veth0";

/// Two hosts and their pods.
pub(crate) struct Rig {
    pub(crate) hosts: [Host; 2],
}

/// A node with one pod.
pub(crate) struct Host {
    pub(crate) node: Namespace,
    pub(crate) pod: Namespace,
    number: u8,
}

impl Rig {
    /// Lays the wires; nothing leads from one node's pods to those of the other so far.
    pub(crate) async fn create(network: &mut Network) -> Result<Self> {
        let hosts = [
            Host::create(network, 1).await?,
            Host::create(network, 2).await?,
        ];
        let [first, second] = &hosts;
        network
            .link(
                (&first.node, UPLINK, &first.own_subnets()),
                (&second.node, UPLINK, &second.own_subnets()),
            )
            .await?;
        Ok(Self { hosts })
    }

    /// Each node with the one that its routes lead to.
    pub(crate) fn pairs(&self) -> [(&Host, &Host); 2] {
        let [first, second] = &self.hosts;
        [(first, second), (second, first)]
    }

    /// The same rules as the nodes of another rig have, without anybody who keeps them.
    pub(crate) async fn copy_rules(&self, other: &Self, folder: &Path) -> Result<()> {
        for (to, from) in self.hosts.iter().zip(&other.hosts) {
            let rules = from.node.run("nft", &["-s", "list", "ruleset"]).await?;
            let path = folder.join(format!("rules-{}", to.number));
            std::fs::write(&path, rules)?;
            let path = path.to_str().context("path of the rules")?;
            to.node.run("nft", &["-f", path]).await?;
        }
        Ok(())
    }

    /// The routes that an operator writes by hand.
    pub(crate) async fn route_by_hand(&self) -> Result<()> {
        for (host, other) in self.pairs() {
            for (range, gateway) in other.ranges().into_iter().zip(other.addresses()) {
                let (range, gateway) = (range.to_string(), gateway.to_string());
                let arguments = [
                    "route", "add", &range, "via", &gateway, "dev", UPLINK, "proto", "static",
                ];
                host.node.ip(&arguments).await?;
            }
        }
        Ok(())
    }
}

impl Host {
    async fn create(network: &mut Network, number: u8) -> Result<Self> {
        let host = Self {
            node: network.namespace().await?,
            pod: network.namespace().await?,
            number,
        };
        for setting in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            host.node.run("sysctl", &["-qw", setting]).await?;
        }
        let gateways = host
            .gateways()
            .map(|gateway| (gateway, host_length(gateway)));
        let [ipv4, ipv6] = host.pod_addresses();
        network
            .link(
                (&host.node, POD_LINK, &gateways),
                (&host.pod, "eth0", &[(ipv4, 24), (ipv6, 64)]),
            )
            .await?;
        for (pod, gateway) in host.pod_addresses().into_iter().zip(host.gateways()) {
            let pod = format!("{pod}/{}", host_length(pod));
            host.node
                .ip(&["route", "add", &pod, "dev", POD_LINK])
                .await?;
            host.pod.route_by(gateway).await?;
        }
        Ok(host)
    }

    /// The node's addresses, IPv4 first; the same order everywhere here.
    pub(crate) fn addresses(&self) -> [IpAddr; 2] {
        [
            Ipv4Addr::new(10, 1, 0, 10 + self.number).into(),
            Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 0x10 + u16::from(self.number)).into(),
        ]
    }

    fn own_subnets(&self) -> [(IpAddr, u8); 2] {
        let [ipv4, ipv6] = self.addresses();
        [(ipv4, 24), (ipv6, 64)]
    }

    /// Its pod CIDRs.
    pub(crate) fn ranges(&self) -> [IpNet; 2] {
        [
            Ipv4Net::new_assert(self.ipv4(0), 24).into(),
            Ipv6Net::new_assert(self.ipv6(0), 64).into(),
        ]
    }

    fn gateways(&self) -> [IpAddr; 2] {
        [self.ipv4(1).into(), self.ipv6(1).into()]
    }

    /// The pod's addresses.
    pub(crate) fn pod_addresses(&self) -> [IpAddr; 2] {
        [self.ipv4(2).into(), self.ipv6(2).into()]
    }

    fn ipv4(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 244, self.number, host)
    }

    fn ipv6(&self, host: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00, 0x10, 0x244, self.number.into(), 0, 0, 0, host)
    }
}

fn host_length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
