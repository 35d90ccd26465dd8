use kube::{CustomResource, KubeSchema, core::Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BGPImport, Condition, LabelSelector, bfd_profile, rule};

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
    derive = "PartialEq",
    doc = "A router that the speakers of the selected nodes hold a BGP session with.",
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.peerAddress"),
    printcolumn(name = "Interface", type_ = "string", json_path = ".spec.interface"),
    printcolumn(name = "Peer ASN", type_ = "integer", json_path = ".spec.peerASN"),
    printcolumn(name = "My ASN", type_ = "integer", json_path = ".spec.myASN"),
    printcolumn(
        name = "Port",
        type_ = "integer",
        json_path = ".spec.peerPort",
        priority = "1"
    ),
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
    validation = Rule::new("has(self.peerASN) != has(self.dynamicASN)").message(
        "exactly one of peerASN and dynamicASN is needed; write the router's AS number, or dynamicASN: external (internal for iBGP) to take it from the router"
    ).field_path(".peerASN"),
    validation = Rule::new("has(self.peerAddress) != has(self.interface)").message(
        "exactly one of peerAddress and interface is needed; write the router's address, or the name of the node's interface on whose link the router is"
    ).field_path(".peerAddress"),
    validation = Rule::new(
        "!has(self.interface) || (!self.ebgpMultiHop && !has(self.sourceAddress) && (!has(self.nodeOverrides) || self.nodeOverrides.all(each, !has(each.sourceAddress))))"
    ).message(
        "interface excludes ebgpMultiHop and sourceAddress, as the router is on the link and is spoken to from the interface's link-local address; leave them out, or write peerAddress"
    ).field_path(".interface"),
    validation = keepalive_below_hold(),
    validation = Rule::new(
        "self.enableGracefulRestart || (!has(self.gracefulRestartTime) && !self.gracefulRestartNotification)"
    ).message(
        "gracefulRestartTime and gracefulRestartNotification have a meaning only with enableGracefulRestart: true; leave them out, or enable it"
    ).field_path(".enableGracefulRestart"),
    validation = Rule::new("!has(self.ebgpMultiHopTTL) || self.ebgpMultiHop").message(
        "ebgpMultiHopTTL has a meaning only with ebgpMultiHop: true; set that, or leave ebgpMultiHopTTL out"
    ).field_path(".ebgpMultiHopTTL"),
    validation = Rule::new("!has(self.ttlSecurityHops) || !self.ebgpMultiHop").message(
        "ttlSecurityHops excludes ebgpMultiHop; set ttlSecurityHops to the distance of the router alone, or leave it out"
    ).field_path(".ttlSecurityHops"),
    validation = Rule::new(format!("!has(self.sourceAddress) || {}", rule::is_other_end("self.sourceAddress"))).message(
        "sourceAddress must be of the family of peerAddress, and another address; write the node's end of the session, or leave it out"
    ).field_path(".sourceAddress"),
    validation = Rule::new(format!("!has(self.nodeOverrides) || self.nodeOverrides.all(each, !has(each.sourceAddress) || {})", rule::is_other_end("each.sourceAddress"))).message(
        "sourceAddress in nodeOverrides must be of the family of peerAddress, and another address; write the node's end of the session, or leave it out"
    ).field_path(".nodeOverrides")
)]
pub struct BGPPeerSpec {
    /// Our autonomous system number, 1..4294967294 without 23456 and 65535.
    #[serde(rename = "myASN")]
    #[schemars(range(min = 1, max = 4294967294_i64))]
    #[x_kube(validation = rule::is_usable_asn())]
    pub my_asn: i64,
    /// The peer's autonomous system number, same range. Either this or `dynamicASN`.
    #[serde(default, rename = "peerASN", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 4294967294_i64))]
    #[x_kube(validation = rule::is_usable_asn())]
    pub peer_asn: Option<i64>,
    /// Instead of `peerASN`: the peer is in our autonomous system (`internal`), or in any other (`external`), whose number
    /// is learned from the peer.
    #[serde(
        default,
        rename = "dynamicASN",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "DynamicAsn")]
    pub dynamic_asn: Option<DynamicAsn>,
    /// The peer's address, IPv4 or IPv6. Either this or `interface`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 2, max = 45))]
    #[x_kube(
        validation = Rule::new("isIP(self)").message(
            "peerAddress must be one IPv4 or IPv6 address without prefix length or zone, such as 192.0.2.1; write the router's address"
        ),
        validation = Rule::new(
            "!isIP(self) || (!ip(self).isUnspecified() && self != '255.255.255.255' && !cidr('224.0.0.0/4').containsIP(ip(self)) && !cidr('ff00::/8').containsIP(ip(self)))"
        ).message("peerAddress must be a unicast address, not an unspecified, multicast or broadcast one; write the router's address"),
        validation = Rule::new("!isIP(self) || !cidr('fe80::/10').containsIP(ip(self))").message(
            "peerAddress must not be an IPv6 link-local address, which is unique on one link only; write the router's global or unique local address"
        )
    )]
    pub peer_address: Option<String>,
    /// Instead of `peerAddress`: the node's interface on whose link the peer is. Its link-local address is learned from its
    /// router advertisements, and it learns ours from those that are sent there for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 15))]
    #[x_kube(validation = Rule::new("self.matches('^[^/:%[:space:]]{1,15}$') && self != '.' && self != '..'").message(
        "interface must be the name of one interface, of 1 to 15 characters without '/', ':', '%' and blanks; write a name that ip link shows"
    ))]
    pub interface: Option<String>,
    /// The peer's TCP port.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub peer_port: i32,
    /// Our end of the session: an address of the node, of the family of `peerAddress`; default: the one that the node's
    /// routes choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 2, max = 45))]
    #[x_kube(validation = rule::is_own_address())]
    pub source_address: Option<String>,
    /// Our BGP identifier; default: the node's IPv4 InternalIP, else derived from the node's name.
    #[serde(default, rename = "routerID", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 15))]
    #[x_kube(validation = rule::is_router_id())]
    pub router_id: Option<String>,
    /// Hold time offered, `0s` or 3 s to 65535 s, whole seconds; default 90s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(validation = Rule::new(format!(
        "{} && (duration(self) == duration('0s') || (duration(self) >= duration('3s') && duration(self) <= duration('65535s')))",
        rule::is_whole_seconds("self")
    )).message("holdTime must be 0s (no keepalives) or whole seconds from 3s to 65535s; write for instance 90s or 1m30s"))]
    pub hold_time: Option<String>,
    /// Interval between KEEPALIVEs; default a third of the negotiated hold time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(validation = Rule::new(format!(
        "{} && duration(self) >= duration('1s') && duration(self) <= duration('65535s')",
        rule::is_whole_seconds("self")
    )).message("keepaliveTime must be whole seconds from 1s to 65535s; write for instance 30s, or leave it out for the default"))]
    pub keepalive_time: Option<String>,
    /// Fixed interval between connection attempts; default jittered, from 1 s growing to 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(validation = Rule::new(format!(
        "{} && duration(self) >= duration('1s') && duration(self) <= duration('65535s')",
        rule::is_whole_seconds("self")
    )).message("connectTime must be whole seconds from 1s to 65535s; write for instance 10s, or leave it out for the default"))]
    pub connect_time: Option<String>,
    /// Whether routes outlive a restart: the router keeps ours while the speaker restarts, and the speaker keeps the
    /// router's while that restarts (RFC 4724).
    #[serde(default = "yes")]
    pub enable_graceful_restart: bool,
    /// How long the router keeps our routes without a session, 1 s to 4095 s, whole seconds; default 30s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 32))]
    #[x_kube(validation = Rule::new(format!(
        "{} && duration(self) >= duration('1s') && duration(self) <= duration('4095s')",
        rule::is_whole_seconds("self")
    )).message("gracefulRestartTime must be whole seconds from 1s to 4095s; write for instance 30s, or set enableGracefulRestart: false to keep no routes"))]
    pub graceful_restart_time: Option<String>,
    /// Routes also outlive errors and an expired hold timer, where the router says so too (RFC 8538).
    #[serde(default)]
    pub graceful_restart_notification: bool,
    /// Nodes that hold this session; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub node_selectors: Vec<LabelSelector>,
    /// Secret in the install namespace whose key `password` is the TCP MD5 password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretReference")]
    pub password_secret: Option<SecretReference>,
    /// BFDProfile by which BFD watches over the way to the peer; default: no BFD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 253))]
    #[x_kube(validation = bfd_profile::is_name())]
    pub bfd_profile: Option<String>,
    /// The peer is more than one hop away.
    #[serde(default, rename = "ebgpMultiHop")]
    pub ebgp_multi_hop: bool,
    /// TTL of our packets with `ebgpMultiHop`; default 255.
    #[serde(
        default,
        rename = "ebgpMultiHopTTL",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "i32", range(min = 1, max = 255))]
    pub ebgp_multi_hop_ttl: Option<i32>,
    /// The peer is at most so many hops away: packets that have come farther are dropped (GTSM, RFC 5082). The peer needs the
    /// same. Not with `ebgpMultiHop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 254))]
    pub ttl_security_hops: Option<i32>,
    /// Address families offered; default both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub families: Vec<AddressFamily>,
    /// What is accepted of the peer's routes; without it nothing is (RFC 8212).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BGPImport")]
    pub import: Option<BGPImport>,
    /// Never dial; wait for the peer to connect.
    #[serde(default)]
    pub passive: bool,
    /// What is different on some nodes. On a node the first entry that selects it counts, alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub node_overrides: Vec<NodeOverride>,
}

/// What a peer has different on some nodes; what is absent is as everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.myASN) || has(self.sourceAddress) || has(self.routerID)").message(
    "an entry of nodeOverrides changes something; set myASN, sourceAddress or routerID, or remove the entry"
))]
pub struct NodeOverride {
    /// The nodes; an empty selector selects all.
    pub node_selector: LabelSelector,
    /// Our autonomous system number there.
    #[serde(default, rename = "myASN", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 4294967294_i64))]
    #[x_kube(validation = rule::is_usable_asn())]
    pub my_asn: Option<i64>,
    /// Our end of the session there: an address of the node, of the family of `peerAddress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 2, max = 45))]
    #[x_kube(validation = rule::is_own_address())]
    pub source_address: Option<String>,
    /// Our BGP identifier there.
    #[serde(default, rename = "routerID", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(max = 15))]
    #[x_kube(validation = rule::is_router_id())]
    pub router_id: Option<String>,
}

/// Which autonomous system a peer may be in whose number is not configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DynamicAsn {
    /// Ours.
    Internal,
    /// Any other.
    External,
}

/// An address family of a session.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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
    #[x_kube(validation = Rule::new(rule::OBJECT_NAME).message(
        "passwordSecret.name must be the name of a Secret: lower-case letters, digits, '-' and '.', starting and ending with a letter or digit; write the name that kubectl get secrets shows"
    ))]
    pub name: String,
}

/// Conditions of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct BGPPeerStatus {
    /// `Accepted`, `ResolvedRefs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Entries that are no durations are left to their own rules.
fn keepalive_below_hold() -> Rule {
    let keepalive = rule::is_whole_seconds("self.keepaliveTime");
    let hold = rule::is_whole_seconds("self.holdTime");
    Rule::new(format!(
        "!has(self.keepaliveTime) || !{keepalive} || (has(self.holdTime) ? (!{hold} || duration(self.keepaliveTime) < duration(self.holdTime)) : duration(self.keepaliveTime) < duration('90s'))"
    ))
    .message("keepaliveTime must be below holdTime (90s when absent), and is unused with holdTime 0s; lower it, raise holdTime, or leave it out")
    .field_path(".keepaliveTime")
}

const fn yes() -> bool {
    true
}

fn default_port() -> i32 {
    179
}
