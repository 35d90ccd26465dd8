//! A system while it runs: how its program is started, asked, and ended. None of them has anything to do with the
//! kernel's routes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use e2e::await_condition;
use e2e::command::Command;
use e2e::condition::Seen;
use e2e::netns::{Daemon, Desired, Namespace, Speaker};

use crate::NODE;

/// Until it answers, or has what it is given.
pub(crate) const LOADED: Duration = Duration::from_secs(120);

/// A running system.
pub(crate) enum Running {
    Herald(Box<Speaker>),
    Bird(Daemon),
    Frr(Daemon),
    Gobgp(Daemon),
}

impl Running {
    pub(crate) async fn herald(
        namespace: &Namespace,
        folder: &Path,
        desired: &Desired,
    ) -> Result<Self> {
        let mut command = namespace.enter(std::env::current_exe()?);
        command.arg(NODE);
        let mut speaker = Speaker::start(command, folder)?;
        speaker.apply(desired).await?;
        Ok(Self::Herald(Box::new(speaker)))
    }

    pub(crate) async fn bird(
        namespace: &Namespace,
        folder: &Path,
        configuration: &str,
    ) -> Result<Self> {
        let (file, socket) = (folder.join("bird.conf"), folder.join("bird.ctl"));
        std::fs::write(&file, configuration)?;
        let mut command = namespace.enter("bird");
        command.args(["-f", "-c"]).arg(&file).arg("-s").arg(&socket);
        command.arg("-P").arg(folder.join("bird.pid"));
        let daemon = Daemon::start(command, &folder.join("bird.log"))?;
        await_condition("BIRD answers", LOADED, async || {
            Ok(Seen::when(socket.exists(), ()))
        })
        .await?;
        Ok(Self::Bird(daemon))
    }

    /// bgpd alone: nothing here needs the kernel's routes.
    pub(crate) async fn frr(
        namespace: &Namespace,
        folder: &Path,
        configuration: &str,
    ) -> Result<Self> {
        let own = folder.join("frr");
        std::fs::create_dir_all(&own)?;
        let file = own.join("bgpd.conf");
        std::fs::write(&file, configuration)?;
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
        Ok(Self::Frr(daemon))
    }

    pub(crate) async fn gobgp(
        namespace: &Namespace,
        folder: &Path,
        configuration: &str,
    ) -> Result<Self> {
        let file = folder.join("gobgp.toml");
        std::fs::write(&file, configuration)?;
        let mut command = namespace.enter("gobgpd");
        command
            .args(["--pprof-disable", "--api-hosts", &api(folder), "-f"])
            .arg(&file);
        let daemon = Daemon::start(command, &folder.join("gobgp.log"))?;
        await_condition("GoBGP answers", LOADED, async || {
            gobgp(folder, &["global"]).await.map(Seen::Yes)
        })
        .await?;
        Ok(Self::Gobgp(daemon))
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        match self {
            Self::Herald(speaker) => speaker.pid().context("our process has ended"),
            Self::Bird(daemon) | Self::Frr(daemon) | Self::Gobgp(daemon) => Ok(daemon.pid()),
        }
    }

    pub(crate) async fn stop(self) -> Result<()> {
        match self {
            Self::Herald(speaker) => speaker.shut_down().await,
            Self::Bird(daemon) | Self::Frr(daemon) | Self::Gobgp(daemon) => daemon.stop().await,
        }
    }
}

/// What BIRD says to a command.
pub(crate) async fn birdc(folder: &Path, words: &[&str]) -> Result<String> {
    let birdc = Command::new("birdc").arg("-s").arg(folder.join("bird.ctl"));
    birdc.args(words).output().await
}

/// What FRR says to commands, one after the other.
pub(crate) async fn vtysh(folder: &Path, commands: &[&str]) -> Result<String> {
    let vtysh = Command::new("vtysh")
        .arg("--vty_socket")
        .arg(folder.join("frr"));
    let commands = commands.iter().flat_map(|command| ["-c", command]);
    vtysh.args(["-d", "bgpd"]).args(commands).output().await
}

/// What GoBGP says to a command.
pub(crate) async fn gobgp(folder: &Path, words: &[&str]) -> Result<String> {
    let gobgp = Command::new("gobgp").args(["--target", &api(folder)]);
    gobgp.args(words).output().await
}

fn api(folder: &Path) -> String {
    format!("unix://{}/gobgp.api", folder.display())
}
