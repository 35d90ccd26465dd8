//! What users mean: API objects parsed once into values that cannot be wrong.
//!
//! `parse` functions turn one API object into a domain value or a [`Rejection`] that names field,
//! rule and remedy. [`Cluster`] is the parsed world; a watch feeds it one [`Change`] at a time and
//! drops the API object. A rejected object stays in the world as its rejection, so that a condition
//! can be written on it and nothing else stops.
//!
//! Invariants: no IO, no clock; equal objects parse to equal values; a [`Secret`] never shows its
//! content.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod advertisement;
mod bfd_profile;
mod cluster;
mod community;
mod community_names;
mod condition;
mod duration;
mod endpoints;
mod heartbeat_keys;
mod l2_advertisement;
mod meta;
mod node;
mod object;
mod peer;
mod pod_network;
mod pool;
mod range;
mod rejection;
mod secret;
mod selection;
mod selector;
mod service;
mod settings;
mod slice;

pub use advertisement::{Advertisement, Aggregation, LinkBandwidth, LoopPrevention, Precedence};
pub use bfd_profile::BfdProfile;
pub use cluster::{Change, Cluster, Touched};
pub use community::{Communities, CommunityList};
pub use community_names::{CommunityNames, community_names};
pub use condition::{AssignedReason, Condition, ConditionStatus, condition_type};
pub use endpoints::{Endpoints, NodeEndpoints, Reachable};
pub use heartbeat_keys::HEARTBEAT_SECRET;
pub use l2_advertisement::{L2Advertisement, Preference};
pub use meta::{Labels, Meta, Name, ServiceKey, Timestamp};
pub use node::Node;
pub use object::{Kind, Object, Parsed};
pub use peer::{Families, NodeOverride, Peer, Place};
pub use pod_network::{CniType, EgressSource, PodNetwork, PodNetworkMode};
pub use pool::{Allocation, Pool, PoolCounts};
pub use range::{AddressRange, AddressRangeError};
pub use rejection::Rejection;
pub use secret::Secret;
pub use selection::Selection;
pub use selector::Selectors;
pub use service::{
    AddressFamily, FIELD_MANAGER, FamilyPolicy, Port, Protocol, Request, Service, StatusOwner,
    TrafficPolicy,
};
pub use settings::Settings;
pub use slice::{Endpoint, EndpointSlice, EndpointState};
