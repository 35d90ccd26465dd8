//! Processor time of speakers at rest, and while a host floods the segment with ARP requests.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use e2e::await_condition;
use e2e::bench::Usage;
use e2e::condition::Seen;
use e2e::netns::Daemon;

use crate::client::{self, FLOOD_TIME};
use crate::rig::Rig;
use crate::world::addresses;

const PATIENCE: Duration = Duration::from_secs(60);
/// How long one look at speakers at rest takes.
const LOOK: Duration = Duration::from_secs(10);

/// Processor time of each, in percent of one processor, while they have nothing to do but heartbeats.
pub(crate) async fn idle(speakers: &[Daemon]) -> Result<Vec<f64>> {
    let before = used(speakers)?;
    let started = Instant::now();
    tokio::time::sleep(LOOK).await;
    share(speakers, &before, started.elapsed())
}

/// The same while a client asks for other addresses.
pub(crate) async fn flooded(rig: &Rig, speakers: &[Daemon], folder: &Path) -> Result<Vec<f64>> {
    let log = folder.join("flood.log");
    let flood = rig.asking.start(client::FLOOD, addresses(0), &log)?;
    let before = used(speakers)?;
    let started = Instant::now();
    tokio::time::sleep(FLOOD_TIME.saturating_sub(Duration::from_secs(1))).await;
    let shares = share(speakers, &before, started.elapsed())?;
    let said = await_condition("the flood is over", PATIENCE, async || {
        let said = std::fs::read_to_string(&log)?;
        Ok(Seen::when(said.ends_with('\n'), said))
    })
    .await?;
    ensure!(said.ends_with("requests\n"), "the flood: {said}");
    flood.stop().await?;
    Ok(shares)
}

fn used(speakers: &[Daemon]) -> Result<Vec<Duration>> {
    let used = speakers
        .iter()
        .map(|speaker| Ok(Usage::of(speaker.pid())?.cpu));
    used.collect()
}

fn share(speakers: &[Daemon], before: &[Duration], time: Duration) -> Result<Vec<f64>> {
    let spent = used(speakers)?.into_iter().zip(before);
    let share = |(after, before): (Duration, &Duration)| {
        100.0 * after.saturating_sub(*before).as_secs_f64() / time.as_secs_f64()
    };
    Ok(spent.map(share).collect())
}
