//! Router discovery on interfaces by which peers are configured.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use tokio::sync::watch;

use crate::io::radv::RadvState;

#[derive(Debug)]
pub(super) struct Radv(pub(super) watch::Receiver<RadvState>);

impl Collector for Radv {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let state = self.0.borrow();
        neighbors(&mut encoder, &state)?;
        let counters = &state.counters;
        let sent = [
            ("advertisement", counters.advertisements_sent),
            ("solicitation", counters.solicitations_sent),
        ];
        let help = "Router advertisements and solicitations sent";
        counted(&mut encoder, ("radv_messages_sent", help, "message"), sent)?;
        let received = [
            ("advertisement", counters.advertisements_received),
            ("solicitation", counters.solicitations_received),
        ];
        let help = "Router advertisements and solicitations that were taken";
        counted(
            &mut encoder,
            ("radv_messages_received", help, "message"),
            received,
        )?;
        let discarded = counters.discarded.iter();
        let discarded = discarded.map(|(reason, count)| (*reason, *count));
        let help = "Messages of router discovery that had no effect";
        counted(
            &mut encoder,
            ("radv_messages_discarded", help, "reason"),
            discarded,
        )
    }
}

fn neighbors(encoder: &mut DescriptorEncoder, state: &RadvState) -> fmt::Result {
    let help = "Routers that are heard on an interface by which a peer is configured";
    let mut family = encoder.encode_descriptor("radv_neighbors", help, None, MetricType::Gauge)?;
    for (index, neighbors) in &state.neighbors {
        let name = state.interfaces.get(index);
        let labels = [(
            "interface",
            name.map(ToString::to_string).unwrap_or_default(),
        )];
        let count = u64::try_from(neighbors.len()).unwrap_or(u64::MAX);
        ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn counted(
    encoder: &mut DescriptorEncoder,
    (name, help, label): (&str, &str, &'static str),
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}
