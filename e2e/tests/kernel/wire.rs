//! A node and its neighbour on two wires, and how the kernel shows what a node has.

use std::collections::BTreeMap;

use anyhow::Result;
use e2e::{
    await_condition,
    condition::Seen,
    netns::{Namespace, Network},
};
use plan::{Hop, RouteKey, RouteTarget, Routes};
use serde_json::Value;

use crate::node::DEADLINE;

/// A node with eth0 (10.0.0.1, fd00::1) and eth1 (10.0.1.1, fd00:0:0:1::1); the neighbour has .2 and ::2 on both.
pub(crate) struct Wires {
    pub(crate) node: Namespace,
    pub(crate) neighbor: Namespace,
    _network: Network,
}

impl Wires {
    pub(crate) async fn lay() -> Result<Self> {
        let mut network = Network::create()?;
        let (node, neighbor) = (network.namespace().await?, network.namespace().await?);
        for (name, number) in [("eth0", 0), ("eth1", 1)] {
            let end = |host: u8| -> Result<[_; 2]> {
                Ok([
                    (format!("10.0.{number}.{host}").parse()?, 24),
                    (format!("fd00:0:0:{number}::{host}").parse()?, 64),
                ])
            };
            let (left, right) = (end(1)?, end(2)?);
            let ends = ((&node, name, &left[..]), (&neighbor, name, &right[..]));
            network.link(ends.0, ends.1).await?;
        }
        Ok(Self {
            node,
            neighbor,
            _network: network,
        })
    }

    /// The node's routes that `ip` finds by these words, with destination and metric, without what may be told or not.
    pub(crate) async fn routes(&self, family: &str, words: &[&str]) -> Result<Vec<String>> {
        let arguments = [&[family, "-d", "route", "show", "table", "main"], words].concat();
        let shown = self.node.run("ip", &arguments).await?;
        let mut lines: Vec<_> = shown.lines().map(normal).collect();
        lines.sort();
        Ok(lines)
    }

    /// Waits until `ip` shows these routes of ours, and no other.
    pub(crate) async fn await_ours(&self, family: &str, expected: &[&str]) -> Result<()> {
        await_condition(&format!("{expected:?}"), DEADLINE, async || {
            let seen = self.routes(family, &["proto", "158"]).await?;
            let same = seen == expected;
            Ok(match same {
                true => Seen::Yes(()),
                false => Seen::Not(format!("{seen:#?}")),
            })
        })
        .await
    }
}

/// `ip` spreads a route with several hops over lines; in one line each is easier to compare.
fn normal(line: &str) -> String {
    const NOISE: [&str; 4] = ["linkdown", "dead", "pref medium", "scope global"];
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    for noise in NOISE {
        line = line.replace(noise, "").replace("  ", " ");
    }
    line.trim().to_owned()
}

/// Runs `ip` with these words in the namespace.
pub(crate) async fn ip(namespace: &Namespace, words: &str) -> Result<()> {
    let words: Vec<_> = words.split_whitespace().collect();
    namespace.ip(&words).await
}

pub(crate) fn key(prefix: &str, metric: u32) -> RouteKey {
    RouteKey {
        prefix: prefix.parse().unwrap(),
        metric,
    }
}

pub(crate) fn via(hops: &[Hop]) -> RouteTarget {
    let mut hops = hops.to_vec();
    hops.sort_unstable();
    RouteTarget::Via(hops)
}

pub(crate) fn routes(routes: &[(&str, u32, RouteTarget)]) -> Routes {
    let routes = routes.iter();
    routes
        .map(|(prefix, metric, target)| (key(prefix, *metric), target.clone()))
        .collect()
}

/// The rule set without our table, as the kernel has it.
pub(crate) async fn foreign_tables(namespace: &Namespace) -> Result<String> {
    let shown: Value =
        serde_json::from_str(&namespace.run("nft", &["-j", "list", "ruleset"]).await?)?;
    let objects = shown["nftables"].as_array().unwrap().iter();
    let foreign = objects.filter(|object| {
        let object = object.as_object().unwrap();
        let (kind, value) = object.iter().next().unwrap();
        let table = if kind == "table" {
            &value["name"]
        } else {
            &value["table"]
        };
        kind != "metainfo" && table != "herald"
    });
    Ok(foreign.map(|object| format!("{object}\n")).collect())
}

/// Packets that named counters of our table have seen, as `nft` shows them.
pub(crate) async fn packets(namespace: &Namespace) -> Result<BTreeMap<String, u64>> {
    let shown = namespace
        .run(
            "nft",
            &["-j", "list", "counters", "table", "inet", "herald"],
        )
        .await?;
    let shown: Value = serde_json::from_str(&shown)?;
    let objects = shown["nftables"].as_array().unwrap().iter();
    let counters = objects.filter_map(|object| object.get("counter"));
    Ok(counters
        .map(|counter| {
            let name = counter["name"].as_str().unwrap().to_owned();
            (name, counter["packets"].as_u64().unwrap())
        })
        .collect())
}
