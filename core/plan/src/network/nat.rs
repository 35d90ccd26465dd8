use alloc::{collections::BTreeSet, vec::Vec};
use core::net::IpAddr;

use bgp::Prefix;
use ipnet::IpNet;
use model::{AddressFamily, EgressSource};

use super::Situation;
use crate::{Egress, FamilyEgress, LinkRole, Part, SourceNat};

/// Translation for each family that this node has pods of.
pub(super) fn plan(situation: Situation<'_>) -> Part<Egress> {
    if !situation.pod_network.masquerade {
        return Part::Absent;
    }
    let families = [AddressFamily::IPv4, AddressFamily::IPv6];
    let egress = families
        .into_iter()
        .filter_map(|family| Some((family, of_family(situation, family)?)));
    Part::Present(egress.collect())
}

fn of_family(situation: Situation<'_>, family: AddressFamily) -> Option<FamilyEgress> {
    let own = situation.own_cidrs();
    let pods = networks(&own, family);
    if pods.is_empty() {
        return None;
    }
    let nodes = situation.nodes.values().flat_map(|node| &node.addresses);
    let cluster = [situation.pod_network.pod_cidrs.as_slice(), &own].concat();
    Some(FamilyEgress {
        pods,
        cluster: networks(&cluster, family),
        nodes: nodes
            .copied()
            .filter(|address| AddressFamily::of(*address) == family)
            .collect(),
        excluded: networks(&situation.pod_network.exclude_cidrs, family),
        source: source(situation, family),
    })
}

/// A node that has no InternalIP of the family has no other choice than the interface's address.
fn source(situation: Situation<'_>, family: AddressFamily) -> SourceNat {
    let internal = internal_ip(situation, family);
    let on_uplink = internal
        .and_then(|address| situation.links.holder(address))
        .is_none_or(|link| link.role != LinkRole::Holder);
    match (situation.pod_network.egress_source, internal) {
        (EgressSource::InternalIP, Some(address)) => SourceNat::To(address),
        (EgressSource::Auto, Some(address)) if !on_uplink => SourceNat::To(address),
        (EgressSource::Auto | EgressSource::InternalIP | EgressSource::Interface, _) => {
            SourceNat::Masquerade
        }
    }
}

fn internal_ip(situation: Situation<'_>, family: AddressFamily) -> Option<IpAddr> {
    let addresses = &situation.own()?.internal_ips;
    addresses
        .iter()
        .copied()
        .find(|address| AddressFamily::of(*address) == family)
}

/// Those of the family, joined where they overlap: a set of the packet filter takes no overlapping networks.
fn networks(prefixes: &[Prefix], family: AddressFamily) -> Vec<IpNet> {
    let of_family: BTreeSet<IpNet> = prefixes
        .iter()
        .map(Prefix::network)
        .filter(|network| AddressFamily::of(network.addr()) == family)
        .collect();
    IpNet::aggregate(&Vec::from_iter(of_family))
}
