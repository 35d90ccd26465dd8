use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{AddressFamily, Condition, PodNetworkMode, rule};

/// What one node's speaker does; named like the node, written by that speaker.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema,
)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "SpeakerState",
    plural = "speakerstates",
    singular = "speakerstate",
    shortname = "hspk",
    category = "herald",
    status = "SpeakerStateStatus",
    derive = "PartialEq",
    doc = "What one node's speaker does; named like the node, written by that speaker.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Config",
        type_ = "string",
        description = "Whether this node can use the whole configuration",
        json_path = ".status.conditions[?(@.type==\"ConfigAccepted\")].status"
    ),
    printcolumn(
        name = "Down",
        type_ = "string",
        description = "The first peer whose session is not Established",
        json_path = ".status.sessions[?(@.state!=\"Established\")].peer"
    ),
    printcolumn(
        name = "Announced",
        type_ = "integer",
        description = "Addresses announced by BGP",
        json_path = ".status.announced.bgp"
    ),
    printcolumn(
        name = "L2",
        type_ = "integer",
        description = "Addresses answered on layer 2",
        json_path = ".status.announced.l2"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerStateSpec {}

/// Sessions, counts and conditions of one speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerStateStatus {
    /// One entry per BGPPeer that selects this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["peer".into()]))]
    pub sessions: Vec<SessionStatus>,
    /// How many addresses this node announces.
    #[serde(default)]
    pub announced: Announced,
    /// Addresses that this node answers on layer 2 (ARP, NDP), in order; the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["address".into()]))]
    pub l2: Vec<L2Status>,
    /// True: this node answers more addresses than `l2` lists.
    #[serde(default, rename = "l2Truncated", skip_serializing_if = "is_false")]
    pub l2_truncated: bool,
    /// What this node does for the pod network; absent without a PodNetwork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PodNetworkState")]
    pub pod_network: Option<PodNetworkState>,
    /// Kernel routes of what `import` of BGPPeers accepts; absent where none installs any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ImportedRoutes")]
    pub imported: Option<ImportedRoutes>,
    /// `Ready`, `ConfigAccepted`; where layer 2 concerns the node `L2Ready`; with a PodNetwork also `KernelInSync`,
    /// `CNIReady`, `Orphaned`, and `KernelInSync` where routes are imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// One BGP session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Name of the BGPPeer.
    #[schemars(length(max = 253))]
    pub peer: String,
    /// The peer's address.
    #[schemars(length(max = 45))]
    pub address: String,
    /// Our autonomous system number.
    #[serde(rename = "myASN")]
    pub my_asn: i64,
    /// The peer's autonomous system number; with `dynamicASN: external` known while Established.
    #[serde(default, rename = "peerASN", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub peer_asn: Option<i64>,
    /// `Idle`, `Connect`, `Active`, `OpenSent`, `OpenConfirm` or `Established`.
    #[schemars(length(max = 16))]
    pub state: String,
    /// When `state` last changed, RFC 3339.
    #[schemars(length(max = 64))]
    pub since: String,
    /// Families negotiated, while Established.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub families: Vec<AddressFamily>,
    /// State of the BFD session (RFC 5880 section 6.2): `adminDown`, `down`, `init` or `up`; absent without BFD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 16))]
    pub bfd: Option<String>,
    /// Why the last connection failed or ended; stays after recovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 1024))]
    pub last_error: Option<String>,
    /// How often the session left Established.
    #[serde(default)]
    pub flaps: i64,
    /// Prefixes that the peer advertises to us and that the import filter accepts.
    #[serde(default)]
    pub prefixes_received: i64,
    /// Prefixes that we advertise to the peer.
    #[serde(default)]
    pub prefixes_advertised: i64,
}

/// How many addresses a node announces, by protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Announced {
    /// Addresses announced by BGP.
    #[serde(default)]
    pub bgp: i64,
    /// Addresses answered on layer 2.
    #[serde(default)]
    pub l2: i64,
}

/// One address that a node answers on layer 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct L2Status {
    /// The address.
    #[schemars(length(max = 45))]
    pub address: String,
    /// Names of the interfaces on which it is answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), transform = rule::strings)]
    pub interfaces: Vec<String>,
}

/// What one node does for the pod network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodNetworkState {
    /// Mode of the PodNetwork.
    pub mode: PodNetworkMode,
    /// This node's own pod CIDRs.
    #[serde(default, rename = "podCIDRs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), transform = rule::strings)]
    pub pod_cidrs: Vec<String>,
    /// Pod CIDRs of other nodes that have a direct route here.
    #[serde(default)]
    pub direct_routes: i64,
    /// Pod CIDRs with a route that was learned by BGP.
    #[serde(default)]
    pub imported_routes: i64,
    /// Pod CIDRs that are wanted here and have no route (at most 32).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub uninstalled: Vec<UninstalledRoute>,
}

/// Kernel routes of what BGPPeers import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedRoutes {
    /// Routes that were learned by BGP and are in the kernel, those to pod CIDRs included.
    #[serde(default)]
    pub installed: i64,
    /// Accepted prefixes that have no route here, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["reason".into()]))]
    pub left_out: Vec<LeftOutRoutes>,
}

/// How many accepted prefixes have no route for a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutRoutes {
    /// Why, in one word.
    #[schemars(length(max = 32))]
    pub reason: String,
    /// How many prefixes.
    #[serde(default)]
    pub prefixes: i64,
}

/// A route that this node should have and does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UninstalledRoute {
    /// Destination.
    #[schemars(length(max = 49))]
    pub prefix: String,
    /// `NextHopNotOnLink`, `ForeignRoute`, `Refused` or `BFDDown`.
    #[schemars(length(max = 32))]
    pub reason: String,
    /// A sentence for people.
    #[schemars(length(max = 1024))]
    pub message: String,
}

fn is_false(truth: &bool) -> bool {
    !truth
}
