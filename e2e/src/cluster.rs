//! The cluster's API, for applying manifests and asking about any kind.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node as NodeObject, Taint};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, Config};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::condition::{Seen, await_condition};
use crate::state;

/// Who applies the lab's objects.
pub const FIELD_MANAGER: &str = "herald-e2e";

/// The lab's API server, as an administrator.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// Connects with the lab's kubeconfig.
    ///
    /// # Errors
    /// When there is no lab.
    pub async fn connect() -> Result<Self> {
        let path = state::kubeconfig();
        let kubeconfig = Kubeconfig::read_from(&path)
            .with_context(|| format!("no lab in {}; `make lab` starts one", path.display()))?;
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        // A request that the API server does not answer must not outlive the condition it is asked for.
        config.read_timeout = Some(Duration::from_secs(10));
        Ok(Self {
            client: Client::try_from(config)?,
        })
    }

    /// The client behind it.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Whether the API server is ready.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ready(&self) -> Result<bool> {
        Ok(self.text("/readyz").await?.trim() == "ok")
    }

    /// What the API server answers on `path`, as text.
    ///
    /// # Errors
    /// When it does not answer, or with an error.
    pub async fn text(&self, path: &str) -> Result<String> {
        let request = http::Request::get(path).body(Vec::new())?;
        Ok(self.client.request_text(request).await?)
    }

    /// Applies every document of a YAML stream by server-side apply, in order.
    ///
    /// # Errors
    /// The first refusal, with the object's kind and name.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        for document in serde_yaml_ng::Deserializer::from_str(yaml) {
            let object = Option::<DynamicObject>::deserialize(document)?;
            if let Some(object) = object {
                self.apply_object(&object).await?;
            }
        }
        Ok(())
    }

    /// Applies one object that is written as JSON.
    ///
    /// # Errors
    /// As `apply`.
    pub async fn apply_value(&self, value: &Value) -> Result<()> {
        self.apply_object(&DynamicObject::deserialize(value)?).await
    }

    /// Applies one object of any kind; a kind that was only just defined gets a moment to be served.
    ///
    /// # Errors
    /// The API server's refusal, with the object's kind and name.
    pub async fn apply_object(&self, object: &DynamicObject) -> Result<()> {
        let types = object.types.as_ref().context("object without kind")?;
        let name = object
            .metadata
            .name
            .as_deref()
            .context("object without name")?;
        let kind = GroupVersionKind::try_from(types)?;
        let sentence = format!("kind {} is served", types.kind);
        let (resource, capabilities) =
            await_condition(&sentence, Duration::from_secs(30), async || {
                Ok(Seen::Yes(pinned_kind(&self.client, &kind).await?))
            })
            .await?;
        let api: Api<DynamicObject> = match (capabilities.scope, &object.metadata.namespace) {
            (Scope::Cluster, _) => Api::all_with(self.client(), &resource),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client(), namespace, &resource)
            }
            (Scope::Namespaced, None) => Api::default_namespaced_with(self.client(), &resource),
        };
        api.patch(
            name,
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(object),
        )
        .await
        .with_context(|| format!("apply {} {name}", types.kind))?;
        Ok(())
    }

    /// Pod ranges that the cluster gave to a node.
    ///
    /// # Errors
    /// When the node does not exist.
    pub async fn pod_ranges(&self, node: &str) -> Result<Vec<String>> {
        let object = Api::<NodeObject>::all(self.client()).get(node).await?;
        Ok(object
            .spec
            .and_then(|spec| spec.pod_cidrs)
            .unwrap_or_default())
    }

    /// Whether a node reports condition Ready.
    ///
    /// # Errors
    /// When the node does not exist.
    pub async fn node_ready(&self, node: &str) -> Result<bool> {
        let object = Api::<NodeObject>::all(self.client()).get(node).await?;
        let conditions = object.status.and_then(|status| status.conditions);
        Ok(conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True"))
    }

    /// Sets or, with `None`, removes a label of a node.
    ///
    /// # Errors
    /// When the node does not exist.
    pub async fn label_node(&self, node: &str, label: &str, value: Option<&str>) -> Result<()> {
        self.patch_node(node, json!({"metadata": {"labels": {label: value}}}))
            .await
    }

    /// The same for an annotation.
    ///
    /// # Errors
    /// When the node does not exist.
    pub async fn annotate_node(&self, node: &str, key: &str, value: Option<&str>) -> Result<()> {
        self.patch_node(node, json!({"metadata": {"annotations": {key: value}}}))
            .await
    }

    /// Puts on or takes off a taint with effect NoSchedule.
    ///
    /// # Errors
    /// When the node does not exist, or something else changes it at the same moment.
    pub async fn taint_node(&self, node: &str, key: &str, tainted: bool) -> Result<()> {
        let object = Api::<NodeObject>::all(self.client()).get(node).await?;
        let mut taints = object.spec.and_then(|spec| spec.taints).unwrap_or_default();
        if tainted == taints.iter().any(|taint| taint.key == key) {
            return Ok(());
        }
        if tainted {
            taints.push(Taint {
                key: key.to_owned(),
                effect: "NoSchedule".to_owned(),
                ..Taint::default()
            });
        } else {
            taints.retain(|taint| taint.key != key);
        }
        // The whole list is written, and others write it, too.
        let version = object.metadata.resource_version;
        let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"taints": taints}});
        self.patch_node(node, patch).await
    }

    /// Cordons or uncordons a node.
    ///
    /// # Errors
    /// When the node does not exist.
    pub async fn cordon_node(&self, node: &str, cordoned: bool) -> Result<()> {
        let value = cordoned.then_some(true);
        self.patch_node(node, json!({"spec": {"unschedulable": value}}))
            .await
    }

    async fn patch_node(&self, node: &str, patch: Value) -> Result<()> {
        Api::<NodeObject>::all(self.client())
            .patch(node, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }
}
