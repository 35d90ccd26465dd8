//! The parts of the program and how they are wired.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use cluster::{Gate, Manager, Writer, watch::Watches};
use daemon::{Health, Probes, Server};
use jiff::Timestamp;
use plan::{Changes, Learned, NetworkPlan, Options, Planner};
use tokio::{
    runtime,
    sync::{mpsc, oneshot, watch},
    task::{JoinSet, LocalSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Flags, capability, debug,
    host::Host,
    io::bgp::{self, Observed},
    io::nft::Guards,
    metrics::Metrics,
    planner::{Facts, Outlets, PlannerDriver, Sources},
    status::{Author, NodeReporter, Reporter},
};

/// How long the sessions may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(5);
/// Questions to the planner that may wait.
const QUERIES: usize = 8;

/// Runs the speaker until it is asked to stop.
///
/// # Errors
/// Something that it needs is missing or taken; the sentence says what and how to give it.
pub fn run(flags: Flags) -> anyhow::Result<()> {
    daemon::logging::init(&flags.common)?;
    let options = flags.options()?;
    flags.debug_is_private()?;
    capability::listening_is_allowed(flags.bgp_listen)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // netlink's futures stay on this thread.
    runtime.block_on(LocalSet::new().run_until(serve(flags, options)))
}

async fn serve(flags: Flags, options: Options) -> anyhow::Result<()> {
    let stop = daemon::shutdown()?;
    let (public, private) = bind(&flags).await?;
    let client = cluster::connect(flags.common.kubeconfig.as_deref()).await?;
    tracing::info!(node = %options.node, version = env!("CARGO_PKG_VERSION"), "starting");

    let started = Instant::now();
    let author = Author {
        epoch: Timestamp::now(),
    };
    let (facts, facts_seen) = watch::channel(Facts::default());
    let (observed, observed_seen) = watch::channel(Observed::default());
    let (queries, queries_seen) = mpsc::channel(QUERIES);
    let changes = watch::Sender::new(Changes::default());
    let addresses = watch::Sender::default();
    let (learned, learned_seen) = watch::channel(Learned::default());
    let network = watch::Sender::new(Arc::<NetworkPlan>::default());
    let guards = watch::Sender::new(Guards::default());
    let mut parts = JoinSet::new();
    let host = Host::start(&flags.host, &network, &guards, &mut parts);
    let sessions = Sessions::start(bgp::Config {
        listen: flags.bgp_listen,
        seed: random_bits(),
        started,
        changes: changes.clone(),
        addresses: addresses.subscribe(),
        observed,
        learned,
        stop: CancellationToken::new(),
    })?;

    let metrics = Metrics::new(
        facts_seen.clone(),
        observed_seen.clone(),
        host.kernel.clone(),
    );
    let probes = Probes::new();
    let writer = Writer::new(
        client.clone(),
        Manager::Speaker,
        Gate::open(),
        metrics.count_writes(),
    );
    let sources = Sources {
        watches: Watches::start(&client, Planner::KINDS, &flags.common.namespace),
        links: host.links,
        learned: learned_seen,
        queries: queries_seen,
    };
    let node = options.node.clone();
    let outlets = Outlets {
        changes,
        network,
        guards,
        addresses,
        facts,
    };

    parts.spawn(PlannerDriver::new(options, started, sources, outlets).run());
    parts.spawn(report_readiness(probes.clone(), facts_seen.clone()));
    parts.spawn(public.run(probes.router().merge(metrics.router())));
    let sources = debug::Sources {
        node: node.to_string(),
        queries,
        facts: facts_seen.clone(),
        observed: observed_seen.clone(),
        kernel: host.kernel.clone(),
    };
    parts.spawn(private.run(debug::router(sources)));
    let node_reporter = NodeReporter {
        node: node.clone(),
        writer: writer.clone(),
        facts: facts_seen.clone(),
        kernel: host.kernel.clone(),
    };
    parts.spawn(node_reporter.run());
    let reporter = Reporter {
        node,
        started,
        author,
        writer,
        facts: facts_seen,
        observed: observed_seen,
        kernel: host.kernel,
    };
    parts.spawn(reporter.run());
    watch_over(stop, sessions, parts).await
}

/// Takes the ports of the public pages and of the debug page.
async fn bind(flags: &Flags) -> Result<(Server, Server), daemon::BindError> {
    let public = Server::bind(flags.common.metrics_bind_address, "--metrics-bind-address").await?;
    let private = Server::bind(flags.debug_bind_address, "--debug-bind-address").await?;
    Ok((public, private))
}

/// Waits for the signal to stop; a part that ends by itself ends the program, so that it is started anew.
async fn watch_over(
    stop: impl Future<Output = daemon::Shutdown>,
    mut sessions: Sessions,
    mut parts: JoinSet<()>,
) -> anyhow::Result<()> {
    tokio::select! {
        signal = stop => {
            tracing::info!(%signal, "stopping: closing the sessions");
            sessions.close().await;
            tracing::info!("stopped");
            Ok(())
        }
        _ = &mut sessions.ended => bail!("the BGP thread has ended"),
        ended = parts.join_next() => {
            sessions.close().await;
            match ended {
                Some(Err(error)) => Err(error).context("a part of the speaker failed"),
                Some(Ok(())) | None => bail!("a part of the speaker has ended"),
            }
        }
    }
}

/// The thread that holds the sessions.
struct Sessions {
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Sessions {
    fn start(config: bgp::Config) -> anyhow::Result<Self> {
        let stop = config.stop.clone();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("bgp".to_owned())
            .spawn(move || {
                runtime.block_on(bgp::run(config));
                // Nobody waits any more when the goodbye took too long.
                let _ = end.send(());
            })?;
        Ok(Self { stop, ended })
    }

    /// Lets every peer know (Cease, Administrative Shutdown), for as long as that may take.
    async fn close(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(FAREWELL, &mut self.ended)
            .await
            .is_err()
        {
            tracing::warn!("the sessions did not close in time");
        }
    }
}

/// Ready is a matter of this process alone: its lists have arrived and the first plan is made.
async fn report_readiness(probes: Probes, mut facts: watch::Receiver<Facts>) {
    loop {
        let health = {
            let facts = facts.borrow_and_update();
            match facts.ready {
                true => Health::Good,
                false => Health::Bad(format!(
                    "waiting for the first list of: {}",
                    facts.missing.join(", ")
                )),
            }
        };
        probes.set_ready(health);
        if facts.changed().await.is_err() {
            return;
        }
    }
}

/// A random number from 0 to 1.
pub(crate) fn random() -> f64 {
    (random_bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Random bits, good enough for jitter.
fn random_bits() -> u64 {
    RandomState::new().hash_one(Timestamp::now().as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_between_0_and_1_and_differ() {
        let (one, other) = (random(), random());
        assert!((0.0..1.0).contains(&one) && (0.0..1.0).contains(&other));
        assert_ne!(one, other);
    }
}
