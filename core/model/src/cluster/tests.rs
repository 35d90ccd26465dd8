use alloc::format;

use proptest::prelude::*;

use super::*;
use crate::AddressFamily;

fn service(yaml: &str) -> Change {
    Change::Apply(Object::parse_service(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap())
}

fn slice(name: &str, service: &str, address: &str) -> Change {
    let yaml = format!(
        "{{metadata: {{namespace: n, name: {name}, labels: {{kubernetes.io/service-name: {service}}}}}, \
         addressType: IPv4, endpoints: [{{addresses: [{address}], nodeName: a}}]}}"
    );
    Change::Apply(Object::parse_endpoint_slice(&serde_yaml_ng::from_str(&yaml).unwrap()).unwrap())
}

fn pool(yaml: &str) -> Change {
    Change::Apply(Object::from(
        &serde_yaml_ng::from_str::<crds::IPAddressPool>(yaml).unwrap(),
    ))
}

fn key(name: &str) -> ServiceKey {
    ServiceKey::new("n", name)
}

#[test]
fn a_new_resource_version_is_kept_and_touches_nothing() {
    let mut cluster = Cluster::default();
    let version = |v: u8| {
        service(&format!(
            "{{metadata: {{namespace: n, name: s, resourceVersion: '{v}'}}}}"
        ))
    };
    assert_eq!(cluster.apply(version(1)), Touched::Service(key("s")));
    assert_eq!(cluster.apply(version(2)), Touched::Nothing);
    assert_eq!(&*cluster.services[&key("s")].meta.resource_version, "2");
}

#[test]
fn a_status_of_a_pool_is_kept_and_touches_nothing() {
    let mut cluster = Cluster::default();
    let with = |status: &str| {
        pool(&format!(
            "{{apiVersion: heraldlb.io/v1alpha1, kind: IPAddressPool, metadata: {{name: p}}, spec: \
             {{addresses: [10.0.0.0/24]}}, status: {{{status}}}}}"
        ))
    };
    assert_eq!(cluster.apply(with("")), Touched::Everything);
    assert_eq!(cluster.apply(with("assignedIPv4: 3")), Touched::Nothing);
    assert_eq!(
        cluster.pools["p"]
            .value
            .as_ref()
            .unwrap()
            .counts
            .assigned_ipv4,
        3
    );
}

#[test]
fn a_list_removes_what_it_does_not_name() {
    let mut cluster = Cluster::default();
    for name in ["a", "b", "c"] {
        cluster.apply(service(&format!(
            "{{metadata: {{namespace: n, name: {name}}}}}"
        )));
    }
    let listed = |keys: &[&str]| Change::Listed {
        kind: Kind::Service,
        keys: keys.iter().map(|name| key(name)).collect(),
    };
    assert_eq!(
        cluster.apply(listed(&["a", "b"])),
        Touched::Service(key("c"))
    );
    assert_eq!(cluster.apply(listed(&["a", "b"])), Touched::Nothing);
    assert_eq!(cluster.apply(listed(&[])), Touched::Everything);
    assert!(cluster.services.is_empty());
}

#[test]
fn a_list_without_the_settings_restores_the_defaults() {
    let mut cluster = Cluster::default();
    let settings = Settings {
        only_class: true,
        ..Settings::default()
    };
    assert_eq!(
        cluster.apply(Change::Apply(Object::Settings(settings))),
        Touched::Everything
    );
    let listed = Change::Listed {
        kind: Kind::Settings,
        keys: Vec::new(),
    };
    assert_eq!(cluster.apply(listed), Touched::Everything);
    assert_eq!(cluster, Cluster::default());
}

#[test]
fn a_slice_can_move_to_another_service() {
    let mut cluster = Cluster::default();
    assert_eq!(
        cluster.apply(slice("x", "a", "10.1.0.1")),
        Touched::Service(key("a"))
    );
    assert_eq!(cluster.apply(slice("x", "a", "10.1.0.1")), Touched::Nothing);
    assert_eq!(
        cluster.apply(slice("x", "b", "10.1.0.1")),
        Touched::Everything
    );
    assert!(!cluster.endpoints.contains_key(&key("a")));
    assert!(
        cluster.endpoints[&key("b")]
            .reachable(AddressFamily::IPv4)
            .unwrap()
            .anywhere
    );
    let gone = Change::Delete(Kind::EndpointSlice, key("x"));
    assert_eq!(cluster.apply(gone.clone()), Touched::Service(key("b")));
    assert_eq!(cluster.apply(gone), Touched::Nothing);
    assert_eq!(cluster, Cluster::default());
}

#[test]
fn node_names_are_shared() {
    let mut cluster = Cluster::default();
    cluster.apply(slice("x", "a", "10.1.0.1"));
    cluster.apply(slice("y", "b", "10.1.0.2"));
    let name = |service: &str, slice: &str| {
        cluster.endpoints[&key(service)]
            .slice(slice)
            .unwrap()
            .endpoints[0]
            .node
            .clone()
            .unwrap()
    };
    assert!(alloc::sync::Arc::ptr_eq(&name("a", "x"), &name("b", "y")));
}

#[test]
fn a_heartbeat_of_a_node_touches_nothing() {
    let mut cluster = Cluster::default();
    let node = |more: &str| {
        let object =
            serde_yaml_ng::from_str(&format!("{{metadata: {{name: a, {more}}}}}")).unwrap();
        Change::Apply(Object::parse_node(&object).unwrap())
    };
    assert_eq!(
        cluster.apply(node("resourceVersion: '1'")),
        Touched::Everything
    );
    assert_eq!(
        cluster.apply(node("resourceVersion: '2'")),
        Touched::Nothing
    );
    assert_eq!(cluster.apply(node("labels: {x: y}")), Touched::Everything);
}

proptest! {
    #[test]
    fn deleting_all_leaves_an_empty_world(steps in proptest::collection::vec((0_u8..4, 0_u8..4), 0..40)) {
        let mut cluster = Cluster::default();
        for (slice_name, service_name) in steps {
            cluster.apply(slice(&format!("x{slice_name}"), &format!("s{service_name}"), "10.1.0.1"));
        }
        cluster.apply(Change::Listed { kind: Kind::EndpointSlice, keys: Vec::new() });
        prop_assert_eq!(cluster, Cluster::default());
    }
}

#[test]
fn heartbeat_keys_come_change_and_go_with_their_secret() {
    let mut cluster = Cluster::default();
    let keys = |octet: u8| Change::Apply(Object::HeartbeatKeys(Ok([Key::new([octet; 32])].into())));
    let listed = |names: &[&str]| Change::Listed {
        kind: Kind::Secret,
        keys: names
            .iter()
            .map(|name| ServiceKey::cluster_scoped(*name))
            .collect(),
    };
    assert_eq!(cluster.apply(keys(1)), Touched::Everything);
    assert_eq!(cluster.apply(keys(1)), Touched::Nothing);
    assert_eq!(cluster.apply(keys(2)), Touched::Everything);
    assert_eq!(
        cluster.apply(listed(&["md5", HEARTBEAT_SECRET])),
        Touched::Nothing
    );
    assert_eq!(cluster.apply(listed(&["md5"])), Touched::Everything);
    assert_eq!(cluster.heartbeat_keys, None);
}
