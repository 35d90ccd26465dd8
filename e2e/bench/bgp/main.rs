//! `bgp-originate`, `bgp-churn`, `bgp-receive`: 100,000 /32 to one peer and to eight, changed and withdrawn, and taken
//! in, by Herald's driver and by others in the same run.
//!
//! `REPEAT` sets the number of runs (default 5), `SYSTEMS` picks systems by name. Systems take turns, so that what
//! else the machine does meets all of them.

mod change;
mod mrt;
mod originate;
mod originator;
mod receive;
mod receiver;
mod running;

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use e2e::bench::{System, serve_sinks, write};
use e2e::netns::run_node;
use e2e::step::say;

use originator::SINK_ASN;

const ROUTES: u32 = 100_000;
const PEERS: [u8; 2] = [1, 8];
const SYSTEMS: [System; 5] = [
    System::Herald,
    System::FrrCoalesce0,
    System::Frr,
    System::Bird,
    System::Gobgp,
];

/// First arguments with which this program is the sinks, or Herald's driver.
const SINK: &str = "sink";
const NODE: &str = "node";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(SINK) => {
            let addresses = arguments
                .map(|address| address.parse())
                .collect::<Result<Vec<_>, _>>()?;
            serve_sinks(SINK_ASN, ROUTES, &addresses)
        }
        Some(NODE) => run_node(),
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(compare()),
    }
}

async fn compare() -> Result<()> {
    let repeat = std::env::var("REPEAT").map_or(Ok(5), |text| text.parse::<usize>())?;
    let wanted = std::env::var("SYSTEMS").unwrap_or_default();
    let systems: Vec<System> = SYSTEMS
        .into_iter()
        .filter(|system| is_wanted(*system, &wanted))
        .collect();
    let mut sent: BTreeMap<(u8, System), Vec<originate::Run>> = BTreeMap::new();
    let mut received: BTreeMap<System, Vec<receive::Run>> = BTreeMap::new();
    for number in 1..=repeat {
        for peers in PEERS {
            for system in &systems {
                let run = originate::measure(*system, peers)
                    .await
                    .with_context(|| format!("{system:?} to {peers}"))?;
                say(&format!(
                    "run {number} of {repeat}, {peers} peer(s), {system:?}: {run}"
                ));
                sent.entry((peers, *system)).or_default().push(run);
            }
        }
        // What FRR waits for before it sends says nothing of how it receives.
        let receivers = systems
            .iter()
            .filter(|system| **system != System::FrrCoalesce0);
        for system in receivers {
            let run = receive::measure(*system)
                .await
                .with_context(|| format!("{system:?} receives"))?;
            say(&format!("run {number} of {repeat}, {system:?}: {run}"));
            received.entry(*system).or_default().push(run);
        }
    }
    let sent = sent
        .iter()
        .flat_map(|((peers, system), runs)| originate::rows(*peers, *system, runs));
    let received = received
        .iter()
        .flat_map(|(system, runs)| receive::rows(*system, runs));
    write("bgp", &sent.chain(received).collect::<Vec<_>>())
}

fn is_wanted(system: System, wanted: &str) -> bool {
    wanted.is_empty() || wanted.split(',').any(|each| each == system.to_string())
}
