//! `pod`, `nat`: what the pod network's routes and rules cost, and how fast they follow.
//!
//! * Traffic between two pods on two nodes, by Herald's routes and rules and by the same made by hand, in turns.
//! * A set of 2,000 node addresses replaced by another.
//! * 2,000 pod CIDRs learned from a router (`learned`).
//!
//! `REPEAT` sets the number of pairs and runs (default 9).

mod commit;
mod learned;
mod node;
mod rig;
mod stream;
mod translation;
mod watch;

use std::path::Path;

use anyhow::{Context, Result};
use clap::Parser;

use e2e::bench::{Row, System, write};
use e2e::netns::{Network, run_node};
use e2e::step::say;

use node::NodeDrivers;
use rig::Rig;

const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];
/// Streams of each system in one pair.
const TURNS: u32 = 4;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [stream::SINK, address] => stream::count(address.parse()?),
        [stream::SOURCE, address] => stream::send(address.parse()?),
        [node::NODE] => runtime()?.block_on(node::run()),
        [learned::ROUTER] => run_node(),
        [learned::SPEAKER, flags @ ..] => {
            let flags = [&["herald-speaker"], flags].concat();
            speaker::run(speaker::Flags::parse_from(flags))
        }
        [learned::INSIDE, router, folder, repeat] => {
            runtime()?.block_on(learned::inside(router, Path::new(folder), repeat.parse()?))
        }
        _ => runtime()?.block_on(measure()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

async fn measure() -> Result<()> {
    let repeat = std::env::var("REPEAT").map_or(Ok(9), |text| text.parse::<usize>())?;
    let mut rows = traffic(repeat).await?;
    rows.extend(translation::rows(repeat).await?);
    rows.extend(learned::rows(repeat).await?);
    for row in &rows {
        say(&format!(
            "{}, {}: {:.4} {} (worst {:.4})",
            row.name, row.system, row.value, row.unit, row.worst
        ));
    }
    write("pod", &rows)
}

/// Throughput by either system's routes, and the ratio of each pair.
async fn traffic(repeat: usize) -> Result<Vec<Row>> {
    let mut network = Network::create()?;
    let (ours, by_hand) = (
        Rig::create(&mut network).await?,
        Rig::create(&mut network).await?,
    );
    let mut drivers = Vec::new();
    for (host, other) in ours.pairs() {
        let mut node = NodeDrivers::start(&host.node, network.folder())?;
        node.apply(&node::Desired::between(host, other)).await?;
        drivers.push(node);
    }
    by_hand.route_by_hand().await?;
    by_hand.copy_rules(&ours, network.folder()).await?;
    let mut rows = Vec::new();
    for (index, family) in FAMILIES.into_iter().enumerate() {
        let (mut herald, mut hand, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for number in 1..=repeat {
            let [one, other] = pair(&ours, &by_hand, index).await?;
            say(&format!(
                "pair {number} of {repeat}, {family}: herald {one:.2} Gbit/s, static routes {other:.2} Gbit/s"
            ));
            herald.push(one);
            hand.push(other);
            ratios.push(one / other);
        }
        let name = format!("pod/tcp/{family}");
        rows.extend([
            Row::of_rate(&name, "Gbit/s", System::Herald, &herald),
            Row::of_rate(&name, "Gbit/s", System::StaticRoutes, &hand),
            Row::of_rate(&format!("{name}/ratio"), "ratio", System::Herald, &ratios),
        ]);
    }
    for node in drivers {
        node.stop().await?;
    }
    Ok(rows.into_iter().flatten().collect())
}

/// Both in turns, so that what else the machine does meets both, and neither always first.
async fn pair(ours: &Rig, by_hand: &Rig, family: usize) -> Result<[f64; 2]> {
    let (mut herald, mut hand) = (0.0, 0.0);
    for turn in 0..TURNS {
        if turn % 2 == 0 {
            herald += rate(ours, family).await?;
            hand += rate(by_hand, family).await?;
        } else {
            hand += rate(by_hand, family).await?;
            herald += rate(ours, family).await?;
        }
    }
    Ok([herald, hand].map(|sum| sum / f64::from(TURNS)))
}

async fn rate(rig: &Rig, family: usize) -> Result<f64> {
    let [first, second] = &rig.hosts;
    let address = second.pod_addresses().get(family).copied();
    stream::measure(&first.pod, &second.pod, address.context("family")?).await
}
