//! One end-to-end case: its own namespace, pool and advertisement, or the whole lab to itself.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures::FutureExt;
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock, RwLockWriteGuard};

use crate::condition::{Seen, await_condition};
use crate::node::Node;
use crate::workload::{self, Families};
use crate::{Lab, restore, state};

/// Label of everything that a case creates outside its namespace, so that leftovers are found.
pub(crate) const LABEL: &str = "e2e.heraldlb.io/case";

/// Who else may use the lab at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Other cases that touch only what is theirs.
    Shared,
    /// Nobody: this case breaks nodes, router or controller. They are restored afterwards.
    Exclusive,
}

/// A case while it runs.
pub struct Case {
    /// The lab.
    pub lab: Lab,
    /// Namespace, pool and advertisement have this name.
    pub name: String,
    pub(crate) index: u8,
}

/// All cases of one run share this; a case blocks its own thread of the test harness.
static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(Runtime::new);
static LAB: RwLock<()> = RwLock::const_new(());
static PREPARED: OnceCell<Result<(), String>> = OnceCell::const_new();
static NEXT: AtomicU8 = AtomicU8::new(0);

/// Runs a case in the lab that is up, and cleans up after it even when it fails.
///
/// # Panics
/// When the case fails; what Herald and the router showed then is in `target/lab/failures`.
#[allow(
    clippy::panic,
    reason = "it is how a test tells the test harness of its failure"
)]
pub fn run(name: &str, isolation: Isolation, body: impl AsyncFnOnce(&Case) -> Result<()>) {
    let outcome = match RUNTIME.as_ref() {
        Ok(runtime) => runtime.block_on(guarded(name, isolation, body)),
        Err(error) => Err(anyhow!("no runtime: {error}")),
    };
    if let Err(error) = outcome {
        panic!("{error:?}");
    }
}

async fn guarded(
    name: &str,
    isolation: Isolation,
    body: impl AsyncFnOnce(&Case) -> Result<()>,
) -> Result<()> {
    let lab = Lab::attach().await?;
    // Once per run: what a killed run has broken or left behind must not make this one fail.
    let prepared = PREPARED
        .get_or_init(|| async { prepare(&lab).await.map_err(|error| format!("{error:#}")) })
        .await;
    if let Err(error) = prepared {
        bail!("the lab cannot be used: {error}");
    }
    match isolation {
        Isolation::Shared => {
            let _shared = LAB.read().await;
            unlocked(lab, name, isolation, body).await
        }
        Isolation::Exclusive => {
            let _alone = alone().await;
            unlocked(lab, name, isolation, body).await
        }
    }
}

/// The lab when nobody else uses it. It does not queue: cases that share the lab go first, all at once.
async fn alone() -> RwLockWriteGuard<'static, ()> {
    loop {
        if let Ok(guard) = LAB.try_write() {
            return guard;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn prepare(lab: &Lab) -> Result<()> {
    restore::sweep(lab).await?;
    restore::restore(lab).await
}

async fn unlocked(
    lab: Lab,
    name: &str,
    isolation: Isolation,
    body: impl AsyncFnOnce(&Case) -> Result<()>,
) -> Result<()> {
    let case = Case {
        lab,
        name: name.to_owned(),
        index: NEXT.fetch_add(1, Ordering::Relaxed),
    };
    let work = async {
        case.prepare().await?;
        body(&case).await
    };
    let outcome = AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(anyhow!("panicked: {}", panic_text(panic.as_ref()))));
    if outcome.is_err() {
        let folder = state::folder().join("failures");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), case.lab.describe().await)?;
    }
    let cleaned = case.clean().await.context("clean up");
    let restored = match isolation {
        Isolation::Shared => Ok(()),
        Isolation::Exclusive => restore::restore(&case.lab).await.context("restore the lab"),
    };
    outcome.and(cleaned).and(restored)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_default()
}

impl Case {
    /// The IPv4 and IPv6 range of the case's pool.
    #[must_use]
    pub fn ranges(&self) -> [String; 2] {
        [
            format!("10.20.{}.0/24", self.index),
            format!("fd20:0:0:{:x}::/64", self.index),
        ]
    }

    /// The `n`th address of the case's IPv4 range.
    #[must_use]
    pub fn ipv4(&self, n: u8) -> String {
        format!("10.20.{}.{n}", self.index)
    }

    async fn prepare(&self) -> Result<()> {
        self.apply(json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.name},
        }))
        .await?;
        // Pods are refused before the cluster's controllers have made it.
        let accounts: Api<ServiceAccount> = self.api();
        await_condition(
            "the namespace is usable",
            Duration::from_secs(120),
            async || Ok(Seen::when(accounts.get_opt("default").await?.is_some(), ())),
        )
        .await?;
        let [ipv4, ipv6] = self.ranges();
        self.apply(workload::pool(&self.name, &[&ipv4, &ipv6], &self.name))
            .await?;
        self.apply(workload::advertisement(&self.name, &self.name))
            .await
    }

    async fn clean(&self) -> Result<()> {
        restore::remove(&self.lab, &format!("{LABEL}={}", self.name)).await
    }

    /// Applies an object: in the case's namespace unless it names another, and marked as the case's own.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn apply(&self, mut object: Value) -> Result<()> {
        let metadata = object
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
            .context("object without metadata")?;
        metadata
            .entry("namespace")
            .or_insert_with(|| self.name.clone().into());
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(LABEL.to_owned(), self.name.clone().into());
        }
        self.lab.cluster.apply_value(&object).await
    }

    /// A web server pod on each of `nodes`, named `APP-NODE`, and the wait until they are ready.
    ///
    /// # Errors
    /// When they do not become ready within two minutes.
    pub async fn serve(&self, app: &str, nodes: &[Node]) -> Result<()> {
        for &node in nodes {
            let name = format!("{app}-{}", node.name());
            self.apply(workload::web_pod(&name, app, node)?).await?;
        }
        for &node in nodes {
            self.await_pod(&format!("{app}-{}", node.name())).await?;
        }
        Ok(())
    }

    /// Waits until a pod is ready.
    ///
    /// # Errors
    /// When it does not become ready within two minutes.
    pub async fn await_pod(&self, name: &str) -> Result<()> {
        await_ready(&self.api(), name).await
    }

    /// Deletes a pod of the case; it ends in its own time.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn delete_pod(&self, name: &str) -> Result<()> {
        let pods: Api<Pod> = self.api();
        pods.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until a deleted pod is gone.
    ///
    /// # Errors
    /// When it stays for more than a minute.
    pub async fn await_pod_gone(&self, name: &str) -> Result<()> {
        let pods: Api<Pod> = self.api();
        let sentence = format!("pod {}/{name} is gone", self.name);
        await_condition(&sentence, Duration::from_secs(60), async || {
            Ok(Seen::when(pods.get_opt(name).await?.is_none(), ()))
        })
        .await
    }

    /// Applies the pod network of the lab with changes, until the lab is restored.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn change_pod_network(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut object = workload::pod_network();
        if let Some(spec) = object.get_mut("spec") {
            change(spec);
        }
        self.lab.cluster.apply_value(&object).await
    }

    /// Creates a LoadBalancer Service, and waits for its addresses.
    ///
    /// # Errors
    /// When it does not get as many as it has families.
    pub async fn expose(
        &self,
        name: &str,
        app: &str,
        families: Families,
        local: bool,
    ) -> Result<Vec<IpAddr>> {
        self.apply(workload::load_balancer(name, app, families, local))
            .await?;
        self.await_addresses(name, families.count()).await
    }

    /// Waits until a Service has `count` addresses.
    ///
    /// # Errors
    /// When it does not get them within a minute.
    pub async fn await_addresses(&self, service: &str, count: usize) -> Result<Vec<IpAddr>> {
        let sentence = format!("Service {}/{service} has {count} addresses", self.name);
        await_condition(&sentence, Duration::from_secs(60), async || {
            let object = self.service(service).await?;
            let addresses = addresses(&object);
            if addresses.len() == count {
                return Ok(Seen::Yes(addresses));
            }
            Ok(Seen::Not(format!("{:?}", object.status)))
        })
        .await
    }

    /// Waits until a condition of a Service has this status and reason, and returns its message.
    ///
    /// # Errors
    /// When that does not happen within a minute.
    pub async fn await_service_condition(
        &self,
        service: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> Result<String> {
        let sentence = format!("Service {service} has {kind}={status}/{reason}");
        await_condition(&sentence, Duration::from_secs(60), async || {
            let conditions = conditions(&self.service(service).await?);
            let found = conditions.iter().find(|condition| {
                condition.type_ == kind && condition.status == status && condition.reason == reason
            });
            match found {
                Some(condition) => Ok(Seen::Yes(condition.message.clone())),
                None => Ok(Seen::Not(format!("{conditions:?}"))),
            }
        })
        .await
    }

    /// A Service of the case.
    ///
    /// # Errors
    /// When it does not exist.
    pub async fn service(&self, name: &str) -> Result<Service> {
        Ok(self.api::<Service>().get(name).await?)
    }

    /// The API of a kind in the case's namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.lab.cluster.client(), &self.name)
    }
}

/// Waits until a pod is ready.
///
/// # Errors
/// When it does not become ready within two minutes.
pub async fn await_ready(pods: &Api<Pod>, name: &str) -> Result<()> {
    let sentence = format!("pod {name} is ready");
    await_condition(&sentence, Duration::from_secs(120), async || {
        let status = pods.get(name).await?.status.unwrap_or_default();
        let ready = status.conditions.iter().flatten();
        let ready = ready
            .filter(|condition| condition.type_ == "Ready")
            .any(|condition| condition.status == "True");
        Ok(Seen::when(ready, status.container_statuses))
    })
    .await
    .map(|_| ())
}

/// The addresses in a Service's status.
#[must_use]
pub fn addresses(service: &Service) -> Vec<IpAddr> {
    let balancer = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref());
    balancer
        .and_then(|balancer| balancer.ingress.as_ref())
        .into_iter()
        .flatten()
        .filter_map(|ingress| ingress.ip.as_deref()?.parse().ok())
        .collect()
}

/// The conditions in a Service's status.
#[must_use]
pub fn conditions(service: &Service) -> Vec<Condition> {
    service
        .status
        .as_ref()
        .and_then(|status| status.conditions.clone())
        .unwrap_or_default()
}

/// The route that announces one address.
#[must_use]
pub fn host_route(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    }
}
