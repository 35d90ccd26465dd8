//! Case 6: the controller's leader and the API server go away.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::case::{addresses, host_route};
use e2e::condition::Seen;
use e2e::herald::NAMESPACE;
use e2e::node::NODES;
use e2e::workload::{Families, load_balancer};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, DeleteParams, ListParams};

#[test]
fn a_killed_leader_moves_no_address_and_misses_no_service() {
    run("leader-killed", Isolation::Exclusive, leader_killed);
}

async fn leader_killed(case: &Case) -> Result<()> {
    case.serve("web", &NODES[..1]).await?;
    let before = case.expose("before", "web", Families::Dual, false).await?;
    let leader = case.lab.leader().await?;
    let pods: Api<Pod> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
    let pod = leader.split('_').next().unwrap_or(&leader).to_owned();
    pods.delete(&pod, &DeleteParams::default().grace_period(0))
        .await
        .context(leader.clone())?;
    case.apply(load_balancer("meanwhile", "web", Families::IPv4, false))
        .await?;
    let meanwhile = case.await_addresses("meanwhile", 1).await?;
    ensure!(!before.contains(&meanwhile[0]), "{meanwhile:?} is taken");
    ensure!(
        addresses(&case.service("before").await?) == before,
        "the address moved"
    );
    await_condition("another one leads", Duration::from_secs(60), async || {
        let now = case.lab.leader().await?;
        Ok(Seen::when(now != leader, now))
    })
    .await?;
    Ok(())
}

#[test]
fn routes_stay_while_the_api_server_is_away() {
    run("api-server-away", Isolation::Exclusive, api_server_away);
}

async fn api_server_away(case: &Case) -> Result<()> {
    case.serve("web", &NODES).await?;
    let address = case.expose("web", "web", Families::IPv4, false).await?[0];
    let (router, client) = (case.lab.router, case.lab.client);
    router.await_route(&host_route(address), &NODES).await?;
    client.await_page(address, "/").await?;
    let sessions = router.session(NODES[0].ipv4).await?;

    case.lab.stop_api_server().await?;
    let away = async {
        let since = Instant::now();
        await_condition("30 s have passed", Duration::from_secs(60), async || {
            router.await_route(&host_route(address), &NODES).await?;
            Ok(Seen::when(since.elapsed() >= Duration::from_secs(30), ()))
        })
        .await
    };
    let ((), tally) = client.fetch_during(address, "/", away).await?;
    ensure!(tally.lost.is_empty() && tally.cut == 0, "{tally:?}");
    case.lab.start_api_server().await?;

    let still = router.session(NODES[0].ipv4).await?;
    ensure!(
        still.established == sessions.established,
        "{still:?} was {sessions:?}"
    );
    // It watches again.
    let later = case.expose("later", "web", Families::IPv4, false).await?[0];
    // The cluster's own controllers take their time to notice that the API server is back.
    let slices: Api<EndpointSlice> = case.api();
    let of_later = ListParams::default().labels("kubernetes.io/service-name=later");
    await_condition(
        "the Service has endpoints",
        Duration::from_secs(180),
        async || {
            let found = slices.list(&of_later).await?.items;
            let endpoints = found
                .iter()
                .flat_map(|slice| slice.endpoints.iter().flatten())
                .count();
            Ok(Seen::when(endpoints > 0, found))
        },
    )
    .await?;
    router.await_route(&host_route(later), &NODES).await
}
