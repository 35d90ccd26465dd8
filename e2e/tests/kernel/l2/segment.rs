use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use anyhow::Result;
use e2e::{
    await_condition,
    condition::Seen,
    netns::{Namespace, Network},
};

use super::{IPV4, IPV6};
use crate::{node::DEADLINE, wire::ip};

/// How long the client asks.
const ANSWER: Duration = Duration::from_secs(3);

/// A bridge with a client (10.7.0.2, fd07::2) and nodes (10.7.0.11, fd07::11 and on), each behind its `eth0`.
pub(super) struct Segment {
    pub(super) client: Namespace,
    pub(super) nodes: Vec<Namespace>,
    switch: Namespace,
    network: Network,
}

impl Segment {
    pub(super) async fn lay(nodes: u8) -> Result<Self> {
        let mut network = Network::create()?;
        let (switch, client) = (network.namespace().await?, network.namespace().await?);
        ip(&switch, "link add br0 type bridge").await?;
        ip(&switch, "link set br0 up").await?;
        let mut segment = Self {
            client: client.clone(),
            nodes: Vec::new(),
            switch,
            network,
        };
        segment.plug(&client, 2).await?;
        for number in 0..nodes {
            let node = segment.network.namespace().await?;
            segment.plug(&node, 11 + number).await?;
            segment.nodes.push(node);
        }
        Ok(segment)
    }

    /// Gives a host its `eth0` with the addresses of that number.
    pub(super) async fn plug(&self, host: &Namespace, number: u8) -> Result<()> {
        let own: [(IpAddr, u8); 2] = [
            (format!("10.7.0.{number}").parse()?, 24),
            (format!("fd07::{number}").parse()?, 64),
        ];
        let port = format!("port{number}");
        self.network
            .link((&self.switch, &port, &[]), (host, "eth0", &own))
            .await?;
        ip(&self.switch, &format!("link set {port} master br0")).await
    }

    /// Waits until both addresses are answered to the client, with this MAC alone.
    pub(super) async fn await_answers(&self, mac: &str) -> Result<()> {
        let only = BTreeSet::from([mac.to_owned()]);
        await_condition(&format!("{mac} answers"), DEADLINE, async || {
            let seen = [self.ask_arp(IPV4).await?, self.ask_ndp(IPV6).await?];
            Ok(Seen::when(seen.iter().all(|macs| *macs == only), seen))
        })
        .await
        .map(drop)
    }

    /// The MACs that answer ARP requests of the client.
    pub(super) async fn ask_arp(&self, address: &str) -> Result<BTreeSet<String>> {
        let words = ["-r", "-c", "3", "-w", "1", "-i", "eth0", address];
        let shown = self.client.run("arping", &words).await?;
        Ok(macs(&shown))
    }

    /// The MAC that the client's kernel finds by neighbor solicitations.
    pub(super) async fn ask_ndp(&self, address: &str) -> Result<BTreeSet<String>> {
        let _ = ip(&self.client, &format!("neigh del {address} dev eth0")).await;
        ip(
            &self.client,
            &format!("neigh replace {address} dev eth0 use"),
        )
        .await?;
        await_condition("it is found", ANSWER, async || {
            let question = ["neigh", "show", address, "dev", "eth0"];
            let shown = self.client.run("ip", &question).await?;
            let mut words = shown
                .split_whitespace()
                .skip_while(|word| *word != "lladdr");
            let mac = words.nth(1).map(str::to_owned);
            Ok(match mac {
                Some(mac) => Seen::Yes(BTreeSet::from([mac])),
                None => Seen::Not(shown),
            })
        })
        .await
    }

    /// Waits until the client's neighbour entries of both addresses have these words.
    pub(super) async fn await_neighbors(&self, words: &[&str]) -> Result<()> {
        await_condition(&format!("{words:?} at the client"), DEADLINE, async || {
            let mut shown = String::new();
            for address in [IPV4, IPV6] {
                let words = ["neigh", "show", address, "dev", "eth0"];
                shown += &self.client.run("ip", &words).await?;
            }
            let holds = words.iter().all(|word| shown.matches(word).count() == 2);
            Ok(Seen::when(holds, shown))
        })
        .await
        .map(drop)
    }
}

/// The MAC of an interface.
pub(super) async fn mac(host: &Namespace, interface: &str) -> Result<String> {
    let file = format!("/sys/class/net/{interface}/address");
    Ok(host.run("cat", &[&file]).await?.trim().to_owned())
}

fn macs(shown: &str) -> BTreeSet<String> {
    let lines = shown.lines().map(|line| line.trim().to_lowercase());
    lines.filter(|line| !line.is_empty()).collect()
}
