//! Two connections at the same moment (RFC 4271 section 6.8).

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::Peer;

use crate::scene::{DEADLINE, Scene};

/// Drops connections to a peer that has not seen them yet.
const GATE: &str = "add table inet gate; \
                    add chain inet gate arrivals { type filter hook input priority 0; }; \
                    add rule inet gate arrivals tcp dport 179 tcp flags & (syn | ack) == syn drop";

/// Our dial waits at a closed gate while we stand still. The peer dials meanwhile, then the gate opens: when we go on,
/// both connections stand and the peer's OPEN is on both. One is left, of which both sides are sure.
pub(super) async fn at_once<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let speaker = scene.speaker.take().context("our side is not running")?;
    speaker.leave("").await?;
    let peer = scene.peer.take().context("the peer is not running")?;
    peer.stop().await?;
    scene.both_dial();

    scene.theirs.run("nft", &[GATE]).await?;
    scene.start_speaker().await?;
    await_sockets(scene, "our dial", "syn-sent", |count| count > 0).await?;
    scene.speaker()?.suspend(true).await?;
    let together = meet(scene).await;
    scene.speaker()?.suspend(false).await?;
    together?;

    scene.await_established().await?;
    let flaps = scene.session().await?.flaps;
    scene.peer_advertises().await?;
    scene.await_routes().await?;
    await_sockets(scene, "one connection", "established", |count| count == 1).await?;
    let ours = scene.session().await?;
    ensure!(ours.flaps == flaps, "the session was lost: {ours:?}");
    Ok(())
}

async fn meet<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.start_peer().await?;
    let what = "the peer's connection";
    await_sockets(scene, what, "established", |count| count > 0).await?;
    scene.theirs.run("nft", &["delete table inet gate"]).await?;
    await_sockets(scene, "our dial has passed", "syn-sent", |count| count == 0).await
}

/// Waits for a number of BGP connections in that TCP state at our side.
async fn await_sockets<P: Peer>(
    scene: &Scene<P>,
    what: &str,
    state: &str,
    right: impl Fn(usize) -> bool,
) -> Result<()> {
    await_condition(what, DEADLINE, async || {
        let bgp = "( sport = :179 or dport = :179 )";
        let shown = scene.ours.run("ss", &["-Htn", "state", state, bgp]).await?;
        Ok(Seen::when(right(shown.lines().count()), shown))
    })
    .await
    .map(drop)
}
