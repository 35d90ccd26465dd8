//! The systems that receive. None of them has anything to do with the kernel's routes.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use e2e::await_condition;
use e2e::bench::System;
use e2e::command::Command;
use e2e::condition::Seen;
use e2e::netns::{Asns, Daemon, Desired, DesiredImport, DesiredPeer, Namespace, Speaker};

use crate::originator::{ASN, LOADED, SINK_ASN};
use crate::{NODE, ROUTES};

/// A running receiver.
pub(crate) struct Receiver {
    running: Running,
    folder: PathBuf,
    sender: Ipv4Addr,
}

enum Running {
    Herald(Speaker),
    Bird(Daemon),
    Frr(Daemon),
    Gobgp(Daemon),
}

impl Receiver {
    pub(crate) async fn start(
        system: System,
        namespace: &Namespace,
        folder: &Path,
        sender: Ipv4Addr,
    ) -> Result<Self> {
        let running = match system {
            System::Herald => Running::Herald(herald(namespace, folder, sender).await?),
            System::Bird => Running::Bird(bird(namespace, folder, sender).await?),
            System::Frr | System::FrrCoalesce0 => {
                Running::Frr(frr(namespace, folder, sender).await?)
            }
            System::Gobgp => Running::Gobgp(gobgp(namespace, folder, sender).await?),
            System::StaticRoutes => bail!("routes made by hand speak no BGP"),
        };
        Ok(Self {
            running,
            folder: folder.to_owned(),
            sender,
        })
    }

    /// Prefixes that it has from the sender.
    pub(crate) async fn received(&mut self) -> Result<u64> {
        let folder = &self.folder;
        match &mut self.running {
            Running::Herald(speaker) => Ok(speaker.session("sender").await?.received),
            Running::Bird(_) => {
                let birdc = Command::new("birdc").arg("-s").arg(folder.join("bird.ctl"));
                let shown = birdc.args(["show", "route", "count"]).output().await?;
                let number = shown.lines().find_map(|line| {
                    let (number, _) = line.split_once(" of ")?;
                    number.parse().ok()
                });
                Ok(number.unwrap_or(0))
            }
            Running::Frr(_) => {
                let vtysh = Command::new("vtysh")
                    .arg("--vty_socket")
                    .arg(folder.join("frr"));
                let summary = ["-d", "bgpd", "-c", "show bgp ipv4 unicast summary json"];
                let shown: Value = serde_json::from_str(&vtysh.args(summary).output().await?)?;
                let path = format!("/peers/{}/pfxRcd", self.sender);
                Ok(shown.pointer(&path).and_then(Value::as_u64).unwrap_or(0))
            }
            Running::Gobgp(_) => {
                let api = format!("unix://{}/gobgp.api", folder.display());
                let gobgp = Command::new("gobgp").args(["--target", &api]);
                let shown = gobgp.args(["global", "rib", "summary"]).output().await?;
                let numbers = shown.split(|letter: char| !letter.is_ascii_digit());
                Ok(numbers
                    .filter_map(|number| number.parse().ok())
                    .next()
                    .unwrap_or(0))
            }
        }
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        match &self.running {
            Running::Herald(speaker) => speaker.pid().context("our process has ended"),
            Running::Bird(daemon) | Running::Frr(daemon) | Running::Gobgp(daemon) => {
                Ok(daemon.pid())
            }
        }
    }

    pub(crate) async fn stop(self) -> Result<()> {
        match self.running {
            Running::Herald(speaker) => speaker.shut_down().await,
            Running::Bird(daemon) | Running::Frr(daemon) | Running::Gobgp(daemon) => {
                daemon.stop().await
            }
        }
    }
}

async fn herald(namespace: &Namespace, folder: &Path, sender: Ipv4Addr) -> Result<Speaker> {
    let asns = Asns {
        local: SINK_ASN,
        remote: ASN,
    };
    let desired = Desired {
        peers: vec![DesiredPeer::new("sender", sender.into(), asns, "10.0.9.2")],
        import: Some(DesiredImport {
            within: vec!["0.0.0.0/0".to_owned()],
            allow_own_asn: 0,
            max_prefixes: 2 * ROUTES,
        }),
        ..Desired::default()
    };
    let mut command = namespace.enter(std::env::current_exe()?);
    command.arg(NODE);
    let mut speaker = Speaker::start(command, folder)?;
    speaker.apply(&desired).await?;
    Ok(speaker)
}

async fn bird(namespace: &Namespace, folder: &Path, sender: Ipv4Addr) -> Result<Daemon> {
    let text = format!(
        "router id 10.0.9.2;\nprotocol device {{ }}\n\
         protocol bgp {{ local as {SINK_ASN}; neighbor {sender} as {ASN}; connect delay time 0; \
         connect retry time 1; error wait time 1, 1; ipv4 {{ import all; export none; }}; }}\n"
    );
    let (file, socket) = (folder.join("bird.conf"), folder.join("bird.ctl"));
    std::fs::write(&file, text)?;
    let mut command = namespace.enter("bird");
    command
        .arg("-f")
        .arg("-c")
        .arg(&file)
        .arg("-s")
        .arg(&socket);
    command.arg("-P").arg(folder.join("bird.pid"));
    let daemon = Daemon::start(command, &folder.join("bird.log"))?;
    await_condition("BIRD answers", LOADED, async || {
        Ok(Seen::when(socket.exists(), ()))
    })
    .await?;
    Ok(daemon)
}

async fn frr(namespace: &Namespace, folder: &Path, sender: Ipv4Addr) -> Result<Daemon> {
    let own = folder.join("frr");
    std::fs::create_dir_all(&own)?;
    let file = own.join("bgpd.conf");
    let text = format!(
        "router bgp {SINK_ASN}\n bgp router-id 10.0.9.2\n no bgp ebgp-requires-policy\n \
         neighbor {sender} remote-as {ASN}\n neighbor {sender} timers connect 1\n"
    );
    std::fs::write(&file, text)?;
    let chown = Command::new("chown").args(["-R", "frr:frr"]).arg(&own);
    chown.output().await?;
    let mut command = namespace.enter("/usr/lib/frr/bgpd");
    command.args([
        "-u", "frr", "-g", "frr", "-Z", "-P", "0", "--log", "stdout", "-f",
    ]);
    command.arg(&file).arg("-i").arg(own.join("bgpd.pid"));
    command.arg("--vty_socket").arg(&own);
    let daemon = Daemon::start(command, &folder.join("frr.log"))?;
    await_condition("FRR answers", LOADED, async || {
        Ok(Seen::when(own.join("bgpd.vty").exists(), ()))
    })
    .await?;
    Ok(daemon)
}

async fn gobgp(namespace: &Namespace, folder: &Path, sender: Ipv4Addr) -> Result<Daemon> {
    let file = folder.join("gobgp.toml");
    let text = format!(
        "[global.config]\nas = {SINK_ASN}\nrouter-id = \"10.0.9.2\"\nport = -1\n\
         [[neighbors]]\n[neighbors.config]\nneighbor-address = \"{sender}\"\npeer-as = {ASN}\n\
         [neighbors.timers.config]\nconnect-retry = 1\n"
    );
    std::fs::write(&file, text)?;
    let api = format!("unix://{}/gobgp.api", folder.display());
    let mut command = namespace.enter("gobgpd");
    command
        .args(["--pprof-disable", "--api-hosts", &api, "-f"])
        .arg(&file);
    let daemon = Daemon::start(command, &folder.join("gobgp.log"))?;
    await_condition("GoBGP answers", LOADED, async || {
        let gobgp = Command::new("gobgp").args(["--target", &api, "global"]);
        gobgp.output().await.map(Seen::Yes)
    })
    .await?;
    Ok(daemon)
}
