//! Link bandwidth inside of one AS: the community is the one that does not cross its border.

use anyhow::{Context, Result};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::{Bird, Frr, Peer};

use crate::cell::{Cell, Kind};
use crate::scene::{DEADLINE, Scene, routes};

const PREFIX: &str = "192.0.2.10/32";
/// Octets per second, and as FRR shows it: with AS_TRANS, as our AS has more than two octets.
const BANDWIDTH: u64 = 3_000_000;
const IN_FRR: &str = "LB:23456:3000000";
/// Type, AS_TRANS and the number as a float of 32 bits, as BIRD shows what it does not know.
const IN_BIRD: &str = "(unknown 0x4004, 23456, 1245125376)";

pub(crate) async fn in_frr() -> Result<()> {
    let mut scene = set::<Frr>().await?;
    let result = live(&mut scene, IN_FRR, async |scene| {
        Ok(scene.peer()?.paths(PREFIX).await?.to_string())
    });
    result.await.with_context(|| scene.network.logs(40))
}

pub(crate) async fn in_bird() -> Result<()> {
    let mut scene = set::<Bird>().await?;
    let result = live(&mut scene, IN_BIRD, async |scene| {
        let socket = scene.network.folder().join("bird.ctl");
        let question = ["-s", &socket.to_string_lossy(), "show", "route", "all"];
        scene.theirs.run("birdc", &question).await
    });
    result.await.with_context(|| scene.network.logs(40))
}

async fn set<P: Peer>() -> Result<Scene<P>> {
    let cell = Cell {
        kind: Kind::Internal,
        ..Cell::default()
    };
    Scene::<P>::set(cell, 9).await
}

async fn live<P: Peer>(
    scene: &mut Scene<P>,
    words: &str,
    show: impl AsyncFn(&Scene<P>) -> Result<String>,
) -> Result<()> {
    scene.await_established().await?;
    scene.desired.routes = routes();
    for route in &mut scene.desired.routes {
        route.link_bandwidth = Some(BANDWIDTH);
    }
    scene.apply().await?;
    await_condition(words, DEADLINE, async || {
        let shown = show(scene).await?;
        Ok(Seen::when(shown.contains(words), shown))
    })
    .await
    .map(drop)
}
