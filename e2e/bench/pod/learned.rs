//! Pod CIDRs that a router advertises: from its last UPDATE to the last route in the kernel.
//!
//! Real etcd, kube-apiserver and herald-speaker in one network namespace, our BGP driver as the router in another.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use e2e::await_condition;
use e2e::bench::{ApiServer, Row, System, Usage};
use e2e::command::Command;
use e2e::condition::Seen;
use e2e::lab::kubectl;
use e2e::netns::{Asns, Daemon, Desired, DesiredPeer, DesiredRoute, Network, Speaker};
use e2e::step::say;

use crate::watch::Watch;

/// First arguments with which this program is another one.
pub(crate) const INSIDE: &str = "inside";
pub(crate) const SPEAKER: &str = "speaker";
pub(crate) const ROUTER: &str = "router";

const NODE: &str = "node-1";
const OURS: &str = "10.77.0.1";
const OTHER: &str = "10.77.0.2";
const ASNS: [u32; 2] = [64513, 64512];
/// Pod CIDRs that the router has.
const ROUTES: usize = 2000;
const PATIENCE: Duration = Duration::from_secs(120);

/// Lays the wire and runs the rest inside.
pub(crate) async fn rows(repeat: usize) -> Result<Vec<Row>> {
    let mut network = Network::create()?;
    let (ours, router) = (network.namespace().await?, network.namespace().await?);
    network
        .link(
            (&ours, "eth0", &[(OURS.parse()?, 24)]),
            (&router, "eth0", &[(OTHER.parse()?, 24)]),
        )
        .await?;
    let mut command = ours.enter(std::env::current_exe()?);
    command
        .args([INSIDE, router.name()])
        .arg(network.folder())
        .arg(repeat.to_string())
        // Time stamps of the programs that watch.
        .env("TZ", "UTC");
    let output = tokio::process::Command::from(command)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?
        .wait_with_output()
        .await?;
    let text = String::from_utf8(output.stdout)?;
    let result = text.lines().last().filter(|_| output.status.success());
    let result = result.with_context(|| format!("{text}\n{}", network.logs(20)))?;
    Ok(serde_json::from_str(result)?)
}

/// The part that runs in the node's namespace; prints its rows as JSON, on one line.
pub(crate) async fn inside(router: &str, folder: &Path, repeat: usize) -> Result<()> {
    let server = ApiServer::start(&folder.join("server"), &folder.join("etcd")).await?;
    populate(server.kubeconfig(), folder).await?;
    let mut other = start_router(router, folder)?;
    let mut desired = router_without_routes()?;
    other.apply(&desired).await?;
    let speaker = start_speaker(server.kubeconfig(), folder)?;
    await_condition("the session is up", PATIENCE, async || {
        let session = other.session("node").await?;
        Ok(Seen::when(session.state == "Established", session))
    })
    .await?;
    let mut times = Vec::new();
    for _ in 0..repeat {
        let watch = Watch::start(router, OTHER).await?;
        desired.routes = (0..ROUTES).map(route).collect();
        other.apply(&desired).await?;
        await_routes(ROUTES).await?;
        times.push(watch.delay(ROUTES).await?);
        desired.routes.clear();
        other.apply(&desired).await?;
        await_routes(0).await?;
    }
    let memory = Usage::of(speaker.pid())?.peak_memory as f64 / 1e6;
    speaker.stop().await?;
    other.shut_down().await?;
    server.stop().await?;
    let name = format!("pod/learned/{ROUTES}");
    let rows = [
        Row::of(&name, "s", System::Herald, &times),
        Row::of(&format!("{name}/memory"), "MB", System::Herald, &[memory]),
    ];
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    say(&serde_json::to_string(&rows)?);
    Ok(())
}

/// Waits until the kernel has that many imported routes.
async fn await_routes(count: usize) -> Result<()> {
    let sentence = format!("the kernel has {count} imported routes");
    await_condition(&sentence, PATIENCE, async || {
        let listed = Command::new("ip")
            .args(["route", "show", "proto", "158"])
            .output()
            .await?;
        let there = listed
            .lines()
            .filter(|line| line.contains("metric 768"))
            .count();
        Ok(Seen::when(there == count, there))
    })
    .await?;
    Ok(())
}

async fn populate(kubeconfig: &Path, folder: &Path) -> Result<()> {
    let kubectl = async |arguments: &[&str]| {
        Command::new(kubectl())
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .args(arguments)
            .output()
            .await
    };
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/yaml");
    let crds = crds.to_str().context("path of the CRDs")?;
    kubectl(&["apply", "--server-side", "-k", crds]).await?;
    kubectl(&["wait", "--for=condition=Established", "crd", "--all"]).await?;
    let path = folder.join("objects.json");
    std::fs::write(&path, objects().to_string())?;
    let path = path.to_str().context("path of the objects")?;
    kubectl(&["apply", "--server-side", "-f", path]).await?;
    let status = json!({"status": {
        "addresses": [{"type": "InternalIP", "address": OURS}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }});
    let status = status.to_string();
    kubectl(&[
        "patch",
        "node",
        NODE,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ])
    .await?;
    Ok(())
}

fn objects() -> Value {
    let herald = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "heraldlb.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        })
    };
    let [our_asn, asn] = ASNS;
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "herald-system"}},
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE},
            "spec": {"podCIDR": "10.200.0.0/24", "podCIDRs": ["10.200.0.0/24"]},
        },
        herald("BGPPeer", "router", json!({
            "myASN": our_asn, "peerASN": asn, "peerAddress": OTHER, "connectTime": "1s",
        })),
        herald("PodNetwork", "default", json!({
            "mode": "Network",
            "podCIDRs": ["10.0.0.0/8"],
            // The folder of this machine's own CNI is none of ours.
            "cni": {"install": false},
        })),
    ]})
}

fn start_speaker(kubeconfig: &Path, folder: &Path) -> Result<Daemon> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command
        .arg(SPEAKER)
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .args(["--dataplane-gate=off", &format!("--node-name={NODE}")]);
    Daemon::start(command, &folder.join("herald.log"))
}

fn start_router(namespace: &str, folder: &Path) -> Result<Speaker> {
    let mut command = std::process::Command::new("ip");
    command
        .args(["netns", "exec", namespace])
        .arg(std::env::current_exe()?)
        .arg(ROUTER);
    let folder = folder.join("router");
    std::fs::create_dir_all(&folder)?;
    Speaker::start(command, &folder)
}

fn router_without_routes() -> Result<Desired> {
    let [remote, local] = ASNS;
    let peer = DesiredPeer {
        connect_retry: None,
        passive: true,
        ..DesiredPeer::new("node", OURS.parse()?, Asns { local, remote }, OTHER)
    };
    Ok(Desired {
        listen: Some(format!("{OTHER}:179").parse()?),
        peers: vec![peer],
        ..Desired::default()
    })
}

fn route(number: usize) -> DesiredRoute {
    DesiredRoute {
        prefix: format!("10.{}.{}.0/24", number / 256, number % 256),
        ..DesiredRoute::default()
    }
}
