//! Nodes that restart, and nodes that are replaced.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::condition::Seen;
use e2e::mesh::outside::SeenAs;
use e2e::mesh::{Mesh, WebPod};
use e2e::node::{FABRIC, Node, W1, W2, W3};
use e2e::step::say;
use e2e::{Case, Isolation, Network, await_condition, run};
use k8s_openapi::api::core::v1::{Node as NodeObject, Pod};
use kube::api::{Api, DeleteParams, ListParams};

#[test]
fn a_rebooted_node_has_its_pod_network_again() {
    run("reboot", Isolation::Exclusive, async |case: &Case| {
        for node in [W2, W3] {
            reboot(case, node).await?;
        }
        Ok(())
    });
}

async fn reboot(case: &Case, node: Node) -> Result<()> {
    let mesh = Mesh::deploy(case, "web").await?;
    mesh.see_each_other().await?;
    let started = Instant::now();
    node.reboot(Network::Herald).await?;
    let up = Instant::now();
    // kubelet starts the node's pods anew, with new addresses; the others have not moved.
    let name = &mesh.on(node)?.name;
    await_restarted(case, mesh.on(node)?).await?;
    let pod = WebPod::ready(&case.api(), name, node).await?;
    let others = mesh.pods.iter().filter(|other| other.node != node);
    let pods = others.cloned().chain([pod]).collect();
    let mesh = Mesh { pods, ..mesh };
    mesh.see_each_other().await?;
    mesh.await_seen_outside(SeenAs::Node).await?;
    say(&format!(
        "repair: reboot of {}: works again after {:.1} s, {:.1} s after its daemons have started",
        node.name(),
        started.elapsed().as_secs_f64(),
        up.elapsed().as_secs_f64()
    ));
    Ok(())
}

async fn await_restarted(case: &Case, before: &WebPod) -> Result<()> {
    let pods = case.api::<Pod>();
    let sentence = format!("pod {} runs in a new sandbox", before.name);
    await_condition(&sentence, Duration::from_secs(180), async || {
        let status = pods.get(&before.name).await?.status.unwrap_or_default();
        let restarted = status
            .container_statuses
            .iter()
            .flatten()
            .any(|container| container.restart_count > 0 && container.ready);
        Ok(Seen::when(restarted, status))
    })
    .await
    .map(|_| ())
}

#[test]
fn a_replaced_node_gets_another_pod_range_and_everybody_follows() {
    run("replaced-node", Isolation::Exclusive, replaced);
}

async fn replaced(case: &Case) -> Result<()> {
    let cluster = &case.lab.cluster;
    let old = Mesh::deploy(case, "old").await?;
    old.see_each_other().await?;
    let before = case.lab.await_pod_ranges(W2).await?;

    W2.power_off().await?;
    delete_pods(case, W2).await?;
    let nodes: Api<NodeObject> = Api::all(cluster.client());
    nodes.delete(W2.name(), &DeleteParams::default()).await?;
    W2.wipe().await?;
    let started = Instant::now();
    W2.power_on(Network::Herald).await?;
    case.lab.load_herald(W2).await?;
    let now = case.lab.await_pod_ranges(W2).await?;
    ensure!(
        now.iter().all(|range| !before.contains(range)),
        "{now:?} was {before:?}"
    );
    case.lab.await_herald().await?;
    case.lab.await_nodes().await?;
    let new = Mesh::deploy(case, "new").await?;
    new.see_each_other().await?;
    new.await_seen_outside(SeenAs::Node).await?;
    say(&format!(
        "repair: replaced {}: works again {:.1} s after its daemons were started",
        W2.name(),
        started.elapsed().as_secs_f64()
    ));
    for range in now {
        case.lab.router.await_route(&range, &[W2]).await?;
    }
    for range in before {
        case.lab.router.await_route(&range, &[]).await?;
        for node in FABRIC {
            await_no_route(node, &range).await?;
        }
    }
    Ok(())
}

/// Nobody is there to end them.
async fn delete_pods(case: &Case, node: Node) -> Result<()> {
    let client = case.lab.cluster.client();
    let here = ListParams::default().fields(&format!("spec.nodeName={}", node.name()));
    for pod in Api::<Pod>::all(client.clone()).list(&here).await? {
        let (name, namespace) = (pod.metadata.name, pod.metadata.namespace);
        Api::<Pod>::namespaced(client.clone(), &namespace.unwrap_or_default())
            .delete(
                &name.unwrap_or_default(),
                &DeleteParams::default().grace_period(0),
            )
            .await?;
    }
    Ok(())
}

async fn await_no_route(node: Node, range: &str) -> Result<()> {
    let family = if range.contains(':') { "-6" } else { "-4" };
    let sentence = format!("{} has no route to {range}", node.name());
    await_condition(&sentence, Duration::from_secs(60), async || {
        let shown = node
            .machine
            .exec(&["ip", family, "route", "show", range])
            .await?;
        Ok(Seen::when(shown.is_empty(), shown))
    })
    .await
    .map(|_| ())
}

#[test]
fn a_node_goes_on_while_its_neighbour_reboots() {
    run(
        "neighbour-reboots",
        Isolation::Exclusive,
        async |case: &Case| {
            let mesh = Mesh::deploy(case, "web").await?;
            mesh.see_each_other().await?;
            let (pod, page) = (mesh.on(W1)?, &mesh.on(W3)?.urls("/hostname")[1]);
            let machine = pod.node.machine;
            let ((), tally) = machine
                .fetch_during(&pod.proxy(page), W2.reboot(Network::Herald))
                .await?;
            ensure!(tally.lost.is_empty() && tally.cut == 0, "{tally:?}");
            Ok(())
        },
    );
}
