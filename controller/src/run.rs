//! The life of one replica: settings, Lease, leadership, end.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use cluster::{
    Client, Gate, Manager, Writer,
    lease::{Lease, Lost},
    watch::{Event, SettingsError, Watches, read_settings},
};
use daemon::{Health, Probes, Server, Shutdown};
use model::{Kind, Settings};

use crate::{
    Flags,
    lead::Leader,
    lease_name::{lease_name, names_another},
    metrics::Metrics,
};

/// Pause before the settings are read again.
const RETRY: Duration = Duration::from_secs(2);

/// Why a replica ends without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was asked to.
    Stopped(Shutdown),
    /// The settings name another Lease.
    Resettled,
}

/// Runs one replica until SIGTERM, SIGINT or a change of the settings.
///
/// # Errors
/// Something that only its user can repair, or a lost Lease.
pub async fn run(flags: Flags) -> anyhow::Result<()> {
    let mut shutdown = pin!(daemon::shutdown()?);
    let client = cluster::connect(flags.daemon.kubeconfig.as_deref()).await?;
    let (metrics, probes) = (Metrics::default(), Probes::new());
    serve(&flags, &metrics, &probes).await?;
    // Neither leadership nor an API server that is away is this process's fault.
    probes.set_ready(Health::Good);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pod = flags.pod_name,
        "herald-controller starts"
    );

    let settings = tokio::select! {
        settings = first_settings(&client, &flags.daemon.namespace) => settings?,
        signal = &mut shutdown => {
            tracing::info!(%signal, "stopped");
            return Ok(());
        }
    };
    let end = replicate(&flags, &client, &settings, &metrics, &mut shutdown).await?;
    match end {
        End::Stopped(signal) => tracing::info!(%signal, "stopped"),
        End::Resettled => {
            tracing::info!(
                "the settings have changed and name another Lease: ending, to be started anew"
            );
        }
    }
    Ok(())
}

async fn serve(flags: &Flags, metrics: &Metrics, probes: &Probes) -> anyhow::Result<()> {
    let mut registry = daemon::metrics::registry(env!("CARGO_PKG_VERSION"));
    metrics.register(&mut registry);
    let address = flags.daemon.metrics_bind_address;
    let server = Server::bind(address, "--metrics-bind-address").await?;
    let routes = probes
        .router()
        .merge(daemon::metrics::router(Arc::new(registry)));
    tokio::spawn(server.run(routes));
    Ok(())
}

/// Reads the settings however long the API server is away.
async fn first_settings(client: &Client, namespace: &str) -> Result<Settings, SettingsError> {
    loop {
        match read_settings(client, namespace).await {
            Err(error @ (SettingsError::Request(..) | SettingsError::Timeout(_))) => {
                tracing::warn!(%error, "waiting for the API server");
                tokio::time::sleep(RETRY).await;
            }
            result => return result,
        }
    }
}

/// Waits for the Lease, leads, and gives it back.
async fn replicate(
    flags: &Flags,
    client: &Client,
    settings: &Settings,
    metrics: &Metrics,
    shutdown: &mut (impl Future<Output = Shutdown> + Unpin),
) -> Result<End, Lost> {
    let (name, namespace) = (lease_name(settings), &*flags.daemon.namespace);
    let counted = metrics.clone();
    let writer = Writer::new(
        client.clone(),
        Manager::Controller,
        Gate::open(),
        move |target, outcome| {
            counted.count_write(target, outcome);
        },
    );
    let mut lease = Lease::new(&writer, namespace, &name, &identity(&flags.pod_name));
    tracing::info!(lease = name, "waiting for the Lease");
    let ended = tokio::select! {
        acquired = lease.acquire() => acquired.map(|()| None)?,
        () = resettled(client, namespace, &name) => Some(End::Resettled),
        signal = &mut *shutdown => Some(End::Stopped(signal)),
    };
    if let Some(end) = ended {
        // A claim may have been under way.
        lease.release().await;
        return Ok(end);
    }
    tracing::info!(lease = name, "this replica leads; reading every list");
    metrics.set_leader(true);
    let mut leader = Leader::new(flags, &name, writer.behind(lease.gate()), metrics.clone());
    let end = tokio::select! {
        lost = lease.keep() => return Err(lost),
        () = leader.lead(namespace) => End::Resettled,
        signal = shutdown => End::Stopped(signal),
    };
    leader.drain().await;
    metrics.set_leader(false);
    lease.release().await;
    Ok(end)
}

/// Resolves when the settings name another Lease.
async fn resettled(client: &Client, namespace: &str, lease: &str) {
    let mut watches = Watches::start(client, [Kind::Settings], namespace);
    while let Some(event) = watches.next().await {
        let Event::Change(change) = event else {
            continue;
        };
        if names_another(&change, lease) {
            return;
        }
    }
}

/// Of this process alone: a container that is started again in the same pod is another candidate.
fn identity(pod: &str) -> String {
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("{pod}_{:x}", started.unwrap_or_default().as_nanos())
}
