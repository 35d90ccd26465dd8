//! Pod CIDRs at the router.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::case::host_route;
use e2e::condition::Seen;
use e2e::node::{FABRIC, W1};
use e2e::workload::Families;
use e2e::{Case, Isolation, await_condition, run};
use serde_json::{Value, json};

const COMMUNITY: &str = "65000:77";

#[test]
fn the_router_has_each_nodes_pod_ranges_from_that_node_alone() {
    run("pod-ranges", Isolation::Shared, pod_ranges);
}

async fn pod_ranges(case: &Case) -> Result<()> {
    case.serve("web", &[W1]).await?;
    let addresses = case.expose("web", "web", Families::Dual, false).await?;
    let router = case.lab.router;
    for node in FABRIC {
        for range in case.lab.await_pod_ranges(node).await? {
            router.await_route(&range, &[node]).await?;
        }
    }
    // The same sessions carry the addresses of Services.
    for address in addresses {
        router.await_route(&host_route(address), &FABRIC).await?;
    }
    Ok(())
}

#[test]
fn communities_of_pod_ranges_change_without_a_new_session() {
    run("pod-communities", Isolation::Exclusive, communities);
}

async fn communities(case: &Case) -> Result<()> {
    let router = case.lab.router;
    let mut sessions = Vec::new();
    for node in FABRIC {
        for address in [node.ipv4, node.ipv6] {
            sessions.push((address, router.await_session(address, true).await?));
        }
    }
    await_communities(case, None).await?;
    case.change_pod_network(|spec| spec["advertise"]["communities"] = json!([COMMUNITY]))
        .await?;
    await_communities(case, Some(COMMUNITY)).await?;
    case.lab.apply_pod_network().await?;
    await_communities(case, None).await?;
    for (address, before) in sessions {
        let now = router.session(address).await?;
        ensure!(
            now.established == before.established,
            "{address}: {now:?} was {before:?}"
        );
    }
    Ok(())
}

async fn await_communities(case: &Case, expected: Option<&str>) -> Result<()> {
    for node in FABRIC {
        for range in case.lab.await_pod_ranges(node).await? {
            let family = if range.contains(':') { "ipv6" } else { "ipv4" };
            let command = format!("show bgp {family} unicast {range} json");
            let sentence = format!("{range} is at the router with communities {expected:?}");
            await_condition(&sentence, Duration::from_secs(60), async || {
                let shown: Value = serde_json::from_str(&case.lab.router.show(&command).await?)?;
                let path = &shown["paths"][0];
                let found = path["community"]["string"].as_str();
                Ok(Seen::when(
                    path.is_object() && found == expected,
                    path.clone(),
                ))
            })
            .await?;
        }
    }
    Ok(())
}
