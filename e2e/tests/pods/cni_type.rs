//! Pods on a bridge instead of point-to-point links.

use std::time::Duration;

use anyhow::Result;
use e2e::condition::Seen;
use e2e::mesh::Mesh;
use e2e::mesh::outside::SeenAs;
use e2e::mesh::service::{reach_host_port, reach_own_service};
use e2e::node::{FABRIC, W1};
use e2e::{Case, Isolation, await_condition, run};

#[test]
fn pods_reach_everything_on_a_bridge_and_point_to_point_again() {
    run("cni-type", Isolation::Exclusive, cni_type);
}

async fn cni_type(case: &Case) -> Result<()> {
    case.change_pod_network(|spec| spec["cni"]["type"] = "Bridge".into())
        .await?;
    await_plugin("bridge").await?;
    let mesh = Mesh::deploy(case, "bridged").await?;
    for node in FABRIC {
        let sentence = format!("pods of {} are on a bridge", node.name());
        await_condition(&sentence, Duration::from_secs(10), async || {
            let show = ["ip", "-o", "link", "show", "type", "bridge_slave"];
            let shown = node.machine.exec(&show).await?;
            Ok(Seen::when(!shown.is_empty(), shown))
        })
        .await?;
    }
    mesh.see_each_other().await?;
    mesh.reach_services(case).await?;
    mesh.reach_from_nodes(case).await?;
    mesh.await_seen_outside(SeenAs::Node).await?;
    reach_own_service(case, W1).await?;
    reach_host_port(case, W1).await?;
    mesh.remove(case).await?;
    for name in ["own-w1", "host-w1"] {
        case.delete_pod(name).await?;
        case.await_pod_gone(name).await?;
    }

    case.lab.apply_pod_network().await?;
    await_plugin("ptp").await?;
    for node in FABRIC {
        let sentence = format!("the bridge that no pod uses is gone from {}", node.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            let script = "ip -o link show herald0 2> /dev/null || true";
            let shown = node.machine.exec(&["bash", "-c", script]).await?;
            Ok(Seen::when(shown.is_empty(), shown))
        })
        .await?;
    }
    let mesh = Mesh::deploy(case, "linked").await?;
    mesh.see_each_other().await?;
    mesh.await_seen_outside(SeenAs::Node).await
}

/// Waits until every node has this plugin in its CNI configuration.
async fn await_plugin(plugin: &str) -> Result<()> {
    for node in FABRIC {
        let sentence = format!("{} has the plugin {plugin}", node.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            let script = "jq -r '.plugins[0].type' /etc/cni/net.d/*.conflist";
            let shown = node.machine.exec(&["bash", "-c", script]).await?;
            Ok(Seen::when(shown.trim() == plugin, shown))
        })
        .await?;
    }
    Ok(())
}
