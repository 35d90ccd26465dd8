//! Leaving: `deploy/cleanup.yaml` after the speakers have gone.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::condition::Seen;
use e2e::herald::NAMESPACE;
use e2e::mesh::Mesh;
use e2e::mesh::outside::SeenAs;
use e2e::node::FABRIC;
use e2e::snapshot::Snapshot;
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DeleteParams, ListParams};

/// The namespace of the manifest that cleans up.
const CLEANUP: &str = "herald-cleanup";

/// Routes, tables and files of Herald's own.
const OWN: &str = "for family in -4 -6; do ip $family route show table all proto 158; done; \
                   nft list tables | grep herald; \
                   find /etc/cni/net.d /run/herald -type f 2> /dev/null; true";

#[test]
fn cleanup_leaves_a_node_as_it_was_before_herald() {
    run("cleanup", Isolation::Exclusive, cleanup);
}

async fn cleanup(case: &Case) -> Result<()> {
    // Whatever has been made of the settings meanwhile (the ptp plugin turns forwarding on by itself when a rebooted
    // node starts its pods before the speaker), Herald shall find them as they were before it came.
    leave(case).await?;
    for node in FABRIC {
        Snapshot::untouched(node)?.set_settings(node).await?;
    }
    case.lab.install().await?;
    case.lab.await_sessions().await?;
    let mesh = Mesh::deploy(case, "web").await?;
    mesh.see_each_other().await?;
    mesh.await_seen_outside(SeenAs::Node).await?;
    mesh.remove(case).await?;

    leave(case).await?;
    for node in FABRIC {
        Snapshot::untouched(node)?.ensure_same(&Snapshot::of(node).await?, node)?;
        let own = node.machine.exec(&["bash", "-c", OWN]).await?;
        ensure!(own.is_empty(), "left on {}: {own}", node.name());
    }
    Ok(())
}

/// Ends the speakers and controllers, and cleans up.
async fn leave(case: &Case) -> Result<()> {
    let client = case.lab.cluster.client();
    let with_pods = DeleteParams::foreground();
    let daemons: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    daemons.delete("herald-speaker", &with_pods).await?;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    deployments.delete("herald-controller", &with_pods).await?;
    await_no_pods(case, NAMESPACE).await?;

    case.lab.apply_file("cleanup.yaml").await?;
    let daemons: Api<DaemonSet> = Api::namespaced(client.clone(), CLEANUP);
    await_condition("every node is clean", Duration::from_secs(60), async || {
        let status = daemons.get(CLEANUP).await?.status;
        let available = status.as_ref().and_then(|status| status.number_available);
        Ok(Seen::when(available == Some(3), status))
    })
    .await?;
    daemons.delete(CLEANUP, &with_pods).await?;
    await_no_pods(case, CLEANUP).await?;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(CLEANUP, &DeleteParams::default()).await?;
    await_condition(
        "its namespace is gone",
        Duration::from_secs(60),
        async || {
            let left = namespaces.get_opt(CLEANUP).await?;
            Ok(Seen::when(left.is_none(), ()))
        },
    )
    .await
}

async fn await_no_pods(case: &Case, namespace: &str) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(case.lab.cluster.client(), namespace);
    let sentence = format!("no pod is left in {namespace}");
    await_condition(&sentence, Duration::from_secs(60), async || {
        let left = pods.list(&ListParams::default()).await?.items.len();
        Ok(Seen::when(left == 0, left))
    })
    .await
    .map(|_| ())
}
