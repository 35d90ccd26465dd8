//! The parts of the program and how they are wired.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use ::l2::Notice;
use anyhow::{Context as _, bail};
use cluster::{Client, watch::Watches};
use daemon::Server;
use jiff::Timestamp;
use plan::{Changes, Learned, NetworkPlan, Options, Planner};
use tokio::{
    runtime,
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Flags, capability,
    channel::channels,
    cleanup,
    farewell::{Farewell, Parting},
    host::Host,
    io::bfd::Downs,
    io::bgp::{self, Observed},
    io::conntrack,
    io::l2::{self, L2State},
    io::last_run::{self, LastRun},
    io::nft::Guards,
    io::radv::{self, RadvState},
    io::snapshot::{Kept, Store},
    io::socket::priority,
    planner::{Announcing, Facts, Outlets, PlannerDriver, Query, Sources},
    report::Report,
    thread::Thread,
    watcher::Watcher,
};

/// How long the sessions may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

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
    tracing::info!(node = %options.node, version = env!("CARGO_PKG_VERSION"), "starting");
    let host = flags.host.clone();
    let parting = runtime.block_on(serve(flags, options))?;
    // Nobody is left who would make it again.
    drop(runtime);
    if let Parting::Leave(_) = parting {
        last_run::forget(&host.state_dir);
    }
    if parting.ends_pod_network() {
        cleanup::leave(&host);
    }
    Ok(())
}

async fn serve(flags: Flags, options: Options) -> anyhow::Result<Parting> {
    let (stop, servers) = (daemon::shutdown()?, bind(&flags).await?);
    let client = cluster::connect(flags.common.kubeconfig.as_deref()).await?;

    let started = Instant::now();
    let (tell, seen) = channels();
    let outlets = outlets(tell.facts);
    let mut parts = JoinSet::new();
    let host = Host::start(&flags.host, &outlets.network, &outlets.guards, &mut parts);
    let watcher = Watcher::start(&outlets)?;
    // It is started anew, until it is known to leave.
    let (last_words, last_words_seen) = watch::channel(::bgp::Farewell::Restart);
    let left = Left::new(&flags, &options);
    let sessions = start_bgp(
        (&flags, started, left.restarted(started).await),
        (&outlets, watcher.downs.clone()),
        (tell.observed, tell.learned, tell.converged),
        last_words_seen,
    )?;
    let responder = start_l2(&flags, &options, &host, (&outlets, tell.l2, tell.notices))?;
    parts.spawn(conntrack::run(seen.l2.clone()));
    let sources = Sources {
        watches: Watches::start(&client, Planner::KINDS, &flags.common.namespace),
        links: host.links.clone(),
        radv: start_radv(&outlets, &host, &mut parts),
        learned: seen.learned,
        converged: seen.converged,
        announcing: Announcing::new(&outlets, &seen.observed, &seen.l2),
        broken: watcher.broken.clone(),
        queries: seen.queries,
        departed: CancellationToken::new(),
    };
    let farewell = farewell(&flags, &client, (&tell.queries, &seen.facts), &sources);
    let report = Report {
        node: options.node.clone(),
        started,
        facts: seen.facts,
        observed: seen.observed,
        kernel: host.kernel,
        l2: seen.l2,
        bfd: watcher.state.clone(),
        radv: sources.radv.clone(),
        notices: seen.notices,
        links: host.links.clone(),
        sysctl_dir: flags.host.sysctl_dir.clone(),
    };
    start_planner(
        (options, started),
        (sources, outlets),
        (left, &report),
        &tell.queries,
        &mut parts,
    );
    report.start(client, servers, tell.queries, &mut parts);
    watch_over(
        stop,
        (farewell, last_words),
        Threads(sessions, watcher, responder),
        parts,
    )
    .await
}

/// What is to be done at the end.
fn farewell(
    flags: &Flags,
    client: &Client,
    (queries, facts): (&mpsc::Sender<Query>, &watch::Receiver<Facts>),
    sources: &Sources,
) -> Farewell {
    Farewell {
        client: client.clone(),
        namespace: flags.common.namespace.clone(),
        daemon_set: flags.daemon_set.clone(),
        queries: queries.clone(),
        facts: facts.clone(),
        departed: sources.departed.clone(),
    }
}

/// What the process before has left, and where this one leaves it for the next.
struct Left {
    store: Store,
    known: Option<Kept>,
    last_run: LastRun,
}

impl Left {
    fn new(flags: &Flags, options: &Options) -> Self {
        let store = Store::new(&flags.host.state_dir, &options.node);
        Self {
            known: store.load(),
            store,
            last_run: LastRun::new(&flags.host),
        }
    }

    /// What routers are to be told of it.
    async fn restarted(&self, started: Instant) -> Option<::bgp::Restarted> {
        let known = self.known.as_ref();
        self.last_run.restarted(started.elapsed(), known).await
    }

    /// Notes that this process is there.
    fn sign_of_life(&self, report: &Report) -> impl Future<Output = ()> + use<> {
        let (observed, kernel) = (report.observed.clone(), report.kernel.clone());
        self.last_run.clone().keep(observed, kernel)
    }
}

/// Starts the planner with what an earlier process has left, and who keeps what it knows for the next one.
fn start_planner(
    (options, started): (Options, Instant),
    (sources, outlets): (Sources, Outlets),
    (left, report): (Left, &Report),
    queries: &mpsc::Sender<Query>,
    parts: &mut JoinSet<()>,
) {
    parts.spawn(left.sign_of_life(report));
    let driver = PlannerDriver::new(options, started, sources, outlets, left.known);
    parts.spawn(driver.run());
    parts.spawn(left.store.keep(queries.clone()));
}

/// What the planner tells to others, with nothing in it yet.
fn outlets(facts: watch::Sender<Facts>) -> Outlets {
    Outlets {
        changes: watch::Sender::new(Changes::default()),
        bfd: watch::Sender::default(),
        unnumbered: watch::Sender::default(),
        network: watch::Sender::new(Arc::<NetworkPlan>::default()),
        guards: watch::Sender::new(Guards::default()),
        nominations: watch::Sender::default(),
        addresses: watch::Sender::default(),
        announcers: watch::Sender::default(),
        facts,
    }
}

/// Takes the ports of the public pages and of the debug page.
async fn bind(flags: &Flags) -> Result<(Server, Server), daemon::BindError> {
    let public = Server::bind(flags.common.metrics_bind_address, "--metrics-bind-address").await?;
    let private = Server::bind(flags.debug_bind_address, "--debug-bind-address").await?;
    Ok((public, private))
}

/// The threads that a busy planner must not starve: sessions, what watches over their ways, and who answers on layer 2.
struct Threads(Thread, Watcher, Thread);

/// Waits for the signal to stop; a part that ends by itself ends the program, so that it is started anew.
async fn watch_over(
    stop: impl Future<Output = daemon::Shutdown>,
    (farewell, last_words): (Farewell, watch::Sender<::bgp::Farewell>),
    mut threads: Threads,
    mut parts: JoinSet<()>,
) -> anyhow::Result<Parting> {
    let ended = tokio::select! {
        signal = stop => {
            tracing::info!(%signal, "asked to stop");
            let parting = farewell.prepare().await;
            last_words.send_replace(parting.last_words());
            threads.close(parting).await;
            tracing::info!("stopped");
            return Ok(parting);
        }
        name = threads.ended() => bail!("the {name} thread has ended"),
        ended = parts.join_next() => ended,
    };
    threads.close(Parting::Restart).await;
    match ended {
        Some(Err(error)) => Err(error).context("a part of the speaker failed"),
        Some(Ok(())) | None => bail!("a part of the speaker has ended"),
    }
}

impl Threads {
    /// Waits until one ends by itself, which none should.
    async fn ended(&mut self) -> &'static str {
        let Self(sessions, watcher, responder) = self;
        tokio::select! {
            () = sessions.ended() => "BGP",
            () = watcher.thread.ended() => "BFD",
            () = responder.ended() => "layer 2",
        }
    }

    /// Ends the sessions as was decided, and hands addresses over, for as long as that may take. BFD
    /// ends last, so that nobody takes its end for a broken way as long as there is a session.
    async fn close(self, parting: Parting) {
        let Self(sessions, watcher, responder) = self;
        let sessions = async {
            sessions.close(FAREWELL).await;
            watcher.close(parting).await;
        };
        tokio::join!(sessions, responder.close(FAREWELL));
    }
}

/// The thread that holds the sessions.
fn start_bgp(
    (flags, started, restarted): (&Flags, Instant, Option<::bgp::Restarted>),
    (outlets, downs): (&Outlets, watch::Sender<Downs>),
    (observed, learned, converged): (
        watch::Sender<Observed>,
        watch::Sender<Learned>,
        watch::Sender<bool>,
    ),
    farewell: watch::Receiver<::bgp::Farewell>,
) -> anyhow::Result<Thread> {
    let config = bgp::Config {
        listen: flags.bgp_listen,
        seed: random_bits(),
        started,
        changes: outlets.changes.clone(),
        downs,
        addresses: outlets.addresses.subscribe(),
        observed,
        learned,
        converged,
        restarted,
        farewell,
        stop: CancellationToken::new(),
    };
    let stop = config.stop.clone();
    Thread::start("bgp", stop, || (), move || bgp::run(config))
}

/// Finds the routers on interfaces by which peers are configured, and lets them find us.
fn start_radv(
    outlets: &Outlets,
    host: &Host,
    parts: &mut JoinSet<()>,
) -> watch::Receiver<RadvState> {
    let (state, seen) = watch::channel(RadvState::default());
    parts.spawn(radv::run(radv::Config {
        seed: random_bits(),
        interfaces: outlets.unnumbered.subscribe(),
        links: host.links.clone(),
        state,
    }));
    seen
}

/// The thread that answers ARP and NDP. It runs before others where the kernel allows that.
fn start_l2(
    flags: &Flags,
    options: &Options,
    host: &Host,
    (outlets, state, notices): (&Outlets, watch::Sender<L2State>, mpsc::Sender<Notice>),
) -> anyhow::Result<Thread> {
    let config = l2::Config {
        node: options.node.clone(),
        boot: random_bits(),
        links: host.links.clone(),
        nominations: outlets.nominations.clone(),
        state,
        announcers: outlets.announcers.clone(),
        notices,
        sysctl_dir: flags.host.sysctl_dir.clone(),
        stop: CancellationToken::new(),
    };
    let stop = config.stop.clone();
    Thread::start("l2", stop, priority::raise_if_allowed, move || {
        l2::run(config)
    })
}

/// A random number from 0 to 1.
pub(crate) fn random() -> f64 {
    (random_bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Random bits, good enough for jitter.
pub(crate) fn random_bits() -> u64 {
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
