//! A process that runs in a namespace until told to stop.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Child;

use crate::command::Command;

/// How long a process may take to end when asked to.
const GRACE: Duration = Duration::from_secs(10);

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    pid: u32,
}

/// What we send to our processes.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// End in order.
    Term,
    /// Stand still.
    Stop,
    /// Go on.
    Cont,
}

impl Daemon {
    /// Starts `command`; what it prints is appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be written or the program not started.
    pub fn start(command: std::process::Command, log: &Path) -> Result<Self> {
        let mut command = tokio::process::Command::from(command);
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let child = command
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        let child = child.with_context(|| format!("start {:?}", command.as_std()))?;
        let pid = child.id().context("process id")?;
        Ok(Self { child, pid })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub async fn signal(&self, signal: Signal) -> Result<()> {
        send(signal, self.pid).await
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("kill the process")
    }

    /// Asks it to end and waits; kills it when it does not.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(mut self) -> Result<()> {
        let _ = self.signal(Signal::Term).await;
        match tokio::time::timeout(GRACE, self.child.wait()).await {
            Ok(status) => status.map(drop).context("wait for the process"),
            Err(_) => self.child.kill().await.context("kill the process"),
        }
    }
}

/// Sends a signal to a process of ours.
pub(super) async fn send(signal: Signal, pid: u32) -> Result<()> {
    let name = match signal {
        Signal::Term => "-TERM",
        Signal::Stop => "-STOP",
        Signal::Cont => "-CONT",
    };
    Command::new("kill")
        .args([name, &pid.to_string()])
        .output()
        .await
        .map(drop)
}
