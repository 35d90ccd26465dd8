use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{Condition, rule};

/// Names for BGP communities, to be used in BGPAdvertisements and in the PodNetwork.
#[derive(
    CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema,
)]
#[kube(
    group = "heraldlb.io",
    version = "v1alpha1",
    kind = "Community",
    plural = "communities",
    singular = "community",
    shortname = "hcomm",
    category = "herald",
    status = "CommunityStatus",
    derive = "PartialEq",
    doc = "Names for BGP communities, to be used in BGPAdvertisements and in the PodNetwork.",
    printcolumn(
        name = "Names",
        type_ = "string",
        json_path = ".spec.communities[*].name"
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
pub struct CommunitySpec {
    /// The names and what they stand for. Of two objects with one name the older counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub communities: Vec<CommunityAlias>,
}

/// One name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommunityAlias {
    /// How advertisements name it: a letter, then letters, digits, '-', '_' and '.'.
    #[schemars(length(min = 1, max = 38), transform = rule::community_name)]
    pub name: String,
    /// `65000:1`, `large:65000:1:2`, `extended:rt:65000:1`, `extended:soo:65000:1`, or a well-known name such as
    /// `no-export`.
    #[schemars(length(max = 38), transform = rule::community)]
    pub value: String,
}

/// Conditions of a list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct CommunityStatus {
    /// `Accepted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
