//! One network namespace: a host of a test.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::process::Stdio;

use anyhow::Result;

use crate::command::Command;

/// A network namespace with loopback up. [`super::Network`] makes and removes it.
#[derive(Clone, Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    pub(super) async fn create(name: String) -> Result<Self> {
        ip(&["netns", "add", &name]).await?;
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"]).await?;
        Ok(namespace)
    }

    /// Its name below /run/netns.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A run of `program` inside: `ip` replaces itself by it, so it keeps the process id.
    #[must_use]
    pub fn enter(&self, program: impl AsRef<OsStr>) -> std::process::Command {
        let mut command = std::process::Command::new("ip");
        command
            .args(["netns", "exec", &self.name])
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Runs a program inside and returns its standard output.
    ///
    /// # Errors
    /// As [`Command::output`].
    pub async fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let inside = ["netns", "exec", &self.name, program];
        Command::new("ip")
            .args(inside)
            .args(arguments)
            .output()
            .await
    }

    /// Runs `ip` for this namespace.
    ///
    /// # Errors
    /// As [`Command::output`].
    pub async fn ip(&self, arguments: &[&str]) -> Result<()> {
        Command::new("ip")
            .args(["-n", &self.name])
            .args(arguments)
            .output()
            .await
            .map(drop)
    }

    /// Gives an interface its addresses and brings it up; duplicate address detection would only cost a second.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub async fn bring_up(&self, interface: &str, addresses: &[(IpAddr, u8)]) -> Result<()> {
        let detection = format!("net.ipv6.conf.{interface}.accept_dad=0");
        self.run("sysctl", &["-qw", &detection]).await?;
        for (address, length) in addresses {
            let address = format!("{address}/{length}");
            let mut arguments = vec!["addr", "add", &address, "dev", interface];
            if address.contains(':') {
                arguments.push("nodad");
            }
            self.ip(&arguments).await?;
        }
        self.ip(&["link", "set", interface, "up"]).await
    }

    /// Default route by way of `gateway`.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub async fn route_by(&self, gateway: IpAddr) -> Result<()> {
        let family = if gateway.is_ipv4() { "-4" } else { "-6" };
        self.ip(&[
            family,
            "route",
            "add",
            "default",
            "via",
            &gateway.to_string(),
        ])
        .await
    }

    /// Segments that the kernel dropped here because their MD5 signature (RFC 2385) was wrong or missing.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub async fn md5_failures(&self) -> Result<u64> {
        let names = ["TCPMD5Failure", "TCPMD5NotFound", "TCPMD5Unexpected"];
        self.counted(&names).await
    }

    /// Segments that the kernel dropped here because they came from too far (RFC 5082).
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub async fn too_far(&self) -> Result<u64> {
        self.counted(&["TCPMinTTLDrop"]).await
    }

    /// The sum of these counters of /proc/net/netstat.
    async fn counted(&self, wanted: &[&str]) -> Result<u64> {
        let counters = self.run("cat", &["/proc/net/netstat"]).await?;
        let mut lines = counters.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = (
            lines.next().unwrap_or_default(),
            lines.next().unwrap_or_default(),
        );
        let counted = names.split_whitespace().zip(values.split_whitespace());
        Ok(counted
            .filter(|(name, _)| wanted.contains(name))
            .filter_map(|(_, value)| value.parse::<u64>().ok())
            .sum())
    }
}

pub(super) async fn ip(arguments: &[&str]) -> Result<()> {
    Command::new("ip").args(arguments).output().await.map(drop)
}

/// Ends what runs in a namespace and removes it. Nothing to do about failures: it is the end of a test.
pub(super) fn remove(name: &str) {
    let ip = |arguments: &[&str]| std::process::Command::new("ip").args(arguments).output();
    if let Ok(pids) = ip(&["netns", "pids", name]) {
        for pid in String::from_utf8_lossy(&pids.stdout).split_whitespace() {
            let _ = std::process::Command::new("kill")
                .args(["-KILL", pid])
                .output();
        }
    }
    let _ = ip(&["netns", "del", name]);
}
