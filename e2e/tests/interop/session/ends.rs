//! Ends of the session, and its return.

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{Peer, SessionReport};

use crate::scene::{DEADLINE, Scene};

const WORDS: &str = "moved to rack 7";

/// The peer keeps our routes while we are gone (RFC 4724).
pub(super) async fn restart<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let speaker = scene.speaker.take().context("our side is not running")?;
    speaker.restart().await?;
    await_they_are_down(scene).await?;
    for prefix in scene.prefixes() {
        let kept = scene.peer()?.route(prefix).await?;
        ensure!(kept.is_some(), "{prefix} was not kept");
    }
    scene.desired.restarted = true;
    scene.start_speaker().await?;
    scene.await_all().await
}

/// We keep the peer's routes while it is gone. Killed, not ended: it says nothing.
pub(super) async fn outlast_a_restart<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    drop(scene.peer.take());
    await_ended(scene, "the peer is gone", |_| true).await?;
    scene.await_learned().await.context("while it is gone")?;
    scene.start_peer().await?;
    scene.await_established().await?;
    scene.peer_advertises().await?;
    scene.await_routes().await
}

/// Nothing is kept over a NOTIFICATION; the session returns at once and brings everything.
pub(super) async fn take_a_reset<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let flaps = scene.session().await?.flaps;
    scene.peer()?.reset().await?;
    let what = "Cease/Administrative Reset of the peer";
    await_condition(what, DEADLINE, async || {
        let ours = scene.session().await?;
        let told = ours.last_error.as_deref().unwrap_or_default();
        let reset = told.contains("received NOTIFICATION: Cease/Administrative Reset");
        Ok(Seen::when(ours.flaps > flaps && reset, ours))
    })
    .await?;
    scene.await_all().await
}

/// The hold timer expires here (RFC 4271 section 6.5). Of what the peer says when it goes on nothing is expected: its
/// own timer has expired too.
pub(super) async fn miss_the_peer<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.peer()?.suspend(true).await?;
    await_ended(scene, "our hold timer expires", |ours| {
        let error = ours.last_error.as_deref().unwrap_or_default();
        error.to_lowercase().contains("hold")
    })
    .await?;
    scene.peer()?.suspend(false).await?;
    scene.await_all().await
}

/// The hold timer expires at the peer.
pub(super) async fn be_missed<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.speaker()?.suspend(true).await?;
    let missed = await_they_are_down(scene).await;
    scene.speaker()?.suspend(false).await?;
    missed?;
    scene.await_all().await
}

/// The peer shows our words, and drops our routes at once.
pub(super) async fn leave_with_words<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let speaker = scene.speaker.take().context("our side is not running")?;
    speaker.leave(WORDS).await?;
    await_condition("Cease/Administrative Shutdown", DEADLINE, async || {
        let peer = scene.peer()?;
        let (notified, words) = (peer.notified().await?, peer.parting_words().await?);
        let right = notified == Some((6, 2)) && words.contains(WORDS);
        Ok(Seen::when(right, (notified, words)))
    })
    .await?;
    for prefix in scene.prefixes() {
        scene.await_withdrawn(prefix).await?;
    }
    scene.desired.restarted = false;
    scene.start_speaker().await?;
    scene.await_all().await
}

/// We show the peer's words, and drop its routes at once.
pub(super) async fn be_left_with_words<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.peer()?.shut_down(WORDS).await?;
    await_ended(scene, "the peer's words", |ours| {
        let told = ours.last_error.as_deref().unwrap_or_default();
        told.contains("Cease/Administrative Shutdown") && told.contains(WORDS)
    })
    .await?;
    scene.await_nothing_learned().await?;
    scene.peer()?.come_back().await?;
    scene.await_all().await
}

async fn await_ended<P: Peer>(
    scene: &mut Scene<P>,
    what: &str,
    right: impl Fn(&SessionReport) -> bool,
) -> Result<()> {
    await_condition(what, DEADLINE, async || {
        let ours = scene.session().await?;
        let ended = ours.state != "Established" && right(&ours);
        Ok(Seen::when(ended, ours))
    })
    .await
    .map(drop)
}

async fn await_they_are_down<P: Peer>(scene: &Scene<P>) -> Result<()> {
    await_condition("the peer has no session", DEADLINE, async || {
        let there = scene.peer()?.established().await?;
        Ok(Seen::when(!there, there))
    })
    .await
    .map(drop)
}
