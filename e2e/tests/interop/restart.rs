//! We restart or are killed, and the other side's kernel keeps our routes all the time (RFC 4724).

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{BfdPeer, Daemon, Peer, PeerSettings};

use crate::bfd::EQUAL;
use crate::cell::Cell;
use crate::scene::{DEADLINE, MapYes as _, PREFIXES, Scene, routes};

const MESSAGE: &str = "moved to rack 7";

fn keep(settings: &mut PeerSettings) {
    settings.graceful_restart = true;
}

/// How our side comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As on SIGTERM: connections are closed, and that is all.
    Planned,
    /// By SIGKILL.
    Crash,
}

/// The other side keeps our routes while we restart, and drops them when we leave.
pub(crate) async fn ours<P: Peer>(cell: Cell, end: End) -> Result<()> {
    let mut scene = Scene::<P>::set_with(cell, 90, keep).await?;
    let result = restart_and_leave(&mut scene, end, async |_| Ok(())).await;
    result.with_context(|| scene.network.logs(40))
}

/// The same while BFD watches over the session and goes down, with a peer that is told to heed restarts.
pub(crate) async fn ours_with_bfd<P: BfdPeer>(cell: Cell, end: End) -> Result<()> {
    let mut scene = Scene::<P>::set_with(cell, 90, |settings| {
        keep(settings);
        (settings.our_bfd, settings.bfd) = (Some(EQUAL.0), Some(EQUAL.1));
        settings.bfd_heeds_restart = true;
    })
    .await?;
    let result = restart_and_leave(&mut scene, end, async |scene| {
        await_bfd(scene, false).await?;
        while_kept(scene, "a moment later", async |scene| {
            let there = scene.peer()?.established().await?;
            Ok(Seen::when(!there, there).map_yes())
        })
        .await
    });
    result.await.with_context(|| scene.network.logs(40))
}

async fn restart_and_leave<P: Peer>(
    scene: &mut Scene<P>,
    end: End,
    meanwhile: impl AsyncFnOnce(&Scene<P>) -> Result<()>,
) -> Result<()> {
    let kernel = Kernel::of(scene)?;
    scene.await_established().await?;
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await?;
    kernel.await_route(PREFIXES[0]).await?;
    let speaker = scene.speaker.take().context("our side is not running")?;
    match end {
        End::Planned => speaker.restart().await?,
        // It is killed when it is dropped.
        End::Crash => drop(speaker),
    }
    while_kept(scene, "the other side has no session", async |scene| {
        let there = scene.peer()?.established().await?;
        Ok(Seen::when(!there, there).map_yes())
    })
    .await?;
    meanwhile(scene).await?;
    let marks = scene.peer()?.sessions().await?;
    scene.desired.restarted = true;
    scene.start_speaker().await?;
    while_kept(scene, "a session more", async |scene| {
        let sessions = scene.peer()?.sessions().await?;
        Ok(Seen::when(sessions > marks, sessions).map_yes())
    })
    .await?;
    scene.await_established().await?;
    scene.await_routes().await?;
    kernel.has_lost_nothing()?;
    let speaker = scene.speaker.take().context("our side is not running")?;
    speaker.leave(MESSAGE).await?;
    for prefix in PREFIXES {
        scene.await_withdrawn(prefix).await?;
    }
    kernel.await_loss().await
}

async fn await_bfd<P: BfdPeer>(scene: &Scene<P>, up: bool) -> Result<()> {
    let what = if up { "BFD is Up" } else { "BFD is not Up" };
    while_kept(scene, what, async |scene| {
        let seen = scene.peer()?.bfd_is_up().await?;
        Ok(Seen::when(seen == up, seen).map_yes())
    })
    .await
}

/// Waits until the condition holds, and sees at each look that the other side has our routes.
async fn while_kept<P: Peer>(
    scene: &Scene<P>,
    what: &str,
    look: impl AsyncFn(&Scene<P>) -> Result<Seen<()>>,
) -> Result<()> {
    let mut lost = None;
    let waited = await_condition(what, DEADLINE, async || {
        for prefix in PREFIXES {
            if scene.peer()?.route(prefix).await?.is_none() {
                lost = Some(prefix);
                return Ok(Seen::Yes(()));
            }
        }
        look(scene).await
    });
    waited.await?;
    match lost {
        Some(prefix) => bail!("{prefix} was lost before: {what}"),
        None => Ok(()),
    }
}

/// What happens to the routes in the kernel of the other side, if it has them there.
struct Kernel {
    log: PathBuf,
    monitor: Option<Daemon>,
}

impl Kernel {
    fn of<P: Peer>(scene: &Scene<P>) -> Result<Self> {
        let log = scene.network.folder().join("routes.log");
        let mut command = scene.theirs.enter("ip");
        command.args(["monitor", "route"]);
        let monitor = match P::INSTALLS_ROUTES {
            true => Some(Daemon::start(command, &log)?),
            false => None,
        };
        Ok(Self { log, monitor })
    }

    /// Waits until it has a route of ours.
    async fn await_route(&self, prefix: &str) -> Result<()> {
        await_condition("the kernel has the route", DEADLINE, async || {
            let there = self.monitor.is_none() || self.heard()?.contains(address(prefix));
            Ok(Seen::when(there, ()))
        })
        .await
    }

    fn has_lost_nothing(&self) -> Result<()> {
        match self.lost()? {
            Some(line) => bail!("the kernel lost a route: {line}"),
            None => Ok(()),
        }
    }

    /// Waits until it has lost one: that would have been heard before, too.
    async fn await_loss(&self) -> Result<()> {
        await_condition("the kernel has lost the routes", DEADLINE, async || {
            let lost = self.monitor.is_none() || self.lost()?.is_some();
            Ok(Seen::when(lost, ()))
        })
        .await
    }

    /// The first deletion of a route of ours.
    fn lost(&self) -> Result<Option<String>> {
        let heard = self.heard()?;
        let mut lost = heard.lines().filter(|line| line.starts_with("Deleted"));
        let ours = |line: &&str| PREFIXES.iter().any(|each| line.contains(address(each)));
        Ok(lost.find(ours).map(str::to_owned))
    }

    fn heard(&self) -> Result<String> {
        match self.monitor {
            Some(_) => Ok(std::fs::read_to_string(&self.log)?),
            None => Ok(String::new()),
        }
    }
}

/// As `ip` shows a host route.
fn address(prefix: &str) -> &str {
    prefix.split('/').next().unwrap_or_default()
}
