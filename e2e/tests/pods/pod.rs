//! Pods reach pods, and the containers of one pod share its localhost.

use anyhow::{Result, ensure};
use e2e::mesh::{Mesh, WebPod};
use e2e::node::W3;
use e2e::{Case, Isolation, run, workload};
use serde_json::json;

#[test]
fn every_pod_reaches_every_other_and_is_seen_with_its_own_address() {
    run("pod-to-pod", Isolation::Shared, async |case: &Case| {
        let mesh = Mesh::deploy(case, "web").await?;
        mesh.see_each_other().await
    });
}

#[test]
fn two_containers_of_a_pod_share_localhost() {
    run("localhost", Isolation::Shared, localhost);
}

async fn localhost(case: &Case) -> Result<()> {
    let mut pod = workload::web_pod("pair", "pair", W3)?;
    let containers = pod["spec"]["containers"].as_array_mut().unwrap();
    let mut second = containers[0].clone();
    second["name"] = "second".into();
    second["args"] = json!([":8081"]);
    second["ports"] = json!([{"containerPort": 8081}]);
    second["readinessProbe"]["httpGet"]["port"] = 8081.into();
    containers.push(second);
    case.apply(pod).await?;
    let pod = WebPod::ready(&case.api(), "pair", W3).await?;
    for (host, own) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")] {
        let seen = pod
            .await_page(&format!("http://{host}:8081/clientip"))
            .await?;
        ensure!(seen == own, "the second container sees the first as {seen}");
    }
    Ok(())
}
