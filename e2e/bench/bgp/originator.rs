//! The systems that originate, each loaded with all routes before its peers answer.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use e2e::await_condition;
use e2e::bench::System;
use e2e::condition::Seen;
use e2e::netns::{Asns, Desired, DesiredPeer, GeneratedRoutes, Namespace};

use crate::mrt;
use crate::running::{LOADED, Running, birdc, gobgp, vtysh};

/// AS of the originator.
pub(crate) const ASN: u32 = 64513;
/// AS of the sinks.
pub(crate) const SINK_ASN: u32 = 64512;

/// A system that has all routes.
pub(crate) struct Originator {
    pub(crate) running: Running,
    /// What Herald was told last.
    pub(crate) desired: Desired,
    pub(crate) folder: PathBuf,
    pub(crate) sinks: Vec<Ipv4Addr>,
}

/// What it is to do, and where.
pub(crate) struct Task<'a> {
    pub(crate) namespace: &'a Namespace,
    pub(crate) folder: &'a Path,
    pub(crate) sinks: &'a [Ipv4Addr],
    pub(crate) routes: u32,
}

impl Originator {
    /// Starts a system and waits until it has all routes.
    pub(crate) async fn start(system: System, task: &Task<'_>) -> Result<Self> {
        let desired = desired(task);
        let running = match system {
            System::Herald => Running::herald(task.namespace, task.folder, &desired).await?,
            System::Bird => bird(task).await?,
            System::Frr => frr(task, "").await?,
            System::FrrCoalesce0 => frr(task, " coalesce-time 0\n").await?,
            System::Gobgp => start_gobgp(task).await?,
            System::StaticRoutes => bail!("routes made by hand speak no BGP"),
        };
        Ok(Self {
            running,
            desired,
            folder: task.folder.to_owned(),
            sinks: task.sinks.to_vec(),
        })
    }
}

fn desired(task: &Task<'_>) -> Desired {
    let asns = Asns {
        local: ASN,
        remote: SINK_ASN,
    };
    let peers = task.sinks.iter().map(|address| {
        let name = address.to_string();
        DesiredPeer::new(&name, IpAddr::V4(*address), asns, "10.0.9.1")
    });
    Desired {
        peers: peers.collect(),
        generated: vec![GeneratedRoutes {
            count: task.routes,
            ..GeneratedRoutes::default()
        }],
        ..Desired::default()
    }
}

/// The same routes in a file of their own, which does not change.
pub(crate) fn bird_configuration(sinks: &[Ipv4Addr], export: &str) -> Result<String> {
    let mut text =
        String::from("router id 10.0.9.1;\nprotocol device { }\ninclude \"routes.conf\";\n");
    for sink in sinks {
        writeln!(
            text,
            "protocol bgp {{ local as {ASN}; neighbor {sink} as {SINK_ASN}; connect delay time 0; \
             connect retry time 1; error wait time 1, 1; ipv4 {{ import all; export {export}; }}; }}"
        )?;
    }
    Ok(text)
}

async fn bird(task: &Task<'_>) -> Result<Running> {
    let mut routes = String::from("protocol static { ipv4;\n");
    for prefix in prefixes(task) {
        writeln!(routes, "route {prefix}/32 blackhole;")?;
    }
    routes.push_str("}\n");
    std::fs::write(task.folder.join("routes.conf"), routes)?;
    let text = bird_configuration(task.sinks, "all")?;
    let running = Running::bird(task.namespace, task.folder, &text).await?;
    loaded(task, async || {
        birdc(task.folder, &["show", "route", "count"]).await
    })
    .await?;
    Ok(running)
}

async fn frr(task: &Task<'_>, option: &str) -> Result<Running> {
    let mut text = format!(
        "router bgp {ASN}\n bgp router-id 10.0.9.1\n no bgp ebgp-requires-policy\n \
         no bgp network import-check\n{option}"
    );
    for sink in task.sinks {
        writeln!(
            text,
            " neighbor {sink} remote-as {SINK_ASN}\n neighbor {sink} timers connect 1"
        )?;
    }
    text.push_str(" address-family ipv4 unicast\n");
    for sink in task.sinks {
        writeln!(text, "  neighbor {sink} route-map OUT out")?;
    }
    for prefix in prefixes(task) {
        writeln!(text, "  network {prefix}/32")?;
    }
    // It is changed later, and then made use of when that is said.
    text.push_str(
        " exit-address-family\nexit\nroute-map OUT permit 20\nexit\nbgp route-map delay-timer 0\n",
    );
    let running = Running::frr(task.namespace, task.folder, &text).await?;
    loaded(task, async || {
        vtysh(task.folder, &["show bgp ipv4 unicast summary"]).await
    })
    .await?;
    Ok(running)
}

async fn start_gobgp(task: &Task<'_>) -> Result<Running> {
    let mut text = format!("[global.config]\nas = {ASN}\nrouter-id = \"10.0.9.1\"\nport = -1\n");
    for sink in task.sinks {
        writeln!(
            text,
            "[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{sink}\"\npeer-as = {SINK_ASN}\n\
             [neighbors.timers.config]\nconnect-retry = 1"
        )?;
    }
    let running = Running::gobgp(task.namespace, task.folder, &text).await?;
    gobgp_inject(task.folder, task.routes, None).await?;
    loaded(task, async || {
        gobgp(task.folder, &["global", "rib", "summary"]).await
    })
    .await?;
    Ok(running)
}

/// Gives it the first `count` routes, with community `65000:N` when one is given.
pub(crate) async fn gobgp_inject(folder: &Path, count: u32, community: Option<u8>) -> Result<()> {
    let table = folder.join("table.mrt");
    std::fs::write(&table, mrt::table(count, community)?)?;
    let table = table.to_string_lossy();
    gobgp(folder, &["mrt", "inject", "global", &table])
        .await
        .map(drop)
}

/// Waits until what a system shows of its table has the number of routes in it.
async fn loaded(task: &Task<'_>, mut show: impl AsyncFnMut() -> Result<String>) -> Result<()> {
    let number = task.routes.to_string();
    await_condition("all routes are loaded", LOADED, async || {
        let shown = show().await?;
        let words = shown.split(|letter: char| !letter.is_ascii_digit());
        let right = words.into_iter().any(|word| word == number);
        Ok(if right {
            Seen::Yes(())
        } else {
            Seen::Not(shown)
        })
    })
    .await
}

fn prefixes(task: &Task<'_>) -> impl Iterator<Item = Ipv4Addr> {
    (0..task.routes).map(|number| Ipv4Addr::from_bits(0x0a00_0000 + number))
}
