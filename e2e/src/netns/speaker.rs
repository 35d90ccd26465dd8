//! Our side: the real BGP driver in a process of its own, without Kubernetes, told what to want over its standard
//! input, one JSON value a line (program `bgp-node`).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::daemon::{Signal, send};

/// How long it may take to answer or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// What `bgp-node` is told. Each request is answered by one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// This is wanted from now on. Answer: `null`.
    Apply(Desired),
    /// Answer: a list of [`SessionReport`].
    Sessions,
    /// Answer: [`LearnedPrefixes`].
    Learned,
    /// Answer: a list of sentences, why peers that are wanted have no session.
    Problems,
    /// Leave for good with this message, which may be empty, and end. Answer: `null`.
    Leave(String),
    /// End so that peers expect it back. Answer: `null`.
    Restart,
}

/// Everything that is wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Desired {
    /// Where to accept connections; read once, from the first one.
    pub listen: Option<SocketAddr>,
    /// All peers.
    pub peers: Vec<DesiredPeer>,
    /// All routes, for all peers.
    pub routes: Vec<DesiredRoute>,
    /// Many further routes, for benchmarks; the ranges do not overlap.
    #[serde(default)]
    pub generated: Vec<GeneratedRoutes>,
    /// Which prefixes are accepted, from every peer; nothing: none.
    #[serde(default)]
    pub import: Option<DesiredImport>,
    /// Whether a process before has left its routes; read once, from the first one.
    #[serde(default)]
    pub restarted: bool,
}

/// Prefixes that peers advertise and that were accepted, with their next hops.
pub type LearnedPrefixes = BTreeMap<String, Vec<IpAddr>>;

/// What is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredImport {
    /// `ADDRESS/LENGTH`: prefixes inside one of these.
    pub within: Vec<String>,
    /// How often our own AS may stand in their AS_PATH.
    pub allow_own_asn: u8,
    /// How many of one family, at most.
    pub max_prefixes: u32,
    /// Prefixes inside a network that have so many bits: the network, from, to.
    #[serde(default)]
    pub of_lengths: Vec<(String, u8, u8)>,
    /// Whether the session ends when there are more than `max_prefixes`.
    #[serde(default)]
    pub cease: bool,
}

/// Routes to consecutive host addresses, with equal attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedRoutes {
    /// The first is that to 10.0.0.0 plus this.
    pub first: u32,
    /// How many they are.
    pub count: u32,
    /// Communities, `65000:1`.
    pub communities: Vec<String>,
}

/// One peer, both families.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredPeer {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Our AS.
    pub local_asn: u32,
    /// Its AS.
    pub remote_asn: u32,
    /// Our identifier, as an IPv4 address.
    pub identifier: String,
    /// Hold time, s.
    pub hold_time: u16,
    /// Fixed interval between attempts to connect, s.
    pub connect_retry: Option<u64>,
    /// Wait for it instead of dialling.
    pub passive: bool,
    /// TTL when it is more than one hop away.
    pub multi_hop_ttl: Option<u8>,
    /// How many hops away it may be (GTSM).
    #[serde(default)]
    pub ttl_security_hops: Option<u8>,
    /// Whoever is a router on this interface, whatever `address` says.
    #[serde(default)]
    pub interface: Option<String>,
    /// Our end of the session.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// It may be in any AS but ours, whatever `remote_asn` says.
    #[serde(default)]
    pub dynamic: bool,
    /// TCP MD5 password.
    pub password: Option<String>,
    /// BFD to it.
    #[serde(default)]
    pub bfd: Option<DesiredBfd>,
    /// Whether routes outlive restarts (RFC 4724).
    #[serde(default)]
    pub graceful_restart: Option<DesiredRestart>,
}

impl DesiredPeer {
    /// A peer on port 179 that we dial, one hop away and with nothing special about it: hold time 90 s, a second
    /// between attempts to connect.
    #[must_use]
    pub fn new(
        name: &str,
        address: IpAddr,
        Asns { local, remote }: Asns,
        identifier: impl Into<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            address,
            port: 179,
            local_asn: local,
            remote_asn: remote,
            identifier: identifier.into(),
            hold_time: 90,
            connect_retry: Some(1),
            passive: false,
            multi_hop_ttl: None,
            ttl_security_hops: None,
            interface: None,
            source: None,
            dynamic: false,
            password: None,
            bfd: None,
            graceful_restart: None,
        }
    }
}

/// The AS numbers of a session.
#[derive(Clone, Copy, Debug)]
pub struct Asns {
    /// Of our side.
    pub local: u32,
    /// Of the peer.
    pub remote: u32,
}

/// BFD to one peer: single hop, or multihop when the peer is more than one hop away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredBfd {
    /// Interval between our packets, ms.
    pub transmit: u64,
    /// Shortest interval between the peer's packets, ms.
    pub receive: u64,
    /// After how many of our packets that do not come the peer gives up.
    pub multiplier: u8,
}

/// How routes outlive restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredRestart {
    /// How long we may take, s.
    pub seconds: u64,
    /// Whether they outlive NOTIFICATIONs too (RFC 8538).
    pub notification: bool,
}

/// One route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredRoute {
    /// `ADDRESS/LENGTH`.
    pub prefix: String,
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// Communities, `65000:1`.
    pub communities: Vec<String>,
    /// Large communities, `65000:1:2`.
    pub large_communities: Vec<String>,
    /// Extended communities, `0x` and 16 hex digits.
    #[serde(default)]
    pub extended_communities: Vec<String>,
    /// MULTI_EXIT_DISC.
    #[serde(default)]
    pub med: Option<u32>,
    /// How many times more than once our AS stands in AS_PATH.
    #[serde(default)]
    pub prepend: u8,
    /// Link bandwidth, octets per second.
    #[serde(default)]
    pub link_bandwidth: Option<u64>,
}

/// One session as our side sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionReport {
    /// The peer's name.
    pub name: String,
    /// Its address, `fe80::1%eth0` on an interface.
    #[serde(default)]
    pub address: String,
    /// State of RFC 4271 section 8.2.2.
    pub state: String,
    /// Why the last session or attempt ended.
    pub last_error: Option<String>,
    /// How many sessions have ended.
    pub flaps: u64,
    /// BFD to the peer.
    #[serde(default)]
    pub bfd: Option<BfdReport>,
    /// UPDATEs read.
    pub updates_received: u64,
    /// Prefixes accepted.
    pub received: u64,
    /// UPDATEs whose routes counted as withdrawn because of an error (RFC 7606).
    pub treated_as_withdraw: u64,
    /// Attributes passed over because of an error (RFC 7606).
    pub attributes_discarded: u64,
    /// Whether there are more prefixes than are accepted.
    #[serde(default)]
    pub excess: bool,
    /// Routes that were not accepted, by reason.
    pub rejected: BTreeMap<String, u64>,
}

/// One BFD session as our side sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdReport {
    /// State of RFC 5880 section 6.2.
    pub state: String,
    /// Silence after which it goes down, ms; nothing as long as nothing came from the peer.
    pub detection_time: Option<u64>,
    /// How often it went from Up to Down.
    pub flaps: u64,
}

/// A running `bgp-node`; killed when dropped.
#[derive(Debug)]
pub struct Speaker {
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Speaker {
    /// Starts a program that calls [`super::run_node`]; its log is appended to `herald.log` in `folder`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: std::process::Command, folder: &Path) -> Result<Self> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("herald.log"))?;
        let mut command = tokio::process::Command::from(command);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .with_context(|| format!("start {:?}", command.as_std()))?;
        let requests = child.stdin.take().context("standard input")?;
        let answers = child.stdout.take().context("standard output")?;
        Ok(Self {
            child,
            requests,
            answers: BufReader::new(answers).lines(),
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Makes it stand still, or go on.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn suspend(&self, still: bool) -> Result<()> {
        let signal = if still { Signal::Stop } else { Signal::Cont };
        send(signal, self.pid().context("it has ended")?).await
    }

    /// From now on this is wanted.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn apply(&mut self, desired: &Desired) -> Result<()> {
        self.ask(&Request::Apply(desired.clone())).await
    }

    /// Its sessions.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn sessions(&mut self) -> Result<Vec<SessionReport>> {
        self.ask(&Request::Sessions).await
    }

    /// The session with that peer.
    ///
    /// # Errors
    /// When there is no such peer.
    pub async fn session(&mut self, name: &str) -> Result<SessionReport> {
        let sessions = self.sessions().await?;
        sessions
            .into_iter()
            .find(|session| session.name == name)
            .with_context(|| format!("no session {name}"))
    }

    /// What it learned from all peers.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn learned(&mut self) -> Result<LearnedPrefixes> {
        self.ask(&Request::Learned).await
    }

    /// Why peers that are wanted have no session, a sentence each.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn problems(&mut self) -> Result<Vec<String>> {
        self.ask(&Request::Problems).await
    }

    /// Shuts it down in order and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time or with failure.
    pub async fn shut_down(self) -> Result<()> {
        self.leave("").await
    }

    /// Like [`Speaker::shut_down`], with a message for its peers.
    ///
    /// # Errors
    /// When it does not end in time or with failure.
    pub async fn leave(self, message: &str) -> Result<()> {
        self.end(&Request::Leave(message.to_owned())).await
    }

    /// Ends it so that its peers expect it back, and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time or with failure.
    pub async fn restart(self) -> Result<()> {
        self.end(&Request::Restart).await
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("kill the process")
    }

    async fn end(mut self, request: &Request) -> Result<()> {
        self.ask::<()>(request).await?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .context("waiting for its end")??;
        if !status.success() {
            bail!("ended with {status}");
        }
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T> {
        let line = format!("{}\n", serde_json::to_string(request)?);
        self.requests
            .write_all(line.as_bytes())
            .await
            .context("send a request")?;
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer
            .context("waiting for an answer")??
            .context("it has ended")?;
        serde_json::from_str(&answer).with_context(|| format!("answer {answer}"))
    }
}
