//! A peer that stands still.

use anyhow::{Context, Result};

use e2e::await_condition;
use e2e::condition::Seen;
use e2e::netns::Peer;

use crate::cell::Cell;
use crate::scene::{DEADLINE, Scene, routes};

/// Its hold timer runs out here (RFC 4271 section 6.5); when it goes on, the session returns. What it then says was the
/// reason differs: its own timer has run out too.
pub(crate) async fn run<P: Peer>(cell: Cell) -> Result<()> {
    let mut scene = Scene::<P>::set(cell, 3).await?;
    let result = stand_still(&mut scene).await;
    result.with_context(|| scene.network.logs(40))
}

async fn stand_still<P: Peer>(scene: &mut Scene<P>) -> Result<()> {
    scene.desired.routes = routes();
    scene.apply().await?;
    scene.await_established().await?;
    scene.peer()?.suspend(true).await?;
    await_condition("our side gives up", DEADLINE, async || {
        let ours = scene.session().await?;
        let error = ours.last_error.as_deref().unwrap_or_default();
        let given_up = ours.state != "Established" && error.to_lowercase().contains("hold");
        Ok(Seen::when(given_up, ours))
    })
    .await?;
    scene.peer()?.suspend(false).await?;
    scene.await_established().await?;
    scene.await_routes().await
}
