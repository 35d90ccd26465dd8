use kube::{CustomResource, KubeSchema, core::Rule};
use serde::{Deserialize, Serialize};

use crate::{Condition, LabelSelector, rule};

/// Which addresses are answered by ARP and NDP, from which nodes, on which interfaces.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema,
)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "L2Advertisement",
    plural = "l2advertisements",
    singular = "l2advertisement",
    shortname = "hl2adv",
    category = "herald",
    status = "L2AdvertisementStatus",
    derive = "PartialEq",
    doc = "Which addresses are answered by ARP and NDP, from which nodes, on which interfaces.",
    printcolumn(name = "Pools", type_ = "string", json_path = ".spec.ipAddressPools"),
    printcolumn(name = "Interfaces", type_ = "string", json_path = ".spec.interfaces"),
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
pub struct L2AdvertisementSpec {
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
    /// Nodes of which one answers; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub node_selectors: Vec<LabelSelector>,
    /// Interfaces on which addresses are answered: names, or patterns with `*` (any text) and `?` (one character);
    /// empty: every interface that leads to other machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::interface_patterns)]
    pub interfaces: Vec<String>,
    /// Nodes that are preferred as the one that answers: the weights of all entries that match a node are added up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub preferred_node_selectors: Vec<PreferredNodeSelector>,
    /// Time between two gratuitous announcements of an address while it is answered, `0s` (none but those of a takeover)
    /// to 1 h, whole seconds; default 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(validation = up_to_one_hour(
        "gratuitousInterval must be 0s (no repeated announcements) or whole seconds up to 1h; write for instance 60s or 5m"
    ))]
    pub gratuitous_interval: Option<String>,
    /// How long a node's speaker and interface must have been well before the node is preferred to one that answers
    /// already, 0 s to 1 h, whole seconds; default 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(validation = up_to_one_hour(
        "stabilityTime must be whole seconds from 0s to 1h; write for instance 10s or 1m"
    ))]
    pub stability_time: Option<String>,
}

/// Nodes that are preferred, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct PreferredNodeSelector {
    /// How much, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub weight: i32,
    /// Which nodes.
    pub preference: LabelSelector,
}

/// Conditions of an advertisement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct L2AdvertisementStatus {
    /// `Accepted`, `ResolvedRefs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

fn up_to_one_hour(message: &str) -> Rule {
    Rule::new(format!(
        "{} && duration(self) <= duration('1h')",
        rule::is_whole_seconds("self")
    ))
    .message(message)
}
