//! What the leader does: watches into the Ledger, writes out of it, results back into it.

mod heartbeat;
mod work;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cluster::{
    Writer,
    event::Reporter,
    watch::{Event, SpeakerWatches, Watches},
};
use ipam::Ledger;
use ipnet::IpNet;
use model::{Change, Kind, Object};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    Flags,
    lease_name::names_another,
    metrics::{Gauges, Metrics},
    outbox::Outbox,
    speakers::Speakers,
};
use work::Done;

/// Status writes that wait for their answer at a time.
const IN_FLIGHT: usize = 32;
/// SpeakerState writes among all work under way.
const READY_IN_FLIGHT: usize = 4;
/// Watch events taken in before writes are looked for again.
const BATCH: usize = 256;

/// The leader's machines, and its work under way.
#[derive(Debug)]
pub(crate) struct Leader {
    writer: Writer,
    reporter: Arc<Reporter>,
    lease: String,
    namespace: String,
    heartbeat_key_rotation: Duration,
    service_cidrs: Vec<IpNet>,
    metrics: Metrics,
    gauges: Gauges,
    /// Zero of every machine's clock.
    start: Instant,
    ledger: Ledger,
    outbox: Outbox,
    speakers: Speakers,
    /// Kinds without a first list; empty: writes are decided.
    unlisted: BTreeSet<Kind>,
    /// The API server was busy: no write starts before.
    paused_until: Duration,
    sweep_at: Option<Duration>,
    /// When the key of heartbeats is looked at next; `None`: that is under way.
    heartbeat_key_at: Option<Duration>,
    work: JoinSet<Done>,
    writes: usize,
    ready_writes: usize,
}

impl Leader {
    /// A leader that knows nothing yet. `writer` is behind the gate of the Lease of this name.
    pub(crate) fn new(flags: &Flags, lease: &str, writer: Writer, metrics: Metrics) -> Self {
        let reporter = Reporter {
            controller: "heraldlb.io/herald-controller",
            instance: flags.pod_name.clone(),
        };
        Self {
            writer,
            reporter: Arc::new(reporter),
            lease: lease.to_owned(),
            namespace: flags.daemon.namespace.clone(),
            heartbeat_key_rotation: flags.heartbeat_key_rotation,
            service_cidrs: flags.service_cidrs.clone(),
            gauges: Gauges::new(metrics.clone()),
            metrics,
            start: Instant::now(),
            ledger: Ledger::new().with_vanished_pool_grace(flags.vanished_pool_grace),
            outbox: Outbox::default(),
            speakers: Speakers::default(),
            unlisted: Ledger::KINDS.into(),
            paused_until: Duration::ZERO,
            sweep_at: None,
            heartbeat_key_at: Some(Duration::ZERO),
            work: JoinSet::new(),
            writes: 0,
            ready_writes: 0,
        }
    }

    /// Leads until the settings ask for another Lease.
    pub(crate) async fn lead(&mut self, namespace: &str) {
        let mut watches = Watches::start(self.writer.client(), Ledger::KINDS, namespace);
        let mut speakers = SpeakerWatches::start(self.writer.client(), namespace);
        loop {
            self.start_work();
            let wake_at = self.wake_at();
            tokio::select! {
                Some(done) = self.work.join_next() => match done {
                    Ok(done) => self.finish(done),
                    Err(error) => tracing::error!(%error, "a task ended without a result"),
                },
                Some(event) = watches.next() => {
                    let mut next = Some(event);
                    for _ in 0..BATCH {
                        let Some(event) = next else { break };
                        if !self.take_in(event) {
                            return;
                        }
                        next = watches.try_next();
                    }
                }
                Some(event) = speakers.next() => self.speakers.handle_event(self.now(), event),
                () = sleep_until(wake_at) => self.ledger.handle_timeout(self.now()),
            }
        }
    }

    /// Waits for what is under way; starts nothing.
    pub(crate) async fn drain(&mut self) {
        while self.work.join_next().await.is_some() {}
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// One watch event; false: the settings ask for another Lease.
    fn take_in(&mut self, event: Event) -> bool {
        let now = self.now();
        match event {
            Event::Change(change) => {
                if names_another(&change, &self.lease) {
                    return false;
                }
                self.gauges.handle_change(&change);
                self.ledger.handle_change(now, change);
                self.metrics
                    .set_services(self.ledger.cluster().services.len());
            }
            Event::Synced(kind) => self.listed(now, kind),
            Event::NotServed(kind) => {
                self.ledger.handle_not_served(now, kind);
                if kind == Kind::ServiceCidr && !self.service_cidrs.is_empty() {
                    let cidrs =
                        Object::ServiceCidr("--service-cidrs".into(), self.service_cidrs.clone());
                    self.ledger.handle_change(now, Change::Apply(cidrs));
                }
                self.listed(now, kind);
            }
            Event::Failed(kind, _) => self.metrics.count_watch_failure(kind),
        }
        true
    }

    fn listed(&mut self, now: Duration, kind: Kind) {
        if self.unlisted.remove(&kind) && self.unlisted.is_empty() {
            tracing::info!(after = ?now, "every list has arrived; allocation begins");
            self.ledger.handle_synced(now);
            self.sweep_at = Some(now);
        }
    }

    /// What has no room now is looked at again when some work has ended, not by time.
    fn wake_at(&self) -> Instant {
        let now = self.now();
        let paused = (now < self.paused_until).then_some(self.paused_until);
        let wishes = [
            self.ledger
                .poll_timeout()
                .filter(|_| self.writes < IN_FLIGHT),
            self.speakers
                .poll_timeout()
                .filter(|_| self.ready_writes < READY_IN_FLIGHT),
            self.outbox.poll_timeout(now),
            self.sweep_at,
            self.heartbeat_key_at,
        ];
        let wish = wishes.into_iter().flatten().min();
        // While paused nothing starts, however much is due.
        let at = match (wish, paused) {
            (wish, None) => wish,
            (None, paused) => paused,
            (Some(wish), Some(paused)) => Some(wish.max(paused)),
        };
        self.start + at.unwrap_or(now + Duration::from_secs(3600))
    }
}
