use std::fmt;

use l2::{Standing, View};
use plan::{Protocol, Skip};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};
use tokio::sync::watch;

use crate::{io::l2::L2State, planner::Facts};

/// Decisions by protocol and reason. On layer 2 the plan says for what this node is nominated, and the election which
/// node announces.
#[derive(Debug)]
pub(super) struct Decisions {
    pub(super) facts: watch::Receiver<Facts>,
    pub(super) l2: watch::Receiver<L2State>,
}

impl Collector for Decisions {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let facts = self.facts.borrow();
        let view = self.l2.borrow().view.clone();
        let help = "Addresses of Services by decision: Announced, or the first reason why not";
        let mut family =
            encoder.encode_descriptor("announce_decisions", help, None, MetricType::Gauge)?;
        for protocol in Protocol::ALL {
            for reason in std::iter::once("Announced").chain(Skip::REASONS) {
                if can_be(protocol, reason) {
                    let labels = [("protocol", protocol.as_str()), ("reason", reason)];
                    let count = count(&facts, &view, protocol, reason);
                    ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn can_be(protocol: Protocol, reason: &str) -> bool {
    match protocol {
        Protocol::Bgp => reason != "NotOwner",
        Protocol::L2 => !["NoPeer", "AnnouncerCap"].contains(&reason),
    }
}

fn count(facts: &Facts, view: &View, protocol: Protocol, reason: &'static str) -> u64 {
    let planned = || facts.decisions.get(&(protocol, reason)).copied();
    let nominations = |owned: bool| {
        let services = facts.nominees.iter();
        let services = services.filter(|(address, _)| {
            let held = view.addresses.get(address);
            held.is_some_and(|held| held.standing == Standing::Owner) == owned
        });
        services.map(|(_, services)| services).sum()
    };
    match (protocol, reason) {
        (Protocol::L2, "Announced") => nominations(true),
        (Protocol::L2, "NotOwner") => nominations(false),
        (Protocol::Bgp | Protocol::L2, _) => planned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use l2::Held;

    use super::*;

    #[test]
    fn what_this_node_is_nominated_for_counts_as_announced_when_it_owns_the_address() {
        let held = |standing| Held {
            standing,
            interfaces: Vec::new(),
            owner: None,
        };
        let address = |text: &str| text.parse().unwrap();
        let view = View {
            addresses: [
                (address("10.0.0.1"), held(Standing::Owner)),
                (address("10.0.0.2"), held(Standing::NotOwner)),
            ]
            .into(),
            ..View::default()
        };
        let nominees = [
            (address("10.0.0.1"), 2),
            (address("10.0.0.2"), 1),
            (address("10.0.0.3"), 1),
        ];
        let facts = Facts {
            decisions: [
                ((Protocol::L2, "Announced"), 4),
                ((Protocol::L2, "NoEndpoints"), 5),
                ((Protocol::Bgp, "Announced"), 6),
            ]
            .into(),
            nominees: Arc::new(nominees.into()),
            ..Facts::default()
        };
        for (protocol, reason, expected) in [
            (Protocol::L2, "Announced", 2),
            (Protocol::L2, "NotOwner", 2),
            (Protocol::L2, "NoEndpoints", 5),
            (Protocol::Bgp, "Announced", 6),
            (Protocol::Bgp, "NoEndpoints", 0),
        ] {
            assert_eq!(count(&facts, &view, protocol, reason), expected, "{reason}");
        }
    }
}
