//! Whether docs/metrics.md knows every metric that the programs serve.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::herald::NAMESPACE;
use e2e::node::NODES;
use e2e::{Case, Isolation, run};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};

#[test]
fn every_metric_is_in_the_docs() {
    run("api-metrics", Isolation::Shared, metrics);
}

async fn metrics(case: &Case) -> Result<()> {
    let documented = documented();
    let pods: Api<Pod> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
    let selection = ListParams::default().labels("app.kubernetes.io/name=herald");
    let mut components = BTreeSet::new();
    for pod in pods.list(&selection).await? {
        let address = pod
            .status
            .and_then(|status| status.pod_ip)
            .context("pod without address")?;
        let url = format!("http://{address}:7901/metrics");
        let page = NODES[0]
            .machine
            .exec(&["curl", "-sS", "--fail", "--max-time", "5", &url])
            .await?;
        let served = served(&page);
        ensure!(served.contains("herald_build_info"), "{url}: {page}");
        let unknown: Vec<_> = served.difference(&documented).collect();
        ensure!(unknown.is_empty(), "not in docs/metrics.md: {unknown:?}");
        components.insert(
            pod.metadata
                .labels
                .and_then(|labels| labels.get("app.kubernetes.io/component").cloned()),
        );
    }
    ensure!(components.len() == 2, "asked only {components:?}");
    Ok(())
}

fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/metrics.md");
    let cells = page
        .lines()
        .filter_map(|line| line.strip_prefix("| herald_")?.split('|').next());
    let names = cells.flat_map(|cell| cell.split(", "));
    names
        .map(|name| format!("herald_{}", name.trim().trim_start_matches("herald_")))
        .collect()
}

/// Names of all samples, without labels and values.
fn served(page: &str) -> BTreeSet<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(str::to_owned)
        .collect()
}
