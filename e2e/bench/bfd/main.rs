//! `bfd`: how soon a BGP session ends when its peer stands still, and whether it lasts while the machine is busy.
//!
//! Herald with FRR, Herald with BIRD and FRR with BIRD, at the same time, each pair in namespaces of its own.
//! `REPEAT` (20) is how often each end is stopped, `HERALD_BENCH_LOAD_SECONDS` (120) how long the load lasts.

mod end;
mod farewell;
mod pair;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;

use e2e::bench::{Row, System, write};
use e2e::netns::run_node;
use e2e::step::say;

use pair::{Pair, Which};

const PAIRS: [[System; 2]; 3] = [
    [System::Herald, System::Frr],
    [System::Herald, System::Bird],
    [System::Frr, System::Bird],
];
/// Between packets, both ways, ms.
const INTERVAL: u64 = 50;
const MULTIPLIER: u8 = 3;
/// Width of a step of the histogram, ms.
const STEP: f64 = 25.0;
/// First argument with which this program is Herald's drivers.
const NODE: &str = "node";

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(NODE) {
        return run_node();
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(compare())
}

async fn compare() -> Result<()> {
    let repeat = number("REPEAT", 20)?;
    let load = Duration::from_secs(number("HERALD_BENCH_LOAD_SECONDS", 120)?);
    let mut pairs = try_join_all(PAIRS.map(Pair::start)).await?;
    let stopped = try_join_all(pairs.iter_mut().map(|pair| stop_both(pair, repeat))).await?;
    let mut rows: Vec<Row> = stopped.into_iter().flatten().collect();
    rows.extend(busy(&mut pairs, load).await?);
    write("bfd", &rows)
}

/// Each end in turn; the figure is that of the end that notices.
async fn stop_both(pair: &mut Pair, repeat: u64) -> Result<Vec<Row>> {
    let (left, right) = (pair.left.system, pair.right.system);
    let mut of_left = Vec::new();
    let mut of_right = Vec::new();
    for _ in 0..repeat {
        for (which, times) in [(Which::Left, &mut of_left), (Which::Right, &mut of_right)] {
            let time = pair.stop_one(which).await;
            times.push(time.with_context(|| format!("{left} and {right}, {which:?} stopped"))?);
        }
    }
    let rows = [(left, right, of_left), (right, left, of_right)];
    let rows = rows.into_iter().filter_map(|(peer, system, times)| {
        say(&format!("{system} notices {peer}: {}", histogram(&times)));
        Row::of(&format!("bfd/detection/of-{peer}"), "s", system, &times)
    });
    Ok(rows.collect())
}

/// How many sessions end while every processor has more to do than it can.
async fn busy(pairs: &mut [Pair], load: Duration) -> Result<Vec<Row>> {
    let before = sessions(pairs).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let processors = std::thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..2 * processors)
        .map(|_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    tokio::time::sleep(load).await;
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| drop(thread.join()));
    let after = sessions(pairs).await?;
    let ended = after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before);
    let rows = pairs.iter().zip(ended).filter_map(|(pair, ended)| {
        let (left, right) = (pair.left.system, pair.right.system);
        say(&format!(
            "{left} with {right}: {ended} sessions ended in {} s of full load",
            load.as_secs()
        ));
        let name = format!("bfd/flaps/{}-s-of-load/with-{right}", load.as_secs());
        Row::of(&name, "flaps", left, &[ended as f64])
    });
    Ok(rows.collect())
}

async fn sessions(pairs: &mut [Pair]) -> Result<Vec<u64>> {
    let mut sessions = Vec::new();
    for pair in pairs {
        sessions.push(pair.left.end.sessions().await?);
    }
    Ok(sessions)
}

/// How many of the times fall into each step.
fn histogram(times: &[f64]) -> String {
    let mut sorted: Vec<f64> = times.iter().map(|time| time * 1e3).collect();
    sorted.sort_by(f64::total_cmp);
    let steps = sorted.chunk_by(|left, right| (left / STEP).floor() == (right / STEP).floor());
    let steps = steps.filter_map(|step| {
        let from = (step.first()? / STEP).floor() * STEP;
        Some(format!("{from:.0}-{:.0} ms: {}", from + STEP, step.len()))
    });
    steps.collect::<Vec<_>>().join(", ")
}

fn number(variable: &str, usual: u64) -> Result<u64> {
    let text = std::env::var(variable).ok();
    let number = text.map(|text| text.parse().with_context(|| format!("{variable}={text}")));
    number.unwrap_or(Ok(usual))
}
