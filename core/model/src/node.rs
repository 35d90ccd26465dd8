use alloc::vec::Vec;
use core::net::IpAddr;

use bgp::Prefix;
use ipnet::IpNet;
use k8s_openapi::{api::core::v1, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use crate::{Meta, Name};

/// What the rules need of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// Taint or annotation [`Node::DRAIN`]: Herald is to leave this node.
    pub marked_for_drain: bool,
    /// `spec.unschedulable`: the node is cordoned.
    pub cordoned: bool,
    /// The kubelet says that the node is shutting down, or the cloud that it is shut down.
    pub shutting_down: bool,
}

impl Node {
    /// Reason of condition NetworkUnavailable once Herald is the node's pod network.
    pub const HERALD_IS_UP: &str = "HeraldIsUp";
    /// Taint, or annotation with any value but `false`, that takes everything that is announced off the node.
    pub const DRAIN: &str = "heraldlb.io/drain";
    /// Taint of a node that its cloud has shut down.
    const SHUT_DOWN: &str = "node.cloudprovider.kubernetes.io/shutdown";
    /// Part of the message of condition Ready while the kubelet lets pods end before a shutdown.
    const SHUTTING_DOWN: &str = "node is shutting down";

    /// Parses a Node; `None` without a name. Entries that are no address or network are left out.
    pub fn parse(object: &v1::Node) -> Option<Self> {
        object.metadata.name.as_ref()?;
        let status = object.status.as_ref();
        let listed = || {
            status
                .iter()
                .flat_map(|status| status.addresses.iter().flatten())
        };
        let condition = |name: &str| {
            let mut conditions = status
                .iter()
                .flat_map(|status| status.conditions.iter().flatten());
            conditions.find(|condition| condition.type_ == name)
        };
        let network = || condition("NetworkUnavailable");
        let tainted = |key: &str| {
            let spec = object.spec.iter();
            let mut taints = spec.flat_map(|spec| spec.taints.iter().flatten());
            taints.any(|taint| taint.key == key)
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
            marked_for_drain: tainted(Self::DRAIN) || annotated(&object.metadata),
            cordoned: object.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true),
            shutting_down: tainted(Self::SHUT_DOWN)
                || condition("Ready").is_some_and(|ready| {
                    let message = ready.message.as_deref().unwrap_or_default();
                    ready.status == "False" && message.contains(Self::SHUTTING_DOWN)
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

    /// Whether the rules see the same node: heartbeats change only its resourceVersion, and cordon and shutdown count
    /// only at the moment when the speaker is asked to stop.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.meta.same_identity(&other.meta)
            && self.internal_ips == other.internal_ips
            && self.addresses == other.addresses
            && self.pod_cidrs == other.pod_cidrs
            && self.network_unavailable == other.network_unavailable
            && self.herald_is_up == other.herald_is_up
            && self.marked_for_drain == other.marked_for_drain
    }

    /// Whether label `node.kubernetes.io/exclude-from-external-load-balancers` is set.
    pub fn excluded_from_load_balancers(&self) -> bool {
        self.meta
            .labels
            .contains_key("node.kubernetes.io/exclude-from-external-load-balancers")
    }
}

/// Whether annotation [`Node::DRAIN`] is there and not switched off.
fn annotated(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(Node::DRAIN))
        .is_some_and(|value| value != "false")
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
    fn knows_who_is_to_be_drained() {
        let marked = |yaml: &str| parse(yaml).marked_for_drain;
        let annotated = |value: &str| {
            marked(&alloc::format!(
                "{{metadata: {{name: a, annotations: {{heraldlb.io/drain: '{value}'}}}}}}"
            ))
        };
        let tainted = |key: &str| {
            marked(&alloc::format!(
                "{{metadata: {{name: a}}, spec: {{taints: [{{key: {key}, effect: NoSchedule}}]}}}}"
            ))
        };
        assert!(annotated("") && annotated("true") && annotated("kernel update"));
        assert!(!annotated("false"));
        assert!(tainted("heraldlb.io/drain"));
        assert!(!tainted("node.kubernetes.io/unschedulable"));
    }

    #[test]
    fn knows_who_is_cordoned_and_who_shuts_down() {
        let cordoned = parse("{metadata: {name: a}, spec: {unschedulable: true}}");
        assert!(cordoned.cordoned && !cordoned.shutting_down && !cordoned.marked_for_drain);
        let ready = |status: &str, message: &str| {
            let node = parse(&alloc::format!(
                "{{metadata: {{name: a}}, status: {{conditions: [{{type: Ready, status: '{status}', \
                 reason: KubeletNotReady, message: '{message}'}}]}}}}"
            ));
            assert!(!node.cordoned);
            node.shutting_down
        };
        assert!(ready(
            "False",
            "[node is shutting down, runtime network not ready]"
        ));
        assert!(!ready("False", "container runtime is down"));
        assert!(!ready("True", "kubelet is posting ready status"));
        let taint = "{metadata: {name: a}, spec: {taints: [{key: node.cloudprovider.kubernetes.io/shutdown, \
                     effect: NoSchedule}]}}";
        assert!(parse(taint).shutting_down);
    }

    #[test]
    fn a_cordon_alone_is_no_change_for_the_rules_and_a_mark_is() {
        let node = parse("{metadata: {name: a}}");
        assert!(node.same(&parse("{metadata: {name: a}, spec: {unschedulable: true}}")));
        assert!(!node.same(&parse(
            "{metadata: {name: a, annotations: {heraldlb.io/drain: ''}}}"
        )));
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
