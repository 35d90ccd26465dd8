//! A peer that stands still, without a hold time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::Peer;

use crate::cell::Cell;
use crate::scene::{DEADLINE, Scene, routes};

/// Hold time of a peer whose session has none, s.
const THEIRS: u16 = 6;

/// With hold time 0 on our side nobody sends KEEPALIVEs and nobody misses them (RFC 4271 section 4.4): a peer that stands still
/// for longer than its own hold time has its session still, and it works.
pub(crate) async fn run_without<P: Peer>() -> Result<()> {
    let mut scene = Scene::<P>::set(Cell::default(), THEIRS).await?;
    let result = stay(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn stay<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    for peer in &mut scene.desired.peers {
        peer.hold_time = 0;
    }
    let with_hold_time = scene.speaker.take();
    with_hold_time.context("our side")?.shut_down().await?;
    scene.start_speaker().await?;
    scene.await_established().await?;
    let before = scene.session().await?;
    scene.peer()?.suspend(true).await?;
    let (still, long) = (Instant::now(), Duration::from_secs(u64::from(THEIRS) * 2));
    await_condition("twice its hold time is over", DEADLINE, async || {
        let ours = scene.session().await?;
        ensure!(
            ours.state == "Established" && ours.flaps == before.flaps,
            "the session ended: {ours:?}"
        );
        Ok(Seen::when(still.elapsed() > long, still.elapsed()))
    })
    .await?;
    scene.peer()?.suspend(false).await?;
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await?;
    let after = scene.session().await?;
    ensure!(after.flaps == before.flaps, "a new session: {after:?}");
    Ok(())
}
