//! Routes of both sides, on a session that lasts.

use anyhow::{Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::Peer;

use crate::cell::Kind;
use crate::learn::import;
use crate::scene::{DEADLINE, PASSWORD, Scene, routes};

/// MD5 first keeps both apart; after the tables there are End-of-RIB marks.
pub(super) async fn come_up<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    if scene.cell.kind == Kind::Md5 {
        stay_down_until_the_password_is_right(scene).await?;
    }
    scene.await_established().await?;
    let what = "End-of-RIB for each family";
    await_condition(what, DEADLINE, async || {
        let seen = scene.peer()?.end_of_rib().await?;
        Ok(Seen::when(seen, seen))
    })
    .await
    .map(drop)
}

async fn stay_down_until_the_password_is_right<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
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

pub(super) async fn announce<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let flaps = scene.session().await?.flaps;
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await?;
    scene.open_our_filter().await?;
    scene.peer_advertises().await?;
    lasts(scene, flaps).await
}

/// Other communities of both kinds, and another LOCAL_PREF where that is told; then back.
pub(super) async fn change<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let flaps = scene.session().await?.flaps;
    for route in &mut scene.desired.routes {
        route.local_pref = Some(250);
        route.communities = vec!["65000:200".to_owned()];
        route.large_communities.push("4200000001:3:4".to_owned());
    }
    scene.apply().await?;
    scene.await_routes().await?;
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await?;
    lasts(scene, flaps).await
}

pub(super) async fn withdraw<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let flaps = scene.session().await?.flaps;
    for prefix in scene.prefixes() {
        let others = routes().into_iter().filter(|route| route.prefix != prefix);
        scene.desired.routes = others.collect();
        scene.apply().await?;
        scene.await_withdrawn(prefix).await?;
        scene.await_routes().await?;
    }
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_routes().await?;
    for route in scene.their_routes() {
        scene.peer()?.withdraw(&route).await?;
    }
    scene.await_nothing_learned().await?;
    scene.peer_advertises().await?;
    lasts(scene, flaps).await
}

pub(super) async fn answer_a_refresh<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let flaps = scene.session().await?.flaps;
    let before = scene.peer()?.updates().await?;
    scene.peer()?.ask_for_refresh().await?;
    await_condition("the routes come again", DEADLINE, async || {
        let now = scene.peer()?.updates().await?;
        Ok(Seen::when(now > before, (before, now)))
    })
    .await?;
    scene.await_routes().await?;
    lasts(scene, flaps).await
}

/// What a filter does not let pass is not stored: only the peer can say it again.
pub(super) async fn ask_for_a_refresh<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    let flaps = scene.session().await?.flaps;
    import(scene, &[], 0).await?;
    scene.await_nothing_learned().await?;
    scene.open_our_filter().await?;
    scene.await_learned().await?;
    lasts(scene, flaps).await
}

async fn lasts<P: Peer>(scene: &mut Scene<P>, flaps: u64) -> Result<()> {
    let ours = scene.session().await?;
    let lasted = ours.state == "Established" && ours.flaps == flaps;
    ensure!(lasted, "the session was lost: {ours:?}");
    Ok(())
}
