//! The demonstration: a page behind a LoadBalancer Service, fetched by a client that knows only the router; and where
//! the pod network is Herald's, pods that fetch from each other.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use e2e::case::{addresses, host_route};
use e2e::command::Command;
use e2e::condition::{Seen, await_condition};
use e2e::mesh::WebPod;
use e2e::node::{W1, W3};
use e2e::step::{say, step};
use e2e::workload::{self, Families};
use e2e::{Lab, Network, lab};
use k8s_openapi::api::core::v1::Service;
use kube::api::Api;
use serde_json::Value;

/// Starts everything, and leaves it up.
pub(crate) async fn run() -> Result<()> {
    let lab = Lab::up().await?;
    step("Herald", lab.install()).await?;
    step("pool, advertisement, pods and Service", apply(&lab)).await?;
    let addresses = step("addresses", await_addresses(&lab)).await?;
    step("routes over both nodes", async {
        for &address in &addresses {
            lab.router
                .await_route(&host_route(address), lab.nodes())
                .await?;
        }
        Ok(())
    })
    .await?;
    let mut pages = Vec::new();
    for &address in &addresses {
        pages.push((address, lab.client.await_page(address, "/").await?));
    }
    status(&lab).await?;
    if lab.network == Network::Herald {
        pods(&lab).await?;
    }
    for (address, page) in pages {
        title(&format!(
            "the client, behind the router, fetches from {address}"
        ));
        say(page.trim());
    }
    let kubeconfig = lab::kubeconfig();
    title("look around");
    for line in [
        format!(
            "kubectl --kubeconfig {} get hpool,hpeer,hbgpadv,hspk,service",
            kubeconfig.display()
        ),
        "docker exec -it herald-lab-tor vtysh          the router".to_owned(),
        "docker exec -it herald-lab-client bash        the client".to_owned(),
        "docker exec -it herald-lab-w1 bash            a node".to_owned(),
        "make clean-lab                                removes all of it".to_owned(),
    ] {
        say(&format!("  {line}"));
    }
    Ok(())
}

/// What there is, as kubectl and the router tell it.
pub(crate) async fn status(lab: &Lab) -> Result<()> {
    for (what, arguments) in [
        ("nodes", ["get", "nodes", "-o", "wide"].as_slice()),
        (
            "Herald's pods",
            &["get", "pods", "-n", "herald-system", "-o", "wide"],
        ),
        ("Services", &["get", "services", "-A", "-o", "wide"]),
        ("SpeakerStates", &["get", "speakerstates"]),
    ] {
        title(what);
        let output = Command::new(lab::kubectl())
            .arg("--kubeconfig")
            .arg(lab::kubeconfig())
            .args(arguments)
            .output()
            .await?;
        say(output.trim_end());
    }
    for &node in lab.nodes() {
        let status = lab.speaker_state(node).await?.status.unwrap_or_default();
        for session in status.sessions {
            say(&format!(
                "  {}: {} ({}) {} since {}",
                node.name(),
                session.peer,
                session.address,
                session.state,
                session.since,
            ));
        }
    }
    for command in [
        "show bgp ipv4 unicast",
        "show bgp ipv6 unicast",
        "show ip route bgp",
        "show ipv6 route bgp",
    ] {
        title(&format!("the router: {command}"));
        say(lab.router.show(command).await?.trim_end());
    }
    Ok(())
}

/// What a node routes, and what a pod sees of another one on the other side of the router.
async fn pods(lab: &Lab) -> Result<()> {
    for family in ["-4", "-6"] {
        title(&format!("w1: ip {family} route"));
        let routes = W1.machine.exec(&["ip", family, "route"]).await?;
        say(routes.trim_end());
    }
    let pods = Api::namespaced(lab.cluster.client(), "default");
    let from = WebPod::ready(&pods, "demo-w1", W1).await?;
    let to = WebPod::ready(&pods, "demo-w3", W3).await?;
    for (page, own) in to.urls("/clientip").iter().zip(from.addresses) {
        title(&format!(
            "pod demo-w1 ({own}) fetches {page}, of a pod on w3, and is seen as"
        ));
        say(&from.await_page(page).await?);
    }
    Ok(())
}

fn title(text: &str) {
    say(&format!("\n── {text}"));
}

async fn apply(lab: &Lab) -> Result<()> {
    let mut objects = vec![
        workload::pool(
            "demo",
            &[
                "10.20.255.10-10.20.255.250",
                "fd20:0:0:ff::10-fd20:0:0:ff::ff",
            ],
            "default",
        ),
        workload::advertisement("demo", "demo"),
        workload::load_balancer("demo", "demo", Families::Dual, false),
    ];
    for &node in lab.nodes() {
        objects.push(workload::web_pod(
            &format!("demo-{}", node.name()),
            "demo",
            node,
        )?);
    }
    for mut object in objects {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), "default".into());
        }
        lab.cluster.apply_value(&object).await?;
    }
    Ok(())
}

async fn await_addresses(lab: &Lab) -> Result<Vec<IpAddr>> {
    let services: Api<Service> = Api::namespaced(lab.cluster.client(), "default");
    await_condition(
        "the Service has two addresses",
        Duration::from_secs(60),
        async || {
            let found = addresses(&services.get("demo").await?);
            Ok(Seen::when(found.len() == 2, found))
        },
    )
    .await
}
