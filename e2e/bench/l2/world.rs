//! The objects: nodes, a pool, an L2Advertisement, the key of heartbeats, and Services with two addresses each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, Service};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use e2e::bench::ApiServer;
use e2e::command::Command;
use e2e::lab::kubectl;

use crate::rig::{Rig, UPLINK};

/// Services, each with an IPv4 and an IPv6 address.
pub(crate) const SERVICES: u8 = 25;
/// Who the controller's writes are known by.
const CONTROLLER: &str = "herald-controller";

/// The addresses of a Service.
pub(crate) fn addresses(number: u8) -> [IpAddr; 2] {
    [
        Ipv4Addr::new(10, 77, 0, 100 + number).into(),
        Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0x100 + u16::from(number)).into(),
    ]
}

/// Makes all of them.
pub(crate) async fn populate(server: &ApiServer, rig: &Rig, folder: &Path) -> Result<()> {
    let kubectl = async |arguments: &[&str]| {
        Command::new(kubectl())
            .arg(format!("--kubeconfig={}", server.kubeconfig().display()))
            .args(arguments)
            .output()
            .await
    };
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/yaml");
    let crds = crds.to_str().context("path of the CRDs")?;
    kubectl(&["apply", "--server-side", "-k", crds]).await?;
    kubectl(&["wait", "--for=condition=Established", "crd", "--all"]).await?;
    let path = folder.join("objects.json");
    std::fs::write(&path, objects(rig).to_string())?;
    let path = path.to_str().context("path of the objects")?;
    kubectl(&["apply", "--server-side", "-f", path]).await?;
    let client = server.client().await?;
    let nodes: Api<Node> = Api::all(client.clone());
    for node in &rig.nodes {
        let addresses = node
            .addresses
            .map(|address| json!({"type": "InternalIP", "address": address}));
        let status = json!({"status": {
            "addresses": addresses,
            "conditions": [{"type": "Ready", "status": "True"}],
        }});
        nodes
            .patch_status(&node.name, &PatchParams::default(), &Patch::Merge(status))
            .await?;
    }
    let services: Api<Service> = Api::default_namespaced(client);
    let params = PatchParams::apply(CONTROLLER).force();
    for number in 0..SERVICES {
        let ingress = addresses(number).map(|address| json!({"ip": address, "ipMode": "VIP"}));
        let status = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "status": {"loadBalancer": {"ingress": ingress}},
        });
        services
            .patch_status(&name(number), &params, &Patch::Apply(status))
            .await?;
    }
    Ok(())
}

fn objects(rig: &Rig) -> Value {
    let herald = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "heraldlb.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": "bench"},
            "spec": spec,
        })
    };
    let mut items = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "herald-system"}}),
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "herald-heartbeat", "namespace": "herald-system"},
            "stringData": {"1": "thirty-two octets of a benchmark"},
        }),
        herald(
            "IPAddressPool",
            json!({"addresses": ["10.77.0.100-10.77.0.199", "fd77::100-fd77::1ff"]}),
        ),
        herald(
            "L2Advertisement",
            json!({"interfaces": [UPLINK], "stabilityTime": "1s"}),
        ),
    ];
    for node in &rig.nodes {
        items.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}}));
    }
    for number in 0..SERVICES {
        let endpoint =
            |address: &str| json!({"addresses": [address], "conditions": {"ready": true}});
        items.push(json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name(number), "namespace": "default"},
            "spec": {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": false,
                "ports": [{"port": 80}],
            },
        }));
        for (family, address) in [("IPv4", "10.244.0.10"), ("IPv6", "fd00:244::10")] {
            items.push(json!({
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": format!("{}-{}", name(number), family.to_lowercase()),
                    "namespace": "default",
                    "labels": {"kubernetes.io/service-name": name(number)},
                },
                "addressType": family,
                "ports": [{"port": 80, "protocol": "TCP", "name": ""}],
                "endpoints": [endpoint(address)],
            }));
        }
    }
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn name(number: u8) -> String {
    format!("service-{number}")
}
