//! The life of one session.

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::Peer;

use crate::cell::{Cell, Kind};
use crate::scene::{DEADLINE, PASSWORD, PREFIXES, Scene, routes};

/// All that a session must survive, in order; a failure shows what both sides logged.
pub(crate) async fn run<P: Peer>(cell: Cell) -> Result<()> {
    let mut scene = Scene::<P>::set(cell, 9).await?;
    let result = live(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn live<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    if scene.cell.kind == Kind::Md5 {
        stays_down_until_the_password_is_right(scene)
            .await
            .context("wrong password")?;
    }
    scene.await_established().await?;
    routes_come_and_go(scene).await.context("routes")?;
    if P::ASKS_FOR_REFRESH {
        answers_a_route_refresh(scene)
            .await
            .context("route refresh")?;
    }
    comes_back_after_our_restart(scene)
        .await
        .context("our restart")?;
    comes_back_after_their_restart(scene)
        .await
        .context("their restart")
}

async fn stays_down_until_the_password_is_right<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    await_condition("the kernel refuses signatures", DEADLINE, async || {
        let refused = scene.ours.md5_failures().await? + scene.theirs.md5_failures().await?;
        Ok(Seen::when(refused > 0, refused))
    })
    .await?;
    let ours = scene.session().await?;
    ensure!(
        ours.state != "Established" && !scene.peer()?.established().await?,
        "a session with a wrong password"
    );
    for peer in &mut scene.desired.peers {
        peer.password = Some(PASSWORD.to_owned());
    }
    scene.apply().await
}

async fn routes_come_and_go<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    await_condition("End-of-RIB for both families", DEADLINE, async || {
        let seen = scene.peer()?.end_of_rib().await?;
        Ok(Seen::when(seen, seen))
    })
    .await?;
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await?;
    for prefix in PREFIXES {
        scene.desired.routes = routes()
            .into_iter()
            .filter(|route| route.prefix != prefix)
            .collect();
        scene.apply().await?;
        scene.await_withdrawn(prefix).await?;
    }
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await
}

async fn answers_a_route_refresh<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let flaps = scene.session().await?.flaps;
    let before = scene.peer()?.updates().await?;
    scene.peer()?.ask_for_refresh().await?;
    await_condition("the routes come again", DEADLINE, async || {
        let now = scene.peer()?.updates().await?;
        Ok(Seen::when(now > before, (before, now)))
    })
    .await?;
    scene.await_routes().await?;
    let after = scene.session().await?;
    ensure!(flaps == after.flaps, "the session was lost: {after:?}");
    Ok(())
}

async fn comes_back_after_our_restart<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene
        .speaker
        .take()
        .context("our side is not running")?
        .shut_down()
        .await?;
    await_condition("Cease, Administrative Shutdown", DEADLINE, async || {
        let notified = scene.peer()?.notified().await?;
        Ok(Seen::when(notified == Some((6, 2)), notified))
    })
    .await?;
    for prefix in PREFIXES {
        scene.await_withdrawn(prefix).await?;
    }
    scene.start_speaker().await?;
    scene.await_established().await?;
    scene.await_routes().await
}

async fn comes_back_after_their_restart<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene
        .peer
        .take()
        .context("the peer is not running")?
        .stop()
        .await?;
    await_condition(
        "our side sees the end of the session",
        DEADLINE,
        async || {
            let ours = scene.session().await?;
            Ok(Seen::when(ours.state != "Established", ours))
        },
    )
    .await?;
    scene.start_peer().await?;
    scene.await_established().await?;
    scene.await_routes().await
}
