//! All routes from BIRD, and what it costs to take them in.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Result;

use e2e::await_condition;
use e2e::bench::{Row, System, Usage};
use e2e::condition::Seen;
use e2e::netns::Network;

use crate::ROUTES;
use crate::originator::{Originator, Task};
use crate::receiver::Receiver;

const PATIENCE: Duration = Duration::from_secs(120);

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// From the start of the receiver until it has all.
    time: f64,
    cpu: f64,
    memory: f64,
}

/// BIRD has the routes loaded; then the receiver is started.
pub(crate) async fn measure(system: System) -> Result<Run> {
    let mut network = Network::create()?;
    let (ours, theirs) = (network.namespace().await?, network.namespace().await?);
    let address = Ipv4Addr::new(10, 77, 0, 10);
    let sender = Ipv4Addr::new(10, 77, 0, 1);
    network
        .link(
            (&ours, "eth0", &[(address.into(), 24)]),
            (&theirs, "eth0", &[(sender.into(), 24)]),
        )
        .await?;
    // Each has a folder of its own: the receiver may be a BIRD too.
    let folder = network.folder().join("sender");
    std::fs::create_dir(&folder)?;
    let task = Task {
        namespace: &theirs,
        folder: &folder,
        sinks: &[address],
        routes: ROUTES,
    };
    let bird = Originator::start(System::Bird, &task).await?;
    let started = Instant::now();
    let mut receiver = Receiver::start(system, &ours, network.folder(), sender).await?;
    await_condition("all routes are received", PATIENCE, async || {
        let received = receiver.received().await?;
        Ok(Seen::when(received == u64::from(ROUTES), received))
    })
    .await?;
    let time = started.elapsed().as_secs_f64();
    let usage = Usage::of(receiver.running.pid()?)?;
    receiver.running.stop().await?;
    bird.running.stop().await?;
    Ok(Run {
        time,
        cpu: usage.cpu.as_secs_f64(),
        memory: usage.peak_memory as f64 / 1e6,
    })
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cpu, memory, time) = (self.cpu * 1e3, self.memory, self.time);
        write!(
            f,
            "received with {cpu:.1} ms of CPU, {memory:.1} MB, all there after {time:.1} s"
        )
    }
}

type Figure = fn(&Run) -> f64;

/// The figures of several runs.
pub(crate) fn rows(system: System, runs: &[Run]) -> Vec<Row> {
    let figures: [(&str, &str, Figure); 2] = [
        ("/cpu", "s", |run| run.cpu),
        ("/memory", "MB", |run| run.memory),
    ];
    let row = |(part, unit, figure): (&str, &str, Figure)| {
        let values: Vec<f64> = runs.iter().map(figure).collect();
        Row::of(
            &format!("bgp-receive/{ROUTES}{part}"),
            unit,
            system,
            &values,
        )
    };
    figures.into_iter().filter_map(row).collect()
}
