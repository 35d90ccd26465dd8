use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{Condition, LabelSelector, rule};

/// Addresses that Services of type LoadBalancer may get, and who may have them.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "IPAddressPool",
    plural = "ipaddresspools",
    singular = "ipaddresspool",
    shortname = "hpool",
    category = "herald",
    status = "IPAddressPoolStatus",
    derive = "PartialEq",
    doc = "Addresses that Services of type LoadBalancer may get, and who may have them.",
    printcolumn(name = "Auto", type_ = "boolean", json_path = ".spec.autoAssign"),
    printcolumn(name = "Addresses", type_ = "string", json_path = ".spec.addresses"),
    printcolumn(
        name = "Free IPv4",
        type_ = "integer",
        json_path = ".status.availableIPv4"
    ),
    printcolumn(
        name = "Free IPv6",
        type_ = "integer",
        json_path = ".status.availableIPv6"
    ),
    printcolumn(
        name = "Used IPv4",
        type_ = "integer",
        json_path = ".status.assignedIPv4",
        priority = "1"
    ),
    printcolumn(
        name = "Used IPv6",
        type_ = "integer",
        json_path = ".status.assignedIPv6",
        priority = "1"
    ),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct IPAddressPoolSpec {
    /// Ranges: `10.0.0.0/24` or `10.0.0.5-10.0.0.9`, either family, mixed allowed.
    #[schemars(length(min = 1, max = 256), transform = rule::address_ranges)]
    pub addresses: Vec<String>,
    /// False: used only when a Service names the pool or an address in it.
    #[serde(default = "yes")]
    pub auto_assign: bool,
    /// Skip IPv4 addresses that end in .0 and .255.
    #[serde(default, rename = "avoidBuggyIPs")]
    pub avoid_buggy_ips: bool,
    /// Who may use the pool; absent: every Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ServiceAllocation")]
    pub service_allocation: Option<ServiceAllocation>,
}

/// Who may use a pool: (`namespaces` or `namespaceSelectors`) and `serviceSelectors`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAllocation {
    /// Lower is tried first; 0 or absent comes last.
    #[serde(default)]
    #[schemars(range(min = 0, max = 2147483647))]
    pub priority: i32,
    /// Namespaces by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::namespaces)]
    pub namespaces: Vec<String>,
    /// Namespaces by label; one match is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub namespace_selectors: Vec<LabelSelector>,
    /// Services by label; one match is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub service_selectors: Vec<LabelSelector>,
}

/// Counts of addresses, saturating at 2^63-1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IPAddressPoolStatus {
    /// IPv4 addresses held by Services.
    #[serde(default, rename = "assignedIPv4")]
    pub assigned_ipv4: i64,
    /// IPv4 addresses that may still be given out.
    #[serde(default, rename = "availableIPv4")]
    pub available_ipv4: i64,
    /// IPv6 addresses held by Services.
    #[serde(default, rename = "assignedIPv6")]
    pub assigned_ipv6: i64,
    /// IPv6 addresses that may still be given out.
    #[serde(default, rename = "availableIPv6")]
    pub available_ipv6: i64,
    /// `Accepted`, `ResolvedRefs`, `Overlaps`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

fn yes() -> bool {
    true
}
