use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{net::IpAddr, time::Duration};

use model::{Condition, Kind, Name, PoolCounts, ServiceKey};

use crate::roster::Slot;

/// One write that is due. Its conditions carry the observed `since` where the status is unchanged,
/// and none where the writer is to put the present time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// `status` of a Service. With no addresses `status.loadBalancer` is left out of what is applied,
    /// so that what is ours goes and what is another's stays.
    ServiceStatus {
        /// Which Service.
        key: ServiceKey,
        /// `metadata.uid`: a precondition.
        uid: Name,
        /// `metadata.resourceVersion`: a precondition.
        resource_version: Name,
        /// `status.loadBalancer.ingress[].ip`, the primary family first.
        addresses: Vec<IpAddr>,
        /// All conditions of ours.
        conditions: Vec<Condition>,
        /// What to tell people once the write has succeeded.
        event: Option<Event>,
    },
    /// `status` of an IPAddressPool.
    PoolStatus {
        /// Name of the pool.
        name: Name,
        /// `metadata.uid`: a precondition.
        uid: Name,
        /// `metadata.resourceVersion`: a precondition.
        resource_version: Name,
        /// Counts of addresses.
        counts: PoolCounts,
        /// All conditions of ours.
        conditions: Vec<Condition>,
    },
    /// `status.conditions` of a BGPPeer, BFDProfile, BGPAdvertisement, L2Advertisement, Community or PodNetwork.
    Conditions {
        /// [`Kind::Peer`], [`Kind::BfdProfile`], [`Kind::Advertisement`], [`Kind::L2Advertisement`], [`Kind::Community`] or
        /// [`Kind::PodNetwork`].
        kind: Kind,
        /// Name of the object.
        name: Name,
        /// `metadata.uid`: a precondition.
        uid: Name,
        /// `metadata.resourceVersion`: a precondition.
        resource_version: Name,
        /// All conditions of ours.
        conditions: Vec<Condition>,
    },
    /// The Service has left the watch: read it and take our conditions off, if it still exists and
    /// is of another type now.
    ClearService {
        /// Which Service.
        key: ServiceKey,
    },
}

/// A Kubernetes Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// CamelCase reason.
    pub reason: Cow<'static, str>,
    /// Type Warning rather than Normal.
    pub warning: bool,
    /// A sentence for people.
    pub message: String,
}

/// A write that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// `metadata.resourceVersion` of the object after the write; empty for
    /// [`Write::ClearService`].
    pub resource_version: Name,
}

/// A write that did not succeed, or is not known to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The object has changed since it was read.
    Conflict,
    /// The object is gone.
    NotFound,
    /// The API server refuses this write, with its sentence.
    Refused(String),
    /// The same write may work later; it may even have worked.
    Retry {
        /// Not before this time has passed, where the API server named one.
        after: Option<Duration>,
    },
}

/// What a write is for; at most one is under way for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Service(Slot),
    Pool(Name),
    Peer(Name),
    BfdProfile(Name),
    Advertisement(Name),
    L2Advertisement(Name),
    Community(Name),
    PodNetwork(Name),
    Clear(ServiceKey),
}

impl Write {
    /// UID and resourceVersion that the write was decided on; empty for [`Write::ClearService`].
    pub(crate) fn precondition(&self) -> (Name, Name) {
        match self {
            Self::ServiceStatus {
                uid,
                resource_version,
                ..
            }
            | Self::PoolStatus {
                uid,
                resource_version,
                ..
            }
            | Self::Conditions {
                uid,
                resource_version,
                ..
            } => (uid.clone(), resource_version.clone()),
            Self::ClearService { .. } => (Name::default(), Name::default()),
        }
    }
}
