use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, bfd_profile, rule};

/// The cluster's pod network: one object, named `default`.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "PodNetwork",
    plural = "podnetworks",
    singular = "podnetwork",
    shortname = "hpodnet",
    category = "herald",
    status = "PodNetworkStatus",
    derive = "PartialEq",
    doc = "The cluster's pod network: one object, named `default`.",
    validation = Rule::new("self.metadata.name == 'default'").message(
        "there is one pod network, and its name is default; set metadata.name to default"
    ),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Pod CIDRs", type_ = "string", json_path = ".spec.podCIDRs"),
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
#[x_kube(
    validation = Rule::new("self.mode != 'Network' || (has(self.podCIDRs) && size(self.podCIDRs) > 0)").message(
        "podCIDRs is required in mode Network; list the cluster's pod ranges, those of the controller manager's --cluster-cidr"
    ).field_path(".podCIDRs")
)]
pub struct PodNetworkSpec {
    /// `Advertise`: only the `advertise` part acts, for clusters with another CNI. `Network`: Herald is the pod network.
    pub mode: PodNetworkMode,
    /// The cluster's pod ranges, required in mode Network: only routes inside them are imported, and what pods send to
    /// them keeps its source address.
    #[serde(default, rename = "podCIDRs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::pod_networks)]
    pub pod_cidrs: Vec<String>,
    /// Advertising each node's own `Node.spec.podCIDRs` by BGP.
    #[serde(default)]
    pub advertise: PodNetworkAdvertise,
    /// Kernel routes to the pods of other nodes; mode Network only.
    #[serde(default)]
    pub routes: PodNetworkRoutes,
    /// What pods send outside the cluster; mode Network only.
    #[serde(default)]
    pub egress: PodNetworkEgress,
    /// How pods are attached to the node; mode Network only.
    #[serde(default)]
    pub cni: PodNetworkCni,
}

/// What Herald does of the pod network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PodNetworkMode {
    /// It advertises pod CIDRs; everything else is another CNI's.
    Advertise,
    /// Everything.
    Network,
}

/// How each node advertises its own pod CIDRs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodNetworkAdvertise {
    /// Whether they are advertised.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// BGPPeers by name; empty: all peers of the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::object_names)]
    pub peers: Vec<String>,
    /// Communities: `65000:1`, `large:65000:1:2`, `extended:rt:65000:1`, `extended:soo:65000:1`, a well-known name
    /// such as `no-export`, or a name of a Community.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::communities)]
    pub communities: Vec<String>,
    /// LOCAL_PREF towards iBGP peers; default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 0, max = 4294967295_i64))]
    pub local_pref: Option<i64>,
}

/// Kernel routes to the pods of other nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.bfdProfile) || self.direct").message(
        "bfdProfile watches over direct routes; set direct to true or remove bfdProfile"
    ).field_path(".bfdProfile")
)]
pub struct PodNetworkRoutes {
    /// A route (metric 512) to the pod CIDRs of every node whose InternalIP is on a subnet of this node.
    #[serde(default = "yes")]
    pub direct: bool,
    /// Routes (metric 768) to the pod CIDRs that the peers of `advertise.peers` advertise.
    #[serde(default = "yes")]
    pub import: bool,
    /// BFDProfile by which nodes of one subnet watch over the ways to each other: the direct routes of a way that breaks go
    /// at once. Default: they stay as long as the Node does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253))]
    #[x_kube(validation = bfd_profile::is_name())]
    pub bfd_profile: Option<String>,
}

/// What pods send outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodNetworkEgress {
    /// Whether it gets an address of the node.
    #[serde(default = "yes")]
    pub masquerade: bool,
    /// Which address it gets.
    #[serde(default)]
    pub source: EgressSource,
    /// Destinations that see the pod's own address.
    #[serde(
        default,
        rename = "excludeCIDRs",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 32), transform = rule::networks)]
    pub exclude_cidrs: Vec<String>,
}

/// Source address of what leaves the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EgressSource {
    /// The Node's InternalIP when no uplink holds it (an address of the loopback interface), else `Interface`.
    #[default]
    Auto,
    /// The Node's InternalIP.
    InternalIP,
    /// The address of the interface that the packet leaves through.
    Interface,
}

/// How pods are attached to the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodNetworkCni {
    /// How a pod's interface is made.
    #[serde(default, rename = "type")]
    pub kind: CniType,
    /// Whether a CNI configuration is written.
    #[serde(default = "yes")]
    pub install: bool,
}

/// How a pod's interface is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub enum CniType {
    /// A veth pair with host routes.
    #[default]
    #[serde(rename = "PTP")]
    Ptp,
    /// A veth pair on a bridge.
    Bridge,
}

/// Conditions of the pod network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct PodNetworkStatus {
    /// `Accepted`, `ResolvedRefs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

impl Default for PodNetworkAdvertise {
    fn default() -> Self {
        Self {
            enabled: true,
            peers: Vec::new(),
            communities: Vec::new(),
            local_pref: None,
        }
    }
}

impl Default for PodNetworkRoutes {
    fn default() -> Self {
        Self {
            direct: true,
            import: true,
            bfd_profile: None,
        }
    }
}

impl Default for PodNetworkEgress {
    fn default() -> Self {
        Self {
            masquerade: true,
            source: EgressSource::Auto,
            exclude_cidrs: Vec::new(),
        }
    }
}

impl Default for PodNetworkCni {
    fn default() -> Self {
        Self {
            kind: CniType::Ptp,
            install: true,
        }
    }
}

fn yes() -> bool {
    true
}
