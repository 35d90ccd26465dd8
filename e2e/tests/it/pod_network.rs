//! Pod CIDRs advertised beside somebody else's pod network.

use anyhow::Result;
use e2e::node::NODES;
use e2e::snapshot::Snapshot;
use e2e::{Case, Isolation, run};
use serde_json::{Value, json};

#[test]
fn advertises_pod_ranges_and_touches_nothing_of_another_pod_network() {
    run("advertise-mode", Isolation::Exclusive, advertise);
}

async fn advertise(case: &Case) -> Result<()> {
    case.serve("web", &NODES).await?;
    let mut before = Vec::new();
    for node in NODES {
        before.push(Snapshot::of(node).await?);
    }
    let (cluster, router) = (&case.lab.cluster, case.lab.router);
    cluster.apply_value(&pod_network(true)).await?;
    for node in NODES {
        for range in case.lab.await_pod_ranges(node).await? {
            router.await_route(&range, &[node]).await?;
        }
    }
    for (node, before) in NODES.into_iter().zip(&before) {
        before.ensure_same(&Snapshot::of(node).await?, node)?;
        let own = node.machine.exec(&["bash", "-c", OWN]).await?;
        anyhow::ensure!(own.is_empty(), "Herald has made on {}: {own}", node.name());
    }
    cluster.apply_value(&pod_network(false)).await?;
    for node in NODES {
        for range in case.lab.await_pod_ranges(node).await? {
            router.await_route(&range, &[]).await?;
        }
    }
    Ok(())
}

/// Routes of Herald's protocol number, and what of its table is there for pods.
const OWN: &str = "ip route show table all proto 158; ip -6 route show table all proto 158; \
                   nft list table inet herald 2> /dev/null | grep -E 'snat|masquerade' || true";

fn pod_network(enabled: bool) -> Value {
    json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "PodNetwork",
        "metadata": {"name": "default"},
        "spec": {"mode": "Advertise", "advertise": {"enabled": enabled}},
    })
}
