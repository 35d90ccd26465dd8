//! The permissions in docs/rbac.md, against what Herald asked the API server for since the lab is up.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::case::conditions;
use e2e::condition::Seen;
use e2e::herald::NAMESPACE;
use e2e::node::NODES;
use e2e::workload::{Families, l2_advertisement, load_balancer};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde::Deserialize;
use serde_json::{Value, json};

#[test]
fn every_permission_is_used_and_none_is_missing() {
    run("api-permissions", Isolation::Exclusive, permissions);
}

async fn permissions(case: &Case) -> Result<()> {
    age_the_heartbeat_key(case).await?;
    leave_load_balancing(case).await?;
    answer_on_layer_2(case).await?;
    lose_a_speaker(case).await?;
    judge(case).await?;
    let table = table();
    ensure!(table.len() > 20, "docs/rbac.md: {table:?}");
    await_condition(
        "every permission has been used",
        Duration::from_secs(120),
        async || {
            let used = used()?;
            let unused: Vec<_> = table.difference(&used).cloned().collect();
            Ok(Seen::when(unused.is_empty(), unused))
        },
    )
    .await?;
    let used = used()?;
    let unlisted: Vec<_> = used.difference(&table).collect();
    ensure!(
        unlisted.is_empty(),
        "used, and not in docs/rbac.md: {unlisted:?}"
    );
    Ok(())
}

/// A Service that is no load balancer any more is read and its conditions are cleared.
async fn leave_load_balancing(case: &Case) -> Result<()> {
    case.apply(load_balancer("web", "web", Families::IPv4, false))
        .await?;
    case.await_addresses("web", 1).await?;
    let services: Api<Service> = case.api();
    let patch = json!({"spec": {"type": "ClusterIP", "externalTrafficPolicy": null, "allocateLoadBalancerNodePorts": null}});
    services
        .patch("web", &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    await_condition(
        "the Service has no conditions of Herald",
        Duration::from_secs(60),
        async || {
            let left = conditions(&case.service("web").await?);
            Ok(Seen::when(left.is_empty(), left))
        },
    )
    .await
    .map(drop)
}

/// The controller says that a speaker is gone; afterwards it is back.
async fn lose_a_speaker(case: &Case) -> Result<()> {
    let [node, _] = NODES;
    let daemons: Api<DaemonSet> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
    let select = async |value: Value| -> Result<()> {
        let patch = json!({"spec": {"template": {"spec": {"nodeSelector": {"e2e.heraldlb.io/nowhere": value}}}}});
        daemons
            .patch(
                "herald-speaker",
                &PatchParams::default(),
                &Patch::Merge(patch),
            )
            .await?;
        Ok(())
    };
    select(json!("true")).await?;
    let told = await_condition("Ready is Unknown", Duration::from_secs(90), async || {
        let status = case
            .lab
            .speaker_state(node)
            .await?
            .status
            .unwrap_or_default();
        let told = status
            .conditions
            .iter()
            .any(|c| c.r#type == "Ready" && c.status == "Unknown");
        Ok(Seen::when(told, status.conditions))
    })
    .await;
    select(Value::Null).await?;
    told?;
    case.lab.await_herald().await
}

/// The controller adds a key once the newest is too old; it looks once a minute.
async fn age_the_heartbeat_key(case: &Case) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(case.lab.cluster.client(), NAMESPACE);
    let patch =
        json!({"metadata": {"annotations": {"heraldlb.io/rotated-at": "2020-01-01T00:00:00Z"}}});
    secrets
        .patch(
            "herald-heartbeat",
            &PatchParams::default(),
            &Patch::Merge(patch),
        )
        .await?;
    Ok(())
}

/// A speaker tells the owner of a Service that its node answers on layer 2.
async fn answer_on_layer_2(case: &Case) -> Result<()> {
    let [node, _] = NODES;
    case.serve("answered", &[node]).await?;
    case.apply(load_balancer("answered", "answered", Families::IPv4, false))
        .await?;
    case.await_addresses("answered", 1).await?;
    case.apply(l2_advertisement(&case.name, &case.name, "eth1"))
        .await?;
    let events: Api<Event> = case.api();
    let told = ListParams::default().fields("reason=L2Owner");
    await_condition(
        "an Event says which node answers",
        Duration::from_secs(60),
        async || {
            let notes: Vec<_> = events
                .list(&told)
                .await?
                .into_iter()
                .map(|event| event.note)
                .collect();
            Ok(Seen::when(!notes.is_empty(), notes))
        },
    )
    .await
    .map(drop)
}

/// The controller writes the conditions of kinds that no other step has, in objects which let no node do anything.
/// Restoring the lab removes them.
async fn judge(case: &Case) -> Result<()> {
    for (kind, name, spec) in [
        (
            "PodNetwork",
            "default",
            json!({"mode": "Advertise", "advertise": {"enabled": false}}),
        ),
        ("BFDProfile", &case.name, json!({})),
        (
            "Community",
            &case.name,
            json!({"communities": [{"name": "unused", "value": "65000:1"}]}),
        ),
    ] {
        let object = json!({
            "apiVersion": "heraldlb.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        });
        case.lab.cluster.apply_value(&object).await?;
    }
    Ok(())
}

/// `account | scope | group | resource | verb` of every verb in the table.
fn table() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/rbac.md");
    let mut permissions = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| herald-")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [account, scope, group, resource, verbs, _why] = cells[..] else {
            panic!("docs/rbac.md: {row}");
        };
        for verb in verbs.split(", ") {
            permissions.insert(format!(
                "{account} | {scope} | {group} | {resource} | {verb}"
            ));
        }
    }
    permissions
}

/// What Herald's accounts asked for, in the words of the table.
fn used() -> Result<BTreeSet<String>> {
    let folder = std::env::var_os("HERALD_LAB_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/lab"),
        PathBuf::from,
    );
    let path = folder.join("audit/audit.log");
    let log = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    // The last line may be half written.
    let entries = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Entry>(line).ok());
    Ok(entries.filter_map(Entry::permission).collect())
}

/// As much of an audit Event (audit.k8s.io/v1) as is needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    user: User,
    verb: String,
    object_ref: Option<Object>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    api_group: String,
    namespace: String,
    resource: String,
    subresource: String,
    name: String,
}

impl Entry {
    /// `None` for what is no resource, such as the API server's version.
    fn permission(self) -> Option<String> {
        let account = self
            .user
            .username
            .strip_prefix("system:serviceaccount:herald-system:")?;
        let Object {
            api_group,
            namespace,
            resource,
            subresource,
            name,
        } = self.object_ref?;
        let group = if api_group.is_empty() {
            "core"
        } else {
            &api_group
        };
        // Permissions in the install namespace are a Role's; Events and Services are where the user's are.
        let in_role = matches!(
            resource.as_str(),
            "configmaps" | "secrets" | "pods" | "leases" | "daemonsets"
        );
        let scope = if in_role { &namespace } else { "cluster" };
        let slash = if subresource.is_empty() { "" } else { "/" };
        // What may be done to every object of a kind is not narrowed to a name.
        let narrowed = match resource.as_str() {
            "configmaps" | "daemonsets" => true,
            "secrets" => matches!(&*self.verb, "get" | "update"),
            _ => false,
        };
        let only = if narrowed {
            format!(" {name}")
        } else {
            String::new()
        };
        Some(format!(
            "{account} | {scope} | {group} | {resource}{slash}{subresource}{only} | {}",
            self.verb
        ))
    }
}
