//! What advertisements say of routes: names of communities, aggregates, weights.

use std::collections::BTreeMap;
use std::slice;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::case::host_route;
use e2e::condition::Seen;
use e2e::node::{NODES, Node};
use e2e::workload::{self, Families};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};

use crate::bad_input::{await_object_condition, await_speaker_condition};

const COMMUNITY: &str = "65000:42";

#[test]
fn a_name_of_a_community_that_is_missing_sends_nothing_new_and_heals() {
    run("missing-community", Isolation::Shared, missing_community);
}

async fn missing_community(case: &Case) -> Result<()> {
    let (router, client) = (case.lab.router, case.lab.cluster.client());
    let before = router.session(NODES[0].ipv4).await?;
    Api::<crds::BGPAdvertisement>::all(client.clone())
        .delete(&case.name, &DeleteParams::default())
        .await?;
    let marked = format!("{}-marked", case.name);
    let mut advertisement = workload::advertisement(&marked, &case.name);
    advertisement["spec"]["communities"] = json!([case.name]);
    case.apply(advertisement).await?;
    await_names(case, &marked, false).await?;
    case.serve("web", &NODES[..1]).await?;
    let address = case.expose("web", "web", Families::IPv4, false).await?[0];
    let (route, service) = (host_route(address), format!("{}/web", case.name));
    for node in NODES {
        let sentence = format!("{} says why it announces nothing", node.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            let page = case.lab.debug_page(node).await?;
            let services = page["services"].as_array().cloned().unwrap_or_default();
            let silent = services.iter().any(|line| {
                line["service"] == service.as_str() && line["reason"] == "NoAdvertisement"
            });
            Ok(Seen::when(silent, services))
        })
        .await?;
    }
    ensure!(router.paths(&route).await?.is_empty());

    case.apply(json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "Community",
        "metadata": {"name": case.name},
        "spec": {"communities": [{"name": case.name, "value": COMMUNITY}]},
    }))
    .await?;
    await_names(case, &marked, true).await?;
    await_community(case, &route).await?;

    Api::<crds::Community>::all(client)
        .delete(&case.name, &DeleteParams::default())
        .await?;
    await_names(case, &marked, false).await?;
    await_speaker_condition(case, "ConfigAccepted", "False", &marked).await?;
    await_community(case, &route).await?;
    let still = router.session(NODES[0].ipv4).await?;
    ensure!(
        still.established == before.established,
        "{still:?} was {before:?}"
    );
    Ok(())
}

/// Waits until the advertisement says whether all its names are there, and names the one that is not.
async fn await_names(case: &Case, advertisement: &str, there: bool) -> Result<()> {
    let (status, part) = match there {
        true => ("True", ""),
        false => ("False", case.name.as_str()),
    };
    await_object_condition::<crds::BGPAdvertisement>(
        case,
        advertisement,
        "ResolvedRefs",
        status,
        part,
    )
    .await
}

/// Waits until the router has the route with the community, from both nodes.
async fn await_community(case: &Case, route: &str) -> Result<()> {
    let sentence = format!("{route} says {COMMUNITY}");
    await_condition(&sentence, Duration::from_secs(60), async || {
        let paths = case.lab.router.paths(route).await?;
        let said = paths.values().filter(|path| path.communities == COMMUNITY);
        Ok(Seen::when(said.count() == NODES.len(), paths))
    })
    .await
    .map(drop)
}

#[test]
fn an_aggregate_comes_from_who_can_take_its_traffic() {
    run("aggregate", Isolation::Shared, aggregate);
}

async fn aggregate(case: &Case) -> Result<()> {
    let (router, client) = (case.lab.router, case.lab.client);
    let [aggregate4, aggregate6] = case.ranges();
    let mut advertisement = workload::advertisement(&case.name, &case.name);
    advertisement["spec"]["aggregationLength"] = 24.into();
    advertisement["spec"]["aggregationLengthV6"] = 64.into();
    case.apply(advertisement).await?;
    case.serve("web", &NODES[..1]).await?;
    let anywhere = case
        .expose("anywhere", "web", Families::Dual, false)
        .await?;
    for (&address, aggregate) in anywhere.iter().zip([&aggregate4, &aggregate6]) {
        router.await_route(aggregate, &NODES).await?;
        ensure!(router.paths(&host_route(address)).await?.is_empty());
        client.await_page(address, "/").await?;
    }

    let local = case.expose("local", "web", Families::IPv4, true).await?[0];
    router.await_route(&host_route(local), &NODES[..1]).await?;
    router.await_route(&aggregate4, &NODES).await?;
    let seen = client.await_page(local, "/clientip").await?;
    ensure!(seen == e2e::client::ADDRESSES[0], "the pod sees {seen}");

    // Now all that is left in the aggregate is served by the first node alone.
    case.api::<Service>()
        .delete("anywhere", &DeleteParams::default())
        .await?;
    router.await_route(&aggregate4, &NODES[..1]).await?;
    router.await_route(&aggregate6, &[]).await?;
    router.await_route(&host_route(local), &NODES[..1]).await
}

#[test]
fn the_router_spreads_traffic_as_endpoints_are_spread() {
    run("link-bandwidth", Isolation::Shared, spread);
}

async fn spread(case: &Case) -> Result<()> {
    let router = case.lab.router;
    let mut advertisement = workload::advertisement(&case.name, &case.name);
    advertisement["spec"]["linkBandwidth"] = "LocalEndpoints".into();
    case.apply(advertisement).await?;
    let more = ["web-second", "web-third"];
    for name in more {
        case.apply(workload::web_pod(name, "web", NODES[0])?)
            .await?;
    }
    case.serve("web", &NODES).await?;
    for name in more {
        case.await_pod(name).await?;
    }
    let address = case.expose("web", "web", Families::IPv4, true).await?[0];
    let route = host_route(address);
    let fewer = async {
        await_weights(case, &route, [75, 25]).await?;
        for name in more {
            case.delete_pod(name).await?;
        }
        // FRR writes equal weights as they are when nobody says anything.
        await_weights(case, &route, [50, 50]).await
    };
    router.await_route(&route, &NODES).await?;
    let (_, traces) = router.trace_during(slice::from_ref(&route), fewer).await?;
    let changes = &traces[0].changes;
    ensure!(
        !changes.iter().any(|change| change.starts_with("Deleted")),
        "{changes:?}"
    );
    Ok(())
}

/// Waits until the router's kernel sends these parts of a hundred to the nodes.
async fn await_weights(case: &Case, route: &str, parts: [u64; 2]) -> Result<()> {
    let sentence = format!("{route} has weights {parts:?}");
    await_condition(&sentence, Duration::from_secs(60), async || {
        let shown = ["ip", "-j", "route", "show", route];
        let shown = case.lab.router.machine().exec(&shown).await?;
        let routes: Value = serde_json::from_str(&shown)?;
        let hops = routes[0]["nexthops"].as_array().into_iter().flatten();
        let weights: BTreeMap<&str, u64> = hops
            .filter_map(|hop| Some((hop["gateway"].as_str()?, hop["weight"].as_u64()?)))
            .collect();
        let of = |node: Node| weights.get(node.ipv4).copied();
        Ok(Seen::when(NODES.map(of) == parts.map(Some), shown))
    })
    .await
    .map(drop)
}
