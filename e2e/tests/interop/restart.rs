//! Either side restarts, and routes are kept; or it leaves, and they are not (RFC 4724, RFC 9003).

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{Peer, PeerSettings};

use crate::cell::Cell;
use crate::learn::{await_learned, import, route};
use crate::scene::{DEADLINE, PREFIXES, Scene, routes};

const MESSAGE: &str = "moved to rack 7";

fn keep(settings: &mut PeerSettings) {
    settings.graceful_restart = true;
}

/// The other side keeps our routes while we restart, and drops them when we leave.
pub(crate) async fn ours<P: Peer>(cell: Cell) -> Result<()> {
    let mut scene = Scene::<P>::set_with(cell, 90, keep).await?;
    let result = restart_and_leave(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn restart_and_leave<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.await_established().await?;
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await?;
    scene
        .speaker
        .take()
        .context("our side is not running")?
        .restart()
        .await?;
    await_condition("the other side has no session", DEADLINE, async || {
        let there = scene.peer()?.established().await?;
        Ok(Seen::when(!there, there))
    })
    .await?;
    for prefix in PREFIXES {
        let kept = scene.peer()?.route(prefix).await?;
        ensure!(kept.is_some(), "{prefix} was not kept");
    }
    scene.desired.restarted = true;
    scene.start_speaker().await?;
    scene.await_established().await?;
    scene.await_routes().await?;
    let speaker = scene.speaker.take().context("our side is not running")?;
    speaker.leave(MESSAGE).await?;
    for prefix in PREFIXES {
        scene.await_withdrawn(prefix).await?;
    }
    Ok(())
}

/// We keep the other side's routes while it is gone, and have them when it is back.
pub(crate) async fn theirs<P: Peer>(cell: Cell) -> Result<()> {
    let mut scene = Scene::<P>::set_with(cell, 90, keep).await?;
    let result = outlast(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn outlast<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let learned = route(("10.244.1.0/24", "10.77.0.2"))?;
    scene.await_established().await?;
    import(scene, &["10.244.0.0/16"], 0).await?;
    scene.peer()?.advertise(&learned).await?;
    await_learned(scene, "before the restart", &[&learned]).await?;
    // Killed, not ended: it says nothing.
    drop(scene.peer.take());
    await_condition("our side has no session", DEADLINE, async || {
        let ours = scene.session().await?;
        Ok(Seen::when(ours.state != "Established", ours))
    })
    .await?;
    await_learned(scene, "while it is gone", &[&learned]).await?;
    scene.start_peer().await?;
    scene.await_established().await?;
    scene.peer()?.advertise(&learned).await?;
    await_learned(scene, "after the restart", &[&learned]).await
}
