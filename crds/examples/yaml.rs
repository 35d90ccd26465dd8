//! Writes `crds/yaml`: one file per kind, and a kustomization that lists them.
//!
//! `cargo run -p crds --example yaml`

#![allow(
    dead_code,
    reason = "the test that looks for stale files includes this file as a module"
)]

use std::path::PathBuf;

use crds::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement, PodNetwork,
    SpeakerState,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder())?;
    for (name, content) in files()? {
        std::fs::write(folder().join(name), content)?;
    }
    Ok(())
}

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("yaml")
}

/// Name and content of every file in the folder.
pub(crate) fn files() -> Result<Vec<(String, String)>, serde_yaml_ng::Error> {
    let kinds = [
        IPAddressPool::crd(),
        BGPPeer::crd(),
        BFDProfile::crd(),
        BGPAdvertisement::crd(),
        L2Advertisement::crd(),
        Community::crd(),
        PodNetwork::crd(),
        SpeakerState::crd(),
    ];
    let mut files = Vec::new();
    let mut kustomization = String::from(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n",
    );
    for crd in &kinds {
        let name = format!("{}.yaml", crd.spec.names.plural);
        kustomization.push_str(&format!("- {name}\n"));
        files.push((name, yaml(crd)?));
    }
    files.push(("kustomization.yaml".into(), kustomization));
    Ok(files)
}

fn yaml(crd: &CustomResourceDefinition) -> Result<String, serde_yaml_ng::Error> {
    let content = serde_yaml_ng::to_string(crd)?;
    Ok(format!(
        "# Generated from crds/src by `cargo run -p crds --example yaml`; do not edit.\n{content}"
    ))
}
