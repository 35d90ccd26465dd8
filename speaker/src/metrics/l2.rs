//! Layer 2: the election, and what is answered.

use std::{collections::BTreeMap, fmt, sync::Arc};

use l2::{Counters, Gain, Loss, Standing, View};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        gauge::ConstGauge,
    },
};
use tokio::sync::watch;

use super::single;
use crate::io::l2::L2State;

const STANDINGS: [Standing; 7] = [
    Standing::Owner,
    Standing::NotOwner,
    Standing::Probing,
    Standing::OwnerAliveOnSegment,
    Standing::NoInterface,
    Standing::Listening,
    Standing::NoKey,
];

/// Why a heartbeat can be dropped.
const DROPPED: [&str; 7] = [
    "Short",
    "UnknownKey",
    "WrongTag",
    "Malformed",
    "Replayed",
    "OwnNode",
    "TooManyNodes",
];

/// One metric without labels: name, help, and its value.
type Single<T> = (&'static str, &'static str, fn(&T) -> u64);

const GAUGES: [Single<View>; 2] = [
    (
        "l2_owned_addresses",
        "Addresses that this node answers",
        |view| count(view, Standing::Owner),
    ),
    (
        "l2_peers_alive",
        "Other nodes whose heartbeats are heard",
        |view| view.peers.values().filter(|peer| peer.alive).count() as u64,
    ),
];

const COUNTERS: [Single<Counters>; 5] = [
    ("l2_heartbeats_sent", "Heartbeats sent, on all ways", |c| {
        c.heartbeats_sent
    }),
    (
        "l2_heartbeats_received",
        "Heartbeats of other nodes that were taken in",
        |c| c.heartbeats_received,
    ),
    (
        "l2_conflicts",
        "Claims of foreign hosts to addresses that this node answers",
        |c| c.conflicts,
    ),
    (
        "l2_defences",
        "Defences against such claims (RFC 5227 section 2.4)",
        |c| c.defences,
    ),
    (
        "l2_owner_alive",
        "Takeovers that did not happen, as the former owner still answered on the segment",
        |c| c.owner_alive,
    ),
];

#[derive(Debug)]
pub(super) struct L2 {
    pub(super) state: watch::Receiver<L2State>,
    /// Events that their reporter left out.
    pub(super) events_dropped: Counter,
}

impl Collector for L2 {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let state = self.state.borrow();
        let (view, encoder) = (&*state.view, &mut encoder);
        let counters = &view.counters;
        for (name, help, value) in GAUGES {
            single(encoder, name, help, value(view))?;
        }
        for (name, help, value) in COUNTERS {
            counter(encoder, name, help, value(counters))?;
        }
        let dropped = self.events_dropped.get() + state.notices_dropped;
        let help = "Events about layer 2 that were left out";
        counter(encoder, "l2_events_dropped", help, dropped)?;
        addresses(encoder, view)?;
        owner_changes(encoder, counters)?;
        per_interface(encoder, counters)?;
        heartbeats(encoder, counters)?;
        let help = "ARP and NDP frames dropped as malformed";
        by_reason(
            encoder,
            "l2_frames_dropped",
            help,
            counters.frames_dropped.clone(),
        )
    }
}

fn count(view: &View, standing: Standing) -> u64 {
    let held = view.addresses.values();
    held.filter(|held| held.standing == standing).count() as u64
}

fn counter(encoder: &mut DescriptorEncoder, name: &str, help: &str, value: u64) -> fmt::Result {
    let encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(encoder)
}

fn addresses(encoder: &mut DescriptorEncoder, view: &View) -> fmt::Result {
    let help = "Addresses that this node may answer, by how they stand";
    let mut family = encoder.encode_descriptor("l2_addresses", help, None, MetricType::Gauge)?;
    for standing in STANDINGS {
        let gauge = ConstGauge::new(count(view, standing));
        gauge.encode(family.encode_family(&[("standing", standing.as_str())])?)?;
    }
    Ok(())
}

fn owner_changes(encoder: &mut DescriptorEncoder, counters: &Counters) -> fmt::Result {
    let help = "Addresses that came to this node (gained) or left it (lost)";
    let mut family =
        encoder.encode_descriptor("l2_owner_changes", help, None, MetricType::Counter)?;
    let gained = Gain::ALL.map(|gain| ("gained", gain.as_str(), counters.gained.get(&gain)));
    let lost = Loss::ALL.map(|loss| ("lost", loss.as_str(), counters.lost.get(&loss)));
    for (change, reason, count) in gained.into_iter().chain(lost) {
        let counter = ConstCounter::new(count.copied().unwrap_or_default());
        counter.encode(family.encode_family(&[("change", change), ("reason", reason)])?)?;
    }
    Ok(())
}

type PerInterface = BTreeMap<(Arc<str>, &'static str), u64>;

fn per_interface(encoder: &mut DescriptorEncoder, counters: &Counters) -> fmt::Result {
    let metrics: [(&str, &str, &PerInterface); 2] = [
        (
            "l2_answered_requests",
            "ARP requests (IPv4) and neighbor solicitations (IPv6) answered",
            &counters.answered,
        ),
        (
            "l2_gratuitous_sent",
            "Gratuitous ARP packets (IPv4) and unsolicited neighbor advertisements (IPv6) sent",
            &counters.gratuitous,
        ),
    ];
    for (name, help, counts) in metrics {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for ((interface, address_family), count) in counts {
            let labels = [("interface", &**interface), ("family", address_family)];
            ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn heartbeats(encoder: &mut DescriptorEncoder, counters: &Counters) -> fmt::Result {
    let help = "Heartbeats of another node that did not come when they should have";
    let metric = "l2_heartbeats_missed";
    let mut family = encoder.encode_descriptor(metric, help, None, MetricType::Counter)?;
    for (node, count) in &counters.heartbeats_missed {
        ConstCounter::new(*count).encode(family.encode_family(&[("node", &**node)])?)?;
    }
    let help = "Heartbeats that were not taken in";
    let mut dropped = BTreeMap::from(DROPPED.map(|reason| (reason, 0)));
    dropped.extend(counters.heartbeats_dropped.clone());
    by_reason(encoder, "l2_heartbeats_dropped", help, dropped)
}

fn by_reason(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    counts: BTreeMap<&'static str, u64>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (reason, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(&[("reason", reason)])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use l2::{Held, PeerView};
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    fn page(view: View) -> String {
        let (_state, state) = watch::channel(L2State {
            view: Arc::new(view),
            notices_dropped: 3,
            ..L2State::default()
        });
        let events_dropped = Counter::default();
        events_dropped.inc_by(4);
        let mut registry = Registry::with_prefix("herald");
        registry.register_collector(Box::new(L2 {
            state,
            events_dropped,
        }));
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        page
    }

    fn held(standing: Standing) -> Held {
        Held {
            standing,
            interfaces: Vec::new(),
            owner: None,
        }
    }

    #[test]
    fn shows_who_answers_and_what_was_counted() {
        let peer = PeerView {
            alive: true,
            segments: Vec::new(),
            nominations: 1,
            claims: 0,
            synced: true,
        };
        let view = View {
            addresses: BTreeMap::from([
                ("10.9.0.1".parse().unwrap(), held(Standing::Owner)),
                ("10.9.0.2".parse().unwrap(), held(Standing::NotOwner)),
                ("fd09::1".parse().unwrap(), held(Standing::Owner)),
            ]),
            peers: BTreeMap::from([("w2".into(), peer)]),
            counters: Counters {
                answered: BTreeMap::from([(("eth2".into(), "IPv6"), 7)]),
                gratuitous: BTreeMap::from([(("eth2".into(), "IPv4"), 5)]),
                gained: BTreeMap::from([(Gain::OwnerDead, 2)]),
                lost: BTreeMap::from([(Loss::Silenced, 1)]),
                heartbeats_sent: 100,
                heartbeats_received: 99,
                heartbeats_missed: BTreeMap::from([("w2".into(), 6)]),
                heartbeats_dropped: BTreeMap::from([("WrongTag", 8)]),
                frames_dropped: BTreeMap::from([("Short", 9)]),
                conflicts: 10,
                defences: 11,
                owner_alive: 12,
            },
            ..View::default()
        };
        let page = page(view);
        for line in [
            "herald_l2_owned_addresses 2",
            "herald_l2_peers_alive 1",
            "herald_l2_addresses{standing=\"Owner\"} 2",
            "herald_l2_addresses{standing=\"NoInterface\"} 0",
            "herald_l2_answered_requests_total{interface=\"eth2\",family=\"IPv6\"} 7",
            "herald_l2_gratuitous_sent_total{interface=\"eth2\",family=\"IPv4\"} 5",
            "herald_l2_owner_changes_total{change=\"gained\",reason=\"OwnerDead\"} 2",
            "herald_l2_owner_changes_total{change=\"lost\",reason=\"Silenced\"} 1",
            "herald_l2_owner_changes_total{change=\"lost\",reason=\"Left\"} 0",
            "herald_l2_heartbeats_sent_total 100",
            "herald_l2_heartbeats_received_total 99",
            "herald_l2_heartbeats_missed_total{node=\"w2\"} 6",
            "herald_l2_heartbeats_dropped_total{reason=\"WrongTag\"} 8",
            "herald_l2_heartbeats_dropped_total{reason=\"Replayed\"} 0",
            "herald_l2_frames_dropped_total{reason=\"Short\"} 9",
            "herald_l2_conflicts_total 10",
            "herald_l2_defences_total 11",
            "herald_l2_owner_alive_total 12",
            "herald_l2_events_dropped_total 7",
        ] {
            assert!(
                page.lines().any(|each| each == line),
                "{line} is missing in\n{page}"
            );
        }
    }
}
