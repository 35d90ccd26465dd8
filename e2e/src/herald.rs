//! Herald in the lab: installed by its manifest, and asked what it does.

use std::time::Duration;

use anyhow::{Context, Result};
use crds::{PodNetwork, SessionStatus, SpeakerState};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use serde_json::Value;

use crate::Lab;
use crate::artifact::{Image, root};
use crate::condition::{Seen, await_condition};
use crate::network::Network;
use crate::node::{Node, W1, W2, W3};
use crate::router::{ADDRESSES, FAR_ADDRESSES};
use crate::workload;

/// Where Herald is installed.
pub const NAMESPACE: &str = "herald-system";
/// The peers that every case may rely on: the router over IPv4 and over IPv6.
pub const PEERS: [&str; 2] = ["tor4", "tor6"];
/// The peers of the node in the other subnet.
pub const FAR_PEERS: [&str; 2] = ["far4", "far6"];
/// The annotation, and the taint, by which a node is drained.
pub const DRAIN: &str = "heraldlb.io/drain";
/// The image's name in the manifest, which `IMAGE` may replace.
const MANIFEST_IMAGE: &str = concat!("herald:", env!("CARGO_PKG_VERSION"));

impl Lab {
    /// Installs Herald from its manifest, and waits until it is ready, and with it the nodes that have no pod network
    /// but Herald's.
    ///
    /// # Errors
    /// When `make image` has not been run, or Herald does not become ready within two minutes.
    pub async fn install(&self) -> Result<()> {
        try_join_all(self.nodes().iter().map(|&node| self.load_herald(node))).await?;
        self.apply_manifest().await?;
        self.apply_pod_network().await?;
        self.apply_peers().await?;
        self.await_herald().await?;
        self.await_nodes().await
    }

    /// Gives a node Herald's image.
    ///
    /// # Errors
    /// When `make image` has not been run.
    pub async fn load_herald(&self, node: Node) -> Result<()> {
        let image = Image::herald();
        node.load(&image)
            .await
            .context("`make image` makes the image")
    }

    /// Applies `deploy/herald.yaml`, or `deploy/herald-network.yaml`, with the image that is in use.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply_manifest(&self) -> Result<()> {
        self.apply_file(self.network.manifest()).await
    }

    /// Applies a file of `deploy` with the image that is in use.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply_file(&self, name: &str) -> Result<()> {
        let path = root().join("deploy").join(name);
        let manifest =
            std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let manifest = manifest.replace(
            &format!("image: {MANIFEST_IMAGE}\n"),
            &format!("image: {}\n", Image::herald().tag),
        );
        self.cluster.apply(&manifest).await
    }

    /// Runs the speakers with more flags, until the manifest is applied again.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn set_speaker_flags(&self, flags: &[&str]) -> Result<()> {
        let daemons: Api<DaemonSet> = Api::namespaced(self.cluster.client(), NAMESPACE);
        let mut daemon = daemons.get("herald-speaker").await?;
        let pod = daemon.spec.template.spec.as_mut();
        let container = pod.and_then(|pod| pod.containers.first_mut());
        container
            .context("DaemonSet without container")?
            .args
            .get_or_insert_default()
            .extend(flags.iter().map(|&flag| flag.to_owned()));
        daemons
            .replace("herald-speaker", &PostParams::default(), &daemon)
            .await?;
        Ok(())
    }

    /// Waits until every replica of controller and speaker is ready.
    ///
    /// # Errors
    /// When that does not happen within two minutes.
    pub async fn await_herald(&self) -> Result<()> {
        let deployments: Api<Deployment> = Api::namespaced(self.cluster.client(), NAMESPACE);
        let daemons: Api<DaemonSet> = Api::namespaced(self.cluster.client(), NAMESPACE);
        let nodes = i32::try_from(self.nodes().len())?;
        await_condition("Herald is ready", Duration::from_secs(120), async || {
            let controller = deployments.get("herald-controller").await?;
            let speaker = daemons.get("herald-speaker").await?;
            // Of the generation that is wanted, not of the one before.
            let controllers = controller
                .status
                .filter(|status| status.observed_generation == controller.metadata.generation)
                .filter(|status| status.updated_replicas == status.replicas)
                .and_then(|status| status.ready_replicas);
            let speakers = speaker
                .status
                .filter(|status| status.observed_generation == speaker.metadata.generation)
                .filter(|status| status.updated_number_scheduled == Some(nodes))
                .map(|status| status.number_ready);
            Ok(Seen::when(
                controllers == Some(2) && speakers == Some(nodes),
                (controllers, speakers),
            ))
        })
        .await?;
        Ok(())
    }

    /// The peers as they should be, whatever a case has made of them.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply_peers(&self) -> Result<()> {
        for peer in self.peers() {
            self.cluster.apply_value(&peer).await?;
        }
        Ok(())
    }

    /// The router as every node's peer, over its own subnet.
    fn peers(&self) -> Vec<Value> {
        let near = PEERS.into_iter().zip(ADDRESSES);
        let far = FAR_PEERS.into_iter().zip(FAR_ADDRESSES);
        match self.network {
            Network::Other => near
                .map(|(name, address)| workload::peer(name, address))
                .collect(),
            Network::Herald => near
                .map(|(name, address)| workload::peer_of(name, address, &[W1, W2]))
                .chain(far.map(|(name, address)| workload::peer_of(name, address, &[W3])))
                .collect(),
        }
    }

    /// The PodNetwork object as it should be: the lab's own where the pod network is Herald's, none elsewhere.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn apply_pod_network(&self) -> Result<()> {
        match self.network {
            Network::Other => {
                let objects: Api<PodNetwork> = Api::all(self.cluster.client());
                if objects.get_opt("default").await?.is_some() {
                    objects.delete("default", &DeleteParams::default()).await?;
                }
                Ok(())
            }
            Network::Herald => self.cluster.apply_value(&workload::pod_network()).await,
        }
    }

    /// Waits until every node has its two sessions with the router.
    ///
    /// # Errors
    /// When that does not happen.
    pub async fn await_sessions(&self) -> Result<()> {
        for node in self.nodes() {
            self.router.await_session(node.ipv4, true).await?;
            self.router.await_session(node.ipv6, true).await?;
        }
        Ok(())
    }

    /// What the speaker of a node says of itself.
    ///
    /// # Errors
    /// When it has said nothing so far.
    pub async fn speaker_state(&self, node: Node) -> Result<SpeakerState> {
        let states: Api<SpeakerState> = Api::all(self.cluster.client());
        Ok(states.get(node.name()).await?)
    }

    /// What the speaker of a node says of its session with a peer; `None` when it has none.
    ///
    /// # Errors
    /// When it has said nothing at all so far.
    pub async fn session_status(&self, node: Node, peer: &str) -> Result<Option<SessionStatus>> {
        let status = self.speaker_state(node).await?.status.unwrap_or_default();
        Ok(status
            .sessions
            .into_iter()
            .find(|session| session.peer == peer))
    }

    /// What the speaker of a node shows on its debug page.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn debug_page(&self, node: Node) -> Result<Value> {
        let page = node.machine.fetch("http://127.0.0.1:7902/debug").await?;
        Ok(serde_json::from_str(&page)?)
    }

    /// The speaker pod of a node.
    ///
    /// # Errors
    /// When there is none.
    pub async fn speaker_pod(&self, node: Node) -> Result<Pod> {
        let selection = ListParams::default()
            .labels("app.kubernetes.io/component=speaker")
            .fields(&format!("spec.nodeName={}", node.name()));
        let pods: Api<Pod> = Api::namespaced(self.cluster.client(), NAMESPACE);
        pods.list(&selection)
            .await?
            .items
            .into_iter()
            .find(|pod| pod.metadata.deletion_timestamp.is_none())
            .context("no speaker pod")
    }

    /// Name of the controller pod that leads.
    ///
    /// # Errors
    /// When nobody leads.
    pub async fn leader(&self) -> Result<String> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client(), NAMESPACE);
        leases
            .list(&ListParams::default())
            .await?
            .items
            .into_iter()
            .find(|lease| {
                let name = lease.metadata.name.as_deref().unwrap_or_default();
                name.starts_with("herald-controller-")
            })
            .and_then(|lease| lease.spec)
            .and_then(|spec| spec.holder_identity)
            .filter(|holder| !holder.is_empty())
            .context("nobody leads")
    }

    /// What is known about Herald and the router, for a person who looks into a failure.
    pub async fn describe(&self) -> String {
        let mut report = String::new();
        let mut add = |title: &str, text: String| {
            report.push_str(&format!("==== {title}\n{text}\n"));
        };
        for command in [
            "show bgp summary",
            "show bgp ipv4 unicast",
            "show bgp ipv6 unicast",
        ] {
            add(command, or_error(self.router.show(command).await));
        }
        for &node in self.nodes() {
            let state = self.speaker_state(node).await;
            let state = state.and_then(|state| Ok(serde_yaml_ng::to_string(&state)?));
            add(&format!("SpeakerState {}", node.name()), or_error(state));
            let page = self.debug_page(node).await.map(|page| page.to_string());
            add(&format!("debug page {}", node.name()), or_error(page));
        }
        let slices = Api::<EndpointSlice>::all(self.cluster.client());
        let listed = slices
            .list(&ListParams::default())
            .await
            .map_err(Into::into);
        let listed = listed.and_then(|list| Ok(serde_json::to_string_pretty(&list.items)?));
        add("EndpointSlices", or_error(listed));
        for node in self.nodes() {
            for (title, script) in [
                ("routes", "ip route; ip -6 route"),
                ("nftables", "nft list ruleset"),
                ("logs", "tail -n 200 /var/log/pods/herald-system_*/*/*.log"),
            ] {
                let shown = node.machine.exec(&["bash", "-c", script]).await;
                add(&format!("{title} {}", node.name()), or_error(shown));
            }
        }
        report
    }
}

fn or_error(result: Result<String>) -> String {
    result.unwrap_or_else(|error| format!("{error:#}"))
}
