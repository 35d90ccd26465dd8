//! The objects: a node, a pool, a peer, an advertisement, and any number of Services with an endpoint each.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use e2e::await_condition;
use e2e::bench::{ApiServer, cache};
use e2e::command::Command;
use e2e::condition::Seen;
use e2e::step::say;

/// Name of the node that the speaker runs on.
pub(crate) const NODE: &str = "node-1";
/// Who the controller's writes are known by.
const CONTROLLER: &str = "herald-controller";
/// Writes under way while the objects are made.
const WIDTH: usize = 32;

/// The address of a Service.
pub(crate) fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + number)
}

/// Clients of what changes.
pub(crate) struct World {
    services: Api<Service>,
    slices: Api<EndpointSlice>,
}

impl World {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            services: Api::default_namespaced(client.clone()),
            slices: Api::default_namespaced(client.clone()),
        }
    }

    /// Gives a Service its address, or takes it.
    pub(crate) async fn assign(&self, number: u32, assigned: bool) -> Result<()> {
        let ingress = match assigned {
            true => json!([{"ip": address(number), "ipMode": "VIP"}]),
            false => json!([]),
        };
        let status = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "status": {"loadBalancer": {"ingress": ingress}},
        });
        let params = PatchParams::apply(CONTROLLER).force();
        self.services
            .patch_status(&name(number), &params, &Patch::Apply(status))
            .await?;
        Ok(())
    }

    /// Makes the endpoint of a Service ready, or not.
    pub(crate) async fn set_ready(&self, number: u32, ready: bool) -> Result<()> {
        let endpoints = json!({"endpoints": [endpoint(ready)]});
        self.slices
            .patch(
                &name(number),
                &PatchParams::default(),
                &Patch::Merge(endpoints),
            )
            .await?;
        Ok(())
    }

    async fn create(&self, number: u32) -> Result<()> {
        let service = object(json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name(number)},
            "spec": {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 80}]},
        }))?;
        self.services.create(&Default::default(), &service).await?;
        let slice = object(json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name(number), "labels": {"kubernetes.io/service-name": name(number)}},
            "addressType": "IPv4",
            "ports": [{"port": 80, "protocol": "TCP", "name": ""}],
            "endpoints": [endpoint(true)],
        }))?;
        self.slices.create(&Default::default(), &slice).await?;
        self.assign(number, true).await
    }
}

/// etcd data with that many Services, made once: creating 10,000 takes minutes.
pub(crate) async fn prepared(services: u32, folder: &Path) -> Result<PathBuf> {
    let crds = crds()?;
    let mut hasher = DefaultHasher::new();
    (&crds, include_str!("world.rs")).hash(&mut hasher);
    let kept = cache().join(format!("etcd-{services}-{:016x}", hasher.finish()));
    if !kept.exists() {
        say(&format!(
            "making {services} Services; the next run finds them"
        ));
        let fresh = folder.join("fresh");
        let server = ApiServer::start(&folder.join("preparing"), &fresh).await?;
        populate(&server.client().await?, &crds, services).await?;
        server.stop().await?;
        std::fs::create_dir_all(cache())?;
        let unfinished = kept.with_extension("unfinished");
        copy(&fresh, &unfinished).await?;
        std::fs::rename(&unfinished, &kept)?;
    }
    let data = folder.join("etcd");
    copy(&kept, &data).await?;
    Ok(data)
}

async fn copy(from: &Path, to: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(to);
    Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .output()
        .await
        .map(drop)
}

async fn populate(client: &Client, crds: &[String], services: u32) -> Result<()> {
    install(client, crds).await?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(
            &Default::default(),
            &object(json!({"metadata": {"name": "herald-system"}}))?,
        )
        .await?;
    let nodes: Api<Node> = Api::all(client.clone());
    nodes
        .create(
            &Default::default(),
            &object(json!({"metadata": {"name": NODE}}))?,
        )
        .await?;
    let status = json!({"status": {
        "addresses": [{"type": "InternalIP", "address": "10.77.0.1"}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }});
    nodes
        .patch_status(NODE, &PatchParams::default(), &Patch::Merge(status))
        .await?;
    for (kind, plural, spec) in [
        (
            "IPAddressPool",
            "ipaddresspools",
            json!({"addresses": ["10.0.0.0/16"]}),
        ),
        (
            "BGPPeer",
            "bgppeers",
            json!({"myASN": 64513, "peerASN": 64512, "peerAddress": "10.77.0.2"}),
        ),
        ("BGPAdvertisement", "bgpadvertisements", json!({})),
    ] {
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("heraldlb.io", "v1alpha1", kind),
            plural,
        );
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let made = DynamicObject::new("bench", &resource).data(json!({"spec": spec}));
        api.create(&Default::default(), &made)
            .await
            .with_context(|| format!("create a {kind}"))?;
    }
    let world = World::new(client);
    stream::iter((0..services).map(Ok))
        .try_for_each_concurrent(WIDTH, |number| world.create(number))
        .await
}

async fn install(client: &Client, crds: &[String]) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for text in crds {
        let definition: CustomResourceDefinition = serde_yaml_ng::from_str(text)?;
        api.create(&Default::default(), &definition).await?;
    }
    await_condition(
        "the kinds are served",
        Duration::from_secs(60),
        async || {
            let listed = api.list(&Default::default()).await?;
            let served = stream::iter(&listed.items)
                .all(|each| std::future::ready(is_established(each)))
                .await;
            Ok(Seen::when(
                served && listed.items.len() == crds.len(),
                listed.items.len(),
            ))
        },
    )
    .await
    .map(drop)
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Established" && condition.status == "True")
}

/// The files of crds/yaml that define kinds.
fn crds() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/yaml");
    let mut paths = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    let texts = paths
        .iter()
        .map(std::fs::read_to_string)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(texts
        .into_iter()
        .filter(|text| text.contains("kind: CustomResourceDefinition"))
        .collect())
}

fn name(number: u32) -> String {
    format!("service-{number}")
}

fn endpoint(ready: bool) -> Value {
    json!({
        "addresses": ["10.244.0.10"],
        "nodeName": NODE,
        "conditions": {"ready": ready, "serving": ready, "terminating": false},
    })
}

fn object<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).context("object")
}
