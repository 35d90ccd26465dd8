use alloc::{format, string::ToString};

use super::*;

fn parse(yaml: &str) -> Service {
    Service::parse(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap()
}

fn with_status(ingress: &str, managers: &str) -> Service {
    parse(&format!(
        "{{metadata: {{namespace: n, name: s, managedFields: [{managers}]}}, status: {{loadBalancer: \
         {{ingress: [{ingress}]}}}}}}"
    ))
}

fn manager(name: &str, subresource: &str, field: &str) -> String {
    format!(
        "{{manager: {name}, subresource: {subresource}, operation: Apply, fieldsType: FieldsV1, \
         fieldsV1: {{'f:status': {{'{field}': {{'f:ingress': {{}}}}}}}}}}"
    )
}

#[test]
fn reads_what_the_rules_need() {
    let service = parse(
        "{metadata: {namespace: n, name: s, uid: u, annotations: {metallb.io/address-pool: gold}}, \
         spec: {type: LoadBalancer, loadBalancerClass: c, clusterIPs: [10.96.0.5, 'fd01::5'], \
         ipFamilies: [IPv4, IPv6], ipFamilyPolicy: PreferDualStack, externalTrafficPolicy: Local, \
         healthCheckNodePort: 32000, ports: [{port: 80}, {port: 53, protocol: UDP}]}, status: \
         {conditions: [{type: heraldlb.io/Assigned, status: 'True', reason: Assigned, message: m, \
         lastTransitionTime: '1970-01-01T00:00:09Z'}, {type: other.io/X, status: 'True', reason: R, \
         message: m, lastTransitionTime: '1970-01-01T00:00:09Z'}]}}",
    );
    assert_eq!(service.key.to_string(), "n/s");
    assert_eq!(
        (service.class.as_deref(), service.cluster_ips.len()),
        (Some("c"), 2)
    );
    assert_eq!(service.families, [AddressFamily::IPv4, AddressFamily::IPv6]);
    assert_eq!(service.family_policy, FamilyPolicy::PreferDualStack);
    assert_eq!(service.traffic_policy, TrafficPolicy::Local);
    assert_eq!(service.health_check_node_port, Some(32000));
    let (web, dns) = (
        Port {
            protocol: Protocol::Tcp,
            port: 80,
        },
        Port {
            protocol: Protocol::Udp,
            port: 53,
        },
    );
    assert_eq!(service.ports, [web, dns]);
    assert_eq!(service.request.unwrap().pool.as_deref(), Some("gold"));
    assert_eq!(service.meta.conditions.len(), 1);
    assert_eq!(service.meta.conditions[0].since, Some(crate::Timestamp(9)));
}

#[test]
fn a_headless_service_has_no_cluster_ip() {
    let service =
        parse("{metadata: {namespace: n, name: s}, spec: {clusterIP: None, clusterIPs: [None]}}");
    assert!(service.cluster_ips.is_empty() && service.families.is_empty());
}

#[test]
fn without_a_name_it_is_no_service() {
    for yaml in ["{metadata: {name: s}}", "{metadata: {namespace: n}}"] {
        assert_eq!(
            Service::parse(&serde_yaml_ng::from_str(yaml).unwrap()),
            None
        );
    }
}

#[test]
fn a_status_is_ours_exactly_when_managed_fields_show_us_as_owner() {
    let ip = "{ip: 10.0.0.1}";
    let cases = [
        (
            ip,
            manager("herald-controller", "status", "f:loadBalancer"),
            StatusOwner::Ours,
        ),
        (
            ip,
            manager("herald-controller", "status", "f:conditions"),
            StatusOwner::Foreign,
        ),
        (
            ip,
            manager("herald-controller", "", "f:loadBalancer"),
            StatusOwner::Foreign,
        ),
        (
            ip,
            manager("other", "status", "f:loadBalancer"),
            StatusOwner::Foreign,
        ),
        (ip, String::new(), StatusOwner::Foreign),
        (
            "",
            manager("herald-controller", "status", "f:loadBalancer"),
            StatusOwner::None,
        ),
    ];
    for (ingress, managers, expected) in cases {
        assert_eq!(
            with_status(ingress, &managers).status_owner,
            expected,
            "{managers}"
        );
    }
}

#[test]
fn a_status_is_canonical_when_we_would_write_the_same() {
    let cases = [
        ("", "", true),
        ("{ip: 10.0.0.1}", "10.0.0.1", true),
        (
            "{ip: 10.0.0.1, ipMode: VIP}, {ip: 'fd00::1'}",
            "10.0.0.1,fd00::1",
            true,
        ),
        ("{ip: 10.0.0.1, ipMode: Proxy}", "10.0.0.1", false),
        ("{ip: 10.0.0.1, hostname: a}", "10.0.0.1", false),
        ("{hostname: a}", "", false),
        ("{ip: 10.0.0.1}, {ip: 10.0.0.2}", "10.0.0.1", false),
        (
            "{ip: 10.0.0.1, ports: [{port: 80, protocol: TCP}]}",
            "10.0.0.1",
            false,
        ),
    ];
    for (ingress, addresses, canonical) in cases {
        let service = with_status(ingress, "");
        let shown: Vec<_> = service.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(
            (shown.join(",").as_str(), service.status_canonical),
            (addresses, canonical),
            "{ingress}"
        );
    }
}
