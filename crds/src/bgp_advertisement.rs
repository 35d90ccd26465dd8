use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, LabelSelector, rule};

/// Which addresses are advertised by BGP, from which nodes, to which peers.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "BGPAdvertisement",
    plural = "bgpadvertisements",
    singular = "bgpadvertisement",
    shortname = "hbgpadv",
    category = "herald",
    status = "BGPAdvertisementStatus",
    derive = "PartialEq",
    doc = "Which addresses are advertised by BGP, from which nodes, to which peers.",
    printcolumn(name = "Pools", type_ = "string", json_path = ".spec.ipAddressPools"),
    printcolumn(name = "Peers", type_ = "string", json_path = ".spec.peers"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Resolved",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"ResolvedRefs\")].status"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct BGPAdvertisementSpec {
    /// Pools by name; with no selector either: all pools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::object_names)]
    pub ip_address_pools: Vec<String>,
    /// Pools by label; one match is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub ip_address_pool_selectors: Vec<LabelSelector>,
    /// Services by label; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub service_selectors: Vec<LabelSelector>,
    /// Nodes that announce; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub node_selectors: Vec<LabelSelector>,
    /// BGPPeers by name; empty: all peers of the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::object_names)]
    pub peers: Vec<String>,
    /// Length of the prefixes that IPv4 addresses are advertised as: 32 for host routes, less for aggregates.
    #[serde(default = "host_length")]
    #[schemars(range(min = 1, max = 32))]
    pub aggregation_length: i32,
    /// The same for IPv6; 128 for host routes.
    #[serde(default = "host_length_v6", rename = "aggregationLengthV6")]
    #[schemars(range(min = 1, max = 128))]
    pub aggregation_length_v6: i32,
    /// LOCAL_PREF towards iBGP peers; default 100. Larger is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 4294967295_i64))]
    pub local_pref: Option<i64>,
    /// MULTI_EXIT_DISC; none is sent when absent. Smaller is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 4294967295_i64))]
    pub med: Option<i64>,
    /// Communities: `65000:1`, `large:65000:1:2`, `extended:rt:65000:1`, `extended:soo:65000:1`, a well-known name such
    /// as `no-export`, or a name of a Community.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::communities)]
    pub communities: Vec<String>,
    /// How many times more than once our AS stands in AS_PATH towards eBGP peers.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 10))]
    pub as_path_prepend: i32,
    /// Most nodes that announce one address, of those that the advertisement selects, serve the address and have a session
    /// for it; 0: all of them. When one is lost, another begins; one over the number ends once another has begun.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 1024))]
    pub max_announcers: i32,
    /// Tells routers how much traffic each node takes (link bandwidth community): `LocalEndpoints`: as many million octets
    /// per second as the node has ready endpoints, for addresses of which every Service has externalTrafficPolicy Local.
    #[serde(default)]
    pub link_bandwidth: LinkBandwidth,
    /// What becomes of packets that a node would forward to an address which it announces, and that are for no port of a
    /// Service: sent on, they would loop between router and node. When advertisements differ, the first of `Drop`,
    /// `Reject`, `Disabled` counts.
    #[serde(default)]
    pub loop_prevention: LoopPrevention,
}

impl Default for BGPAdvertisementSpec {
    fn default() -> Self {
        Self {
            ip_address_pools: Vec::new(),
            ip_address_pool_selectors: Vec::new(),
            service_selectors: Vec::new(),
            node_selectors: Vec::new(),
            peers: Vec::new(),
            aggregation_length: host_length(),
            aggregation_length_v6: host_length_v6(),
            local_pref: None,
            med: None,
            communities: Vec::new(),
            as_path_prepend: 0,
            max_announcers: 0,
            link_bandwidth: LinkBandwidth::default(),
            loop_prevention: LoopPrevention::default(),
        }
    }
}

/// What routes say about how much traffic their node takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LinkBandwidth {
    /// Nothing.
    #[default]
    Disabled,
    /// The number of the node's ready endpoints.
    LocalEndpoints,
}

/// What becomes of packets to an announced address that no Service takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoopPrevention {
    /// They are answered with an ICMP error.
    #[default]
    Reject,
    /// They are dropped.
    Drop,
    /// They are forwarded.
    Disabled,
}

/// Conditions of an advertisement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct BGPAdvertisementStatus {
    /// `Accepted`, `ResolvedRefs`, `Overlaps`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

fn host_length() -> i32 {
    32
}

fn host_length_v6() -> i32 {
    128
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}
