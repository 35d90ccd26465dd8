//! Herald's routes in the kernel of a node.

use std::time::Duration;

use anyhow::Result;
use e2e::condition::Seen;
use e2e::node::{Node, W1, W2, W3};
use e2e::router::ADDRESSES;
use e2e::{Case, Isolation, await_condition, run};
use serde_json::Value;

const DIRECT: u64 = 512;
const IMPORTED: u64 = 768;
const UNUSED: u64 = u32::MAX as u64;

#[test]
fn a_node_has_direct_imported_and_unreachable_routes() {
    run("kernel-routes", Isolation::Shared, async |case: &Case| {
        for (index, own) in case.lab.await_pod_ranges(W1).await?.iter().enumerate() {
            let neighbour = &case.lab.await_pod_ranges(W2).await?[index];
            let far = &case.lab.await_pod_ranges(W3).await?[index];
            let on_link = [W2.ipv4, W2.ipv6][index];
            await_route(W1, neighbour, DIRECT, Some(on_link)).await?;
            await_route(W1, far, IMPORTED, Some(ADDRESSES[index])).await?;
            await_route(W1, own, UNUSED, None).await?;
        }
        Ok(())
    });
}

/// Waits for a route of Herald's; without `gateway` it is an unreachable one.
async fn await_route(node: Node, range: &str, metric: u64, gateway: Option<&str>) -> Result<()> {
    let family = if range.contains(':') { "-6" } else { "-4" };
    let sentence = format!("{} has {range} metric {metric} by {gateway:?}", node.name());
    await_condition(&sentence, Duration::from_secs(60), async || {
        let show = ["ip", family, "-d", "-j", "route", "show", range];
        let shown: Value = serde_json::from_str(&node.machine.exec(&show).await?)?;
        let found = shown.as_array().into_iter().flatten().any(|route| {
            route["protocol"].as_str() == Some("158")
                && route["metric"].as_u64() == Some(metric)
                && match gateway {
                    Some(gateway) => route["gateway"].as_str() == Some(gateway),
                    None => route["type"].as_str() == Some("unreachable"),
                }
        });
        Ok(Seen::when(found, shown))
    })
    .await
    .map(|_| ())
}
