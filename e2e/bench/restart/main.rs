//! `restart`: what clients lose while the speaker restarts, and when its routes are confirmed.
//!
//! `REPEAT` (5) is how often each case runs.

mod case;
mod node;
mod rig;
mod traffic;

use std::net::Ipv4Addr;

use anyhow::{Context, Result};

use e2e::bench::{Row, write};
use e2e::netns::run_node;
use e2e::step::say;

use case::Case;
use rig::{Outcome, Rig};

/// What is announced, on loopback of the node.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// First argument with which this program is Herald's drivers.
const NODE: &str = "node";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some(NODE), _) => run_node(),
        (Some(traffic::SERVE), Some(address)) => traffic::serve(address.parse()?),
        (Some(traffic::ASK), Some(address)) => traffic::ask(address.parse()?),
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(compare()),
    }
}

/// Cases take turns, so that what else the machine does meets all of them.
async fn compare() -> Result<()> {
    let repeat = std::env::var("REPEAT").map_or(Ok(5), |text| text.parse::<usize>())?;
    let mut outcomes = Case::ALL.map(|case| (case, Vec::new()));
    for number in 1..=repeat {
        for (case, outcomes) in &mut outcomes {
            let (case, what) = (*case, format!("{}, {case}", case.system));
            let rig = Rig::start(case).await.with_context(|| what.clone())?;
            let outcome = rig.restart().await.with_context(|| what.clone())?;
            say(&format!(
                "run {number} of {repeat}, {what}: {} of {} requests lost, all back after {:.0} ms",
                outcome.report.lost,
                outcome.report.asked,
                outcome.back * 1e3
            ));
            outcomes.push(outcome);
        }
    }
    let rows: Vec<Row> = outcomes
        .iter()
        .flat_map(|(case, outcomes)| rows(*case, outcomes))
        .collect();
    write("restart", &rows)
}

fn rows(case: Case, outcomes: &[Outcome]) -> impl Iterator<Item = Row> {
    let lost: Vec<f64> = outcomes
        .iter()
        .map(|each| each.report.lost as f64)
        .collect();
    let back: Vec<f64> = outcomes.iter().map(|each| each.back).collect();
    let name = format!("restart/{case}");
    let rows = [
        Row::of(&format!("{name}/lost"), "requests", case.system, &lost),
        Row::of(&format!("{name}/back"), "s", case.system, &back),
    ];
    rows.into_iter().flatten()
}
