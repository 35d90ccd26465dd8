//! What is told to the outside: status, Events, metrics, probes and debug page, all from the same sources.

use std::{path::PathBuf, time::Instant};

use cluster::{Client, Gate, Manager, Writer};
use daemon::{Health, Probes, Server};
use jiff::Timestamp;
use l2::Notice;
use model::Name;
use plan::Links;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    debug,
    event::EventReporter,
    io::{bfd::BfdState, bgp::Observed, l2::L2State, radv::RadvState, sysctl::Folder},
    kernel::KernelState,
    metrics::Metrics,
    planner::{Facts, Query},
    status::{Author, NodeReporter, Reporter, StrictArp},
};

/// Where what is told comes from.
pub(crate) struct Report {
    pub(crate) node: Name,
    pub(crate) started: Instant,
    pub(crate) facts: watch::Receiver<Facts>,
    pub(crate) observed: watch::Receiver<Observed>,
    pub(crate) kernel: watch::Receiver<KernelState>,
    pub(crate) l2: watch::Receiver<L2State>,
    pub(crate) bfd: watch::Receiver<BfdState>,
    pub(crate) radv: watch::Receiver<RadvState>,
    /// What happens on layer 2.
    pub(crate) notices: mpsc::Receiver<Notice>,
    pub(crate) links: watch::Receiver<Links>,
    /// Folder of the kernel's settings, as the one at /proc/sys.
    pub(crate) sysctl_dir: PathBuf,
}

impl Report {
    /// Starts everybody who tells something in `parts`.
    pub(crate) fn start(
        self,
        client: Client,
        (public, private): (Server, Server),
        queries: mpsc::Sender<Query>,
        parts: &mut JoinSet<()>,
    ) {
        let metrics = Metrics::new(
            self.facts.clone(),
            self.observed.clone(),
            self.kernel.clone(),
            self.l2.clone(),
            self.bfd.clone(),
            self.radv.clone(),
        );
        let writes = metrics.count_writes();
        let writer = Writer::new(client, Manager::Speaker, Gate::open(), writes);
        let events_dropped = metrics.events_dropped.clone();
        let probes = Probes::new();
        parts.spawn(report_readiness(probes.clone(), self.facts.clone()));
        parts.spawn(public.run(probes.router().merge(metrics.router())));
        let sources = debug::Sources {
            node: self.node.to_string(),
            queries: queries.clone(),
            facts: self.facts.clone(),
            observed: self.observed.clone(),
            kernel: self.kernel.clone(),
            l2: self.l2.clone(),
            bfd: self.bfd.clone(),
            radv: self.radv.clone(),
        };
        parts.spawn(private.run(debug::router(sources)));
        let node_reporter = NodeReporter {
            node: self.node.clone(),
            writer: writer.clone(),
            facts: self.facts.clone(),
            kernel: self.kernel.clone(),
        };
        parts.spawn(node_reporter.run());
        let (state, events) = self.writers(writer, queries, events_dropped, parts);
        parts.spawn(state.run());
        parts.spawn(events.run());
    }

    /// Those who write SpeakerState and Events.
    fn writers(
        self,
        writer: Writer,
        queries: mpsc::Sender<Query>,
        events_dropped: Counter,
        parts: &mut JoinSet<()>,
    ) -> (Reporter, EventReporter) {
        let (required, needs_strict_arp) = watch::channel(false);
        let strict_arp = StrictArp {
            folder: Folder(self.sysctl_dir),
            links: self.links,
            required,
        };
        parts.spawn(strict_arp.run());
        let events = EventReporter {
            node: self.node.clone(),
            started: self.started,
            writer: writer.clone(),
            queries,
            notices: self.notices,
            dropped: events_dropped,
        };
        let state = Reporter {
            node: self.node,
            started: self.started,
            author: Author {
                epoch: Timestamp::now(),
            },
            writer,
            facts: self.facts,
            observed: self.observed,
            kernel: self.kernel,
            l2: self.l2,
            bfd: self.bfd,
            needs_strict_arp,
        };
        (state, events)
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
