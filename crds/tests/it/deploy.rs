//! What is installed agrees with itself, with the version of the workspace and with the docs.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use serde::Deserialize as _;
use serde_json::Value;

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
}

/// What is installed where Herald is not the pod network.
fn manifests() -> Vec<Value> {
    objects("deploy/herald.yaml")
}

/// What is installed where Herald is the pod network, or may become it.
fn network_manifests() -> Vec<Value> {
    objects("deploy/herald-network.yaml")
}

fn objects(path: &str) -> Vec<Value> {
    let yaml = fs::read_to_string(file(path)).unwrap();
    let documents = serde_yaml_ng::Deserializer::from_str(&yaml);
    documents
        .map(|document| whole(Value::deserialize(document).unwrap()))
        .collect()
}

/// The value with `1.0` written as `1`, which kustomize does and our generator does not.
fn whole(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(whole).collect(),
        Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, whole(v))).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => Value::from(float as i64),
            _ => Value::Number(number),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn texts<'a>(value: &'a Value, field: &str) -> Vec<&'a str> {
    value[field]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap())
        .collect()
}

#[test]
fn what_is_installed_is_what_the_kustomizations_give() {
    let status = Command::new(file("deploy/render"))
        .arg("--check")
        .status()
        .unwrap();
    assert!(status.success(), "a manifest is stale: deploy/render");
}

#[test]
fn rbac_is_what_the_docs_say() {
    let base = documented("| herald-");
    compare(&manifests(), &base);
    let network = documented("| network | ");
    compare(&network_manifests(), &[base, network].concat());
}

fn compare(manifests: &[Value], documented: &[String]) {
    let unique: BTreeSet<String> = documented.iter().cloned().collect();
    assert_eq!(
        unique.len(),
        documented.len(),
        "docs/rbac.md lists a rule twice"
    );
    let granted: BTreeSet<String> = manifests.iter().flat_map(granted).collect();
    let missing: Vec<_> = granted.difference(&unique).collect();
    let unused: Vec<_> = unique.difference(&granted).collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "only granted: {missing:#?}; only in docs/rbac.md: {unused:#?}"
    );
}

/// `account | scope | group | resource | verbs` of every row that starts like this.
fn documented(start: &str) -> Vec<String> {
    let page = fs::read_to_string(file("docs/rbac.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with(start));
    rows.map(|row| {
        let row = row.strip_prefix("| network ").unwrap_or(row);
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{row}");
        assert!(!cells[5].is_empty(), "no reason: {row}");
        cells[..5].join(" | ")
    })
    .collect()
}

/// The account that a role is for: a role is named after it, that of the overlay with `-network` behind.
fn account(role: &Value) -> &str {
    text(role, "/metadata/name").trim_end_matches("-network")
}

/// The same of every resource in a Role or ClusterRole.
fn granted(object: &Value) -> Vec<String> {
    let scope = match text(object, "/kind") {
        "ClusterRole" => "cluster",
        "Role" => text(object, "/metadata/namespace"),
        _ => return Vec::new(),
    };
    let account = account(object);
    let mut lines = Vec::new();
    for rule in object["rules"].as_array().unwrap() {
        let verbs = texts(rule, "verbs").join(", ");
        let names = texts(rule, "resourceNames")
            .iter()
            .map(|name| format!(" {name}"))
            .collect::<String>();
        for group in texts(rule, "apiGroups") {
            let group = if group.is_empty() { "core" } else { group };
            for resource in texts(rule, "resources") {
                lines.push(format!(
                    "{account} | {scope} | {group} | {resource}{names} | {verbs}"
                ));
            }
        }
    }
    lines
}

#[test]
fn every_role_is_bound_to_the_account_of_its_name() {
    for manifests in [manifests(), network_manifests()] {
        roles_are_bound(&manifests);
    }
}

fn roles_are_bound(manifests: &[Value]) {
    for object in manifests {
        let binding = match text(object, "/kind") {
            "ClusterRole" => "ClusterRoleBinding",
            "Role" => "RoleBinding",
            _ => continue,
        };
        let name = text(object, "/metadata/name");
        let bound = manifests.iter().any(|other| {
            text(other, "/kind") == binding
                && text(other, "/roleRef/name") == name
                && text(other, "/subjects/0/name") == account(object)
                && text(other, "/subjects/0/namespace") == "herald-system"
        });
        let account = manifests.iter().any(|other| {
            text(other, "/kind") == "ServiceAccount"
                && text(other, "/metadata/name") == account(object)
        });
        assert!(
            bound && account,
            "{} {name} is bound to nobody",
            text(object, "/kind")
        );
    }
}

#[test]
fn the_admission_policy_names_the_accounts_that_are_installed() {
    let manifests = manifests();
    let policy = manifests
        .iter()
        .find(|object| text(object, "/kind") == "ValidatingAdmissionPolicy")
        .unwrap()
        .to_string();
    let accounts = manifests
        .iter()
        .filter(|object| text(object, "/kind") == "ServiceAccount");
    for account in accounts {
        let namespace = text(account, "/metadata/namespace");
        let user = format!(
            "system:serviceaccount:{namespace}:{}",
            text(account, "/metadata/name")
        );
        assert!(policy.contains(&user), "{user}");
    }
}

#[test]
fn both_programs_run_this_version_with_the_least_that_they_need() {
    let manifests = manifests();
    let pod = |kind: &str| {
        let object = manifests
            .iter()
            .find(|object| text(object, "/kind") == kind)
            .unwrap();
        object.pointer("/spec/template/spec").unwrap().clone()
    };
    for (kind, added) in [
        ("Deployment", vec![]),
        (
            "DaemonSet",
            vec!["NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"],
        ),
    ] {
        let pod = pod(kind);
        let container = &pod["containers"][0];
        let security = &container["securityContext"];
        assert_eq!(
            container["image"],
            concat!("herald:", env!("CARGO_PKG_VERSION")),
            "{kind}"
        );
        assert_eq!(texts(&security["capabilities"], "drop"), ["ALL"], "{kind}");
        assert_eq!(texts(&security["capabilities"], "add"), added, "{kind}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{kind}");
        assert_eq!(security["allowPrivilegeEscalation"], false, "{kind}");
        assert_eq!(
            text(&pod, "/securityContext/seccompProfile/type"),
            "RuntimeDefault",
            "{kind}"
        );
        assert!(
            container["resources"]["limits"]["memory"].is_string(),
            "{kind}"
        );
        assert!(container["resources"]["limits"]["cpu"].is_null(), "{kind}");
    }
    assert_eq!(pod("Deployment")["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod("Deployment")["hostNetwork"], Value::Null);
    assert_eq!(pod("DaemonSet")["hostNetwork"], true);
}

fn container<'a>(manifests: &'a [Value], name: &str) -> &'a Value {
    manifests
        .iter()
        .find(|object| {
            text(object, "/kind") == "DaemonSet" && text(object, "/metadata/name") == name
        })
        .and_then(|daemon| daemon.pointer("/spec/template/spec/containers/0"))
        .unwrap()
}

#[test]
fn the_base_touches_no_folder_of_the_node_but_its_own() {
    let manifests = manifests();
    let speaker = container(&manifests, "herald-speaker");
    let mounts = serde_json::json!([{"name": "state", "mountPath": "/run/herald"}]);
    assert_eq!(speaker["volumeMounts"], mounts);
}

#[test]
fn the_overlay_changes_nothing_of_the_base_but_the_speakers_folders() {
    let network = network_manifests();
    let base = manifests();
    let same = |object: &&Value| network.contains(object);
    let changed: Vec<_> = base.iter().filter(|object| !same(object)).collect();
    let names: Vec<_> = changed.iter().map(|o| text(o, "/metadata/name")).collect();
    assert_eq!(names, ["herald-speaker"]);
    let mut speaker = container(&network, "herald-speaker").clone();
    let fields = speaker.as_object_mut().unwrap();
    let mounts = fields["volumeMounts"].as_array_mut().unwrap();
    mounts.retain(|mount| mount["name"] == "state");
    let env = fields["env"].as_array_mut().unwrap();
    let folder = |variable: &Value| text(variable, "/name").ends_with("_DIR");
    env.retain(|variable| !folder(variable));
    assert_eq!(speaker, *container(&base, "herald-speaker"));
}

#[test]
fn cleanup_sees_the_folders_that_the_speaker_sees() {
    let network = network_manifests();
    let cleanup = objects("deploy/cleanup.yaml");
    let (speaker, cleanup) = (
        container(&network, "herald-speaker"),
        container(&cleanup, "herald-cleanup"),
    );
    assert_eq!(speaker["volumeMounts"], cleanup["volumeMounts"]);
    assert_eq!(speaker["image"], cleanup["image"]);
    let folders = cleanup["env"].as_array().unwrap();
    let known = speaker["env"].as_array().unwrap();
    assert_eq!(folders.len(), 4);
    assert!(folders.iter().all(|folder| known.contains(folder)));
    assert_eq!(
        texts(&cleanup["securityContext"]["capabilities"], "add"),
        ["NET_ADMIN"]
    );
}

#[test]
fn the_policy_of_node_statuses_looks_at_nobody_but_the_speaker() {
    let network = network_manifests();
    let policy = network
        .iter()
        .find(|object| text(object, "/metadata/name") == "herald-node-status")
        .unwrap();
    let conditions = policy["spec"]["matchConditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 1);
    assert_eq!(
        text(&conditions[0], "/expression"),
        "request.userInfo.username == 'system:serviceaccount:herald-system:herald-speaker'"
    );
}
