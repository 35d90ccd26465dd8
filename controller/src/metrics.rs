use std::{collections::BTreeMap, sync::atomic::AtomicU64};

use cluster::{Outcome, Target, WriteError};
use ipam::Write;
use model::{Change, Kind, Name, Object, PoolCounts, condition_type};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

type One = [(&'static str, &'static str); 1];
type Two = [(&'static str, &'static str); 2];
type PoolLabels = [(&'static str, String); 3];

/// What `/metrics` shows of the controller; clones share their values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    leader: Gauge,
    writes: Family<Two, Counter>,
    outcomes: Family<[(&'static str, String); 1], Counter>,
    pools: Family<PoolLabels, Gauge>,
    watch_failures: Family<One, Counter>,
    events_dropped: Counter<u64, AtomicU64>,
    writes_in_flight: Gauge,
    services: Gauge,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "1 while this replica leads";
        registry.register("controller_leader", help, self.leader.clone());
        let help = "Writes to the API server by target and result";
        registry.register("api_writes", help, self.writes.clone());
        let help = "Service statuses written, by reason of condition heraldlb.io/Assigned";
        registry.register("ipam_outcomes", help, self.outcomes.clone());
        let help = "Services of type LoadBalancer that the leader knows";
        registry.register("ipam_services", help, self.services.clone());
        let help = "Addresses of each pool by family and state, as in its status";
        registry.register("ipam_pool_addresses", help, self.pools.clone());
        let help = "Times that a watch stopped working, by kind";
        registry.register("watch_failures", help, self.watch_failures.clone());
        let help = "Kubernetes Events that were given up";
        registry.register("api_events_dropped", help, self.events_dropped.clone());
        let help = "Status writes that wait for their answer";
        registry.register("api_writes_in_flight", help, self.writes_in_flight.clone());
    }

    pub(crate) fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(crate) fn count_write(&self, target: Target, outcome: Outcome) {
        let labels = [("target", target.as_str()), ("result", outcome.as_str())];
        self.writes.get_or_create(&labels).inc();
    }

    pub(crate) fn count_watch_failure(&self, kind: Kind) {
        self.watch_failures
            .get_or_create(&[("kind", kind.as_str())])
            .inc();
    }

    /// Counts what a Service was told, when it was told.
    pub(crate) fn count_outcome<T>(&self, write: &Write, result: &Result<T, WriteError>) {
        let Write::ServiceStatus { conditions, .. } = write else {
            return;
        };
        let assigned = conditions
            .iter()
            .find(|condition| condition.kind == condition_type::ASSIGNED);
        if let (Some(assigned), Ok(_)) = (assigned, result) {
            self.outcomes
                .get_or_create(&[("reason", assigned.reason.to_string())])
                .inc();
        }
    }

    pub(crate) fn set_writes_in_flight(&self, writes: usize) {
        self.writes_in_flight
            .set(i64::try_from(writes).unwrap_or(i64::MAX));
    }

    pub(crate) fn set_services(&self, services: usize) {
        self.services
            .set(i64::try_from(services).unwrap_or(i64::MAX));
    }

    pub(crate) fn set_events_dropped(&self, dropped: u64) {
        self.events_dropped
            .inc_by(dropped.saturating_sub(self.events_dropped.get()));
    }

    fn set_pool(&self, name: &Name, counts: &PoolCounts) {
        for (labels, value) in pool_labels(name).into_iter().zip(pool_values(counts)) {
            self.pools.get_or_create(&labels).set(value);
        }
    }

    fn remove_pool(&self, name: &Name) {
        for labels in pool_labels(name) {
            self.pools.remove(&labels);
        }
    }
}

/// Keeps the gauges that follow the watches.
#[derive(Debug)]
pub(crate) struct Gauges {
    metrics: Metrics,
    pools: BTreeMap<Name, PoolCounts>,
}

impl Gauges {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            pools: BTreeMap::new(),
        }
    }

    /// Follows one change of the world.
    pub(crate) fn handle_change(&mut self, change: &Change) {
        match change {
            Change::Apply(Object::Pool(pool)) => {
                let counts = pool
                    .value
                    .as_ref()
                    .map(|pool| pool.counts)
                    .unwrap_or_default();
                self.metrics.set_pool(&pool.meta.name, &counts);
                self.pools.insert(pool.meta.name.clone(), counts);
            }
            Change::Delete(Kind::Pool, key) => {
                self.metrics.remove_pool(&key.name);
                self.pools.remove(&key.name);
            }
            Change::Listed {
                kind: Kind::Pool,
                keys,
            } => self.pools.retain(|name, _| {
                let there = keys.iter().any(|key| key.name == *name);
                if !there {
                    self.metrics.remove_pool(name);
                }
                there
            }),
            Change::Apply(_) | Change::Delete(..) | Change::Listed { .. } => {}
        }
    }
}

const FAMILIES_AND_STATES: [(&str, &str); 4] = [
    ("IPv4", "Assigned"),
    ("IPv4", "Available"),
    ("IPv6", "Assigned"),
    ("IPv6", "Available"),
];

fn pool_labels(name: &Name) -> [PoolLabels; 4] {
    FAMILIES_AND_STATES.map(|(family, state)| {
        [
            ("pool", name.to_string()),
            ("family", family.to_owned()),
            ("state", state.to_owned()),
        ]
    })
}

fn pool_values(counts: &PoolCounts) -> [i64; 4] {
    [
        counts.assigned_ipv4,
        counts.available_ipv4,
        counts.assigned_ipv6,
        counts.available_ipv6,
    ]
}
