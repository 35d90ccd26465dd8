//! etcd, API server, controller manager and scheduler, all in the container `cp`.

use std::path::Path;

use anyhow::Result;

use crate::artifact;
use crate::machine::Machine;
use crate::pki::{Authority, write, write_token_keys};
use crate::topology::CONTROL_PLANE;

/// The container of the control plane.
pub(crate) const MACHINE: Machine = Machine::new("cp");
/// The program that a case stops and starts.
pub(crate) const API_SERVER: &str = "kube-apiserver";

/// The cluster's pod ranges, as `--cluster-cidr` has them.
pub(crate) const POD_RANGES: [&str; 2] = ["10.244.0.0/16", "fd00:10:244::/56"];

/// Where the API server answers, for nodes and for this machine.
pub(crate) fn url() -> String {
    format!("https://{CONTROL_PLANE}:6443")
}

/// Writes what the four programs read.
pub(crate) fn write_files(folder: &Path, authority: &Authority) -> Result<()> {
    write(&folder.join("ca.crt"), authority.certificate())?;
    authority
        .server(&[
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "localhost",
            "10.96.0.1",
            "fd00:10:96::1",
            "127.0.0.1",
            CONTROL_PLANE,
        ])?
        .write(folder, "apiserver")?;
    authority
        .client("kube-apiserver", Some("system:masters"))?
        .write(folder, "kubelet-client")?;
    write_token_keys(folder)?;
    for user in ["kube-controller-manager", "kube-scheduler"] {
        let identity = authority.client(&format!("system:{user}"), None)?;
        let kubeconfig = authority.kubeconfig(&identity, &url())?;
        write(&folder.join(format!("{user}.kubeconfig")), &kubeconfig)?;
    }
    std::fs::copy(
        artifact::root().join("e2e/topologies/cp/audit.yaml"),
        folder.join("audit.yaml"),
    )?;
    Ok(())
}

/// Starts all four; each waits for the one it needs by itself.
pub(crate) async fn start() -> Result<()> {
    for (program, arguments) in [
        ("etcd", ETCD),
        (API_SERVER, API_SERVER_FLAGS),
        ("kube-controller-manager", CONTROLLER_MANAGER),
        ("kube-scheduler", SCHEDULER),
    ] {
        MACHINE.start(program, arguments).await?;
    }
    Ok(())
}

/// Starts the API server again after a case has stopped it.
pub(crate) async fn start_api_server() -> Result<()> {
    MACHINE.start(API_SERVER, API_SERVER_FLAGS).await
}

const ETCD: &[&str] = &[
    "--data-dir=/var/lib/etcd",
    "--listen-client-urls=http://127.0.0.1:2379",
    "--advertise-client-urls=http://127.0.0.1:2379",
    "--listen-peer-urls=http://127.0.0.1:2380",
    "--unsafe-no-fsync",
];

const API_SERVER_FLAGS: &[&str] = &[
    "--etcd-servers=http://127.0.0.1:2379",
    "--secure-port=6443",
    "--tls-cert-file=/etc/herald-lab/apiserver.crt",
    "--tls-private-key-file=/etc/herald-lab/apiserver.key",
    "--client-ca-file=/etc/herald-lab/ca.crt",
    "--kubelet-client-certificate=/etc/herald-lab/kubelet-client.crt",
    "--kubelet-client-key=/etc/herald-lab/kubelet-client.key",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-account-key-file=/etc/herald-lab/sa.pub",
    "--service-account-signing-key-file=/etc/herald-lab/sa.key",
    "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    "--audit-policy-file=/etc/herald-lab/audit.yaml",
    "--audit-log-path=/var/log/audit/audit.log",
];

const CONTROLLER_MANAGER: &[&str] = &[
    "--kubeconfig=/etc/herald-lab/kube-controller-manager.kubeconfig",
    "--service-account-private-key-file=/etc/herald-lab/sa.key",
    "--root-ca-file=/etc/herald-lab/ca.crt",
    "--use-service-account-credentials=true",
    "--allocate-node-cidrs=true",
    "--cluster-cidr=10.244.0.0/16,fd00:10:244::/56",
    "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
    "--leader-elect=false",
];

const SCHEDULER: &[&str] = &[
    "--kubeconfig=/etc/herald-lab/kube-scheduler.kubeconfig",
    "--leader-elect=false",
];
