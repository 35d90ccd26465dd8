//! What is installed agrees with itself, with the version of the workspace and with the docs.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use serde::Deserialize as _;
use serde_json::Value;

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
}

fn manifests() -> Vec<Value> {
    let yaml = fs::read_to_string(file("deploy/herald.yaml")).unwrap();
    let documents = serde_yaml_ng::Deserializer::from_str(&yaml);
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
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
fn herald_yaml_is_what_the_kustomization_lists() {
    let status = Command::new(file("deploy/render"))
        .arg("--check")
        .status()
        .unwrap();
    assert!(
        status.success(),
        "deploy/herald.yaml is stale: deploy/render"
    );
}

#[test]
fn rbac_is_what_the_docs_say() {
    let documented: BTreeSet<String> = documented().into_iter().collect();
    assert_eq!(
        documented.len(),
        self::documented().len(),
        "docs/rbac.md lists a rule twice"
    );
    let granted: BTreeSet<String> = manifests().iter().flat_map(granted).collect();
    let missing: Vec<_> = granted.difference(&documented).collect();
    let unused: Vec<_> = documented.difference(&granted).collect();
    assert!(
        missing.is_empty() && unused.is_empty(),
        "only granted: {missing:#?}; only in docs/rbac.md: {unused:#?}"
    );
}

/// `account | scope | group | resource | verbs` of every row of the table.
fn documented() -> Vec<String> {
    let page = fs::read_to_string(file("docs/rbac.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| herald-"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{row}");
        assert!(!cells[5].is_empty(), "no reason: {row}");
        cells[..5].join(" | ")
    })
    .collect()
}

/// The same of every resource in a Role or ClusterRole; both are named after their account.
fn granted(object: &Value) -> Vec<String> {
    let scope = match text(object, "/kind") {
        "ClusterRole" => "cluster",
        "Role" => text(object, "/metadata/namespace"),
        _ => return Vec::new(),
    };
    let account = text(object, "/metadata/name");
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
    let manifests = manifests();
    for object in &manifests {
        let binding = match text(object, "/kind") {
            "ClusterRole" => "ClusterRoleBinding",
            "Role" => "RoleBinding",
            _ => continue,
        };
        let name = text(object, "/metadata/name");
        let bound = manifests.iter().any(|other| {
            text(other, "/kind") == binding
                && text(other, "/roleRef/name") == name
                && text(other, "/subjects/0/name") == name
                && text(other, "/subjects/0/namespace") == "herald-system"
        });
        let account = manifests.iter().any(|other| {
            text(other, "/kind") == "ServiceAccount" && text(other, "/metadata/name") == name
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
