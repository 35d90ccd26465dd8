use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, LabelSelector};

/// A router that the speakers of the selected nodes hold a BGP session with.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "BGPPeer",
    plural = "bgppeers",
    singular = "bgppeer",
    shortname = "hpeer",
    category = "herald",
    status = "BGPPeerStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct BGPPeerSpec {
    /// Our autonomous system number, 1..4294967294 without 23456 and 65535.
    #[serde(rename = "myASN")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub my_asn: i64,
    /// The peer's autonomous system number, same range.
    #[serde(rename = "peerASN")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    pub peer_asn: i64,
    /// The peer's address, IPv4 or IPv6.
    #[schemars(length(min = 2, max = 45))]
    pub peer_address: String,
    /// The peer's TCP port.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub peer_port: i32,
    /// Our BGP identifier; default: the node's IPv4 InternalIP, else derived from the node's name.
    #[serde(default, rename = "routerID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 15))]
    pub router_id: Option<String>,
    /// Hold time offered, `0s` or 3 s to 65535 s, whole seconds; default 90s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub hold_time: Option<String>,
    /// Interval between KEEPALIVEs; default a third of the negotiated hold time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub keepalive_time: Option<String>,
    /// Fixed interval between connection attempts; default jittered, from 1 s growing to 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub connect_time: Option<String>,
    /// Nodes that hold this session; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub node_selectors: Vec<LabelSelector>,
    /// Secret in the install namespace whose key `password` is the TCP MD5 password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<SecretReference>,
    /// The peer is more than one hop away.
    #[serde(default, rename = "ebgpMultiHop")]
    pub ebgp_multi_hop: bool,
    /// TTL of our packets with `ebgpMultiHop`; default 255.
    #[serde(default, rename = "ebgpMultiHopTTL", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 255))]
    pub ebgp_multi_hop_ttl: Option<i32>,
    /// Address families offered; default both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub families: Vec<AddressFamily>,
    /// Never dial; wait for the peer to connect.
    #[serde(default)]
    pub passive: bool,
}

/// An address family of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum AddressFamily {
    /// IPv4 unicast.
    IPv4,
    /// IPv6 unicast.
    IPv6,
}

/// Name of a Secret in the install namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct SecretReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Conditions of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct BGPPeerStatus {
    /// `Accepted`, `ResolvedRefs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

fn default_port() -> i32 {
    179
}
