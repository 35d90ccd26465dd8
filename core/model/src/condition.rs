use alloc::{borrow::Cow, string::String};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1, jiff};

use crate::Timestamp;

/// Condition types, as users see them.
pub mod condition_type {
    /// A configuration object is usable.
    pub const ACCEPTED: &str = "Accepted";
    /// Every name that a configuration object uses exists.
    pub const RESOLVED_REFS: &str = "ResolvedRefs";
    /// A pool shares a range with an older one, or an advertisement addresses with one whose attributes count.
    pub const OVERLAPS: &str = "Overlaps";
    /// A Service has its address, or why not.
    pub const ASSIGNED: &str = "heraldlb.io/Assigned";
    /// What a Service asked for is what it has.
    pub const REQUEST_SATISFIED: &str = "heraldlb.io/RequestSatisfied";
    /// A speaker is there and its lists have arrived.
    pub const READY: &str = "Ready";
    /// This node can use the whole configuration.
    pub const CONFIG_ACCEPTED: &str = "ConfigAccepted";
    /// Routes, packet filter and settings of this node's kernel are what they should be.
    pub const KERNEL_IN_SYNC: &str = "KernelInSync";
    /// Pods can be started with our CNI configuration.
    pub const CNI_READY: &str = "CNIReady";
    /// The PodNetwork is gone, and what it made is still there.
    pub const ORPHANED: &str = "Orphaned";
    /// This node takes part in the election of who answers on layer 2.
    pub const L2_READY: &str = "L2Ready";
}

/// One condition, without the time that the writer fills in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Condition {
    /// One of [`condition_type`].
    pub kind: Cow<'static, str>,
    /// Value.
    pub status: ConditionStatus,
    /// CamelCase reason.
    pub reason: Cow<'static, str>,
    /// A sentence for people.
    pub message: String,
    /// Generation that it speaks of; `None` on Services.
    pub observed_generation: Option<i64>,
    /// `lastTransitionTime` of a condition that was read; `None` on one to be written.
    pub since: Option<Timestamp>,
}

/// `status` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ConditionStatus {
    /// True.
    True,
    /// False.
    False,
    /// Unknown.
    Unknown,
}

/// Why a Service has an address or none: the reasons of `heraldlb.io/Assigned`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssignedReason {
    /// It has what it needs.
    Assigned,
    /// Every pool that it may use is full.
    PoolExhausted,
    /// No pool may be used by it, or the pool it names does not exist.
    NoMatchingPool,
    /// The address it asks for belongs to another Service.
    AddressInUse,
    /// The address it asks for is in no pool that it may use.
    AddressNotInPool,
    /// The address it asks for is a node's, a pod's or a cluster IP.
    AddressReserved,
    /// The address it asks for is of a family that it does not have.
    AddressFamilyMismatch,
    /// Another Service had its address first.
    SharingConflict,
    /// Annotations or `spec.loadBalancerIP` make no sense.
    InvalidRequest,
    /// It has no clusterIP.
    NoClusterIP,
    /// `status.loadBalancer` is somebody else's.
    ForeignStatus,
}

impl AssignedReason {
    /// The reason as users see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "Assigned",
            Self::PoolExhausted => "PoolExhausted",
            Self::NoMatchingPool => "NoMatchingPool",
            Self::AddressInUse => "AddressInUse",
            Self::AddressNotInPool => "AddressNotInPool",
            Self::AddressReserved => "AddressReserved",
            Self::AddressFamilyMismatch => "AddressFamilyMismatch",
            Self::SharingConflict => "SharingConflict",
            Self::InvalidRequest => "InvalidRequest",
            Self::NoClusterIP => "NoClusterIP",
            Self::ForeignStatus => "ForeignStatus",
        }
    }
}

impl ConditionStatus {
    fn parse(text: &str) -> Self {
        match text {
            "True" => Self::True,
            "False" => Self::False,
            _ => Self::Unknown,
        }
    }

    /// `True`, `False` or `Unknown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl Condition {
    /// A condition to be written on an object that keeps a generation.
    pub fn new(
        kind: &'static str,
        status: bool,
        reason: &'static str,
        message: impl Into<String>,
        generation: i64,
    ) -> Self {
        Self {
            observed_generation: Some(generation),
            ..Self::on_service(kind, status, reason, message)
        }
    }

    /// A condition to be written on a Service, which keeps no generation.
    pub fn on_service(
        kind: &'static str,
        status: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind: Cow::Borrowed(kind),
            status: if status {
                ConditionStatus::True
            } else {
                ConditionStatus::False
            },
            reason: Cow::Borrowed(reason),
            message: message.into(),
            observed_generation: None,
            since: None,
        }
    }

    /// Reads a condition of one of our kinds; a time that is no RFC 3339 counts as never.
    pub fn parse(condition: &crds::Condition) -> Self {
        let since = condition.last_transition_time.parse::<jiff::Timestamp>();
        Self {
            kind: own(&condition.r#type),
            status: ConditionStatus::parse(&condition.status),
            reason: own(&condition.reason),
            message: condition.message.clone(),
            observed_generation: condition.observed_generation,
            since: since.ok().map(|time| Timestamp(time.as_second())),
        }
    }

    /// Reads a condition of a built-in kind.
    pub(crate) fn parse_built_in(condition: &v1::Condition) -> Self {
        Self {
            kind: own(&condition.type_),
            status: ConditionStatus::parse(&condition.status),
            reason: own(&condition.reason),
            message: condition.message.clone(),
            observed_generation: condition.observed_generation,
            since: Some(Timestamp(condition.last_transition_time.0.as_second())),
        }
    }

    /// Whether a reader sees the same: everything but `since`.
    pub fn same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.status == other.status
            && self.reason == other.reason
            && self.message == other.message
            && self.observed_generation == other.observed_generation
    }
}

/// The constant of equal text where there is one, so that 10,000 Services share it.
fn own(text: &str) -> Cow<'static, str> {
    const KNOWN: [&str; 10] = [
        condition_type::ASSIGNED,
        condition_type::REQUEST_SATISFIED,
        condition_type::ACCEPTED,
        condition_type::RESOLVED_REFS,
        condition_type::OVERLAPS,
        "Assigned",
        "Satisfied",
        "Accepted",
        "ResolvedRefs",
        "NoOverlap",
    ];
    match KNOWN.iter().find(|known| **known == text) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(text.into()),
    }
}
