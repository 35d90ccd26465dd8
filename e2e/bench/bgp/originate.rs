//! All routes to one peer or to eight, and then changes of many of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use e2e::bench::{Row, System, Usage};
use e2e::netns::{Namespace, Network};

use crate::change::{self, Change};
use crate::originator::{Originator, Task};
use crate::{ROUTES, SINK};

/// For one step, from its beginning until the last prefix is there.
const PATIENCE: Duration = Duration::from_secs(120);

/// One run, the slowest of its peers.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    established_to_last: f64,
    announced: Step,
    memory: f64,
    cpu: f64,
    changes: BTreeMap<Change, Step>,
}

/// What peers saw of one step.
#[derive(Clone, Debug)]
struct Step {
    first_to_last: f64,
    /// Of all peers together.
    messages: f64,
}

/// What a sink says.
#[derive(Clone, Debug, Deserialize)]
struct Report {
    established_to_last: Option<f64>,
    first_to_last: f64,
    messages: f64,
}

/// Loads a system, lets its peers answer, and changes what it has.
pub(crate) async fn measure(system: System, peers: u8) -> Result<Run> {
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
    let mut originator = Originator::start(system, &task).await?;
    let before = Usage::of(originator.running.pid()?)?;
    let mut sink = Sinks::start(&theirs, &sinks)?;
    let reports = sink.reports().await.context("announcing")?;
    let after = Usage::of(originator.running.pid()?)?;
    let mut run = Run {
        established_to_last: slowest(&reports, |each| each.established_to_last.unwrap_or(0.0)),
        announced: Step::of(&reports),
        memory: after.peak_memory as f64 / 1e6,
        cpu: (after.cpu.saturating_sub(before.cpu)).as_secs_f64(),
        changes: BTreeMap::new(),
    };
    for change in changes(system, peers) {
        sink.expect(change.prefixes()).await?;
        change::apply(&mut originator, change)
            .await
            .with_context(|| change.to_string())?;
        let reports = sink.reports().await.with_context(|| change.to_string())?;
        run.changes.insert(change, Step::of(&reports));
    }
    sink.process.kill().await?;
    originator.running.stop().await?;
    Ok(run)
}

/// GoBGP takes one route at a time and sends each by itself: minutes, with eight peers.
fn changes(system: System, peers: u8) -> impl Iterator<Item = Change> {
    let some = system != System::Gobgp || peers == 1;
    Change::ALL.into_iter().filter(move |_| some)
}

impl Step {
    fn of(reports: &[Report]) -> Self {
        Self {
            first_to_last: slowest(reports, |report| report.first_to_last),
            messages: reports.iter().map(|report| report.messages).sum(),
        }
    }
}

fn slowest(reports: &[Report], value: fn(&Report) -> f64) -> f64 {
    reports.iter().map(value).fold(0.0, f64::max)
}

/// The peers: one process.
struct Sinks {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    count: usize,
}

impl Sinks {
    fn start(namespace: &Namespace, addresses: &[Ipv4Addr]) -> Result<Self> {
        let mut command = namespace.enter(std::env::current_exe()?);
        command
            .arg(SINK)
            .args(addresses.iter().map(ToString::to_string));
        let mut command = tokio::process::Command::from(command);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn()?;
        let output = process.stdout.take().context("standard output")?;
        Ok(Self {
            input: process.stdin.take().context("standard input")?,
            output: BufReader::new(output).lines(),
            process,
            count: addresses.len(),
        })
    }

    /// From now on so many prefixes are waited for.
    async fn expect(&mut self, prefixes: u32) -> Result<()> {
        self.input
            .write_all(format!("{prefixes}\n").as_bytes())
            .await?;
        self.line().await.map(drop)
    }

    /// What all of them say, when all prefixes are there.
    async fn reports(&mut self) -> Result<Vec<Report>> {
        let mut reports = Vec::new();
        while reports.len() < self.count {
            reports.push(serde_json::from_str(&self.line().await?)?);
        }
        Ok(reports)
    }

    async fn line(&mut self) -> Result<String> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        line.context("in time")??.context("the sinks have ended")
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from_established, from_first, cpu] = [
            self.established_to_last,
            self.announced.first_to_last,
            self.cpu,
        ]
        .map(|each| each * 1e3);
        write!(
            f,
            "last UPDATE {from_established:.1} ms after Established, {from_first:.1} ms after the first, "
        )?;
        let (messages, memory) = (self.announced.messages, self.memory);
        write!(f, "{messages} messages, {memory:.1} MB, {cpu:.1} ms of CPU")?;
        for (change, step) in &self.changes {
            let (time, messages) = (step.first_to_last * 1e3, step.messages);
            write!(f, "; {change} {time:.1} ms, {messages} messages")?;
        }
        Ok(())
    }
}

type Figure = fn(&Run) -> f64;

/// The figures of several runs.
pub(crate) fn rows(peers: u8, system: System, runs: &[Run]) -> Vec<Row> {
    let plural = if peers == 1 { "peer" } else { "peers" };
    let peers = format!("{ROUTES}/{peers}-{plural}");
    let row = |name: String, unit: &str, values: &mut dyn Iterator<Item = f64>| {
        Row::of(&name, unit, system, &values.collect::<Vec<_>>())
    };
    let figures: [(&str, &str, Figure); 5] = [
        ("", "s", |run| run.established_to_last),
        ("/first-to-last", "s", |run| run.announced.first_to_last),
        ("/messages", "messages", |run| run.announced.messages),
        ("/memory", "MB", |run| run.memory),
        ("/cpu", "s", |run| run.cpu),
    ];
    let announced = figures.into_iter().map(|(part, unit, figure)| {
        let name = format!("bgp-originate/{peers}{part}");
        row(name, unit, &mut runs.iter().map(figure))
    });
    let changed = Change::ALL.into_iter().flat_map(|change| {
        let name = format!("bgp-churn/{change}/{peers}");
        let steps = || runs.iter().filter_map(|run| run.changes.get(&change));
        let messages = format!("{name}/messages");
        [
            row(name, "s", &mut steps().map(|step| step.first_to_last)),
            row(messages, "messages", &mut steps().map(|step| step.messages)),
        ]
    });
    announced.chain(changed).flatten().collect()
}
