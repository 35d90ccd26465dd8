//! What is broken on a node heals by itself, and what is others' stays as it is.

use std::time::Duration;

use anyhow::{Result, ensure};
use crds::PodNetwork;
use e2e::boot::ProxyMode;
use e2e::condition::Seen;
use e2e::mesh::outside::SeenAs;
use e2e::mesh::{Mesh, WebPod};
use e2e::node::{FABRIC, Node, W1, W3};
use e2e::snapshot::Snapshot;
use e2e::step::say;
use e2e::{Case, Isolation, Network, await_condition, client, fetch, run};
use futures::future::LocalBoxFuture;
use kube::api::{Api, DeleteParams};

/// A route and a table of somebody else.
const FOREIGN: &str = "ip route replace 192.0.2.0/24 dev eth0 proto 99 metric 50; \
                       ip -6 route replace 2001:db8:99::/64 dev eth0 proto 99 metric 50; \
                       nft add table inet foreign; nft add chain inet foreign kept; \
                       nft flush chain inet foreign kept; \
                       nft add rule inet foreign kept ip saddr 192.0.2.1 drop";
const NOT_FOREIGN: &str = "ip route del 192.0.2.0/24 proto 99; \
                           ip -6 route del 2001:db8:99::/64 proto 99; \
                           nft delete table inet foreign; true";

#[test]
fn heals_after_its_table_was_deleted() {
    run("repair-table", Isolation::Exclusive, async |case: &Case| {
        let script = "nft delete table inet herald";
        repair(case, "nft delete table inet herald", W1, script).await
    });
}

#[test]
fn heals_after_its_routes_were_flushed() {
    run(
        "repair-routes",
        Isolation::Exclusive,
        async |case: &Case| {
            let script = "ip route flush proto 158; ip -6 route flush proto 158";
            repair(case, "ip route flush proto 158", W1, script).await?;
            repair(case, "ip route flush proto 158, other subnet", W3, script).await
        },
    );
}

#[test]
fn heals_after_a_link_flap() {
    run("repair-link", Isolation::Exclusive, async |case: &Case| {
        for node in [W1, W3] {
            // An administrator's network daemon puts back what is its own.
            let script = format!(
                "ip link set eth1 down; ip link set eth1 up; {}",
                node.network_script(Network::Herald)
            );
            repair(case, "link flap", node, &script).await?;
        }
        Ok(())
    });
}

#[test]
fn heals_after_all_of_nftables_was_flushed() {
    run(
        "repair-ruleset",
        Isolation::Exclusive,
        async |case: &Case| {
            let script = format!("nft flush ruleset; {FOREIGN}");
            repair(case, "nft flush ruleset", W1, &script).await?;
            // kube-proxy does not look for its own tables; whoever flushes them starts it anew.
            W1.restart_proxy(ProxyMode::Nftables).await?;
            let mesh = Mesh::deploy(case, "later").await?;
            mesh.reach_services(case).await
        },
    );
}

/// Breaks a node by a script, and prints how long it takes until its pods reach everything again.
async fn repair(case: &Case, what: &str, node: Node, script: &str) -> Result<()> {
    let mesh = Mesh::deploy(case, "web").await?;
    mesh.see_each_other().await?;
    mesh.await_seen_outside(SeenAs::Node).await?;
    let shell = async |script: &str| node.machine.exec(&["bash", "-c", script]).await;
    shell(FOREIGN).await?;
    let work = async {
        let before = Snapshot::of(node).await?;
        let took = mesh.time_repair(mesh.on(node)?, script).await?;
        say(&format!(
            "repair: {what} on {}: works again after {} ms",
            node.name(),
            took.as_millis()
        ));
        mesh.see_each_other().await?;
        before.ensure_same(&Snapshot::of(node).await?, node)
    };
    let result = work.await;
    shell(NOT_FOREIGN).await?;
    result
}

#[test]
fn nothing_breaks_while_the_pod_network_object_is_deleted_and_made_anew() {
    run("object-deleted", Isolation::Exclusive, object_deleted);
}

async fn object_deleted(case: &Case) -> Result<()> {
    let mesh = Mesh::deploy(case, "web").await?;
    mesh.see_each_other().await?;
    mesh.await_seen_outside(SeenAs::Node).await?;
    let pod = mesh.on(W1)?;
    let [far4, far6] = mesh.on(W3)?.urls("/hostname");
    let outside = fetch::url(client::ADDRESSES[0].parse()?, client::PORT, "/clientip");
    let before = Snapshot::of(W1).await?;

    let mut work: LocalBoxFuture<'_, Result<()>> = Box::pin(work(case));
    for page in [&far4, &far6, &outside] {
        work = Box::pin(requests(pod, page, work));
    }
    work.await?;

    before.ensure_same(&Snapshot::of(W1).await?, W1)?;
    mesh.await_seen_outside(SeenAs::Node).await
}

/// Deletes the object, waits until every speaker has noticed, and makes it anew.
async fn work(case: &Case) -> Result<()> {
    let objects: Api<PodNetwork> = Api::all(case.lab.cluster.client());
    objects.delete("default", &DeleteParams::default()).await?;
    await_orphaned(case, true).await?;
    case.lab.apply_pod_network().await?;
    await_orphaned(case, false).await
}

/// Requires that no request from inside a pod is lost while `work` goes on.
async fn requests(pod: &WebPod, page: &str, work: LocalBoxFuture<'_, Result<()>>) -> Result<()> {
    let machine = pod.node.machine;
    let ((), tally) = machine.fetch_during(&pod.proxy(page), work).await?;
    ensure!(
        tally.lost.is_empty() && tally.cut == 0 && tally.answered > 10,
        "{page}: {tally:?}"
    );
    Ok(())
}

async fn await_orphaned(case: &Case, orphaned: bool) -> Result<()> {
    for node in FABRIC {
        let sentence = format!("{} has Orphaned={orphaned}", node.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            let state = case.lab.speaker_state(node).await?;
            let conditions = state.status.unwrap_or_default().conditions;
            let found = conditions
                .iter()
                .any(|condition| condition.r#type == "Orphaned" && condition.status == "True");
            Ok(Seen::when(found == orphaned, conditions))
        })
        .await?;
    }
    Ok(())
}
