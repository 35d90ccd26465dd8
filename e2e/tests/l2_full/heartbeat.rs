//! Heartbeats that are broken or old.

use anyhow::{Result, ensure};
use e2e::node::FABRIC;
use e2e::segment::{self, Datagram, Watch};
use e2e::{Case, Isolation, run};

use crate::scene::{self, OWNER};

/// How often each is sent.
const TIMES: usize = 50;

#[test]
fn broken_and_replayed_heartbeats_are_counted_and_move_nothing() {
    run("segment-heartbeats", Isolation::Exclusive, heartbeats);
}

async fn heartbeats(case: &Case) -> Result<()> {
    let addresses = scene::start(case).await?;
    let watch = Watch::start(&addresses).await?;
    let before = restarts(case).await?;
    let real = segment::hear(6).await?;
    let mut forged: Vec<Datagram> = vec![Vec::new(), vec![0; 1], vec![0xff; 1472], vec![0; 40]];
    for datagram in &real {
        let mut bent = datagram.clone();
        bent[20] ^= 1;
        let cut = datagram[..datagram.len() - 1].to_vec();
        let long = [datagram.as_slice(), &[0; 900]].concat();
        forged.extend([datagram.clone(), bent, cut, long]);
    }
    for node in FABRIC {
        for to in node.segment {
            for _ in 0..TIMES {
                segment::send(to.parse()?, forged.clone()).await?;
            }
        }
        for reason in ["Replayed", "WrongTag", "Short"] {
            let label = format!("reason=\"{reason}\"");
            node.await_metric("herald_l2_heartbeats_dropped_total", &[&label], 50.0)
                .await?;
        }
    }
    scene::await_owner(&addresses, OWNER).await?;
    let testimony = watch.stop();
    for &address in &addresses {
        testimony.ensure_owners(address, &[OWNER])?;
    }
    ensure!(restarts(case).await? == before, "a speaker has restarted");
    Ok(())
}

/// How often the speakers' containers have restarted.
async fn restarts(case: &Case) -> Result<Vec<i32>> {
    let mut restarts = Vec::new();
    for node in FABRIC {
        let status = case.lab.speaker_pod(node).await?.status.unwrap_or_default();
        let containers = status.container_statuses.into_iter().flatten();
        restarts.extend(containers.map(|container| container.restart_count));
    }
    Ok(restarts)
}
