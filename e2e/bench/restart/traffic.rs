//! A client that asks all the time, and the server that answers it: one datagram a millisecond.

use std::io::{BufRead, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use e2e::netns::Namespace;

/// First arguments with which this program is the one or the other; the address follows.
pub(crate) const SERVE: &str = "serve";
pub(crate) const ASK: &str = "ask";

const PACE: Duration = Duration::from_millis(1);
/// How long the last answers may take.
const LAST: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client saw.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Requests.
    pub(crate) asked: u64,
    /// Those that were not answered.
    pub(crate) lost: u64,
}

/// Sends back what comes, until it is killed.
pub(crate) fn serve(address: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    let mut buffer = [0; 64];
    loop {
        let (octets, from) = socket.recv_from(&mut buffer)?;
        // Nobody may be there any more.
        let _ = socket.send_to(buffer.get(..octets).unwrap_or_default(), from);
    }
}

/// Asks until a line comes on standard input, and then says what it saw.
pub(crate) fn ask(address: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(LAST))?;
    let answered = Arc::new(Mutex::new(Vec::<bool>::new()));
    let is_over = Arc::new(AtomicBool::new(false));
    let listener = {
        let (socket, answered, is_over) = (socket.try_clone()?, answered.clone(), is_over.clone());
        std::thread::spawn(move || listen(&socket, &answered, &is_over))
    };
    let asker = {
        let is_over = is_over.clone();
        std::thread::spawn(move || send(&socket, &is_over))
    };
    std::io::stdin().lock().read_line(&mut String::new())?;
    is_over.store(true, Ordering::Relaxed);
    let panicked = |_| anyhow::anyhow!("a thread panicked");
    let asked = asker.join().map_err(panicked)?;
    listener.join().map_err(panicked)?;
    let answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
    let known = answered.iter().filter(|each| **each).count() as u64;
    let report = Report {
        asked,
        lost: asked.saturating_sub(known),
    };
    Ok(writeln!(
        std::io::stdout(),
        "{}",
        serde_json::to_string(&report)?
    )?)
}

/// How many were sent. One that the kernel has no way for is lost too.
fn send(socket: &UdpSocket, is_over: &AtomicBool) -> u64 {
    let started = Instant::now();
    let mut number: u64 = 0;
    while !is_over.load(Ordering::Relaxed) {
        let _ = socket.send(&number.to_be_bytes());
        number += 1;
        let due = PACE * u32::try_from(number).unwrap_or(u32::MAX);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
    }
    number
}

fn listen(socket: &UdpSocket, answered: &Mutex<Vec<bool>>, is_over: &AtomicBool) {
    let mut buffer = [0; 8];
    loop {
        match socket.recv(&mut buffer) {
            Ok(8) => {
                let number = usize::try_from(u64::from_be_bytes(buffer)).unwrap_or(0);
                let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
                if answered.len() <= number {
                    answered.resize(number + 1, false);
                }
                if let Some(answer) = answered.get_mut(number) {
                    *answer = true;
                }
            }
            Ok(_) => {}
            // Silence, or a router that says that there is no way.
            Err(_) if is_over.load(Ordering::Relaxed) => return,
            Err(_) => {}
        }
    }
}

/// A running client.
pub(crate) struct Client {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Client {
    pub(crate) fn start(namespace: &Namespace, address: SocketAddr) -> Result<Self> {
        let mut command = namespace.enter(std::env::current_exe()?);
        command.arg(ASK).arg(address.to_string());
        let mut command = tokio::process::Command::from(command);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn()?;
        let output = process.stdout.take().context("standard output")?;
        Ok(Self {
            input: process.stdin.take().context("standard input")?,
            output: BufReader::new(output).lines(),
            process,
        })
    }

    /// Ends it; what it saw.
    pub(crate) async fn stop(mut self) -> Result<Report> {
        self.input.write_all(b"\n").await?;
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        let line = line.context("the client's report")??;
        let report = serde_json::from_str(&line.context("the client has ended")?)?;
        self.process.wait().await?;
        Ok(report)
    }
}
