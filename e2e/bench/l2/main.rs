//! `l2`: how long nobody answers an address when the node that answers it fails, and what layer 2 costs.
//!
//! Three nodes and two clients on one bridge, every one a network namespace; real etcd and kube-apiserver in another
//! that only the nodes reach; a real `herald-speaker --dataplane-gate=off` on each node. 25 Services have an IPv4 and an
//! IPv6 address each. One client pings two of them, which one node owns, every 10 ms; the other has no cache and asks
//! for their MAC every 10 ms. A gap is the longest time without an answer at either. `REPEAT` (default 20) says how
//! often each failure is played.

mod client;
mod failover;
mod frame;
mod load;
mod rig;
mod timeline;
mod world;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Parser;
use nix::sched::{CloneFlags, setns};

use e2e::bench::{ApiServer, Row, System, write};
use e2e::netns::{Daemon, Namespace, Network};
use e2e::step::say;

use client::{Arguments, FLOOD_RATE};
use failover::{Ears, Failure, Stage, Times};
use rig::{API_SERVER, Rig};
use world::{SERVICES, addresses, populate};

/// First argument with which this program is a speaker.
const SPEAKER: &str = "speaker";
const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];
/// Looks at speakers at rest.
const LOOKS: usize = 3;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [client::PING, rest @ ..] => Arguments::parse(rest)?.ping(),
        [client::ASK, rest @ ..] => Arguments::parse(rest)?.ask(),
        [client::FLOOD, rest @ ..] => Arguments::parse(rest)?.flood(),
        [SPEAKER, flags @ ..] => {
            let flags = [&["herald-speaker"], flags].concat();
            speaker::run(speaker::Flags::parse_from(flags))
        }
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(run()),
    }
}

async fn run() -> Result<()> {
    let mut network = Network::create()?;
    let rig = Rig::create(&mut network).await?;
    let rows = measure(&rig, network.folder()).await;
    let rows = rows.with_context(|| network.logs(40))?;
    for row in &rows {
        say(&format!(
            "{}: {:.4} {} (worst {:.4})",
            row.name, row.value, row.unit, row.worst
        ));
    }
    write("l2", &rows)
}

async fn measure(rig: &Rig, folder: &Path) -> Result<Vec<Row>> {
    // The API server, its clients and all that is started from here on.
    let _entered = Entered::new(&rig.api_server)?;
    let server =
        ApiServer::start_at(API_SERVER, &folder.join("server"), &folder.join("etcd")).await?;
    populate(&server, rig, folder).await?;
    let (victim, pair) = victim(rig)?;
    for node in &rig.nodes {
        for address in pair {
            node.hold(address).await?;
        }
    }
    let mut speakers = Vec::new();
    for node in &rig.nodes {
        speakers.push(node.start(server.kubeconfig(), folder)?);
    }
    let owner = rig.nodes.get(victim).context("a node")?;
    say(&format!(
        "{} is to own {} and {}",
        owner.name, pair[0], pair[1]
    ));
    let mut ears = Ears::start(rig, pair, folder)?;
    ears.await_owners("the first node answers", pair, |mac| mac == owner.mac)
        .await?;
    // Nobody asks while speakers are looked at that have nothing to do.
    drop(ears);
    let mut rows = costs(rig, &speakers, victim, folder).await?;
    let mut stage = Stage {
        rig,
        victim: owner,
        addresses: pair,
        speaker: Some(speakers.remove(victim)),
        kubeconfig: server.kubeconfig().to_owned(),
        folder,
        ears: Ears::start(rig, pair, folder)?,
    };
    rows.extend(failovers(&mut stage).await?);
    for speaker in speakers.into_iter().chain(stage.speaker.take()) {
        speaker.stop().await?;
    }
    server.stop().await?;
    Ok(rows)
}

/// The node that fails, and a Service of which it owns both addresses.
fn victim(rig: &Rig) -> Result<(usize, [IpAddr; 2])> {
    let owner = |address| {
        let nodes = rig.nodes.iter().enumerate();
        let owner = nodes.max_by_key(|(_, node)| l2::digest(&node.name, address));
        owner.map(|(index, _)| index)
    };
    let services = (0..SERVICES).map(addresses);
    let mut owned = services.filter_map(|pair| {
        let [first, second] = pair.map(owner);
        Some((first.filter(|_| first == second)?, pair))
    });
    owned
        .next()
        .context("no node owns both addresses of a Service")
}

/// What speakers use at rest, and under a flood.
async fn costs(rig: &Rig, speakers: &[Daemon], victim: usize, folder: &Path) -> Result<Vec<Row>> {
    let (mut all, mut one) = (Vec::new(), Vec::new());
    for _ in 0..LOOKS {
        let shares = load::idle(speakers).await?;
        all.push(shares.iter().sum());
        one.extend(shares.get(victim));
    }
    let flooded = load::flooded(rig, speakers, folder).await?;
    let flooded: Vec<f64> = flooded.get(victim).copied().into_iter().collect();
    let row = |name: &str, shares: &[f64]| Row::of(name, "%", System::Herald, shares);
    let rows = [
        row(&format!("l2-idle-cpu/{}-addresses", 2 * SERVICES), &all),
        row("l2-flood/idle", &one),
        row(&format!("l2-flood/{FLOOD_RATE}-per-second"), &flooded),
    ];
    Ok(rows.into_iter().flatten().collect())
}

/// Every failure, `REPEAT` times in turns.
async fn failovers(stage: &mut Stage<'_>) -> Result<Vec<Row>> {
    let repeat = std::env::var("REPEAT").map_or(Ok(20), |text| text.parse::<usize>())?;
    let mut gaps: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut note = |name: &str, times: &Times| {
        for (family, gap) in FAMILIES.iter().zip(times.gaps) {
            let name = format!("l2-failover/{name}/{family}");
            gaps.entry(name).or_default().push(gap);
        }
        let overlaps = gaps.entry("l2-failover/two-owners".to_owned()).or_default();
        overlaps.extend(times.overlaps);
    };
    stage.settle().await?;
    for turn in 1..=repeat {
        for failure in Failure::ALL {
            let [away, back] = stage
                .play(failure)
                .await
                .with_context(|| format!("{failure}"))?;
            say(&format!(
                "{failure} {turn} of {repeat}: {:.0?} ms, return {:.0?} ms, two owners {:.0?} ms",
                away.gaps.map(milliseconds),
                back.gaps.map(milliseconds),
                away.overlaps.map(milliseconds)
            ));
            note(&failure.to_string(), &away);
            note("return", &back);
        }
    }
    let rows = gaps
        .iter()
        .map(|(name, gaps)| Row::of(name, "s", System::Herald, gaps));
    Ok(rows.flatten().collect())
}

fn milliseconds(seconds: f64) -> f64 {
    seconds * 1e3
}

/// This process in a namespace, and what it starts too; it leaves when this is dropped.
struct Entered {
    home: File,
}

impl Entered {
    fn new(host: &Namespace) -> Result<Self> {
        let home = File::open("/proc/self/ns/net")?;
        let path = Path::new("/run/netns").join(host.name());
        setns(File::open(path)?, CloneFlags::CLONE_NEWNET).context("enter a namespace")?;
        Ok(Self { home })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Whoever is inside when the namespace is removed is ended.
        let _ = setns(&self.home, CloneFlags::CLONE_NEWNET);
    }
}
