//! Entries that the kernel keeps resolved.

use std::collections::BTreeSet;

use anyhow::Result;
use e2e::{await_condition, condition::Seen};
use plan::Part;

use crate::{
    node::{DEADLINE, Node},
    wire::{Wires, ip},
};

#[tokio::test]
async fn the_kernel_keeps_our_neighbours_resolved() -> Result<()> {
    let wires = Wires::lay().await?;
    ip(
        &wires.node,
        "neigh add 10.0.0.77 lladdr 02:00:00:00:00:01 dev eth0",
    )
    .await?;
    let node = Node::start(&wires.node);
    let hops = [
        node.hop("eth0", "10.0.0.2").await?,
        node.hop("eth1", "10.0.1.2").await?,
        node.hop("eth0", "fd00::2").await?,
    ];
    node.plan(|plan| plan.neighbors = Part::Present(hops.into_iter().collect()));
    for address in ["10.0.0.2", "10.0.1.2", "fd00::2"] {
        await_entry(&wires, address, true).await?;
    }
    // Removed by hand, it comes back; the link goes down and takes them along, and they come back.
    ip(&wires.node, "neigh del 10.0.0.2 dev eth0").await?;
    await_entry(&wires, "10.0.0.2", true).await?;
    ip(&wires.node, "link set eth1 down").await?;
    ip(&wires.node, "link set eth1 up").await?;
    await_entry(&wires, "10.0.1.2", true).await?;

    node.plan(|plan| plan.neighbors = Part::Present(BTreeSet::from([hops[2]])));
    await_entry(&wires, "10.0.0.2", false).await?;
    await_entry(&wires, "10.0.1.2", false).await?;
    await_entry(&wires, "fd00::2", true).await?;
    node.plan(|plan| plan.neighbors = Part::Absent);
    await_entry(&wires, "fd00::2", false).await?;
    let shown = wires.node.run("ip", &["neigh"]).await?;
    assert!(shown.contains("10.0.0.77"), "{shown}");
    Ok(())
}

/// Waits until an entry is resolved and managed, or not managed any more.
async fn await_entry(wires: &Wires, address: &str, managed: bool) -> Result<()> {
    await_condition(
        &format!("{address} managed: {managed}"),
        DEADLINE,
        async || {
            let shown = wires
                .node
                .run("ip", &["-d", "neigh", "show", "to", address])
                .await?;
            let kept = shown.contains("managed");
            let resolved = shown.contains("lladdr") && shown.contains("REACHABLE");
            let right = if managed { kept && resolved } else { !kept };
            Ok(match right {
                true => Seen::Yes(()),
                false => Seen::Not(shown),
            })
        },
    )
    .await
}
