//! Many addresses at once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Result, ensure};
use e2e::node::{FABRIC, Node, W3};
use e2e::segment::{self, Watch};
use e2e::step::say;
use e2e::workload::Families;
use e2e::{Case, Isolation, run};
use futures::{StreamExt, TryStreamExt, stream};

const SERVICES: usize = 50;
/// How many addresses are asked for at a time.
const AT_ONCE: usize = 10;

#[test]
fn fifty_addresses_are_spread_and_those_of_a_dead_node_move_alone() {
    run("segment-many", Isolation::Exclusive, many);
}

async fn many(case: &Case) -> Result<()> {
    let ranges = ["10.7.0.20-10.7.0.69", "fd07::200-fd07::2ff"];
    case.announce_ranges_on_segment(&ranges, |_| {}).await?;
    case.serve("web", &[W3]).await?;
    let mut addresses = Vec::new();
    for number in 0..SERVICES {
        let families = [Families::IPv4, Families::IPv6][number % 2];
        let name = format!("web-{number}");
        let service = case.service_on_segment(&name, "web", families, false)?;
        case.apply(service).await?;
    }
    for number in 0..SERVICES {
        addresses.extend(case.await_addresses(&format!("web-{number}"), 1).await?);
    }
    let before = owners(&addresses, &FABRIC).await?;
    let share = |node: Node| before.values().filter(|owner| **owner == node).count();
    say(&format!(
        "segment: of {SERVICES} addresses the nodes answer {:?}",
        FABRIC.map(share)
    ));
    // Within twice of even.
    for node in FABRIC {
        let most = SERVICES * 2 / FABRIC.len();
        ensure!((1..=most).contains(&share(node)), "{before:?}");
    }

    let watch = Watch::start(&addresses).await?;
    let [dead, left @ ..] = FABRIC;
    dead.signal_speaker("STOP").await?;
    let moved: Vec<IpAddr> = addresses
        .iter()
        .copied()
        .filter(|address| before.get(address) == Some(&dead))
        .collect();
    let after = owners(&moved, &left).await?;
    let testimony = watch.stop();
    dead.signal_speaker("CONT").await?;
    for (address, owner) in before {
        match after.get(&address) {
            Some(&next) => testimony.ensure_owners(address, &[owner, next])?,
            None => testimony.ensure_owners(address, &[owner])?,
        }
    }
    Ok(())
}

/// Waits until one of `nodes` alone answers for each address.
async fn owners(addresses: &[IpAddr], nodes: &[Node]) -> Result<BTreeMap<IpAddr, Node>> {
    stream::iter(addresses.to_vec())
        .map(async |address| {
            let owner = segment::await_owner_among(address, nodes).await?;
            Ok((address, owner))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}
