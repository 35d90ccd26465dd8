//! The lab as a whole: up, found again, down.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;

use crate::client::Client;
use crate::cluster::Cluster;
use crate::condition::{Seen, await_condition};
use crate::control_plane;
use crate::network::Network;
use crate::node::{NODES, Node};
use crate::pki::{Authority, write};
use crate::router::Router;
use crate::snapshot::Snapshot;
use crate::step::step;
use crate::{artifact, engine, state, topology};

/// A running lab.
#[derive(Clone)]
pub struct Lab {
    /// Whose pod network it has.
    pub network: Network,
    /// The cluster's API.
    pub cluster: Cluster,
    /// The rack's router.
    pub router: Router,
    /// Somebody outside, behind the router.
    pub client: Client,
}

impl Lab {
    /// Starts a lab of the flavour that `NETWORK` asks for, after removing whatever an earlier one has left.
    ///
    /// # Errors
    /// The first step that fails; what is up until then stays for a look at it.
    pub async fn up() -> Result<Self> {
        let network = Network::wanted()?;
        step("programs and images", artifact::prepare()).await?;
        step("container engine", engine::ensure()).await?;
        step("remains of earlier labs", Self::remove()).await?;
        let authority = Authority::new()?;
        step(
            "certificates and settings",
            write_files(network, &authority),
        )
        .await?;
        step("containers and links", topology::deploy(network)).await?;
        step("control plane", start_control_plane(&authority)).await?;
        let lab = Self::attach().await?;
        step("nodes", lab.start_nodes()).await?;
        Ok(lab)
    }

    /// The lab that is up.
    ///
    /// # Errors
    /// When none is.
    pub async fn attach() -> Result<Self> {
        Ok(Self {
            network: Network::of_lab()?,
            cluster: Cluster::connect().await?,
            router: Router::new(),
            client: Client::new(),
        })
    }

    /// Removes the lab, and stops the container engine if it was ours.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub async fn down() -> Result<()> {
        if engine::answers().await {
            step("containers and networks", Self::remove()).await?;
        }
        step("container engine", engine::stop()).await?;
        topology::remove_traces().await
    }

    /// Stops the API server as a crash would.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_api_server(&self) -> Result<()> {
        control_plane::MACHINE.stop(control_plane::API_SERVER).await
    }

    /// Starts the API server after `stop_api_server`, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_api_server(&self) -> Result<()> {
        control_plane::start_api_server().await?;
        await_api_server(&self.cluster).await
    }

    async fn remove() -> Result<()> {
        topology::remove().await?;
        let folder = state::folder();
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("remove {}", folder.display()))?;
        }
        Ok(())
    }

    /// Static routes from each node to the pods of the other.
    pub(crate) async fn route_pods(&self) -> Result<()> {
        let [first, second] = NODES;
        for (node, other) in [(first, second), (second, first)] {
            let ranges = self.cluster.pod_ranges(other.name()).await?;
            node.route_pods(other, &ranges).await?;
        }
        Ok(())
    }

    /// The nodes of the cluster.
    #[must_use]
    pub const fn nodes(&self) -> &'static [Node] {
        self.network.nodes()
    }

    /// The pod ranges of a node, as soon as it has both.
    ///
    /// # Errors
    /// When it does not get them within two minutes.
    pub async fn await_pod_ranges(&self, node: Node) -> Result<Vec<String>> {
        let sentence = format!("node {} has pod ranges", node.name());
        await_condition(&sentence, Duration::from_secs(120), async || {
            let ranges = self.cluster.pod_ranges(node.name()).await?;
            Ok(Seen::when(ranges.len() == 2, ranges))
        })
        .await
    }

    /// Waits until every node of the cluster is Ready.
    ///
    /// # Errors
    /// When one does not become it within two minutes.
    pub async fn await_nodes(&self) -> Result<()> {
        for node in self.nodes() {
            let sentence = format!("node {} is Ready", node.name());
            await_condition(&sentence, Duration::from_secs(120), async || {
                Ok(Seen::when(self.cluster.node_ready(node.name()).await?, ()))
            })
            .await?;
        }
        Ok(())
    }

    async fn start_nodes(&self) -> Result<()> {
        try_join_all(self.nodes().iter().map(|node| node.start())).await?;
        let ranges = self.nodes().iter().map(|&node| self.await_pod_ranges(node));
        let ranges = try_join_all(ranges).await?;
        match self.network {
            Network::Other => {
                self.route_pods().await?;
                for (node, own) in NODES.into_iter().zip(&ranges) {
                    node.write_pod_network(own).await?;
                }
                self.await_nodes().await
            }
            // No node is Ready before Herald has come.
            Network::Herald => {
                self.client.serve().await?;
                self.keep_snapshots().await
            }
        }
    }

    /// Keeps what the nodes look like without Herald.
    async fn keep_snapshots(&self) -> Result<()> {
        for &node in self.nodes() {
            let path = state::untouched(node.name());
            Snapshot::of(node).await?.write(&path)?;
        }
        Ok(())
    }
}

/// An administrator's kubeconfig for the lab that is up.
#[must_use]
pub fn kubeconfig() -> PathBuf {
    state::kubeconfig()
}

/// The kubectl that fits the lab.
#[must_use]
pub fn kubectl() -> PathBuf {
    artifact::cache().join("bin/kubectl")
}

async fn write_files(network: Network, authority: &Authority) -> Result<()> {
    let folder = state::folder();
    let nodes = network.nodes().iter().map(|node| node.name());
    for name in ["cp", "tor", "audit"].into_iter().chain(nodes) {
        std::fs::create_dir_all(folder.join(name))?;
    }
    network.store()?;
    control_plane::write_files(&folder.join("cp"), authority)?;
    for node in network.nodes() {
        node.write_files(&folder.join(node.name()), authority)?;
    }
    let source = artifact::root().join("e2e/topologies/tor");
    for (name, target) in [
        ("daemons", "daemons"),
        (network.router_configuration(), "frr.conf"),
    ] {
        std::fs::copy(source.join(name), folder.join("tor").join(target))?;
    }
    Ok(())
}

async fn start_control_plane(authority: &Authority) -> Result<()> {
    control_plane::start().await?;
    let administrator = authority.client("administrator", Some("system:masters"))?;
    let kubeconfig = authority.kubeconfig(&administrator, &control_plane::url())?;
    write(&state::kubeconfig(), &kubeconfig)?;
    await_api_server(&Cluster::connect().await?).await
}

async fn await_api_server(cluster: &Cluster) -> Result<()> {
    await_condition(
        "the API server is ready",
        Duration::from_secs(120),
        async || Ok(Seen::when(cluster.ready().await?, ())),
    )
    .await
}
