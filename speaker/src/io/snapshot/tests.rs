use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

use k8s_openapi::api::{core::v1, discovery};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// One of each kind that a speaker knows.
fn objects() -> Vec<Object> {
    let kind = |kind: &str, spec: Value| json!({"apiVersion": "heraldlb.io/v1alpha1", "kind": kind, "metadata": {"name": "a"}, "spec": spec});
    let selector =
        json!([{"matchExpressions": [{"key": "rack", "operator": "In", "values": ["a", "b"]}]}]);
    let peer = json!({"myASN": 65001, "peerASN": 65000, "peerAddress": "2001:db8::1", "holdTime": "9s",
        "nodeSelectors": selector, "passwordSecret": {"name": "md5"}});
    let l2 = json!({"interfaces": ["eth*"], "gratuitousInterval": "0s",
        "preferredNodeSelectors": [{"weight": 3, "preference": {"matchLabels": {"a": "b"}}}]});
    let network = json!({"mode": "Network", "podCIDRs": ["10.244.0.0/16"],
        "advertise": {"communities": ["65000:1", "large:1:2:3", "extended:rt:65000:1"]}});
    let service = json!({"metadata": {"namespace": "n", "name": "web", "uid": "u"},
        "spec": {"type": "LoadBalancer", "ipFamilies": ["IPv4"], "ports": [{"port": 80, "protocol": "TCP"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1", "ipMode": "VIP"}]}}});
    let slice = json!({"metadata": {"namespace": "n", "name": "web-1",
        "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.244.1.2"], "nodeName": "node-1"}]});
    let node = json!({"metadata": {"name": "node-1", "labels": {"rack": "a"}},
        "spec": {"podCIDR": "10.244.1.0/24"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}});
    let rejected = kind("IPAddressPool", json!({"addresses": ["10.0.0.9-10.0.0.1"]}));
    let keys = json!({"metadata": {"name": "herald-heartbeat"}, "data": {"1": k8s_openapi::ByteString(vec![7; 32])}});
    vec![
        Object::parse_settings(&parse(json!({"data": {"onlyClass": "true"}}))).unwrap(),
        (&parse::<crds::IPAddressPool>(rejected)).into(),
        (&parse::<crds::BGPPeer>(kind("BGPPeer", peer))).into(),
        (&parse::<crds::BGPAdvertisement>(kind("BGPAdvertisement", json!({"peers": ["a"]}))))
            .into(),
        (&parse::<crds::L2Advertisement>(kind("L2Advertisement", l2))).into(),
        (&parse::<crds::PodNetwork>(kind("PodNetwork", network))).into(),
        Object::parse_service(&parse::<v1::Service>(service)).unwrap(),
        Object::parse_endpoint_slice(&parse::<discovery::v1::EndpointSlice>(slice)).unwrap(),
        Object::parse_node(&parse::<v1::Node>(node)).unwrap(),
        Object::Secret("md5".into(), Ok(Secret::new("hunter2".into()))),
        Object::Secret(
            "none".into(),
            Err(Rejection::new("data.password", "missing", "write it")),
        ),
        Object::parse_secret(&parse::<v1::Secret>(keys)).unwrap(),
    ]
}

fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Store::new(folder.path(), &"node-1".into()), folder)
}

fn written() -> (Store, TempDir) {
    let (store, folder) = store();
    store.write(objects()).unwrap();
    (store, folder)
}

#[test]
fn what_is_written_is_read_again_with_passwords_and_keys() {
    let (store, _folder) = written();
    let kept = store.load().unwrap();
    assert_eq!(kept.objects, objects());
    assert!(Timestamp::now().duration_since(kept.written).as_secs() < 600);
}

#[test]
fn nobody_else_can_read_it() {
    let (store, folder) = written();
    let mode = fs::metadata(store.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let names = fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_others_can_read_or_that_leads_elsewhere_is_not_used() {
    let (store, folder) = written();
    for mode in [0o604, 0o640, 0o602] {
        fs::set_permissions(store.path(), Permissions::from_mode(mode)).unwrap();
        assert!(matches!(store.read(), Err(Unusable::Exposed)), "{mode:o}");
    }
    fs::set_permissions(store.path(), Permissions::from_mode(0o600)).unwrap();
    assert!(store.load().is_some());
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(store.path(), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, store.path()).unwrap();
    assert!(matches!(store.read(), Err(Unusable::Unreadable(_))));
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_not_used() {
    let (store, _folder) = written();
    let whole = fs::read(store.path()).unwrap();
    for length in (0..whole.len()).step_by(97) {
        assert!(
            matches!(store.judge(&whole[..length]), Err(Unusable::Damaged)),
            "{length}"
        );
    }
    assert!(matches!(store.judge(b"\xff\x00{}"), Err(Unusable::Damaged)));
}

#[test]
fn a_file_of_another_version_or_node_is_not_used_and_its_content_is_not_told() {
    let (store, _folder) = written();
    let with = |field: &str, value: Value| {
        let mut content: Value = serde_json::from_slice(&fs::read(store.path()).unwrap()).unwrap();
        content[field] = value;
        store
            .judge(content.to_string().as_bytes())
            .err()
            .unwrap()
            .to_string()
    };
    assert!(with("version", json!("0.0.9")).contains("version 0.0.9 wrote it"));
    assert!(with("node", json!("node-2")).contains("node-2"));
    let damaged = with("passwords", json!("hunter2"));
    assert!(damaged.contains("not whole") && !damaged.contains("hunter2"));
}

#[test]
fn no_file_is_nothing_to_tell() {
    let (store, folder) = store();
    assert!(matches!(store.read(), Ok(None)));
    assert!(!remove(folder.path()).unwrap());
    store.write(Vec::new()).unwrap();
    assert!(remove(folder.path()).unwrap());
    assert!(store.load().is_none());
}
