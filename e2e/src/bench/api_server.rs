//! etcd and kube-apiserver without a cluster around them.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::condition::Seen;
use crate::netns::Daemon;
use crate::pki::{Authority, write, write_token_keys};
use crate::{artifact, await_condition};

const READY: Duration = Duration::from_secs(120);

/// A running API server. Killed when dropped.
#[derive(Debug)]
pub struct ApiServer {
    api_server: Daemon,
    etcd: Daemon,
    kubeconfig: PathBuf,
}

impl ApiServer {
    /// Starts both on the etcd data in `data`, which may be empty; other files go to `folder`. They are reached on the
    /// loopback interface.
    ///
    /// # Errors
    /// When a program is missing or does not become ready.
    pub async fn start(folder: &Path, data: &Path) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST, folder, data).await
    }

    /// The same with an API server that others reach at an address of this host.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_at(address: Ipv4Addr, folder: &Path, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let kubeconfig = folder.join("kubeconfig");
        let authority = Authority::new()?;
        write(&folder.join("ca.crt"), authority.certificate())?;
        authority
            .server(&["localhost", &address.to_string()])?
            .write(folder, "apiserver")?;
        write_token_keys(folder)?;
        let url = format!("https://{address}:6443");
        let admin = authority.client("bench", Some("system:masters"))?;
        write(&kubeconfig, &authority.kubeconfig(&admin, &url)?)?;
        let mut etcd = std::process::Command::new(artifact::program("etcd")?);
        etcd.arg(format!("--data-dir={}", data.display()))
            .args(ETCD);
        let etcd = Daemon::start(etcd, &folder.join("etcd.log"))?;
        let mut command = std::process::Command::new(artifact::program("kube-apiserver")?);
        let at = |name: &str| folder.join(name).display().to_string();
        command
            .arg(format!("--tls-cert-file={}", at("apiserver.crt")))
            .arg(format!("--tls-private-key-file={}", at("apiserver.key")))
            .arg(format!("--client-ca-file={}", at("ca.crt")))
            .arg(format!("--service-account-key-file={}", at("sa.pub")))
            .arg(format!(
                "--service-account-signing-key-file={}",
                at("sa.key")
            ))
            .arg(format!("--bind-address={address}"))
            .arg(format!("--advertise-address={address}"))
            .args(API_SERVER);
        let api_server = Daemon::start(command, &folder.join("kube-apiserver.log"))?;
        let this = Self {
            api_server,
            etcd,
            kubeconfig,
        };
        let client = this.client().await?;
        await_condition("the API server is ready", READY, async || {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            let answer = client.request_text(request).await?;
            Ok(Seen::when(answer.trim() == "ok", answer))
        })
        .await?;
        Ok(this)
    }

    /// Kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client with that kubeconfig.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
    pub async fn client(&self) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig)?;
        let config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Client::try_from(config).context("client")
    }

    /// Stops both in order, so that the data is complete.
    ///
    /// # Errors
    /// When one of them cannot be waited for.
    pub async fn stop(self) -> Result<()> {
        self.api_server.stop().await?;
        self.etcd.stop().await
    }
}

const ETCD: &[&str] = &[
    "--listen-client-urls=http://127.0.0.1:2379",
    "--advertise-client-urls=http://127.0.0.1:2379",
    "--listen-peer-urls=http://127.0.0.1:2380",
    "--unsafe-no-fsync",
];

const API_SERVER: &[&str] = &[
    "--etcd-servers=http://127.0.0.1:2379",
    "--secure-port=6443",
    "--endpoint-reconciler-type=none",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-cluster-ip-range=172.16.0.0/16",
    "--authorization-mode=RBAC",
    // Pods, and so their service accounts, do not exist here.
    "--disable-admission-plugins=ServiceAccount",
];
