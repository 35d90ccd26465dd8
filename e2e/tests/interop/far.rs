//! TTL security (RFC 5082) with a router in between.

use anyhow::{Context, Result, ensure};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::Peer;

use crate::cell::{Cell, Kind};
use crate::scene::{DEADLINE, Scene};

/// Two hops are let pass where two are allowed. Once one is allowed, the kernel drops what the peer sends.
pub(crate) async fn run<P: Peer>() -> Result<()> {
    let cell = Cell {
        kind: Kind::MultiHop,
        ..Cell::default()
    };
    let mut scene = Scene::<P>::set_with(cell, 9, |settings| {
        settings.multi_hop = false;
        settings.ttl_security_hops = Some(2);
    })
    .await?;
    let result = live(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
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
