//! `react`: from the API server's answer to a write, to the UPDATE that it causes, on a capture at the router.
//!
//! Real etcd, kube-apiserver and herald-speaker (`--dataplane-gate=off`) in one network namespace, a counting peer in
//! another. `SERVICES` (default `1,1000,10000`) sets how many Services there are, `REPEAT` (default 200) how
//! many changes of each kind are measured.

mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::io::{AsyncBufReadExt, BufReader};

use e2e::bench::{ApiServer, Capture, Packet, Row, System, Usage, serve_sinks, write};
use e2e::netns::{Daemon, Network};
use e2e::step::say;

use world::{NODE, World, address, prepared};

/// First arguments with which this program is another one.
const SINK: &str = "sink";
const SPEAKER: &str = "speaker";
const INSIDE: &str = "inside";

const OURS: &str = "10.77.0.1";
const ROUTER: &str = "10.77.0.2";
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two changes: what is measured is a speaker at rest.
const PAUSE: Duration = Duration::from_millis(30);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [SINK, services] => serve_sinks(64512, services.parse()?, &[ROUTER.parse()?]),
        [SPEAKER, flags @ ..] => {
            let flags = [&["herald-speaker"], flags].concat();
            speaker::run(speaker::Flags::parse_from(flags))
        }
        [INSIDE, services, router, folder] => {
            let inside = Inside {
                services: services.parse()?,
                router,
                folder: Path::new(folder),
            };
            runtime()?.block_on(inside.run())
        }
        _ => runtime()?.block_on(outside()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Lays the wires and runs this program inside, once for each number of Services.
async fn outside() -> Result<()> {
    let numbers = std::env::var("SERVICES").unwrap_or_else(|_| "1,1000,10000".to_owned());
    let mut rows: Vec<Row> = Vec::new();
    for services in numbers.split(',') {
        let mut network = Network::create()?;
        let (ours, router) = (network.namespace().await?, network.namespace().await?);
        let ends = [OURS, ROUTER].map(|address| [(address.parse(), 24)]);
        let [our_end, their_end] =
            ends.map(|[(address, length)]| address.map(|address| [(address, length)]));
        network
            .link((&ours, "eth0", &our_end?), (&router, "eth0", &their_end?))
            .await?;
        let mut command = ours.enter(std::env::current_exe()?);
        command
            .args([INSIDE, services, router.name()])
            .arg(network.folder());
        let mut command = tokio::process::Command::from(command);
        let output = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?
            .wait_with_output()
            .await?;
        let text = String::from_utf8(output.stdout)?;
        let result = text.lines().last().filter(|_| output.status.success());
        let result =
            result.with_context(|| format!("{services} Services: {text}\n{}", network.logs(20)))?;
        rows.extend(serde_json::from_str::<Vec<Row>>(result)?);
    }
    for row in &rows {
        say(&format!(
            "{}: {:.4} {} (worst {:.4})",
            row.name, row.value, row.unit, row.worst
        ));
    }
    write("react", &rows)
}

/// The part that runs in our namespace.
struct Inside<'a> {
    services: u32,
    router: &'a str,
    folder: &'a Path,
}

impl Inside<'_> {
    /// Prints its rows as JSON, on one line.
    async fn run(&self) -> Result<()> {
        let data: PathBuf = prepared(self.services, self.folder).await?;
        let server = ApiServer::start(&self.folder.join("server"), &data).await?;
        let world = World::new(&server.client().await?);
        let mut sink = self.start_sink()?;
        let speaker = self.start_speaker(server.kubeconfig())?;
        // The sink's one line: it has all prefixes.
        let mut lines = BufReader::new(sink.stdout.take().context("standard output")?).lines();
        tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .context("all announced")??
            .context("sink")?;
        let mut capture =
            Capture::start(self.router, &format!("tcp port 179 and src host {OURS}"))?;
        let mut times = self.measure(&world, &mut capture).await?;
        let memory = Usage::of(speaker.pid())?.peak_memory;
        speaker.stop().await?;
        server.stop().await?;
        let name = format!("react/{}", self.services);
        let mut rows = vec![Row::of(
            &format!("{name}/memory"),
            "MB",
            System::Herald,
            &[memory as f64 / 1e6],
        )];
        for (kind, seconds) in &mut times {
            seconds.sort_by(f64::total_cmp);
            let p99 = seconds
                .get((seconds.len() * 99).div_ceil(100).saturating_sub(1))
                .copied();
            rows.push(Row::of(
                &format!("{name}/{kind}"),
                "s",
                System::Herald,
                seconds,
            ));
            rows.push(Row::of(
                &format!("{name}/{kind}/p99"),
                "s",
                System::Herald,
                &[p99.context("p99")?],
            ));
        }
        let rows: Vec<Row> = rows.into_iter().flatten().collect();
        say(&serde_json::to_string(&rows)?);
        Ok(())
    }

    fn start_sink(&self) -> Result<tokio::process::Child> {
        let mut command = std::process::Command::new("ip");
        command
            .args(["netns", "exec", self.router])
            .arg(std::env::current_exe()?);
        command
            .arg(SINK)
            .arg(self.services.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        Ok(tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()?)
    }

    fn start_speaker(&self, kubeconfig: &Path) -> Result<Daemon> {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command
            .arg(SPEAKER)
            .arg(format!("--kubeconfig={}", kubeconfig.display()));
        command.args(["--dataplane-gate=off", &format!("--node-name={NODE}")]);
        Daemon::start(command, &self.folder.join("herald.log"))
    }

    /// Seconds from answer to UPDATE, by kind of change.
    async fn measure(
        &self,
        world: &World,
        capture: &mut Capture,
    ) -> Result<BTreeMap<&'static str, Vec<f64>>> {
        let repeat: u32 = std::env::var("REPEAT").map_or(Ok(200), |text| text.parse())?;
        let mut times: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for number in (0..repeat).map(|turn| turn.wrapping_mul(7919) % self.services) {
            let [a, b, c, d] = address(number).octets();
            for kind in [
                "endpoint-withdraw",
                "endpoint-announce",
                "status-withdraw",
                "status-announce",
            ] {
                let on = kind.ends_with("announce");
                if kind.starts_with("endpoint") {
                    world.set_ready(number, on).await?;
                } else {
                    world.assign(number, on).await?;
                }
                let answered = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
                let packet = tokio::time::timeout(PATIENCE, next(capture, [32, a, b, c, d])).await;
                let packet = packet.with_context(|| format!("{kind} of {number}"))??;
                // The watch may be quicker than the answer.
                let took = packet.at.saturating_sub(answered);
                times.entry(kind).or_default().push(took.as_secs_f64());
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(times)
    }
}

/// The next packet that holds a prefix, announced or withdrawn.
async fn next(capture: &mut Capture, prefix: [u8; 5]) -> Result<Packet> {
    loop {
        let packet = capture.next().await?;
        if packet.bytes.windows(5).any(|window| window == prefix) {
            return Ok(packet);
        }
    }
}
