//! `bgp-originate`: 100,000 /32 to one peer and to eight, by Herald's driver and by others in the same run.
//!
//! `REPEAT` sets the number of runs (default 5), `SYSTEMS` picks systems by name. Systems take turns, so that what
//! else the machine does meets all of them.

mod mrt;
mod originator;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};

use e2e::bench::{Row, System, Usage, serve_sinks, write};
use e2e::netns::{Network, run_node};
use e2e::step::say;

use originator::{Originator, SINK_ASN, Task};

const ROUTES: u32 = 100_000;
const PEERS: [u8; 2] = [1, 8];
const SYSTEMS: [System; 5] = [
    System::Herald,
    System::FrrCoalesce0,
    System::Frr,
    System::Bird,
    System::Gobgp,
];
/// For one run, Established to last.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a sink says.
#[derive(Clone, Debug, Deserialize)]
struct Report {
    established_to_last: f64,
    first_to_last: f64,
    messages: f64,
}

/// One run, the slowest of its sinks.
#[derive(Clone, Debug)]
struct Run {
    established_to_last: f64,
    first_to_last: f64,
    /// Of all sinks together.
    messages: f64,
    memory: f64,
    cpu: f64,
}

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
    let mut runs: BTreeMap<(u8, System), Vec<Run>> = BTreeMap::new();
    for number in 1..=repeat {
        for peers in PEERS {
            for system in SYSTEMS
                .into_iter()
                .filter(|system| is_wanted(*system, &wanted))
            {
                let run = measure(system, peers)
                    .await
                    .with_context(|| format!("{system:?} to {peers}"))?;
                say(&format!(
                    "run {number} of {repeat}, {peers} peer(s), {system:?}: {run}"
                ));
                runs.entry((peers, system)).or_default().push(run);
            }
        }
    }
    let rows = runs
        .iter()
        .flat_map(|((peers, system), runs)| rows(*peers, *system, runs));
    write("bgp", &rows.collect::<Vec<_>>())
}

fn is_wanted(system: System, wanted: &str) -> bool {
    wanted.is_empty() || wanted.split(',').any(|each| each == system.to_string())
}

async fn measure(system: System, peers: u8) -> Result<Run> {
    let mut network = Network::create()?;
    let (ours, theirs) = (network.namespace().await?, network.namespace().await?);
    let sinks: Vec<Ipv4Addr> = (0..peers)
        .map(|number| Ipv4Addr::new(10, 77, 0, 10 + number))
        .collect();
    let addresses: Vec<_> = sinks
        .iter()
        .map(|address| ((*address).into(), 24))
        .collect();
    let own = [(Ipv4Addr::new(10, 77, 0, 1).into(), 24)];
    network
        .link((&ours, "eth0", &own), (&theirs, "eth0", &addresses))
        .await?;
    let task = Task {
        namespace: &ours,
        folder: network.folder(),
        sinks: &sinks,
        routes: ROUTES,
    };
    let originator = Originator::start(system, &task).await?;
    let before = Usage::of(originator.pid()?)?;
    let mut command = theirs.enter(std::env::current_exe()?);
    command
        .arg(SINK)
        .args(sinks.iter().map(ToString::to_string));
    let mut command = tokio::process::Command::from(command);
    let mut sink = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(sink.stdout.take().context("standard output")?).lines();
    let mut reports = Vec::new();
    while reports.len() < usize::from(peers) {
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .context("in time")??;
        reports.push(serde_json::from_str::<Report>(
            &line.context("the sink has ended")?,
        )?);
    }
    let after = Usage::of(originator.pid()?)?;
    sink.kill().await?;
    originator.stop().await?;
    let slowest = |value: fn(&Report) -> f64| reports.iter().map(value).fold(0.0, f64::max);
    Ok(Run {
        established_to_last: slowest(|report| report.established_to_last),
        first_to_last: slowest(|report| report.first_to_last),
        messages: reports.iter().map(|report| report.messages).sum(),
        memory: after.peak_memory as f64 / 1e6,
        cpu: (after.cpu.saturating_sub(before.cpu)).as_secs_f64(),
    })
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            established_to_last,
            first_to_last,
            messages,
            memory,
            cpu,
        } = self;
        let [from_established, from_first, cpu] =
            [established_to_last, first_to_last, cpu].map(|each| each * 1e3);
        write!(
            f,
            "last UPDATE {from_established:.1} ms after Established, {from_first:.1} ms after the first, "
        )?;
        write!(f, "{messages} messages, {memory:.1} MB, {cpu:.1} ms of CPU")
    }
}

type Figure = fn(&Run) -> f64;

fn rows(peers: u8, system: System, runs: &[Run]) -> Vec<Row> {
    let plural = if peers == 1 { "peer" } else { "peers" };
    let name = format!("bgp-originate/{ROUTES}/{peers}-{plural}");
    let figures: [(&str, &str, Figure); 5] = [
        ("", "s", |run| run.established_to_last),
        ("/first-to-last", "s", |run| run.first_to_last),
        ("/messages", "messages", |run| run.messages),
        ("/memory", "MB", |run| run.memory),
        ("/cpu", "s", |run| run.cpu),
    ];
    let row = |(part, unit, figure): (&str, &str, Figure)| {
        let values: Vec<f64> = runs.iter().map(figure).collect();
        Row::of(&format!("{name}{part}"), unit, system, &values)
    };
    figures.into_iter().filter_map(row).collect()
}
