//! Case 3: what is withdrawn when, and what is left of a Service that is none of ours any more.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::case::{addresses, conditions, host_route};
use e2e::condition::Seen;
use e2e::node::NODES;
use e2e::workload::{Families, load_balancer};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

#[test]
fn withdraws_with_the_last_endpoint_and_announces_with_the_first() {
    run("last-endpoint", Isolation::Shared, async |case: &Case| {
        case.serve("web", &NODES[..1]).await?;
        let address = case.expose("web", "web", Families::IPv4, false).await?[0];
        let route = host_route(address);
        case.lab.router.await_route(&route, &NODES).await?;
        case.delete_pod("web-w1").await?;
        case.lab.router.await_route(&route, &[]).await?;
        case.serve("web", &NODES[1..]).await?;
        case.lab.router.await_route(&route, &NODES).await?;
        case.lab.client.await_page(address, "/").await?;
        ensure!(
            addresses(&case.service("web").await?) == [address],
            "the address moved"
        );
        Ok(())
    });
}

#[test]
fn a_deleted_service_is_withdrawn_and_its_address_is_free() {
    run("deleted-service", Isolation::Shared, async |case: &Case| {
        case.serve("web", &NODES[..1]).await?;
        let address = case.expose("first", "web", Families::IPv4, false).await?[0];
        case.lab
            .router
            .await_route(&host_route(address), &NODES)
            .await?;
        case.api::<Service>()
            .delete("first", &DeleteParams::default())
            .await?;
        case.lab
            .router
            .await_route(&host_route(address), &[])
            .await?;
        let again = case.expose("second", "web", Families::IPv4, false).await?;
        ensure!(
            again == [address],
            "the lowest free address is {address}, not {again:?}"
        );
        Ok(())
    });
}

#[test]
fn a_service_turned_to_cluster_ip_is_withdrawn_and_clean() {
    run("turned-service", Isolation::Shared, turned);
}

async fn turned(case: &Case) -> Result<()> {
    case.serve("web", &NODES[..1]).await?;
    let address = case.expose("first", "web", Families::IPv4, false).await?[0];
    case.lab
        .router
        .await_route(&host_route(address), &NODES)
        .await?;
    let patch = json!({"spec": {
        "type": "ClusterIP",
        "externalTrafficPolicy": null,
        "allocateLoadBalancerNodePorts": null,
    }});
    case.api::<Service>()
        .patch("first", &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    case.lab
        .router
        .await_route(&host_route(address), &[])
        .await?;
    await_condition(
        "status and conditions are clean",
        Duration::from_secs(60),
        async || {
            let service = case.service("first").await?;
            let ours: Vec<_> = conditions(&service)
                .into_iter()
                .filter(|condition| condition.type_.starts_with("heraldlb.io/"))
                .collect();
            let left = (addresses(&service), ours);
            Ok(Seen::when(left.0.is_empty() && left.1.is_empty(), left))
        },
    )
    .await?;
    case.apply(load_balancer("second", "web", Families::IPv4, false))
        .await?;
    let again = case.await_addresses("second", 1).await?;
    ensure!(
        again == [address],
        "the lowest free address is {address}, not {again:?}"
    );
    Ok(())
}
