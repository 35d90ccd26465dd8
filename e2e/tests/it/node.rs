//! Case 4: nodes that shall not announce, and nodes that a peer does not select.

use anyhow::Result;
use e2e::case::host_route;
use e2e::herald::PEERS;
use e2e::node::NODES;
use e2e::router::ADDRESSES;
use e2e::workload::{self, Families};
use e2e::{Case, Isolation, run};
use serde_json::json;

const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
const RACK: &str = "e2e.heraldlb.io/rack";

#[test]
fn an_excluded_node_withdraws_and_the_other_stays() {
    run(
        "excluded-node",
        Isolation::Exclusive,
        async |case: &Case| {
            case.serve("web", &NODES).await?;
            let address = case.expose("web", "web", Families::IPv4, false).await?[0];
            let (router, cluster) = (case.lab.router, &case.lab.cluster);
            router.await_route(&host_route(address), &NODES).await?;
            cluster.label_node("w1", EXCLUDED, Some("")).await?;
            router
                .await_route(&host_route(address), &NODES[1..])
                .await?;
            case.lab.client.await_page(address, "/").await?;
            cluster.label_node("w1", EXCLUDED, None).await?;
            router.await_route(&host_route(address), &NODES).await
        },
    );
}

#[test]
fn a_node_that_the_peer_does_not_select_closes_its_session_alone() {
    run("unselected-node", Isolation::Exclusive, unselected);
}

async fn unselected(case: &Case) -> Result<()> {
    let (router, cluster) = (case.lab.router, &case.lab.cluster);
    for node in NODES {
        cluster.label_node(node.name(), RACK, Some("a")).await?;
    }
    let mut peer = workload::peer(PEERS[0], ADDRESSES[0]);
    peer["spec"]["nodeSelectors"] = json!([{"matchLabels": {RACK: "a"}}]);
    cluster.apply_value(&peer).await?;
    let before = router.await_session(NODES[1].ipv4, true).await?;
    router.await_session(NODES[0].ipv4, true).await?;

    cluster.label_node("w1", RACK, None).await?;
    router.await_session(NODES[0].ipv4, false).await?;
    let other_family = router.session(NODES[0].ipv6).await?;
    let other_node = router.session(NODES[1].ipv4).await?;
    anyhow::ensure!(other_family.state == "Established", "{other_family:?}");
    anyhow::ensure!(
        other_node.established == before.established,
        "{other_node:?}"
    );

    cluster.label_node("w1", RACK, Some("a")).await?;
    router.await_session(NODES[0].ipv4, true).await?;
    Ok(())
}
