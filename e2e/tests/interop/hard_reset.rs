//! Ends that no route outlives, between two that keep routes over other NOTIFICATIONs (RFC 8538).

use anyhow::{Context, Result};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::Peer;

use crate::cell::Cell;
use crate::scene::{DEADLINE, Scene, routes};

/// The peer's reset by hand is a Hard Reset here, and our departure is one there.
pub(crate) async fn run<P: Peer>() -> Result<()> {
    let mut scene = Scene::<P>::set_with(Cell::default(), 9, |settings| {
        settings.graceful_restart = true;
    })
    .await?;
    let result = live(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn live<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.await_established().await?;
    let terms = scene.desired.peers.iter_mut();
    for terms in terms.filter_map(|peer| peer.graceful_restart.as_mut()) {
        terms.notification = true;
    }
    scene.desired.routes = routes();
    let before = scene.session().await?.flaps;
    scene.apply().await?;
    await_condition("a session with the N-bit", DEADLINE, async || {
        let ours = scene.session().await?;
        let there = scene.peer()?.established().await?;
        let anew = ours.flaps > before && ours.state == "Established" && there;
        Ok(Seen::when(anew, ours))
    })
    .await?;
    scene.await_routes().await?;
    let before = scene.session().await?.flaps;
    scene.peer()?.reset().await?;
    await_condition("a Hard Reset of the peer", DEADLINE, async || {
        let ours = scene.session().await?;
        let told = ours.last_error.as_deref().unwrap_or_default();
        let hard = told.contains("Cease/Hard Reset: Cease/Administrative Reset");
        Ok(Seen::when(ours.flaps > before && hard, ours))
    })
    .await?;
    scene.await_established().await?;
    scene.await_routes().await?;
    let speaker = scene.speaker.take().context("our side is not running")?;
    speaker.leave("moved to rack 7").await?;
    // Of a Hard Reset FRR shows what is inside; without it, it would keep the routes.
    await_condition("our departure", DEADLINE, async || {
        let notified = scene.peer()?.notified().await?;
        Ok(Seen::when(notified == Some((6, 2)), notified))
    })
    .await?;
    for prefix in scene.prefixes() {
        scene.await_withdrawn(prefix).await?;
    }
    Ok(())
}
