//! Case 2: externalTrafficPolicy Local.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::case::host_route;
use e2e::client::ADDRESSES;
use e2e::node::NODES;
use e2e::workload::{self, Families};
use e2e::{Case, Isolation, run};

#[test]
fn only_nodes_with_a_ready_endpoint_announce_and_the_pod_sees_the_client() {
    run("local-client", Isolation::Shared, async |case: &Case| {
        case.serve("web", &NODES[..1]).await?;
        let addresses = case.expose("web", "web", Families::Dual, true).await?;
        for (&address, client) in addresses.iter().zip(ADDRESSES) {
            case.lab
                .router
                .await_route(&host_route(address), &NODES[..1])
                .await?;
            let seen = case.lab.client.await_page(address, "/clientip").await?;
            let seen: IpAddr = seen.trim().parse()?;
            ensure!(seen == client.parse::<IpAddr>()?, "the pod sees {seen}");
        }
        Ok(())
    });
}

#[test]
fn the_route_follows_a_pod_to_the_other_node_without_a_lost_request() {
    run("local-move", Isolation::Shared, follow);
}

async fn follow(case: &Case) -> Result<()> {
    for node in NODES {
        // It goes on answering while it leaves, as a server behind a load balancer should.
        let mut pod = workload::web_pod(&format!("web-{}", node.name()), "web", node)?;
        pod["spec"]["terminationGracePeriodSeconds"] = 40.into();
        pod["spec"]["containers"][0]["lifecycle"] =
            serde_json::json!({"preStop": {"sleep": {"seconds": 10}}});
        if node == NODES[0] {
            case.apply(pod).await?;
            case.await_pod("web-w1").await?;
            case.expose("web", "web", Families::IPv4, true).await?;
        } else {
            move_pod(case, pod).await?;
        }
    }
    Ok(())
}

async fn move_pod(case: &Case, successor: serde_json::Value) -> Result<()> {
    let address = case.await_addresses("web", 1).await?[0];
    let (router, client) = (case.lab.router, case.lab.client);
    let route = host_route(address);
    router.await_route(&route, &NODES[..1]).await?;
    client.await_page(address, "/").await?;
    let moving = async {
        case.apply(successor).await?;
        case.await_pod("web-w2").await?;
        router.await_route(&route, &NODES).await?;
        case.delete_pod("web-w1").await?;
        router.await_route(&route, &NODES[1..]).await
    };
    let ((), tally) = client.fetch_during(address, "/hostname", moving).await?;
    ensure!(
        tally.lost.is_empty(),
        "lost {:?} beside {} answered",
        tally.lost,
        tally.answered
    );
    // The route changes twice: it gains a node and loses one.
    ensure!(tally.cut <= 2, "{} connections were cut", tally.cut);
    ensure!(
        tally.answered > 10,
        "only {} requests were made",
        tally.answered
    );
    let page = client.await_page(address, "/hostname").await?;
    ensure!(page.trim() == "web-w2", "{page}");
    e2e::await_condition("the old pod is gone", Duration::from_secs(60), async || {
        let pods = case.api::<k8s_openapi::api::core::v1::Pod>();
        let left = pods.get_opt("web-w1").await?;
        Ok(e2e::condition::Seen::when(left.is_none(), ()))
    })
    .await
}
