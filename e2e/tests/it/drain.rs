//! Case 8: a node is taken out and comes back, and nobody who opens connections loses one (RFC 8326).

use anyhow::{Context, Result, ensure};
use e2e::herald::{DRAIN, NAMESPACE};
use e2e::node::NODES;
use e2e::{Case, Isolation, run};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams};

use crate::session::await_new_session;
use crate::traffic::{Account, Traffic};

/// What the router hears of a node that is taken out and comes back: no community and LOCAL_PREF 100, GRACEFUL_SHUTDOWN,
/// of which FRR makes LOCAL_PREF 0, the withdrawal, and the beginning again.
const OUT_AND_BACK: [&str; 4] = [" 100", "graceful-shutdown 0", "nothing", " 100"];

#[test]
fn a_marked_node_gives_way_and_loses_no_connection() {
    run("drain-marked", Isolation::Exclusive, marked);
}

async fn marked(case: &Case) -> Result<()> {
    let traffic = Traffic::prepare(case).await?;
    let (router, cluster) = (case.lab.router, &case.lab.cluster);
    let before = router.session(NODES[0].ipv4).await?;
    let annotated = async {
        cluster.annotate_node("w1", DRAIN, Some("true")).await?;
        traffic.await_other_alone(case).await?;
        cluster.annotate_node("w1", DRAIN, None).await?;
        traffic.await_both(case).await
    };
    let ((), accounts) = traffic.flow_during(case, annotated).await?;
    ensure_out_and_back(&accounts)?;

    let tainted = async {
        cluster.taint_node("w1", DRAIN, true).await?;
        traffic.await_other_alone(case).await?;
        cluster.taint_node("w1", DRAIN, false).await?;
        traffic.await_both(case).await
    };
    let ((), accounts) = traffic.flow_during(case, tainted).await?;
    ensure_out_and_back(&accounts)?;
    // A mark ends no session.
    let still = router.session(NODES[0].ipv4).await?;
    ensure!(
        still.established == before.established,
        "{still:?} was {before:?}"
    );
    Ok(())
}

#[test]
fn a_speaker_that_leaves_a_cordoned_node_says_so_and_loses_no_connection() {
    run("drain-cordoned", Isolation::Exclusive, cordoned);
}

async fn cordoned(case: &Case) -> Result<()> {
    let traffic = Traffic::prepare(case).await?;
    let (router, cluster) = (case.lab.router, &case.lab.cluster);
    let before = router.session(NODES[0].ipv4).await?;
    let said_before = router.notifications(NODES[0].ipv4).await?.len();
    let leaving = async {
        cluster.cordon_node("w1", true).await?;
        let pod = case.lab.speaker_pod(NODES[0]).await?.metadata.name;
        let pods: Api<Pod> = Api::namespaced(cluster.client(), NAMESPACE);
        pods.delete(&pod.context("pod without name")?, &DeleteParams::default())
            .await?;
        // Its DaemonSet starts it anew, as pods stay on the node.
        await_new_session(case, &before).await?;
        traffic.await_both(case).await
    };
    let ((), accounts) = traffic.flow_during(case, leaving).await?;
    ensure_out_and_back(&accounts)?;
    let said = router.notifications(NODES[0].ipv4).await?;
    let said = said.get(said_before..).unwrap_or_default();
    let right = |words: &String| {
        words.contains("6/2 (Cease/Administrative Shutdown)")
            && words.contains("the node is cordoned")
    };
    ensure!(said.len() == 1 && said.iter().all(right), "{said:?}");
    Ok(())
}

fn ensure_out_and_back(accounts: &[Account]) -> Result<()> {
    for account in accounts {
        let heard = account.heard()?;
        ensure!(heard == OUT_AND_BACK, "{}: {heard:?}", account.address);
    }
    Ok(())
}
