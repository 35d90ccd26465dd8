use alloc::vec::Vec;
use core::net::IpAddr;

use bgp::Prefix;
use ipnet::IpNet;
use k8s_openapi::api::core::v1;

use crate::{Meta, Name};

/// What the rules need of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Name and labels (conditions are left empty).
    pub meta: Meta,
    /// `status.addresses` of type InternalIP, in order.
    pub internal_ips: Vec<IpAddr>,
    /// Every IP address in `status.addresses`: never given to a Service.
    pub addresses: Vec<IpAddr>,
    /// `spec.podCIDRs` (or `spec.podCIDR`).
    pub pod_cidrs: Vec<IpNet>,
    /// Condition NetworkUnavailable is True.
    pub network_unavailable: bool,
    /// Condition NetworkUnavailable is False, for the reason that a speaker gives ([`Node::HERALD_IS_UP`]).
    pub herald_is_up: bool,
}

impl Node {
    /// Reason of condition NetworkUnavailable once Herald is the node's pod network.
    pub const HERALD_IS_UP: &str = "HeraldIsUp";

    /// Parses a Node; `None` without a name. Entries that are no address or network are left out.
    pub fn parse(object: &v1::Node) -> Option<Self> {
        object.metadata.name.as_ref()?;
        let status = object.status.as_ref();
        let listed = || {
            status
                .iter()
                .flat_map(|status| status.addresses.iter().flatten())
        };
        let network = || {
            let mut conditions = status
                .iter()
                .flat_map(|status| status.conditions.iter().flatten());
            conditions.find(|condition| condition.type_ == "NetworkUnavailable")
        };
        Some(Self {
            meta: Meta::parse(&object.metadata, Vec::new()),
            internal_ips: listed()
                .filter(|address| address.type_ == "InternalIP")
                .filter_map(|address| address.address.parse().ok())
                .collect(),
            addresses: listed()
                .filter_map(|address| address.address.parse().ok())
                .collect(),
            pod_cidrs: object
                .spec
                .as_ref()
                .map(parse_pod_cidrs)
                .unwrap_or_default(),
            network_unavailable: network().is_some_and(|condition| condition.status == "True"),
            herald_is_up: network().is_some_and(|condition| {
                condition.status == "False"
                    && condition.reason.as_deref() == Some(Self::HERALD_IS_UP)
            }),
        })
    }

    /// `spec.podCIDRs` as what is advertised and routed.
    pub fn pod_prefixes(&self) -> impl Iterator<Item = Prefix> {
        self.pod_cidrs.iter().copied().map(Prefix::from)
    }

    /// `metadata.name`.
    pub fn name(&self) -> &Name {
        &self.meta.name
    }

    /// Whether the rules see the same node: heartbeats change only its resourceVersion.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.meta.same_identity(&other.meta)
            && self.internal_ips == other.internal_ips
            && self.addresses == other.addresses
            && self.pod_cidrs == other.pod_cidrs
            && self.network_unavailable == other.network_unavailable
            && self.herald_is_up == other.herald_is_up
    }

    /// Whether label `node.kubernetes.io/exclude-from-external-load-balancers` is set.
    pub fn excluded_from_load_balancers(&self) -> bool {
        self.meta
            .labels
            .contains_key("node.kubernetes.io/exclude-from-external-load-balancers")
    }
}

fn parse_pod_cidrs(spec: &v1::NodeSpec) -> Vec<IpNet> {
    let all = spec.pod_cidrs.as_deref().unwrap_or_default();
    let texts = if all.is_empty() {
        spec.pod_cidr.as_slice()
    } else {
        all
    };
    texts
        .iter()
        .filter_map(|text| text.parse::<IpNet>().ok())
        .map(|net| net.trunc())
        .collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parse(yaml: &str) -> Node {
        Node::parse(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap()
    }

    #[test]
    fn keeps_addresses_ranges_and_the_network_condition() {
        let node = parse(
            "{metadata: {name: a}, spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24, 'fd01::/64']}, \
             status: {addresses: [{type: Hostname, address: a}, {type: InternalIP, address: 10.0.0.1}, \
             {type: ExternalIP, address: 192.0.2.1}, {type: InternalIP, address: 'fd00::1'}], conditions: \
             [{type: NetworkUnavailable, status: 'True'}]}}",
        );
        let shown = |list: &[IpAddr]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(&node.internal_ips), ["10.0.0.1", "fd00::1"]);
        assert_eq!(shown(&node.addresses), ["10.0.0.1", "192.0.2.1", "fd00::1"]);
        assert_eq!(node.pod_cidrs.len(), 2);
        assert!(node.network_unavailable && !node.excluded_from_load_balancers());
    }

    #[test]
    fn takes_the_single_range_where_there_is_no_list() {
        let node = parse("{metadata: {name: a}, spec: {podCIDR: 10.1.0.0/24}}");
        assert_eq!(node.pod_cidrs[0].to_string(), "10.1.0.0/24");
        assert!(!node.network_unavailable);
    }

    #[test]
    fn knows_who_says_that_the_network_is_available() {
        let node = |status: &str, reason: &str| {
            parse(&alloc::format!(
                "{{metadata: {{name: a}}, status: {{conditions: [{{type: Ready, status: 'True'}}, \
                 {{type: NetworkUnavailable, status: '{status}', reason: {reason}}}]}}}}"
            ))
        };
        assert!(node("False", "HeraldIsUp").herald_is_up);
        assert!(!node("False", "CalicoIsUp").herald_is_up);
        assert!(!node("True", "HeraldIsUp").herald_is_up);
    }

    #[test]
    fn knows_the_exclusion_label() {
        let label = "node.kubernetes.io/exclude-from-external-load-balancers";
        let node = parse(&alloc::format!(
            "{{metadata: {{name: a, labels: {{{label}: ''}}}}}}"
        ));
        assert!(node.excluded_from_load_balancers());
    }
}
