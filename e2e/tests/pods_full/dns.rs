//! Cluster DNS by CoreDNS.

use anyhow::{Context, Result, ensure};
use e2e::fetch::url;
use e2e::mesh::{PORT, WebPod};
use e2e::node::{FABRIC, Node, W1, W3};
use e2e::{Case, Isolation, client, run, workload};
use serde_json::{Value, json};

use crate::program;

/// The Service's addresses; the first is the one that clusters usually have.
const NAME_SERVERS: [&str; 2] = ["10.96.0.10", "fd00:10:96::a"];
/// Where CoreDNS runs: in both subnets, but not on every node.
const HOSTS: [Node; 2] = [W1, W3];
/// The name server outside, a process of the client.
const OUTSIDE: &str = "name-server";

#[test]
fn pods_resolve_services_and_outside_names_by_coredns() {
    run("cluster-dns", Isolation::Shared, cluster_dns);
}

async fn cluster_dns(case: &Case) -> Result<()> {
    let machine = case.lab.client.machine();
    machine
        .exec(&[
            "ln",
            "-sf",
            "/usr/local/bin/pod",
            &format!("/usr/local/bin/{OUTSIDE}"),
        ])
        .await?;
    machine.start(OUTSIDE, &["names"]).await?;
    let outcome = resolve(case).await;
    let stopped = machine.stop(OUTSIDE).await;
    outcome.and(stopped)
}

async fn resolve(case: &Case) -> Result<()> {
    install(case).await?;
    for node in FABRIC {
        let mut pod = workload::web_pod(&format!("web-{}", node.name()), "web", node)?;
        pod["spec"]["dnsPolicy"] = "None".into();
        pod["spec"]["dnsConfig"] = json!({
            "nameservers": NAME_SERVERS,
            "searches": [format!("{}.svc.cluster.local", case.name), "svc.cluster.local", "cluster.local"],
            "options": [{"name": "ndots", "value": "5"}],
        });
        case.apply(pod).await?;
    }
    case.apply(service(
        "web",
        "web",
        &json!([{"port": 80, "targetPort": 8080}]),
    ))
    .await?;
    let spec = case.service("web").await?.spec.context("no spec")?;
    let expected = spec.cluster_ips.context("no cluster IPs")?;
    for node in FABRIC {
        let asker = WebPod::ready(&case.api(), &format!("web-{}", node.name()), node).await?;
        resolves_the_service(case, &asker, &expected).await?;
        resolves_outside_names(case, &asker).await?;
    }
    Ok(())
}

/// A and AAAA, over UDP and TCP, from the name server's IPv4 and IPv6 address; and as the pod's own settings say.
async fn resolves_the_service(case: &Case, asker: &WebPod, expected: &[String]) -> Result<()> {
    let name = format!("web.{}.svc.cluster.local.", case.name);
    for (family, address) in ["ip4", "ip6"].iter().zip(expected) {
        for transport in ["udp", "tcp"] {
            for server in NAME_SERVERS {
                let asked =
                    format!("name={name}&family={family}&transport={transport}&server={server}");
                let answer = await_lookup(asker, &asked).await?;
                ensure!(
                    answer == *address,
                    "{asked}: {answer:?} instead of {address}"
                );
            }
            let asked = format!("name=web&family={family}&transport={transport}");
            let answer = await_lookup(asker, &asked).await?;
            ensure!(
                answer == *address,
                "{asked}: {answer:?} instead of {address}"
            );
        }
    }
    Ok(())
}

/// CoreDNS passes other names on. The server outside answers with the address that it is asked from: that of the node
/// on which that CoreDNS runs.
async fn resolves_outside_names(case: &Case, asker: &WebPod) -> Result<()> {
    for transport in ["udp", "tcp"] {
        for host in HOSTS {
            let dns = WebPod::ready(&case.api(), &format!("dns-{}", host.name()), host).await?;
            let [ipv4, ipv6] = dns.addresses;
            for (family, zone, server, seen) in [
                ("ip4", "ipv4", ipv4, host.ipv4),
                ("ip6", "ipv6", ipv6, host.ipv6),
            ] {
                let asked = format!(
                    "name=host.{zone}.outside.test.&family={family}&transport={transport}&server={server}"
                );
                let answer = await_lookup(asker, &asked).await?;
                ensure!(
                    answer == seen,
                    "{asked}: the client sees {answer}, not {seen}"
                );
            }
        }
        let asked = format!("name=host.ipv4.outside.test.&family=ip4&transport={transport}");
        let answer = await_lookup(asker, &asked).await?;
        ensure!(
            HOSTS.iter().any(|host| host.ipv4 == answer),
            "{asked}: the client sees {answer}"
        );
    }
    Ok(())
}

/// The only address that the pod gets for a name.
async fn await_lookup(asker: &WebPod, query: &str) -> Result<String> {
    let [ipv4, _] = asker.addresses;
    let page = url(ipv4, PORT, &format!("/lookup?{query}"));
    asker.node.machine.await_page(&page).await
}

/// CoreDNS as clusters have it, with two zones that are somebody else's.
async fn install(case: &Case) -> Result<()> {
    let image = program::load("coredns").await?;
    let rules = json!([
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]);
    program::authorize(case, "coredns", rules).await?;
    case.apply(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns"},
        "data": {"Corefile": corefile()},
    }))
    .await?;
    for node in HOSTS {
        case.apply(pod(&image, node)).await?;
    }
    let ports = json!([
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]);
    let mut kube_dns = service("kube-dns", "dns", &ports);
    kube_dns["spec"]["clusterIP"] = NAME_SERVERS[0].into();
    kube_dns["spec"]["clusterIPs"] = json!(NAME_SERVERS);
    case.apply(kube_dns).await?;
    for node in HOSTS {
        case.await_pod(&format!("dns-{}", node.name())).await?;
    }
    Ok(())
}

fn corefile() -> String {
    let [ipv4, ipv6] = client::ADDRESSES;
    format!(
        "\
.:53 {{
    errors
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa
}}
ipv4.outside.test:53 {{
    errors
    forward . {ipv4}
}}
ipv6.outside.test:53 {{
    errors
    forward . {ipv6}
}}
"
    )
}

fn pod(image: &str, node: Node) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("dns-{}", node.name()), "labels": {"app": "dns"}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node.name()},
            "serviceAccountName": "coredns",
            "terminationGracePeriodSeconds": 2,
            "dnsPolicy": "Default",
            "containers": [{
                "name": "coredns",
                "image": image,
                "imagePullPolicy": "Never",
                "args": ["-conf", "/etc/coredns/Corefile"],
                "ports": [
                    {"containerPort": 53, "protocol": "UDP"},
                    {"containerPort": 53, "protocol": "TCP"},
                ],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
            }],
            "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
        },
    })
}

/// A dual-stack Service without address outside.
fn service(name: &str, app: &str, ports: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "ipFamilyPolicy": "RequireDualStack",
            "ipFamilies": ["IPv4", "IPv6"],
            "selector": {"app": app},
            "ports": ports,
        },
    })
}
