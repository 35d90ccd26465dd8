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
use model::Name;
use plan::{Changes, Learned, NetworkPlan, Options, Planner};
use tokio::{
    runtime,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Flags, capability, debug,
    host::Host,
    io::bgp::{self, Observed},
    io::l2::L2State,
    io::nft::Guards,
    kernel::KernelState,
    metrics::Metrics,
    planner::{Facts, Outlets, PlannerDriver, Query, Sources},
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
    runtime.block_on(serve(flags, options))
}

async fn serve(flags: Flags, options: Options) -> anyhow::Result<()> {
    let stop = daemon::shutdown()?;
    let servers = bind(&flags).await?;
    let client = cluster::connect(flags.common.kubeconfig.as_deref()).await?;
    tracing::info!(node = %options.node, version = env!("CARGO_PKG_VERSION"), "starting");

    let started = Instant::now();
    let (facts, facts_seen) = watch::channel(Facts::default());
    let (observed, observed_seen) = watch::channel(Observed::default());
    let (queries, queries_seen) = mpsc::channel(QUERIES);
    let (learned, learned_seen) = watch::channel(Learned::default());
    let (_l2, l2_seen) = watch::channel(L2State::default());
    let outlets = Outlets {
        changes: watch::Sender::new(Changes::default()),
        network: watch::Sender::new(Arc::<NetworkPlan>::default()),
        guards: watch::Sender::new(Guards::default()),
        nominations: watch::Sender::default(),
        addresses: watch::Sender::default(),
        facts,
    };
    let mut parts = JoinSet::new();
    let host = Host::start(&flags.host, &outlets.network, &outlets.guards, &mut parts);
    let sessions = Sessions::start(bgp::Config {
        listen: flags.bgp_listen,
        seed: random_bits(),
        started,
        changes: outlets.changes.clone(),
        addresses: outlets.addresses.subscribe(),
        observed,
        learned,
        stop: CancellationToken::new(),
    })?;
    let sources = Sources {
        watches: Watches::start(&client, Planner::KINDS, &flags.common.namespace),
        links: host.links,
        learned: learned_seen,
        queries: queries_seen,
    };
    let report = Report {
        node: options.node.clone(),
        started,
        facts: facts_seen,
        observed: observed_seen,
        kernel: host.kernel,
        l2: l2_seen,
    };
    parts.spawn(PlannerDriver::new(options, started, sources, outlets).run());
    report.start(client, servers, queries, &mut parts);
    watch_over(stop, sessions, parts).await
}

/// What is told to the outside: status, metrics, probes and debug page, all from the same sources.
struct Report {
    node: Name,
    started: Instant,
    facts: watch::Receiver<Facts>,
    observed: watch::Receiver<Observed>,
    kernel: watch::Receiver<KernelState>,
    l2: watch::Receiver<L2State>,
}

impl Report {
    fn start(
        self,
        client: cluster::Client,
        (public, private): (Server, Server),
        queries: mpsc::Sender<Query>,
        parts: &mut JoinSet<()>,
    ) {
        let Self {
            node,
            started,
            facts,
            observed,
            kernel,
            l2,
        } = self;
        let metrics = Metrics::new(facts.clone(), observed.clone(), kernel.clone(), l2.clone());
        let writes = metrics.count_writes();
        let writer = Writer::new(client, Manager::Speaker, Gate::open(), writes);
        let probes = Probes::new();
        parts.spawn(report_readiness(probes.clone(), facts.clone()));
        parts.spawn(public.run(probes.router().merge(metrics.router())));
        let sources = debug::Sources {
            node: node.to_string(),
            queries,
            facts: facts.clone(),
            observed: observed.clone(),
            kernel: kernel.clone(),
            l2,
        };
        parts.spawn(private.run(debug::router(sources)));
        let node_reporter = NodeReporter {
            node: node.clone(),
            writer: writer.clone(),
            facts: facts.clone(),
            kernel: kernel.clone(),
        };
        parts.spawn(node_reporter.run());
        let reporter = Reporter {
            node,
            started,
            author: Author {
                epoch: Timestamp::now(),
            },
            writer,
            facts,
            observed,
            kernel,
        };
        parts.spawn(reporter.run());
    }
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
