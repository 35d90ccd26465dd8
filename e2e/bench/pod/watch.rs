//! When packets of a BGP peer and changes of routes came, by the kernel's time stamps and one clock.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// Octets of TCP payload from which on a packet is no KEEPALIVE.
const UPDATE: usize = 23;
const DAY: f64 = 86_400.0;
/// Until both have noted what has happened.
const PAUSE: Duration = Duration::from_millis(300);

/// tcpdump at the router, and `ip monitor` in this namespace.
pub(crate) struct Watch {
    packets: Program,
    routes: Program,
}

/// A running program, and what it has written so far.
struct Program {
    child: Child,
    lines: JoinHandle<Vec<String>>,
}

impl Watch {
    /// Begins to note what `source` sends in the router's namespace, and routes here.
    pub(crate) async fn start(router: &str, source: &str) -> Result<Self> {
        let filter = format!("tcp port 179 and src host {source}");
        let mut tcpdump = Command::new("ip");
        tcpdump
            .args(["netns", "exec", router, "tcpdump", "-i", "eth0", "-n"])
            .args(["-tttt", "-l", "--immediate-mode", &filter])
            .stderr(Stdio::piped());
        let mut packets = Program::start(tcpdump)?;
        // It says that it listens.
        let mut said = packets.child.stderr.take().context("standard error")?;
        let mut buffer = [0; 512];
        ensure!(said.read(&mut buffer).await? > 0, "tcpdump has ended");
        tokio::spawn(async move {
            let mut rest = Vec::new();
            let _ = said.read_to_end(&mut rest).await;
        });
        let mut monitor = Command::new("ip");
        monitor.args(["-rc", "16777216", "-ts", "monitor", "route"]);
        let routes = Program::start(monitor)?;
        // Neither says when it is ready for everything.
        tokio::time::sleep(PAUSE).await;
        Ok(Self { packets, routes })
    }

    /// Seconds from the last UPDATE to the last of `count` imported routes.
    pub(crate) async fn delay(self, count: usize) -> Result<f64> {
        tokio::time::sleep(PAUSE).await;
        let packets = self.packets.finish().await?;
        let routes = self.routes.finish().await?;
        let updates = packets.iter().filter(|line| payload(line) >= UPDATE);
        let sent = updates.filter_map(|line| time_of_day(line)).next_back();
        let installed: Vec<f64> = routes
            .iter()
            .filter(|line| line.contains("proto 158") && !line.contains("Deleted"))
            .filter_map(|line| time_of_day(line))
            .collect();
        ensure!(
            installed.len() >= count,
            "{} of {count} routes were noted",
            installed.len()
        );
        let sent = sent.context("no UPDATE was noted")?;
        let last = installed.last().context("no route was noted")?;
        // Midnight may be between them.
        Ok((last - sent + DAY / 2.0).rem_euclid(DAY) - DAY / 2.0)
    }
}

impl Program {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {:?}", command.as_std()))?;
        let out = child.stdout.take().context("standard output")?;
        let mut reader = BufReader::new(out).lines();
        let lines = tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Ok(Some(line)) = reader.next_line().await {
                lines.push(line);
            }
            lines
        });
        Ok(Self { child, lines })
    }

    /// Ends it, and returns what it has written.
    async fn finish(mut self) -> Result<Vec<String>> {
        self.child.kill().await?;
        Ok(self.lines.await?)
    }
}

/// Octets of payload in a line of tcpdump.
fn payload(line: &str) -> usize {
    let length = line.split("length ").nth(1);
    let digits = length.and_then(|text| text.split(|each: char| !each.is_ascii_digit()).next());
    digits.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Seconds since midnight, from a line that begins with a date and a time (`ip -ts`: `[2026-01-31T13:05:01.000001]`).
fn time_of_day(line: &str) -> Option<f64> {
    let (_, rest) = line.trim_start_matches('[').split_at_checked(11)?;
    let time = rest.split([' ', ']']).next()?;
    let mut parts = time.split(':');
    let hours: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    Some((hours * 60.0 + minutes) * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_time_of_both_programs() {
        let lines = [
            "[2026-11-21T01:02:03.500000] 10.0.0.0/24 via 10.77.0.2 dev eth0 proto 158 metric 768",
            "2026-11-21 01:02:03.500000 IP 10.77.0.2.179 > 10.77.0.1.4: Flags [P.], length 1448: BGP",
        ];
        assert_eq!(lines.map(time_of_day), [Some(3723.5), Some(3723.5)]);
        assert_eq!(payload(lines[1]), 1448);
    }
}
