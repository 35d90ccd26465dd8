//! Web server pods on every node, and what each of them reaches and sees.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;

use crate::case::{Case, await_ready};
use crate::condition::{Seen, await_condition};
use crate::fetch::url;
use crate::node::Node;
use crate::workload;

pub mod outside;
mod repair;
pub mod service;

/// Where the pods listen.
pub const PORT: u16 = 8080;

/// One pod with the lab's web server.
#[derive(Clone, Debug)]
pub struct WebPod {
    /// Its name.
    pub name: String,
    /// Where it runs.
    pub node: Node,
    /// Its IPv4 and its IPv6 address.
    pub addresses: [IpAddr; 2],
}

/// Pods of one app: two on the first node, one on every other.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// Their label `app`.
    pub app: String,
    /// The pods.
    pub pods: Vec<WebPod>,
}

impl WebPod {
    /// A pod that is ready.
    ///
    /// # Errors
    /// When it does not become ready, or has not one address of each family.
    pub async fn ready(pods: &Api<Pod>, name: &str, node: Node) -> Result<Self> {
        await_ready(pods, name).await?;
        let pod = pods.get(name).await?;
        let status = pod.status.unwrap_or_default();
        let addresses: Vec<IpAddr> = status
            .pod_ips
            .iter()
            .flatten()
            .map(|ip| ip.ip.parse().with_context(|| ip.ip.clone()))
            .collect::<Result<_>>()?;
        match addresses.as_slice() {
            &[ipv4 @ IpAddr::V4(_), ipv6 @ IpAddr::V6(_)] => Ok(Self {
                name: name.to_owned(),
                node,
                addresses: [ipv4, ipv6],
            }),
            _ => bail!("pod {name} has the addresses {addresses:?}, not one of each family"),
        }
    }

    /// Fetches a page from inside the pod.
    ///
    /// # Errors
    /// When the pod gets no answer, or none that is a success.
    pub async fn fetch(&self, url: &str) -> Result<String> {
        let page = self.node.machine.fetch(&self.proxy(url)).await?;
        Ok(page.trim().to_owned())
    }

    /// Waits until a page can be fetched from inside the pod, and returns it.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_page(&self, url: &str) -> Result<String> {
        let sentence = format!("pod {} on {} fetches {url}", self.name, self.node.name());
        await_condition(&sentence, Duration::from_secs(60), async || {
            Ok(Seen::Yes(self.fetch(url).await?))
        })
        .await
    }

    /// What the pod's own node asks it for, so that the pod fetches `url`: from there a ready pod is reached.
    #[must_use]
    pub fn proxy(&self, page: &str) -> String {
        let [ipv4, _] = self.addresses;
        url(ipv4, PORT, &format!("/proxy?url={page}"))
    }

    /// URLs of one of its pages, by IPv4 and by IPv6.
    #[must_use]
    pub fn urls(&self, path: &str) -> [String; 2] {
        self.addresses.map(|address| url(address, PORT, path))
    }
}

impl Mesh {
    /// Starts the pods, and waits until they are ready.
    ///
    /// # Errors
    /// When one does not become ready.
    pub async fn deploy(case: &Case, app: &str) -> Result<Self> {
        let nodes = case.lab.nodes();
        let placed: Vec<(String, Node)> = nodes
            .iter()
            .map(|&node| (format!("{app}-{}", node.name()), node))
            .chain(
                nodes
                    .first()
                    .map(|&node| (format!("{app}-{}-b", node.name()), node)),
            )
            .collect();
        for (name, node) in &placed {
            case.apply(workload::web_pod(name, app, *node)?).await?;
        }
        let pods = case.api::<Pod>();
        let ready = placed
            .iter()
            .map(|(name, node)| WebPod::ready(&pods, name, *node));
        Ok(Self {
            app: app.to_owned(),
            pods: try_join_all(ready).await?,
        })
    }

    /// Deletes the pods, and waits until they are gone.
    ///
    /// # Errors
    /// When one stays.
    pub async fn remove(self, case: &Case) -> Result<()> {
        for pod in &self.pods {
            case.delete_pod(&pod.name).await?;
        }
        for pod in &self.pods {
            case.await_pod_gone(&pod.name).await?;
        }
        Ok(())
    }

    /// Requires that every pod reaches every other over both families, and is seen with its own address.
    ///
    /// # Errors
    /// The first pair for which that is not so.
    pub async fn see_each_other(&self) -> Result<()> {
        let all = self.pods.iter().map(|from| async move {
            for to in self.pods.iter().filter(|to| to.name != from.name) {
                for (url, own) in to.urls("/clientip").iter().zip(from.addresses) {
                    let seen = from.await_page(url).await?;
                    ensure!(
                        seen.parse::<IpAddr>()? == own,
                        "pod {} ({own}) is seen by {url} as {seen}",
                        from.name
                    );
                }
            }
            Ok(())
        });
        try_join_all(all).await.map(|_| ())
    }

    /// The pod on a node, the first one where there are two.
    ///
    /// # Errors
    /// When none is there.
    pub fn on(&self, node: Node) -> Result<&WebPod> {
        self.pods
            .iter()
            .find(|pod| pod.node == node)
            .with_context(|| format!("no pod on {}", node.name()))
    }
}
