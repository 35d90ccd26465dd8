use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is accepted of the routes that a peer advertises. Without it nothing is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BGPImport {
    /// A route is accepted when one of these is for its prefix.
    #[schemars(length(min = 1, max = 32))]
    pub prefixes: Vec<ImportPrefix>,
    /// Prefixes of one family that are accepted of the peer, at most, 1 to 1000000; pod CIDRs that the PodNetwork imports
    /// count too.
    #[serde(default = "default_max_prefixes")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_prefixes: i32,
    /// What becomes of a peer that has more.
    #[serde(default)]
    pub max_prefix_action: MaxPrefixAction,
    /// How often our own AS may stand in the path of an accepted route, 0 to 10.
    #[serde(default, rename = "allowOwnASN")]
    #[schemars(range(min = 0, max = 10))]
    pub allow_own_asn: i32,
    /// Whether accepted routes are installed in the kernel's main table.
    #[serde(default = "yes")]
    pub install: bool,
}

/// Prefixes inside a network. Without `ge` and `le` the network itself alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.ge) || !has(self.le) || self.ge <= self.le").message(
        "ge must not be above le; write ge for the shortest prefixes and le for the longest"
    ).field_path(".ge"),
    validation = Rule::new("!isCIDR(self.cidr) || !has(self.ge) || self.ge >= cidr(self.cidr).prefixLength()").message(
        "ge must not be below the length of cidr, as shorter prefixes are not inside it; raise it, or leave it out"
    ).field_path(".ge"),
    validation = Rule::new("!isCIDR(self.cidr) || !has(self.le) || self.le >= cidr(self.cidr).prefixLength()").message(
        "le must not be below the length of cidr, as shorter prefixes are not inside it; raise it, or leave it out"
    ).field_path(".le"),
    validation = Rule::new("!isCIDR(self.cidr) || cidr(self.cidr).ip().family() == 6 || ((!has(self.ge) || self.ge <= 32) && (!has(self.le) || self.le <= 32))").message(
        "ge and le are at most 32 for an IPv4 cidr; write lengths that such prefixes can have"
    ).field_path(".cidr")
)]
pub struct ImportPrefix {
    /// The network, such as `10.0.0.0/8`; `0.0.0.0/0` alone is the default route.
    #[schemars(length(min = 4, max = 49))]
    #[x_kube(
        validation = Rule::new("isCIDR(self)").message(
            "cidr is written as a CIDR such as 10.0.0.0/8 or fd00::/8; correct it"
        ),
        validation = Rule::new("!isCIDR(self) || cidr(self) == cidr(self).masked()").message(
            "cidr has no bits set behind its prefix length; write its first address, such as 10.0.0.0/8"
        )
    )]
    pub cidr: String,
    /// Shortest length of prefixes inside it, in bits; default: that of `cidr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 0, max = 128))]
    pub ge: Option<i32>,
    /// Longest length of prefixes inside it, in bits; default: any with `ge`, and without it that of `cidr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 0, max = 128))]
    pub le: Option<i32>,
}

/// What becomes of a peer that advertises more prefixes than are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MaxPrefixAction {
    /// The extra ones are ignored, and that is reported.
    #[default]
    Warn,
    /// Its session ends (Cease/Maximum Number of Prefixes Reached), and is tried again after 60 s, later up to 30 minutes.
    Cease,
}

const fn yes() -> bool {
    true
}

const fn default_max_prefixes() -> i32 {
    10_000
}
