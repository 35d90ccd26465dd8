//! Making the lab whole again, whatever a case or a killed run has broken in it.

use std::time::Duration;

use anyhow::Result;
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement};
use k8s_openapi::api::core::v1::{Namespace, Node as NodeObject, Secret, Service};
use kube::api::{Api, DeleteParams, ListParams};

use crate::case::LABEL;
use crate::condition::{Seen, await_condition};
use crate::herald::{DRAIN, NAMESPACE};
use crate::network::Network;
use crate::{Lab, control_plane, segment};

/// Removes what the cases of an earlier run have left in the cluster, and waits until it is gone.
pub(crate) async fn sweep(lab: &Lab) -> Result<()> {
    if !lab.cluster.ready().await.unwrap_or(false) {
        revive_api_server(lab).await?;
    }
    remove(lab, LABEL).await?;
    let namespaces: Api<Namespace> = Api::all(lab.cluster.client());
    let selected = ListParams::default().labels(LABEL);
    await_condition(
        "the namespaces are gone",
        Duration::from_secs(120),
        async || {
            let left = namespaces.list(&selected).await?.items.len();
            Ok(Seen::when(left == 0, left))
        },
    )
    .await
    .map(|_| ())
}

/// Deletes the objects that a label selects; their namespaces end in their own time.
pub(crate) async fn remove(lab: &Lab, selector: &str) -> Result<()> {
    let client = lab.cluster.client();
    let (selected, now) = (
        ListParams::default().labels(selector),
        DeleteParams::default().grace_period(0),
    );
    // Services first, then what their addresses and announcements hang on.
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for namespace in namespaces.list(&selected).await? {
        let name = namespace.metadata.name.unwrap_or_default();
        Api::<Service>::namespaced(client.clone(), &name)
            .delete_collection(&now, &ListParams::default())
            .await?;
        namespaces.delete(&name, &now).await?;
    }
    Api::<BGPAdvertisement>::all(client.clone())
        .delete_collection(&now, &selected)
        .await?;
    Api::<L2Advertisement>::all(client.clone())
        .delete_collection(&now, &selected)
        .await?;
    Api::<Community>::all(client.clone())
        .delete_collection(&now, &selected)
        .await?;
    Api::<IPAddressPool>::all(client.clone())
        .delete_collection(&now, &selected)
        .await?;
    Api::<BGPPeer>::all(client.clone())
        .delete_collection(&now, &selected)
        .await?;
    Api::<BFDProfile>::all(client.clone())
        .delete_collection(&now, &selected)
        .await?;
    Api::<Secret>::namespaced(client, NAMESPACE)
        .delete_collection(&now, &selected)
        .await?;
    Ok(())
}

/// Nodes and links up, labels and other marks off, router and peers as they were, every pod of Herald ready, every session Established.
pub(crate) async fn restore(lab: &Lab) -> Result<()> {
    if !lab.cluster.ready().await.unwrap_or(false) {
        revive_api_server(lab).await?;
    }
    let outside = match lab.network {
        Network::Other => vec![],
        Network::Herald => vec![segment::GUEST],
    };
    let nodes = lab.nodes().iter().map(|node| node.machine);
    let always = [lab.client.machine(), lab.router.machine()];
    for machine in nodes.chain(always).chain(outside) {
        machine.stop_watching().await?;
    }
    for &node in lab.nodes() {
        if !node.is_on().await {
            node.power_off().await?;
            node.power_on(lab.network).await?;
            lab.load_herald(node).await?;
            lab.await_pod_ranges(node).await?;
        }
        for interface in lab.network.interfaces() {
            node.set_interface(interface, true).await?;
        }
        node.restore_addresses(lab.network).await?;
        unmark(lab, node.name()).await?;
    }
    match lab.network {
        Network::Other => lab.route_pods().await?,
        Network::Herald => segment::restore().await?,
    }
    lab.router.restore().await?;
    lab.apply_manifest().await?;
    lab.apply_pod_network().await?;
    lab.apply_peers().await?;
    lab.await_herald().await?;
    lab.await_sessions().await
}

async fn revive_api_server(lab: &Lab) -> Result<()> {
    // It may be there and only stuck, or just be starting.
    let _ = control_plane::MACHINE.stop(control_plane::API_SERVER).await;
    lab.start_api_server().await
}

/// Removes what cases put on nodes: labels, the marks that drain them, the cordon.
async fn unmark(lab: &Lab, node: &str) -> Result<()> {
    let object = Api::<NodeObject>::all(lab.cluster.client())
        .get(node)
        .await?;
    let labels = object.metadata.labels.unwrap_or_default();
    for label in labels.keys() {
        let ours = label.starts_with("e2e.heraldlb.io/")
            || label == "node.kubernetes.io/exclude-from-external-load-balancers";
        if ours {
            lab.cluster.label_node(node, label, None).await?;
        }
    }
    lab.cluster.annotate_node(node, DRAIN, None).await?;
    lab.cluster.taint_node(node, DRAIN, false).await?;
    lab.cluster.cordon_node(node, false).await
}
