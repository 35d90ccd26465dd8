//! Routes, packet filter, CNI configuration and kernel settings.

use std::fmt;

use model::AddressFamily;
use plan::LeftOut;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use tokio::sync::watch;

use super::single;
use crate::{
    io::{
        netlink::FamilyCounts,
        nft::{Count, Counted},
    },
    kernel::{KernelState, Uninstalled},
};

const FAMILIES: [AddressFamily; 2] = [AddressFamily::IPv4, AddressFamily::IPv6];

#[derive(Debug)]
pub(super) struct Kernel(pub(super) watch::Receiver<KernelState>);

impl Collector for Kernel {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let kernel = self.0.borrow();
        routes(&mut encoder, &kernel)?;
        uninstalled(&mut encoder, &kernel)?;
        left_out(&mut encoder, &kernel)?;
        parts(&mut encoder, &kernel)?;
        egress(&mut encoder, &kernel)?;
        loop_prevention(&mut encoder, &kernel)?;
        let wrong = kernel.settings.len() as u64;
        let help = "Kernel settings that are wrong and cannot be set";
        single(&mut encoder, "kernel_settings_wrong", help, wrong)?;
        match kernel.cni.applies {
            true => single(
                &mut encoder,
                "cni_ready",
                "1 while pods can be started with Herald's CNI configuration",
                u64::from(kernel.cni.ready),
            ),
            false => Ok(()),
        }
    }
}

fn routes(encoder: &mut DescriptorEncoder, kernel: &KernelState) -> fmt::Result {
    let help = "Routes of ours in the kernel, by origin: Direct, to the pods of a node on the link; Imported, learned by BGP";
    let mut family = encoder.encode_descriptor("kernel_routes", help, None, MetricType::Gauge)?;
    let origins = [
        ("Direct", kernel.routes.direct),
        ("Imported", kernel.routes.imported),
    ];
    for (origin, FamilyCounts { ipv4, ipv6 }) in origins {
        for (address_family, count) in FAMILIES.into_iter().zip([ipv4, ipv6]) {
            let labels = [("origin", origin), ("family", name(address_family))];
            ConstGauge::new(count as u64).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn uninstalled(encoder: &mut DescriptorEncoder, kernel: &KernelState) -> fmt::Result {
    let help = "Prefixes that should have a route here and have none";
    let mut family =
        encoder.encode_descriptor("kernel_routes_uninstalled", help, None, MetricType::Gauge)?;
    let missing = kernel.uninstalled();
    for reason in Uninstalled::REASONS {
        let count = missing
            .iter()
            .filter(|route| route.reason == reason)
            .count();
        ConstGauge::new(count as u64).encode(family.encode_family(&[("reason", reason)])?)?;
    }
    Ok(())
}

fn left_out(encoder: &mut DescriptorEncoder, kernel: &KernelState) -> fmt::Result {
    let help = "Prefixes that a router advertises and that get no route here on purpose";
    let mut family =
        encoder.encode_descriptor("kernel_routes_left_out", help, None, MetricType::Gauge)?;
    for reason in LeftOut::ALL {
        let count = kernel
            .plan
            .left_out
            .values()
            .filter(|each| **each == reason)
            .count();
        let labels = [("reason", reason.as_str())];
        ConstGauge::new(count as u64).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// What routes and packet filter have in common.
fn parts(encoder: &mut DescriptorEncoder, kernel: &KernelState) -> fmt::Result {
    let help = "1 while the part of the kernel is what it should be";
    let mut family = encoder.encode_descriptor("kernel_in_sync", help, None, MetricType::Gauge)?;
    let parts = [
        ("Routes", kernel.routes.in_sync, kernel.routes.repairs),
        ("Nftables", kernel.nft.in_sync, kernel.nft.repairs),
    ];
    for (part, in_sync, _) in parts {
        let gauge = ConstGauge::new(u64::from(in_sync));
        gauge.encode(family.encode_family(&[("part", part)])?)?;
    }
    let help = "How often something of ours that somebody else changed or removed was put back";
    let mut family =
        encoder.encode_descriptor("kernel_repairs", help, None, MetricType::Counter)?;
    for (part, _, repairs) in parts {
        ConstCounter::new(repairs).encode(family.encode_family(&[("part", part)])?)?;
    }
    Ok(())
}

type Value = fn(Count) -> u64;

fn egress(encoder: &mut DescriptorEncoder, kernel: &KernelState) -> fmt::Result {
    let metrics: [(&str, &str, Value); 2] = [
        (
            "egress_packets",
            "First packets of connections of this node's pods that were translated",
            |count| count.packets,
        ),
        (
            "egress_bytes",
            "Bytes of the first packets of connections of this node's pods that were translated",
            |count| count.bytes,
        ),
    ];
    for (metric, help, value) in metrics {
        let mut family = encoder.encode_descriptor(metric, help, None, MetricType::Counter)?;
        for (address_family, count) in counts(kernel, Counted::Translated) {
            let labels = [("family", name(address_family))];
            ConstCounter::new(value(count)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn loop_prevention(encoder: &mut DescriptorEncoder, kernel: &KernelState) -> fmt::Result {
    let help = "Packets to an announced address that would have gone back to the router";
    let metric = "loop_prevention_packets";
    let mut family = encoder.encode_descriptor(metric, help, None, MetricType::Counter)?;
    for (action, counted) in [("Reject", Counted::Rejected), ("Drop", Counted::Dropped)] {
        for (address_family, count) in counts(kernel, counted) {
            let labels = [("family", name(address_family)), ("action", action)];
            ConstCounter::new(count.packets).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

/// Label value of a family.
fn name(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::IPv4 => "IPv4",
        AddressFamily::IPv6 => "IPv6",
    }
}

/// Both families; what no rule counts is 0.
fn counts(kernel: &KernelState, counted: Counted) -> [(AddressFamily, Count); 2] {
    FAMILIES.map(|family| {
        let count = kernel.nft.counters.get(&(family, counted));
        (family, count.copied().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plan::NetworkPlan;
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    fn page(kernel: KernelState) -> String {
        let (_kernel, seen) = watch::channel(kernel);
        let mut registry = Registry::with_prefix("herald");
        registry.register_collector(Box::new(Kernel(seen)));
        let mut page = String::new();
        text::encode(&mut page, &registry).unwrap();
        page
    }

    #[test]
    fn shows_what_the_kernel_holds_and_what_was_counted() {
        let mut kernel = KernelState {
            plan: Arc::new(NetworkPlan {
                off_link: vec![(
                    "10.244.9.0/24".parse().unwrap(),
                    "10.9.0.1".parse().unwrap(),
                )],
                left_out: [("0.0.0.0/0".parse().unwrap(), LeftOut::DefaultRoute)].into(),
                ..NetworkPlan::default()
            }),
            ..KernelState::default()
        };
        kernel.routes.direct = FamilyCounts { ipv4: 2, ipv6: 1 };
        kernel.nft.repairs = 3;
        let count = Count {
            packets: 4,
            bytes: 240,
        };
        let counters = &mut kernel.nft.counters;
        counters.insert((AddressFamily::IPv4, Counted::Translated), count);
        counters.insert((AddressFamily::IPv6, Counted::Dropped), count);
        kernel.settings.push("net.ipv4.ip_forward is 0".to_owned());
        let page = page(kernel);
        for line in [
            "herald_kernel_routes{origin=\"Direct\",family=\"IPv4\"} 2",
            "herald_kernel_routes{origin=\"Imported\",family=\"IPv6\"} 0",
            "herald_kernel_routes_uninstalled{reason=\"NextHopNotOnLink\"} 1",
            "herald_kernel_routes_uninstalled{reason=\"ForeignRoute\"} 0",
            "herald_kernel_routes_left_out{reason=\"DefaultRoute\"} 1",
            "herald_kernel_routes_left_out{reason=\"OwnSubnet\"} 0",
            "herald_kernel_in_sync{part=\"Routes\"} 0",
            "herald_kernel_repairs_total{part=\"Nftables\"} 3",
            "herald_egress_packets_total{family=\"IPv4\"} 4",
            "herald_egress_bytes_total{family=\"IPv4\"} 240",
            "herald_loop_prevention_packets_total{family=\"IPv6\",action=\"Drop\"} 4",
            "herald_loop_prevention_packets_total{family=\"IPv4\",action=\"Reject\"} 0",
            "herald_kernel_settings_wrong 1",
        ] {
            assert!(
                page.lines().any(|each| each == line),
                "{line} is missing in\n{page}"
            );
        }
    }

    #[test]
    fn readiness_of_cni_is_told_only_where_it_matters() {
        let mut kernel = KernelState::default();
        assert!(!page(kernel.clone()).contains("herald_cni_ready"));
        kernel.cni.applies = true;
        assert!(page(kernel).contains("herald_cni_ready 0\n"));
    }
}
