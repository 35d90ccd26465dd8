//! TTL security (RFC 5082) with a router in between.

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{BfdPeer, Peer, PeerSettings};

use crate::bfd::{EQUAL, await_up};
use crate::cell::{Cell, Kind};
use crate::scene::{DEADLINE, Scene};

/// Two hops are let pass where two are allowed. Once one is allowed, the kernel drops what the peer sends.
pub(crate) async fn run<P: Peer>() -> Result<()> {
    let mut scene = set::<P>(|_| {}).await?;
    let result = live(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

/// BFD of such a session is that over routers (RFC 5883), for either side.
pub(crate) async fn watched<P: BfdPeer>() -> Result<()> {
    let mut scene = set::<P>(|settings| {
        (settings.our_bfd, settings.bfd) = (Some(EQUAL.0), Some(EQUAL.1));
    })
    .await?;
    let result = async {
        scene.await_established().await?;
        await_up(&mut scene, EQUAL.0, EQUAL.1).await
    };
    result.await.with_context(|| scene.network.logs(40))
}

async fn set<P: Peer>(change: impl FnOnce(&mut PeerSettings)) -> Result<Scene<P>> {
    let cell = Cell {
        kind: Kind::MultiHop,
        ..Cell::default()
    };
    Scene::<P>::set_with(cell, 9, |settings| {
        settings.multi_hop = false;
        settings.ttl_security_hops = Some(2);
        change(settings);
    })
    .await
}

async fn live<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.await_established().await.context("two hops")?;
    // Refusals of a peer that does not listen yet are dropped too: their TTL is the kernel's.
    let before = scene.ours.too_far().await?;
    for peer in &mut scene.desired.peers {
        peer.ttl_security_hops = Some(1);
    }
    scene.apply().await?;
    await_condition("dropped as too far", DEADLINE, async || {
        let dropped = scene.ours.too_far().await?;
        Ok(Seen::when(dropped > before, dropped))
    })
    .await?;
    let ours = scene.session().await?;
    ensure!(ours.state != "Established", "one hop: {ours:?}");
    Ok(())
}
