use kube::{CustomResource, KubeSchema, core::Rule};
use serde::{Deserialize, Serialize};

use crate::{Condition, rule};

/// How BFD (RFC 5880) watches over the way to a BGPPeer that names this profile.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "BFDProfile",
    plural = "bfdprofiles",
    singular = "bfdprofile",
    shortname = "hbfd",
    category = "herald",
    status = "BFDProfileStatus",
    derive = "PartialEq",
    doc = "How BFD (RFC 5880) watches over the way to a BGPPeer that names this profile.",
    printcolumn(
        name = "Receive",
        type_ = "integer",
        json_path = ".spec.receiveInterval"
    ),
    printcolumn(
        name = "Transmit",
        type_ = "integer",
        json_path = ".spec.transmitInterval"
    ),
    printcolumn(
        name = "Multiplier",
        type_ = "integer",
        json_path = ".spec.detectMultiplier"
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
pub struct BFDProfileSpec {
    /// Shortest interval between packets of the peer that we ask for, in milliseconds.
    #[serde(default = "default_interval")]
    #[schemars(range(min = 10, max = 60_000))]
    pub receive_interval: i32,
    /// Interval between our packets, in milliseconds; longer where the peer asks for that.
    #[serde(default = "default_interval")]
    #[schemars(range(min = 10, max = 60_000))]
    pub transmit_interval: i32,
    /// After how many of our intervals without a packet the peer is to take the way for broken.
    #[serde(default = "default_multiplier")]
    #[schemars(range(min = 2, max = 255))]
    pub detect_multiplier: i32,
    /// Say nothing until the peer has.
    #[serde(default)]
    pub passive_mode: bool,
    /// Smallest TTL (hop limit) of packets that are taken from a peer more than one hop away; default 254, which is one
    /// router in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 254))]
    pub minimum_ttl: Option<i32>,
}

/// Conditions of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct BFDProfileStatus {
    /// `Accepted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The rule for a field that names a profile.
pub(crate) fn is_name() -> Rule {
    Rule::new(rule::OBJECT_NAME).message(
        "bfdProfile must be the name of a BFDProfile: lower-case letters, digits, '-' and '.', starting and ending with a letter or digit; write the name that kubectl get bfdprofiles shows",
    )
}

fn default_interval() -> i32 {
    300
}

fn default_multiplier() -> i32 {
    3
}
