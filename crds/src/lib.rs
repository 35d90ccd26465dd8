//! What users write: the `heraldlb.io/v1alpha1` kinds as Rust types.
//!
//! Serde, structural schema and CEL rules only; no behaviour. Meaning is given to these objects by
//! `model`, which parses each of them once. `crds/yaml` is generated from here by the `yaml` example.
//!
//! Invariants: every list has `maxItems`, every string `maxLength` (the API server estimates the
//! cost of a CEL rule from them), and every rule carries a sentence that names field and remedy.

// KubeSchema derives from a private twin of each struct, which the lint takes for unreachable.
#![allow(unreachable_pub)]
// Each printer column is an attribute of its own with the same keys.
#![allow(clippy::duplicated_attributes)]

mod bfd_profile;
mod bgp_advertisement;
mod bgp_import;
mod bgp_peer;
mod community;
mod condition;
mod ip_address_pool;
mod l2_advertisement;
mod label_selector;
mod pod_network;
mod rule;
mod speaker_state;

pub use bfd_profile::{BFDProfile, BFDProfileSpec, BFDProfileStatus};
pub use bgp_advertisement::{
    BGPAdvertisement, BGPAdvertisementSpec, BGPAdvertisementStatus, LinkBandwidth, LoopPrevention,
};
pub use bgp_import::{BGPImport, ImportPrefix, MaxPrefixAction};
pub use bgp_peer::{
    AddressFamily, BGPPeer, BGPPeerSpec, BGPPeerStatus, DynamicAsn, NodeOverride, SecretReference,
};
pub use community::{Community, CommunityAlias, CommunitySpec, CommunityStatus};
pub use condition::Condition;
pub use ip_address_pool::{
    IPAddressPool, IPAddressPoolSpec, IPAddressPoolStatus, ServiceAllocation,
};
pub use l2_advertisement::{
    L2Advertisement, L2AdvertisementSpec, L2AdvertisementStatus, PreferredNodeSelector,
};
pub use label_selector::{LabelSelector, LabelSelectorRequirement};
pub use pod_network::{
    CniType, EgressSource, PodNetwork, PodNetworkAdvertise, PodNetworkCni, PodNetworkEgress,
    PodNetworkMode, PodNetworkRoutes, PodNetworkSpec, PodNetworkStatus,
};
pub use speaker_state::{
    Announced, ImportedRoutes, L2Status, LeftOutRoutes, PodNetworkState, SessionStatus,
    SpeakerState, SpeakerStateSpec, SpeakerStateStatus, UninstalledRoute,
};

/// API group of every kind here.
pub const GROUP: &str = "heraldlb.io";
/// Served and stored version of every kind here.
pub const VERSION: &str = "v1alpha1";
