//! BFD: sessions, what happened to them, and what was discarded.

use std::fmt;

use bfd::{Discarded, SessionView, State};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use tokio::sync::watch;

use super::{Kind, per_peer};
use crate::io::bfd::BfdState;

/// One metric of each session: name, help, and its value.
type SessionMetric = (&'static str, &'static str, Kind, fn(&SessionView) -> u64);

const SESSION_METRICS: [SessionMetric; 4] = [
    (
        "bfd_session_up",
        "1 while the BFD session is Up",
        Kind::Gauge,
        |s| u64::from(s.state == State::Up),
    ),
    (
        "bfd_session_flaps",
        "How often the BFD session went from Up to Down",
        Kind::Counter,
        |s| s.flaps,
    ),
    (
        "bfd_packets_sent",
        "BFD packets to the peer",
        Kind::Counter,
        |s| s.packets_sent,
    ),
    (
        "bfd_packets_received",
        "BFD packets of the peer that were not discarded",
        Kind::Counter,
        |s| s.packets_received,
    ),
];

#[derive(Debug)]
pub(super) struct Bfd(pub(super) watch::Receiver<BfdState>);

impl Collector for Bfd {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let state = self.0.borrow();
        for (name, help, kind, value) in SESSION_METRICS {
            let sessions = state.sessions.iter();
            let values = sessions.map(|session| (session.peer.to_string(), value(session)));
            per_peer(&mut encoder, (name, help, kind), values)?;
        }
        states(&mut encoder, &state)?;
        detection_times(&mut encoder, &state)?;
        transitions(&mut encoder, &state)?;
        discarded(&mut encoder, &state)
    }
}

fn states(encoder: &mut DescriptorEncoder, state: &BfdState) -> fmt::Result {
    let help = "1 for the state that the BFD session is in (RFC 5880 section 6.2)";
    let mut family =
        encoder.encode_descriptor("bfd_session_state", help, None, MetricType::Gauge)?;
    for session in &state.sessions {
        let labels = [
            ("peer", session.peer.to_string()),
            ("state", session.state.to_string()),
        ];
        ConstGauge::new(1_u64).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn detection_times(encoder: &mut DescriptorEncoder, state: &BfdState) -> fmt::Result {
    let help = "Silence of the peer after which its BFD session goes down";
    let mut family =
        encoder.encode_descriptor("bfd_detection_time_seconds", help, None, MetricType::Gauge)?;
    for session in &state.sessions {
        if let Some(time) = session.detection_time {
            let labels = [("peer", session.peer.to_string())];
            ConstGauge::new(time.as_secs_f64()).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn transitions(encoder: &mut DescriptorEncoder, state: &BfdState) -> fmt::Result {
    let help =
        "How often the BFD session came into a state, by the diagnostic of RFC 5880 section 4.1";
    let mut family =
        encoder.encode_descriptor("bfd_transitions", help, None, MetricType::Counter)?;
    for ((peer, to, diagnostic), count) in &state.transitions {
        let labels = [
            ("peer", peer.to_string()),
            ("state", to.to_string()),
            ("reason", diagnostic.to_string()),
        ];
        ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn discarded(encoder: &mut DescriptorEncoder, state: &BfdState) -> fmt::Result {
    let help = "BFD datagrams that had no effect";
    let mut family =
        encoder.encode_descriptor("bfd_packets_discarded", help, None, MetricType::Counter)?;
    for reason in Discarded::ALL {
        let count = state.discarded.get(&reason).copied().unwrap_or_default();
        let labels = [("reason", reason.as_str())];
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bfd::Diagnostic;
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;
    use crate::io::bfd::tests::session;

    #[test]
    fn shows_sessions_and_counts_by_reason() {
        let down = (
            "tor".into(),
            State::Down,
            Diagnostic::ControlDetectionTimeExpired,
        );
        let state = BfdState {
            sessions: vec![session("tor", State::Up)],
            transitions: [(down, 2)].into(),
            discarded: [(Discarded::TimeToLive, 3)].into(),
            problems: Vec::new(),
        };
        let (_state, seen) = watch::channel(state);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Bfd(seen)));
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        for line in [
            "bfd_session_up{peer=\"tor\"} 1",
            "bfd_session_state{peer=\"tor\",state=\"Up\"} 1",
            "bfd_session_flaps_total{peer=\"tor\"} 2",
            "bfd_packets_sent_total{peer=\"tor\"} 40",
            "bfd_packets_received_total{peer=\"tor\"} 30",
            "bfd_detection_time_seconds{peer=\"tor\"} 0.9",
            "bfd_transitions_total{peer=\"tor\",state=\"Down\",reason=\"ControlDetectionTimeExpired\"} 2",
            "bfd_packets_discarded_total{reason=\"TimeToLive\"} 3",
            "bfd_packets_discarded_total{reason=\"UnknownPeer\"} 0",
        ] {
            assert!(
                page.lines().any(|each| each == line),
                "{line} is missing in\n{page}"
            );
        }
    }
}
