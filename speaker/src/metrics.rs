//! Metrics of the speaker. Values are read when somebody asks; no label names a Service.

mod bfd;
mod decisions;
mod kernel;
mod l2;
mod radv;

use std::{fmt, sync::Arc};

use bgp::{SessionView, State};
use cluster::{Outcome, Target};
use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        MetricType, counter::ConstCounter, counter::Counter, family::Family, gauge::ConstGauge,
    },
    registry::Registry,
};
use tokio::sync::watch;

use crate::{
    io::{bfd::BfdState, bgp::Observed, l2::L2State, radv::RadvState},
    kernel::KernelState,
    planner::Facts,
};
use decisions::Decisions;

type Labels = Vec<(&'static str, &'static str)>;
type Write = Family<Labels, Counter>;

/// One metric of each session: name, help, and its value.
type SessionMetric = (&'static str, &'static str, fn(&SessionView) -> u64);

const SESSION_GAUGES: [SessionMetric; 3] = [
    (
        "bgp_session_up",
        "1 while the session is Established",
        |s| u64::from(s.state == State::Established),
    ),
    (
        "bgp_prefixes_advertised",
        "Prefixes that the peer was sent",
        |s| s.advertised,
    ),
    (
        "bgp_prefixes_received",
        "Prefixes of the peer that were accepted",
        |s| s.received,
    ),
];

const SESSION_COUNTERS: [SessionMetric; 9] = [
    ("bgp_received_bytes", "Bytes read from the peer", |s| {
        s.counters.octets_received
    }),
    ("bgp_sent_bytes", "Bytes written to the peer", |s| {
        s.counters.octets_sent
    }),
    (
        "bgp_session_flaps",
        "How often the session left Established",
        |s| s.flaps,
    ),
    ("bgp_updates_received", "UPDATE messages read", |s| {
        s.counters.updates_received
    }),
    ("bgp_updates_sent", "UPDATE messages written", |s| {
        s.counters.updates_sent
    }),
    (
        "bgp_notifications_received",
        "NOTIFICATION messages read",
        |s| s.counters.notifications_received,
    ),
    (
        "bgp_notifications_sent",
        "NOTIFICATION messages written",
        |s| s.counters.notifications_sent,
    ),
    (
        "bgp_treated_as_withdraw",
        "UPDATE messages treated as withdrawals (RFC 7606)",
        |s| s.counters.treated_as_withdraw,
    ),
    (
        "bgp_attributes_discarded",
        "Malformed attributes passed over (RFC 7606)",
        |s| s.counters.attributes_discarded,
    ),
];

/// What is registered, and the counter that writes go to.
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    writes: Write,
    /// Events about layer 2 that were left out.
    pub(crate) events_dropped: Counter,
}

impl Metrics {
    pub(crate) fn new(
        facts: watch::Receiver<Facts>,
        observed: watch::Receiver<Observed>,
        kernel: watch::Receiver<KernelState>,
        l2: watch::Receiver<L2State>,
        bfd: watch::Receiver<BfdState>,
        radv: watch::Receiver<RadvState>,
    ) -> Self {
        let mut registry = daemon::metrics::registry(env!("CARGO_PKG_VERSION"));
        let writes = Write::default();
        registry.register(
            "api_writes",
            "Write requests to the API server",
            writes.clone(),
        );
        let events_dropped = Counter::default();
        registry.register_collector(Box::new(l2::L2 {
            state: l2.clone(),
            events_dropped: events_dropped.clone(),
        }));
        registry.register_collector(Box::new(Planning(facts.clone())));
        registry.register_collector(Box::new(Decisions { facts, l2 }));
        registry.register_collector(Box::new(Sessions(observed)));
        registry.register_collector(Box::new(bfd::Bfd(bfd)));
        registry.register_collector(Box::new(radv::Radv(radv)));
        registry.register_collector(Box::new(kernel::Kernel(kernel)));
        Self {
            registry,
            writes,
            events_dropped,
        }
    }

    /// Counts one write to the API server.
    pub(crate) fn count_writes(&self) -> impl Fn(Target, Outcome) + Send + Sync + 'static {
        let writes = self.writes.clone();
        move |target, outcome| {
            let labels = vec![("target", target.as_str()), ("result", outcome.as_str())];
            writes.get_or_create(&labels).inc();
        }
    }

    pub(crate) fn router(self) -> axum::Router {
        daemon::metrics::router(Arc::new(self.registry))
    }
}

#[derive(Debug)]
struct Planning(watch::Receiver<Facts>);

impl Collector for Planning {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let facts = self.0.borrow();
        let mut gauge = |name, help, value| single(&mut encoder, name, help, value);
        gauge(
            "announced_addresses",
            "Addresses that this node announces by BGP",
            facts.announced as u64,
        )?;
        gauge(
            "gate_waiting",
            "Addresses that wait for kube-proxy",
            facts.gate_waiting as u64,
        )?;
        gauge(
            "config_unusable",
            "Objects that this node cannot use",
            facts.unusable.len() as u64,
        )?;
        let counter = ConstCounter::new(facts.gate_given_up);
        let help = "How often 5 s of silence were taken for a ready kube-proxy";
        let encoder_of =
            encoder.encode_descriptor("gate_timeouts", help, None, MetricType::Counter)?;
        counter.encode(encoder_of)?;
        let age = facts.stale_since.map(age).unwrap_or_default();
        let help = "Age of what is planned from while the API server's lists are missing; 0 when it is of today";
        single(&mut encoder, "stale_seconds", help, age)?;
        stages(&mut encoder, &facts)?;
        kinds(&mut encoder, &facts)
    }
}

fn single(encoder: &mut DescriptorEncoder, name: &str, help: &str, value: u64) -> fmt::Result {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// Seconds since then, at least 1, so that a clock that was set back hides nothing.
fn age(written: Timestamp) -> u64 {
    let age = Timestamp::now().duration_since(written).as_secs();
    u64::try_from(age).unwrap_or_default().max(1)
}

fn stages(encoder: &mut DescriptorEncoder, facts: &Facts) -> fmt::Result {
    let help = "1 for how far this node has left: Serving, GivingWay, Away or Gone";
    let mut family = encoder.encode_descriptor("drain_stage", help, None, MetricType::Gauge)?;
    for stage in plan::Stage::ALL {
        let value = u64::from(facts.stage == stage);
        ConstGauge::new(value).encode(family.encode_family(&[("stage", stage.as_str())])?)?;
    }
    Ok(())
}

fn kinds(encoder: &mut DescriptorEncoder, facts: &Facts) -> fmt::Result {
    let help = "1 for each kind that the API server does not serve";
    let mut family = encoder.encode_descriptor("kind_not_served", help, None, MetricType::Gauge)?;
    for kind in plan::Planner::KINDS.map(model::Kind::as_str) {
        let value = u64::from(facts.not_served.contains(kind));
        ConstGauge::new(value).encode(family.encode_family(&[("kind", kind)])?)?;
    }
    let help = "Watches that failed; consecutive failures count once";
    let mut family =
        encoder.encode_descriptor("watch_failures", help, None, MetricType::Counter)?;
    for kind in plan::Planner::KINDS.map(model::Kind::as_str) {
        let value = facts.watch_failures.get(kind).copied().unwrap_or_default();
        ConstCounter::new(value).encode(family.encode_family(&[("kind", kind)])?)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

#[derive(Debug)]
struct Sessions(watch::Receiver<Observed>);

impl Collector for Sessions {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let observed = self.0.borrow();
        let sessions = &observed.sessions;
        let per_session = |value: fn(&SessionView) -> u64| {
            sessions
                .iter()
                .map(move |session| (session.peer.to_string(), value(session)))
        };
        for (name, help, value) in SESSION_GAUGES {
            per_peer(&mut encoder, (name, help, Kind::Gauge), per_session(value))?;
        }
        for (name, help, value) in SESSION_COUNTERS {
            per_peer(
                &mut encoder,
                (name, help, Kind::Counter),
                per_session(value),
            )?;
        }
        states(&mut encoder, sessions)?;
        rejected(&mut encoder, sessions)
    }
}

fn per_peer(
    encoder: &mut DescriptorEncoder,
    (name, help, kind): (&str, &str, Kind),
    values: impl Iterator<Item = (String, u64)>,
) -> fmt::Result {
    let metric_type = match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
    };
    let mut family = encoder.encode_descriptor(name, help, None, metric_type)?;
    for (peer, value) in values {
        let labels = [("peer", peer)];
        let one = family.encode_family(&labels)?;
        match kind {
            Kind::Counter => ConstCounter::new(value).encode(one)?,
            Kind::Gauge => ConstGauge::new(value).encode(one)?,
        }
    }
    Ok(())
}

fn states(encoder: &mut DescriptorEncoder, sessions: &[SessionView]) -> fmt::Result {
    let help = "1 for the state that the session is in (RFC 4271 section 8.2.2)";
    let mut family =
        encoder.encode_descriptor("bgp_session_state", help, None, MetricType::Gauge)?;
    for session in sessions {
        let labels = [
            ("peer", session.peer.to_string()),
            ("state", session.state.to_string()),
        ];
        ConstGauge::new(1_u64).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn rejected(encoder: &mut DescriptorEncoder, sessions: &[SessionView]) -> fmt::Result {
    let help = "Routes of the peer that were not accepted";
    let mut family =
        encoder.encode_descriptor("bgp_routes_rejected", help, None, MetricType::Counter)?;
    for session in sessions {
        for (reason, count) in session.counters.rejected.iter() {
            let labels = [
                ("peer", session.peer.to_string()),
                ("reason", reason.to_string()),
            ];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use plan::Protocol;
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn shows_every_reason_and_counts_by_it() {
        let decisions = [
            ((Protocol::Bgp, "Announced"), 3),
            ((Protocol::L2, "NoEndpoints"), 1),
        ]
        .into();
        let facts = Facts {
            decisions,
            announced: 2,
            ..Facts::default()
        };
        let (_facts, facts_seen) = watch::channel(facts);
        let (_observed, observed_seen) = watch::channel(Observed::default());
        let (_kernel, kernel_seen) = watch::channel(KernelState::default());
        let (_l2, l2_seen) = watch::channel(L2State::default());
        let (_bfd, bfd_seen) = watch::channel(BfdState::default());
        let (_radv, radv_seen) = watch::channel(RadvState::default());
        let metrics = Metrics::new(
            facts_seen,
            observed_seen,
            kernel_seen,
            l2_seen,
            bfd_seen,
            radv_seen,
        );
        metrics.count_writes()(Target::SpeakerState, Outcome::Written);
        let mut page = String::new();
        text::encode(&mut page, &metrics.registry).unwrap();
        for line in [
            "herald_announced_addresses 2",
            "herald_announce_decisions{protocol=\"BGP\",reason=\"Announced\"} 3",
            "herald_announce_decisions{protocol=\"L2\",reason=\"NoEndpoints\"} 1",
            "herald_announce_decisions{protocol=\"BGP\",reason=\"NoPeer\"} 0",
            "herald_announce_decisions{protocol=\"L2\",reason=\"NotOwner\"} 0",
            "herald_kind_not_served{kind=\"BGPPeer\"} 0",
            "herald_watch_failures_total{kind=\"Service\"} 0",
            "herald_gate_timeouts_total 0",
            "herald_stale_seconds 0",
            "herald_drain_stage{stage=\"Serving\"} 1",
            "herald_drain_stage{stage=\"Away\"} 0",
            "herald_api_writes_total{target=\"SpeakerState\",result=\"Written\"} 1",
        ] {
            assert!(
                page.lines().any(|each| each == line),
                "{line} is missing in\n{page}"
            );
        }
    }
}
