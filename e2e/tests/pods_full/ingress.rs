//! An Ingress controller behind a LoadBalancer Service: skipper.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::case::host_route;
use e2e::condition::Seen;
use e2e::fetch::url;
use e2e::node::{FABRIC, Node, W1, W2, W3};
use e2e::workload::Families;
use e2e::{Case, Isolation, await_condition, run};
use serde_json::{Value, json};

use crate::program;

/// Where skipper runs: in both subnets.
const HOSTS: [Node; 2] = [W1, W3];

#[test]
fn an_ingress_controller_serves_host_rules_behind_a_load_balancer_address() {
    run("ingress", Isolation::Shared, ingress);
}

async fn ingress(case: &Case) -> Result<()> {
    install(case).await?;
    // Behind it one application that only speaks IPv4, and one that only speaks IPv6.
    case.serve("red", &[W2]).await?;
    case.serve("blue", &[W3]).await?;
    for (app, family) in [("red", "IPv4"), ("blue", "IPv6")] {
        case.apply(backend(app, family)).await?;
        case.apply(rule(app)).await?;
    }
    let addresses = case
        .expose("ingress", "skipper", Families::Dual, false)
        .await?;
    ensure!(addresses.len() == 2, "{addresses:?}");
    for address in addresses {
        let route = host_route(address);
        case.lab.router.await_route(&route, &FABRIC).await?;
        await_answer(case, address, "red.example.test", "200 red-w2").await?;
        await_answer(case, address, "blue.example.test", "200 blue-w3").await?;
        let unknown = answer(case, address, "green.example.test").await?;
        ensure!(unknown.starts_with("404"), "without a rule: {unknown:?}");
    }
    Ok(())
}

async fn install(case: &Case) -> Result<()> {
    let image = program::load("skipper").await?;
    let rules = json!([
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["services", "endpoints"], "verbs": ["get", "list"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list"]},
    ]);
    program::authorize(case, "skipper", rules).await?;
    for node in HOSTS {
        case.apply(pod(&image, node)).await?;
    }
    for node in HOSTS {
        case.await_pod(&format!("skipper-{}", node.name())).await?;
    }
    Ok(())
}

fn pod(image: &str, node: Node) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("skipper-{}", node.name()), "labels": {"app": "skipper"}},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node.name()},
            "serviceAccountName": "skipper",
            "terminationGracePeriodSeconds": 2,
            "containers": [{
                "name": "skipper",
                "image": image,
                "imagePullPolicy": "Never",
                "args": [
                    "-kubernetes",
                    "-kubernetes-in-cluster",
                    "-kubernetes-path-mode=path-prefix",
                    "-kubernetes-https-redirect=false",
                    "-enable-kubernetes-endpointslices",
                    "-wait-first-route-load",
                    "-source-poll-timeout=500",
                    "-address=:8080",
                ],
                "ports": [{"containerPort": 8080}],
                "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
            }],
        },
    })
}

fn backend(app: &str, family: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": app},
        "spec": {
            "ipFamilyPolicy": "SingleStack",
            "ipFamilies": [family],
            "selector": {"app": app},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    })
}

fn rule(app: &str) -> Value {
    let backend = json!({"service": {"name": app, "port": {"number": 80}}});
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": app},
        "spec": {"rules": [{
            "host": format!("{app}.example.test"),
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
        }]},
    })
}

async fn await_answer(case: &Case, address: IpAddr, host: &str, expected: &str) -> Result<()> {
    let sentence = format!("{address} answers {expected:?} for {host}");
    await_condition(&sentence, Duration::from_secs(60), async || {
        let answer = answer(case, address, host).await?;
        Ok(Seen::when(answer == expected, answer))
    })
    .await?;
    Ok(())
}

/// Status and page that the client behind the router gets for that host name.
async fn answer(case: &Case, address: IpAddr, host: &str) -> Result<String> {
    let answer = case
        .lab
        .client
        .machine()
        .command("curl")
        .args(["-sSg", "--max-time", "2", "-w", "\n%{http_code}"])
        .args([
            "-H",
            &format!("Host: {host}"),
            &url(address, 80, "/hostname"),
        ])
        .output()
        .await?;
    let (page, status) = answer.rsplit_once('\n').unwrap_or(("", &answer));
    Ok(format!("{status} {}", page.trim()))
}
