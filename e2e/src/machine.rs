//! Machines of the lab: containers that run daemons.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::Command;
use crate::docker::docker;
use crate::topology::container;

/// A container of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    name: &'static str,
}

impl Machine {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Its name in the topology.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The name of its network namespace below /run/netns, where containerlab puts it.
    pub(crate) fn namespace(self) -> String {
        container(self.name)
    }

    /// A program of this machine in the network namespace of the container, to be completed and run: unlike one inside
    /// the container it ends with its future.
    pub(crate) fn enter(self, program: &str) -> Command {
        Command::new("ip").args(["netns", "exec", &self.namespace(), program])
    }

    /// A command inside the container, to be completed and run.
    #[must_use]
    pub fn command(self, program: &str) -> Command {
        docker(["exec", &container(self.name), program])
    }

    /// Standard output of a command inside the container.
    ///
    /// # Errors
    /// When it fails.
    pub async fn exec(self, arguments: &[&str]) -> Result<String> {
        docker(["exec", &container(self.name)])
            .args(arguments)
            .output()
            .await
    }

    /// Starts a daemon; its log is `/var/log/PROGRAM.log` in the container.
    ///
    /// # Errors
    /// When the container does not run.
    pub async fn start(self, program: &str, arguments: &[&str]) -> Result<()> {
        let script = format!(
            "echo $$ > /run/lab-{program}.pid; exec {program} \"$@\" >> /var/log/{program}.log 2>&1"
        );
        docker(["exec", "-d", &container(self.name)])
            .args(["bash", "-c", &script, program])
            .args(arguments)
            .output()
            .await?;
        Ok(())
    }

    /// Stops a daemon that `start` has started, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not run or does not end.
    pub async fn stop(self, program: &str) -> Result<()> {
        let script = format!(
            "pid=$(cat /run/lab-{program}.pid); kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.05; done"
        );
        let arguments = ["bash", "-c", &script];
        let stopping = self.exec(&arguments);
        tokio::time::timeout(Duration::from_secs(30), stopping)
            .await
            .with_context(|| format!("{program} does not end"))??;
        Ok(())
    }
}
