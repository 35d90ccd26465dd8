//! Case 10: a speaker starts while the API server is away, and goes on with what the one before it knew.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::case::host_route;
use e2e::condition::Seen;
use e2e::node::{NODES, Node};
use e2e::router::Session;
use e2e::workload::{self, Families};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;

/// Not the node of `restart`: kubelet takes its time with a container that ends again and again.
const NODE: Node = NODES[1];
const COMMUNITY: &str = "65000:43";
/// A kind that no object of this case is of.
const WITHHELD: &str = "communities";

#[test]
fn a_speaker_that_starts_without_the_api_server_goes_on_with_what_was_known() {
    run("stale", Isolation::Exclusive, stale);
}

async fn stale(case: &Case) -> Result<()> {
    let (router, client) = (case.lab.router, case.lab.client);
    case.serve("web", &NODES).await?;
    let kept = case.expose("kept", "web", Families::IPv4, false).await?[0];
    let deleted = case.expose("deleted", "web", Families::IPv4, false).await?[0];
    for address in [kept, deleted] {
        router.await_route(&host_route(address), &NODES).await?;
        await_snapshot(address).await?;
    }
    let before = router.session(NODE.ipv4).await?;
    // One list is not to come with the others, so that there is time to look.
    withhold_a_kind(case).await?;
    case.lab.stop_api_server().await?;
    let restarting = async {
        NODE.kill("herald-speaker").await?;
        await_session(case, |session| session.established > before.established).await
    };
    let (restarted, tally) = client.fetch_during(kept, "/", restarting).await?;
    ensure!(tally.lost.is_empty(), "{tally:?}");
    for address in [kept, deleted] {
        router.await_route(&host_route(address), &NODES).await?;
    }
    let page = case.lab.debug_page(NODE).await?;
    ensure!(page["staleSince"].is_string(), "{page}");
    ensure_not_all(case).await?;

    case.lab.start_api_server().await?;
    await_ready(case, "False", |reason| reason == "Stale").await?;
    catch_up(case, kept, deleted).await?;
    ensure_not_all(case).await?;
    case.lab.apply_manifest().await?;
    // The controller, too, says that the speaker is back, when it had said that it is gone.
    await_ready(case, "True", |_| true).await?;
    let still = await_session(case, |session| session.end_of_rib).await?;
    ensure!(
        still.established == restarted.established,
        "{still:?} was {restarted:?}"
    );
    Ok(())
}

/// What changes is told at once, though one list is missing still.
async fn catch_up(case: &Case, kept: IpAddr, deleted: IpAddr) -> Result<()> {
    let router = case.lab.router;
    case.api::<Service>()
        .delete("deleted", &DeleteParams::default())
        .await?;
    let mut advertisement = workload::advertisement(&case.name, &case.name);
    advertisement["spec"]["communities"] = json!([COMMUNITY]);
    case.apply(advertisement).await?;
    router.await_route(&host_route(deleted), &[]).await?;
    let route = host_route(kept);
    await_condition(
        "the community is there",
        Duration::from_secs(60),
        async || {
            let paths = router.paths(&route).await?;
            let said = paths.values().filter(|path| path.communities == COMMUNITY);
            Ok(Seen::when(said.count() == NODES.len(), paths))
        },
    )
    .await
    .map(drop)
}

/// Waits until the node has kept what its speaker knows of an address.
async fn await_snapshot(address: IpAddr) -> Result<()> {
    let sentence = format!("{} has kept {address}", NODE.name());
    await_condition(&sentence, Duration::from_secs(60), async || {
        let quoted = format!("\"{address}\"");
        let search = ["grep", "-c", &quoted, "/run/herald/snapshot.json"];
        Ok(Seen::Yes(NODE.machine.exec(&search).await?))
    })
    .await
    .map(drop)
}

/// Takes from speakers the permission to list a kind, until the manifest is applied again.
async fn withhold_a_kind(case: &Case) -> Result<()> {
    let roles: Api<ClusterRole> = Api::all(case.lab.cluster.client());
    let mut role = roles.get("herald-speaker").await?;
    for resources in role.rules.iter_mut().flatten() {
        let resources = resources.resources.iter_mut().flatten();
        resources.for_each(|resource| {
            if resource == WITHHELD {
                *resource = "nothing".to_owned();
            }
        });
    }
    roles
        .replace("herald-speaker", &PostParams::default(), &role)
        .await?;
    Ok(())
}

/// The router has not been told that it knows everything (End-of-RIB).
async fn ensure_not_all(case: &Case) -> Result<()> {
    let session = case.lab.router.session(NODE.ipv4).await?;
    ensure!(
        session.state == "Established" && !session.end_of_rib,
        "{session:?}"
    );
    Ok(())
}

async fn await_session(case: &Case, fits: impl Fn(&Session) -> bool) -> Result<Session> {
    let sentence = format!("the session of {} is as it should be", NODE.name());
    await_condition(&sentence, Duration::from_secs(90), async || {
        let session = case.lab.router.session(NODE.ipv4).await?;
        let right = session.state == "Established" && fits(&session);
        Ok(Seen::when(right, session))
    })
    .await
}

async fn await_ready(case: &Case, status: &str, reason: impl Fn(&str) -> bool) -> Result<()> {
    let sentence = format!("{} has Ready={status}", NODE.name());
    await_condition(&sentence, Duration::from_secs(120), async || {
        let state = case.lab.speaker_state(NODE).await?;
        let conditions = state.status.context("no status")?.conditions;
        let right = conditions.iter().any(|condition| {
            condition.r#type == "Ready" && condition.status == status && reason(&condition.reason)
        });
        Ok(Seen::when(right, conditions))
    })
    .await
    .map(drop)
}
