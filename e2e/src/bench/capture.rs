//! Packets as they arrive at an interface, with the kernel's time stamps.

use std::io::Read;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// First octets of a capture with nanoseconds, as this machine writes numbers.
const MAGIC: u32 = 0xa1b2_3c4d;

/// One packet.
#[derive(Debug)]
pub struct Packet {
    /// When it arrived, since the epoch.
    pub at: Duration,
    /// From its Ethernet header on.
    pub bytes: Vec<u8>,
}

/// A running capture; ends when dropped.
#[derive(Debug)]
pub struct Capture {
    tcpdump: Child,
    packets: UnboundedReceiver<Packet>,
}

impl Capture {
    /// Captures what `filter` (pcap-filter(7)) passes on interface eth0 of a namespace.
    ///
    /// # Errors
    /// When tcpdump is missing, or refuses the filter.
    pub fn start(namespace: &str, filter: &str) -> Result<Self> {
        Self::on(namespace, "eth0", filter)
    }

    /// The same on another interface.
    ///
    /// # Errors
    /// As `start`.
    pub fn on(namespace: &str, interface: &str, filter: &str) -> Result<Self> {
        let mut tcpdump = Command::new("ip")
            .args(["netns", "exec", namespace, "tcpdump"])
            .args(["-i", interface, "-n", "-U", "-w", "-"])
            .args(["--immediate-mode", "--time-stamp-precision=nano", filter])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("start tcpdump")?;
        let mut out = tcpdump.stdout.take().context("standard output")?;
        // The header comes when it listens.
        let [magic, _, _, _, _, _] = words(&mut out)?;
        ensure!(
            magic == MAGIC,
            "tcpdump writes an unknown format: {magic:x}"
        );
        let (sender, packets) = unbounded_channel();
        std::thread::spawn(move || {
            while let Ok(packet) = packet(&mut out) {
                if sender.send(packet).is_err() {
                    return;
                }
            }
        });
        Ok(Self { tcpdump, packets })
    }

    /// The next packet.
    ///
    /// # Errors
    /// When the capture has ended.
    pub async fn next(&mut self) -> Result<Packet> {
        self.packets.recv().await.context("the capture has ended")
    }

    /// The next packet, if it has arrived already.
    pub fn poll(&mut self) -> Option<Packet> {
        self.packets.try_recv().ok()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

/// Seconds, nanoseconds, octets captured, octets on the wire; then the octets.
fn packet(out: &mut ChildStdout) -> Result<Packet> {
    let [seconds, nanoseconds, captured, _] = words(out)?;
    let mut bytes = vec![0; usize::try_from(captured)?];
    out.read_exact(&mut bytes)?;
    Ok(Packet {
        at: Duration::new(seconds.into(), nanoseconds),
        bytes,
    })
}

fn words<const N: usize>(out: &mut ChildStdout) -> Result<[u32; N]> {
    let mut words = [0; N];
    for word in &mut words {
        let mut bytes = [0; 4];
        out.read_exact(&mut bytes)?;
        *word = u32::from_ne_bytes(bytes);
    }
    Ok(words)
}
