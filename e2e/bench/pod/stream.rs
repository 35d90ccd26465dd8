//! One TCP stream between two pods: who sends, and who only counts.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use e2e::netns::Namespace;

/// First arguments with which this program is one of the two ends.
pub(crate) const SINK: &str = "sink";
pub(crate) const SOURCE: &str = "source";

const PORT: u16 = 5201;
/// What a program like this usually writes at once, octets.
const CHUNK: usize = 128 * 1024;
/// How long is sent.
const LENGTH: Duration = Duration::from_millis(800);
/// The first windows are left out of what is measured.
const WARM_UP: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(30);

/// Gigabits per second from one pod to an address of another.
pub(crate) async fn measure(from: &Namespace, to: &Namespace, address: IpAddr) -> Result<f64> {
    let start = |namespace: &Namespace, role: &str| -> Result<_> {
        let mut command = namespace.enter(std::env::current_exe()?);
        command
            .args([role, &address.to_string()])
            .stdout(Stdio::piped());
        Ok(Command::from(command).kill_on_drop(true).spawn()?)
    };
    let mut sink = start(to, SINK)?;
    let mut lines = BufReader::new(sink.stdout.take().context("standard output")?).lines();
    let mut line = async || {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        line.context("in time")??.context("the sink has ended")
    };
    // It listens.
    line().await?;
    let mut source = start(from, SOURCE)?;
    let rate = line().await?.parse()?;
    source.wait().await?;
    sink.wait().await?;
    Ok(rate)
}

/// Sends to that address as fast as it takes it.
pub(crate) fn send(address: IpAddr) -> Result<()> {
    stay_on(0)?;
    let peer = SocketAddr::new(address, PORT);
    let mut stream = TcpStream::connect_timeout(&peer, PATIENCE)?;
    let chunk = vec![0x5a; CHUNK];
    let started = Instant::now();
    while started.elapsed() < LENGTH {
        stream.write_all(&chunk)?;
    }
    Ok(())
}

/// Prints a line when it listens, and then the rate of the one stream that it takes, Gbit/s.
pub(crate) fn count(address: IpAddr) -> Result<()> {
    stay_on(1)?;
    let listener = TcpListener::bind(SocketAddr::new(address, PORT))?;
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    let (mut stream, _) = listener.accept()?;
    let mut chunk = vec![0; CHUNK];
    let accepted = Instant::now();
    let mut octets = 0_u64;
    let mut counted_from = accepted;
    let mut last = accepted;
    loop {
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        last = Instant::now();
        if last.duration_since(accepted) < WARM_UP {
            counted_from = last;
        } else {
            octets += length as u64;
        }
    }
    let seconds = last.duration_since(counted_from).as_secs_f64();
    writeln!(out, "{}", octets as f64 * 8.0 / 1e9 / seconds)?;
    Ok(())
}

/// Stays on one of the processors that it may use, the first or the second, where there are two: whether both ends share
/// one decides more than what is measured.
fn stay_on(number: usize) -> Result<()> {
    let own = Pid::from_raw(0);
    let allowed = sched_getaffinity(own)?;
    let mut usable = (0..CpuSet::count()).filter(|&each| allowed.is_set(each) == Ok(true));
    let Some(processor) = usable.nth(number) else {
        return Ok(());
    };
    let mut set = CpuSet::new();
    set.set(processor)?;
    Ok(sched_setaffinity(own, &set)?)
}
