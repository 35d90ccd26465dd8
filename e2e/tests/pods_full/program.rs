//! Programs of other makers that run as pods on the pod network: built, packed and given to nodes only when a case
//! needs them.

use std::path::Path;

use anyhow::{Context, Result};
use e2e::Case;
use e2e::command::Command;
use e2e::node::FABRIC;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use serde_json::{Value, json};

/// Gives the image of a program that `tools/build` knows to every node, and returns the image's name.
pub(crate) async fn load(name: &str) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for script in ["tools/build", "e2e/images/build"] {
        Command::new(root.join(script)).arg(name).output().await?;
    }
    let [first, second, third] = FABRIC.map(|node| node.load_made(name));
    let (image, _, _) = tokio::try_join!(first, second, third)?;
    Ok(image)
}

/// A service account of the case that may do what `rules` say, in every namespace.
pub(crate) async fn authorize(case: &Case, account: &str, rules: Value) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(case.lab.cluster.client());
    let namespace = namespaces.get(&case.name).await?.metadata;
    // Cluster-scoped objects go with the case's namespace when they belong to it.
    let owner = json!([{
        "apiVersion": "v1",
        "kind": "Namespace",
        "name": case.name,
        "uid": namespace.uid.context("namespace without UID")?,
    }]);
    let role = format!("{}-{account}", case.name);
    case.apply(json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": account},
    }))
    .await?;
    case.apply(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": role, "ownerReferences": owner},
        "rules": rules,
    }))
    .await?;
    case.apply(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role, "ownerReferences": owner},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": case.name}],
    }))
    .await
}
