//! Case 9: a speaker is started anew, and nobody notices: not who opens connections, not who has some (RFC 4724).

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use e2e::fetch::url;
use e2e::herald::NAMESPACE;
use e2e::node::NODES;
use e2e::stream::TICKS;
use e2e::{Case, Isolation, run};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams};

use crate::session::await_new_session;
use crate::traffic::{Account, Traffic};

/// Connections that last, over both nodes as the router spreads them.
const STREAMS: usize = 6;

#[test]
fn a_speaker_that_is_started_anew_loses_no_connection() {
    run("restart", Isolation::Exclusive, restart);
}

async fn restart(case: &Case) -> Result<()> {
    let traffic = Traffic::prepare(case).await?;
    let (router, node) = (case.lab.router, NODES[0]);
    let said_before = router.notifications(node.ipv4).await?.len();
    let deleted = async {
        let before = router.session(node.ipv4).await?;
        let pod = case.lab.speaker_pod(node).await?.metadata.name;
        let pods: Api<Pod> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
        pods.delete(&pod.context("pod without name")?, &DeleteParams::default())
            .await?;
        await_new_session(case, &before).await?;
        traffic.await_both(case).await
    };
    outlive(case, &traffic, deleted).await?;
    let killed = async {
        let before = router.session(node.ipv4).await?;
        node.kill("herald-speaker").await?;
        await_new_session(case, &before).await?;
        traffic.await_both(case).await
    };
    outlive(case, &traffic, killed).await?;
    let said = router.notifications(node.ipv4).await?;
    ensure!(said.len() == said_before, "the speaker said {said:?}");
    Ok(())
}

/// Connections go on, old and new ones, and the router keeps the routes while the speaker is away.
async fn outlive(
    case: &Case,
    traffic: &Traffic,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    let ticks = url(traffic.addresses[0], 80, TICKS);
    let client = case.lab.client.machine();
    let lasting = client.stream_during((&ticks, STREAMS), Box::pin(work));
    let (((), streams), accounts) = traffic.flow_during(case, lasting).await?;
    let lasted = streams
        .iter()
        .all(|stream| stream.whole && stream.ticks > 10);
    ensure!(lasted, "{streams:?}");
    for account in &accounts {
        ensure_kept(account)?;
    }
    Ok(())
}

fn ensure_kept(account: &Account) -> Result<()> {
    let heard = account.heard()?;
    ensure!(
        heard
            .iter()
            .all(|heard| heard == " 100" || heard == "stale"),
        "{}: {heard:?}",
        account.address
    );
    // The speaker may be back before the router is asked once more: nobody has to see the route stale. Where the route is
    // installed anew it has both next hops still.
    let hops = match account.address {
        IpAddr::V4(_) => NODES.map(|node| node.ipv4),
        IpAddr::V6(_) => NODES.map(|node| node.ipv6),
    };
    let whole = |change: &String| {
        let words = || change.split_whitespace();
        words().all(|word| word != "Deleted") && hops.iter().all(|&hop| words().any(|w| w == hop))
    };
    let changes = &account.trace.changes;
    ensure!(
        changes.iter().all(whole),
        "{}: {changes:?}",
        account.address
    );
    Ok(())
}
