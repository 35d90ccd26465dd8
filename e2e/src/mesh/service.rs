//! Services, as pods, nodes and the client reach them.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::json;

use crate::Case;
use crate::client;
use crate::fetch::url;
use crate::mesh::{Mesh, PORT, WebPod};
use crate::node::Node;
use crate::workload::{self, Families};

/// The port of the node that a pod of `reach_host_port` takes.
const HOST_PORT: u16 = 8088;

impl Mesh {
    /// Requires that every pod reaches a Service of these pods: by ClusterIP, by the NodePort of every other node, by
    /// its LoadBalancer address; both families each.
    ///
    /// # Errors
    /// What cannot be reached.
    pub async fn reach_services(&self, case: &Case) -> Result<()> {
        let mut service = workload::load_balancer("all", &self.app, Families::Dual, false);
        *service
            .pointer_mut("/spec/allocateLoadBalancerNodePorts")
            .context("a field of the Service")? = true.into();
        case.apply(service).await?;
        let balanced = case.await_addresses("all", 2).await?;
        let (cluster_ips, node_port) = ways(case, "all").await?;
        let everywhere: Vec<String> = cluster_ips
            .into_iter()
            .chain(balanced)
            .map(|address| url(address, 80, "/hostname"))
            .collect();
        let all = self.pods.iter().map(|pod| {
            let others = case.lab.nodes().iter().filter(|&&node| node != pod.node);
            let by_nodes = others.flat_map(|node| node.urls(node_port, "/hostname"));
            let pages: Vec<String> = everywhere.iter().cloned().chain(by_nodes).collect();
            async move {
                for page in pages {
                    let answer = pod.await_page(&page).await?;
                    ensure!(
                        self.pods.iter().any(|pod| pod.name == answer),
                        "{page} is answered by {answer}"
                    );
                }
                Ok(())
            }
        });
        try_join_all(all).await.map(|_| ())
    }

    /// Requires that every node reaches every pod, and those of other nodes see it with its own address.
    ///
    /// # Errors
    /// What cannot be reached.
    pub async fn reach_from_nodes(&self, case: &Case) -> Result<()> {
        let all = case.lab.nodes().iter().map(|&node| async move {
            for pod in &self.pods {
                let own = [node.ipv4, node.ipv6];
                for (page, own) in pod.urls("/clientip").iter().zip(own) {
                    let seen = node.machine.await_page(page).await?;
                    ensure!(
                        pod.node == node || seen.parse::<IpAddr>()? == own.parse::<IpAddr>()?,
                        "{} ({own}) is seen by pod {} as {seen}",
                        node.name(),
                        pod.name
                    );
                }
            }
            Ok(())
        });
        try_join_all(all).await.map(|_| ())
    }
}

/// Requires that a pod on `node` which is a Service's only endpoint reaches itself by that Service.
///
/// # Errors
/// When it does not.
pub async fn reach_own_service(case: &Case, node: Node) -> Result<()> {
    let name = format!("own-{}", node.name());
    case.apply(workload::web_pod(&name, &name, node)?).await?;
    case.apply(workload::load_balancer(&name, &name, Families::Dual, false))
        .await?;
    let pod = WebPod::ready(&case.api(), &name, node).await?;
    let (cluster_ips, _) = ways(case, &name).await?;
    for address in cluster_ips {
        let answer = pod.await_page(&url(address, 80, "/hostname")).await?;
        ensure!(answer == name, "{address} is answered by {answer}");
    }
    Ok(())
}

/// Requires that a hostPort of `node` leads to its pod, from the client and from other nodes, whom the pod sees with
/// their own addresses.
///
/// # Errors
/// When it does not.
pub async fn reach_host_port(case: &Case, node: Node) -> Result<()> {
    let name = format!("host-{}", node.name());
    let mut pod = workload::web_pod(&name, &name, node)?;
    *pod.pointer_mut("/spec/containers/0/ports")
        .context("a field of the pod")? = json!([{"containerPort": PORT, "hostPort": HOST_PORT}]);
    case.apply(pod).await?;
    WebPod::ready(&case.api(), &name, node).await?;
    let client = (case.lab.client.machine(), client::ADDRESSES);
    let others = case.lab.nodes().iter().filter(|&&other| other != node);
    let others = others.map(|other| (other.machine, [other.ipv4, other.ipv6]));
    for (machine, own) in others.chain([client]) {
        for (page, own) in node.urls(HOST_PORT, "/clientip").iter().zip(own) {
            let seen = machine.await_page(page).await?;
            ensure!(
                seen.parse::<IpAddr>()? == own.parse::<IpAddr>()?,
                "{} ({own}) is seen behind {page} as {seen}",
                machine.name()
            );
        }
    }
    Ok(())
}

impl Node {
    /// URLs of a page on one of its ports, by IPv4 and by IPv6.
    fn urls(self, port: u16, path: &str) -> [String; 2] {
        [
            format!("http://{}:{port}{path}", self.ipv4),
            format!("http://[{}]:{port}{path}", self.ipv6),
        ]
    }
}

/// The cluster addresses of a Service, and its NodePort (0 when it has none).
async fn ways(case: &Case, service: &str) -> Result<(Vec<IpAddr>, u16)> {
    let spec = case.service(service).await?.spec.unwrap_or_default();
    let addresses: Vec<IpAddr> = spec
        .cluster_ips
        .iter()
        .flatten()
        .map(|address| Ok(address.parse()?))
        .collect::<Result<_>>()?;
    ensure!(addresses.len() == 2, "{service} has {addresses:?}");
    let port = spec.ports.iter().flatten().find_map(|port| port.node_port);
    Ok((addresses, u16::try_from(port.unwrap_or_default())?))
}
