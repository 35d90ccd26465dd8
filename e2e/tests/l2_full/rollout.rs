//! A new version of the DaemonSet, node by node, while somebody fetches.

use std::net::IpAddr;
use std::time::SystemTime;

use anyhow::{Result, ensure};
use e2e::fetch::url;
use e2e::herald::NAMESPACE;
use e2e::node::FABRIC;
use e2e::segment::{GUEST, Turn, Watch};
use e2e::step::say;
use e2e::{Case, Isolation, run};
use k8s_openapi::api::apps::v1::DaemonSet;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use crate::scene::{self, OWNER};

#[test]
fn a_rolling_restart_hands_addresses_over() {
    run("segment-rollout", Isolation::Exclusive, rollout);
}

async fn rollout(case: &Case) -> Result<()> {
    let addresses = scene::start(case).await?;
    let watch = Watch::start(&addresses).await?;
    let [ipv4, ipv6] = addresses[..] else {
        anyhow::bail!("two addresses expected: {addresses:?}");
    };
    let (ipv4_page, ipv6_page) = (url(ipv4, 80, "/hostname"), url(ipv6, 80, "/hostname"));
    let by_ipv6 = GUEST.fetch_during(&ipv6_page, restart(case, &addresses));
    let (((), tally6), tally4) = GUEST.fetch_during(&ipv4_page, by_ipv6).await?;
    let testimony = watch.stop();
    for (address, tally) in [(ipv4, tally4), (ipv6, tally6)] {
        let turns = testimony.turns(address);
        let changes = turns.len() - 1;
        say(&format!(
            "segment: rollout: {address} changed its owner {changes} times; of {} requests {} were lost and {} cut",
            tally.answered + tally.lost.len() + tally.cut,
            tally.lost.len(),
            tally.cut
        ));
        ensure!((2..=4).contains(&changes), "{turns:?}");
        // Who makes one request at a time can lose one by each change: the node that goes on with a connection under way
        // knows nothing of it.
        ensure!(
            tally.lost.len() + tally.cut <= changes,
            "{address}: {tally:?} with {turns:?}"
        );
        let is_node = |turn: &Turn| FABRIC.iter().any(|node| node.name() == turn.owner);
        ensure!(turns.iter().all(is_node), "{turns:?}");
    }
    Ok(())
}

async fn restart(case: &Case, addresses: &[IpAddr]) -> Result<()> {
    let daemons: Api<DaemonSet> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
    // What an earlier run has written stays, and must not be the same.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let annotations = json!({"e2e.heraldlb.io/restarted-at": now.as_nanos().to_string()});
    let patch = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
    daemons
        .patch(
            "herald-speaker",
            &PatchParams::default(),
            &Patch::Merge(patch),
        )
        .await?;
    case.lab.await_herald().await?;
    scene::await_owner(addresses, OWNER).await
}
