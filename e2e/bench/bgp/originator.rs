//! The systems that originate, each loaded with all routes before its peers answer.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use e2e::await_condition;
use e2e::bench::System;
use e2e::command::Command;
use e2e::condition::Seen;
use e2e::netns::{Asns, Daemon, Desired, DesiredPeer, GeneratedRoutes, Namespace, Speaker};

use crate::{NODE, mrt};

/// AS of the originator.
pub(crate) const ASN: u32 = 64513;
/// AS of the sinks.
pub(crate) const SINK_ASN: u32 = 64512;
pub(crate) const LOADED: Duration = Duration::from_secs(120);

/// A system that has all routes.
pub(crate) struct Originator {
    pub(crate) running: Running,
    pub(crate) folder: PathBuf,
    pub(crate) sinks: Vec<Ipv4Addr>,
}

/// What runs.
pub(crate) enum Running {
    /// With what it was told last.
    Herald(Box<Speaker>, Desired),
    Bird(Daemon),
    Frr(Daemon),
    Gobgp(Daemon),
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
        let running = match system {
            System::Herald => herald(task).await?,
            System::Bird => Running::Bird(bird(task).await?),
            System::Frr => Running::Frr(frr(task, "").await?),
            System::FrrCoalesce0 => Running::Frr(frr(task, " coalesce-time 0\n").await?),
            System::Gobgp => Running::Gobgp(gobgp(task).await?),
            System::StaticRoutes => bail!("routes made by hand speak no BGP"),
        };
        Ok(Self {
            running,
            folder: task.folder.to_owned(),
            sinks: task.sinks.to_vec(),
        })
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        match &self.running {
            Running::Herald(speaker, _) => speaker.pid().context("our process has ended"),
            Running::Bird(daemon) | Running::Frr(daemon) | Running::Gobgp(daemon) => {
                Ok(daemon.pid())
            }
        }
    }

    pub(crate) async fn stop(self) -> Result<()> {
        match self.running {
            Running::Herald(speaker, _) => speaker.shut_down().await,
            Running::Bird(daemon) | Running::Frr(daemon) | Running::Gobgp(daemon) => {
                daemon.stop().await
            }
        }
    }
}

async fn herald(task: &Task<'_>) -> Result<Running> {
    let asns = Asns {
        local: ASN,
        remote: SINK_ASN,
    };
    let peers = task.sinks.iter().map(|address| {
        let name = address.to_string();
        DesiredPeer::new(&name, IpAddr::V4(*address), asns, "10.0.9.1")
    });
    let desired = Desired {
        peers: peers.collect(),
        generated: vec![GeneratedRoutes {
            count: task.routes,
            ..GeneratedRoutes::default()
        }],
        ..Desired::default()
    };
    let mut command = task.namespace.enter(std::env::current_exe()?);
    command.arg(NODE);
    let mut speaker = Speaker::start(command, task.folder)?;
    speaker.apply(&desired).await?;
    Ok(Running::Herald(Box::new(speaker), desired))
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

async fn bird(task: &Task<'_>) -> Result<Daemon> {
    let mut routes = String::from("protocol static { ipv4;\n");
    for prefix in prefixes(task) {
        writeln!(routes, "route {prefix}/32 blackhole;")?;
    }
    routes.push_str("}\n");
    std::fs::write(task.folder.join("routes.conf"), routes)?;
    let text = bird_configuration(task.sinks, "all")?;
    let file = task.folder.join("bird.conf");
    std::fs::write(&file, text)?;
    let socket = task.folder.join("bird.ctl");
    let mut command = task.namespace.enter("bird");
    command
        .arg("-f")
        .arg("-c")
        .arg(&file)
        .arg("-s")
        .arg(&socket)
        .arg("-P")
        .arg(task.folder.join("bird.pid"));
    let daemon = Daemon::start(command, &task.folder.join("bird.log"))?;
    loaded(task, async || {
        Command::new("birdc")
            .arg("-s")
            .arg(&socket)
            .args(["show", "route", "count"])
            .output()
            .await
    })
    .await?;
    Ok(daemon)
}

async fn frr(task: &Task<'_>, option: &str) -> Result<Daemon> {
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
    let own = task.folder.join("frr");
    std::fs::create_dir_all(&own)?;
    let file = own.join("bgpd.conf");
    std::fs::write(&file, text)?;
    Command::new("chown")
        .args(["-R", "frr:frr"])
        .arg(&own)
        .output()
        .await?;
    let mut command = task.namespace.enter("/usr/lib/frr/bgpd");
    // Without zebra: nothing here needs the kernel's routes.
    command
        .args([
            "-u", "frr", "-g", "frr", "-Z", "-P", "0", "--log", "stdout", "-f",
        ])
        .arg(&file);
    command
        .arg("-i")
        .arg(own.join("bgpd.pid"))
        .arg("--vty_socket")
        .arg(&own);
    let daemon = Daemon::start(command, &task.folder.join("frr.log"))?;
    loaded(task, async || {
        let vtysh = Command::new("vtysh").arg("--vty_socket").arg(&own);
        vtysh
            .args(["-d", "bgpd", "-c", "show bgp ipv4 unicast summary"])
            .output()
            .await
    })
    .await?;
    Ok(daemon)
}

async fn gobgp(task: &Task<'_>) -> Result<Daemon> {
    let mut text = format!("[global.config]\nas = {ASN}\nrouter-id = \"10.0.9.1\"\nport = -1\n");
    for sink in task.sinks {
        writeln!(
            text,
            "[[neighbors]]\n[neighbors.config]\nneighbor-address = \"{sink}\"\npeer-as = {SINK_ASN}\n\
             [neighbors.timers.config]\nconnect-retry = 1"
        )?;
    }
    let file = task.folder.join("gobgp.toml");
    std::fs::write(&file, text)?;
    let api = format!("unix://{}/gobgp.api", task.folder.display());
    let mut command = task.namespace.enter("gobgpd");
    command
        .args(["--pprof-disable", "--api-hosts", &api, "-f"])
        .arg(&file);
    let daemon = Daemon::start(command, &task.folder.join("gobgp.log"))?;
    await_condition("GoBGP answers", LOADED, async || {
        Command::new("gobgp")
            .args(["--target", &api, "global"])
            .output()
            .await
            .map(Seen::Yes)
    })
    .await?;
    gobgp_inject(task.folder, task.routes, None).await?;
    loaded(task, async || {
        let summary = Command::new("gobgp").args(["--target", &api]);
        let summary = summary.args(["global", "rib", "summary"]);
        summary.output().await
    })
    .await?;
    Ok(daemon)
}

/// Gives it the first `count` routes, with community `65000:N` when one is given.
pub(crate) async fn gobgp_inject(folder: &Path, count: u32, community: Option<u8>) -> Result<()> {
    let table = folder.join("table.mrt");
    std::fs::write(&table, mrt::table(count, community)?)?;
    let api = format!("unix://{}/gobgp.api", folder.display());
    let inject = Command::new("gobgp").args(["--target", &api, "mrt", "inject", "global"]);
    inject.arg(&table).output().await.map(drop)
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
