//! The FRR router of the rack, AS 65000, the nodes' BGP peer.

pub mod trace;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::condition::{Seen, await_condition};
use crate::machine::Machine;
use crate::node::Node;

/// The router's autonomous system number.
pub const ASN: u32 = 65000;
/// The nodes' autonomous system number, as the router expects it.
pub const NODE_ASN: u32 = 65001;
/// The router's addresses on the rack's network.
pub const ADDRESSES: [&str; 2] = ["10.1.0.1", "fd01::1"];
/// The router's addresses on the network of `W3`.
pub const FAR_ADDRESSES: [&str; 2] = ["10.2.0.1", "fd02::1"];

/// The FRR router.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    machine: Machine,
}

/// One BGP session as the router sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `Established`, `Active`, ...
    pub state: String,
    /// How often it has come up since bgpd started.
    pub established: u64,
    /// Prefixes accepted in the session, both families.
    pub prefixes: u64,
    /// The peer has said for every family of the session that these were all.
    pub end_of_rib: bool,
}

impl Router {
    pub(crate) const fn new() -> Self {
        Self {
            machine: Machine::new("tor"),
        }
    }

    /// The router's container.
    #[must_use]
    pub const fn machine(self) -> Machine {
        self.machine
    }

    /// What vtysh prints for `command`.
    ///
    /// # Errors
    /// When vtysh does not answer.
    pub async fn show(self, command: &str) -> Result<String> {
        self.machine.exec(&["vtysh", "-c", command]).await
    }

    /// Changes the running configuration, line by line.
    ///
    /// # Errors
    /// When a line is refused.
    pub async fn configure(self, lines: &[&str]) -> Result<()> {
        let mut command = self
            .machine
            .command("vtysh")
            .args(["-c", "configure terminal"]);
        for line in lines {
            command = command.args(["-c", line]);
        }
        command.output().await?;
        Ok(())
    }

    /// Next hops of the BGP routes that the kernel forwards `prefix` by; empty when there are none.
    ///
    /// # Errors
    /// When the router does not answer.
    pub async fn next_hops(self, prefix: &str) -> Result<BTreeSet<String>> {
        let family = if prefix.contains(':') { "ipv6" } else { "ip" };
        let routes = self
            .json(&format!("show {family} route {prefix} json"))
            .await?;
        let installed = routes
            .get(prefix)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|route| route.get("protocol").and_then(Value::as_str) == Some("bgp"));
        Ok(installed
            .flat_map(|route| route.get("nexthops").and_then(Value::as_array))
            .flatten()
            .filter(|hop| hop.get("fib").and_then(Value::as_bool) == Some(true))
            .filter_map(|hop| hop.get("ip").and_then(Value::as_str))
            .map(str::to_owned)
            .collect())
    }

    /// Addresses of the nodes from which BGP has `prefix`, whatever the next hop looks like.
    ///
    /// # Errors
    /// When the router does not answer.
    pub async fn announcers(self, prefix: &str) -> Result<BTreeSet<String>> {
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        let found = self
            .json(&format!("show bgp {family} unicast {prefix} json"))
            .await?;
        Ok(found
            .get("paths")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|path| path.pointer("/peer/peerId").and_then(Value::as_str))
            .map(str::to_owned)
            .collect())
    }

    /// Waits until exactly `nodes` announce `prefix` and the kernel forwards over as many next hops.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_route(self, prefix: &str, nodes: &[Node]) -> Result<()> {
        let addresses: BTreeSet<&str> = nodes
            .iter()
            .flat_map(|node| [node.ipv4, node.ipv6])
            .collect();
        let names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
        let sentence = format!("the router has {prefix} from exactly {names:?}");
        await_condition(&sentence, Duration::from_secs(60), async || {
            let announcers = self.announcers(prefix).await?;
            let expected = announcers.len() == nodes.len()
                && announcers
                    .iter()
                    .all(|peer| addresses.contains(peer.as_str()));
            let next_hops = self.next_hops(prefix).await?;
            Ok(Seen::when(
                expected && next_hops.len() == nodes.len(),
                (announcers, next_hops),
            ))
        })
        .await?;
        Ok(())
    }

    /// The session with the peer at `address`.
    ///
    /// # Errors
    /// When the router has no such peer.
    pub async fn session(self, address: &str) -> Result<Session> {
        let found = self
            .json(&format!("show bgp neighbors {address} json"))
            .await?;
        let peer = found
            .get(address)
            .with_context(|| format!("the router has no peer {address}"))?;
        let text = |name| peer.get(name).and_then(Value::as_str).unwrap_or_default();
        let families = peer
            .get("addressFamilyInfo")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|families| families.values());
        Ok(Session {
            state: text("bgpState").to_owned(),
            established: peer
                .get("connectionsEstablished")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            prefixes: families
                .filter_map(|family| family.get("acceptedPrefixCounter").and_then(Value::as_u64))
                .sum(),
            end_of_rib: peer
                .pointer("/gracefulRestartInfo/endOfRibRecv")
                .and_then(Value::as_object)
                .is_some_and(|told| !told.is_empty() && told.values().all(|told| told == true)),
        })
    }

    /// Every NOTIFICATION that the peer at `address` has sent, in FRR's words, the oldest first.
    ///
    /// # Errors
    /// When the router's log cannot be read.
    pub async fn notifications(self, address: &str) -> Result<Vec<String>> {
        let log = self.machine.exec(&["cat", "/var/log/frr/frr.log"]).await?;
        let start = format!("%NOTIFICATION: received from neighbor {address} ");
        Ok(log
            .lines()
            .filter_map(|line| line.split_once(&start))
            .map(|(_, words)| words.to_owned())
            .collect())
    }

    /// Waits until the session with `address` is (or is not) Established.
    ///
    /// # Errors
    /// When that does not happen within 90 s: Herald's retry interval grows to 30 s.
    pub async fn await_session(self, address: &str, established: bool) -> Result<Session> {
        let sentence = format!("session with {address} is Established: {established}");
        await_condition(&sentence, Duration::from_secs(90), async || {
            let session = self.session(address).await?;
            Ok(Seen::when(
                (session.state == "Established") == established,
                session,
            ))
        })
        .await
    }

    /// Stops bgpd as a crash would, without a word to its peers, and starts it anew.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart(self) -> Result<()> {
        let script = "/usr/lib/frr/frrinit.sh stop; ip route flush proto bgp; \
                      ip -6 route flush proto bgp; /usr/lib/frr/frrinit.sh start";
        self.machine.exec(&["bash", "-c", script]).await?;
        await_condition("bgpd answers", Duration::from_secs(60), async || {
            let answers = self.show("show bgp summary").await?;
            Ok(Seen::when(answers.contains("10.1.0.11"), answers))
        })
        .await?;
        Ok(())
    }

    /// Sets or removes the MD5 password for the peer at `address`.
    ///
    /// # Errors
    /// When the router refuses it.
    pub async fn set_password(self, address: &str, password: Option<&str>) -> Result<()> {
        let line = match password {
            Some(password) => format!("neighbor {address} password {password}"),
            None => format!("no neighbor {address} password"),
        };
        self.configure(&[&format!("router bgp {ASN}"), &line]).await
    }

    /// The configuration as deployed, and bgpd alive.
    pub(crate) async fn restore(self) -> Result<()> {
        let running = self
            .machine
            .command("pgrep")
            .args(["-x", "bgpd"])
            .succeeds()
            .await;
        if !running {
            self.restart().await?;
        }
        let configuration = self.show("show running-config").await?;
        for line in configuration.lines().map(str::trim) {
            let mut words = line.split(' ');
            if let (Some("neighbor"), Some(address), Some("password")) =
                (words.next(), words.next(), words.next())
            {
                self.set_password(address, None).await?;
            }
        }
        Ok(())
    }

    async fn json(self, command: &str) -> Result<Value> {
        let output = self.show(command).await?;
        if output.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&output).with_context(|| format!("{command}: {output}"))
    }
}
