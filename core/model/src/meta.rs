use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::Condition;

/// Name of an object; interned, so that 10,000 Services on 500 nodes share 500 names.
pub type Name = Arc<str>;

/// Labels of an object, in the form that `kube_core`'s selectors match.
pub type Labels = BTreeMap<String, String>;

/// Seconds since the Unix epoch, the resolution of `metadata.creationTimestamp`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Timestamp(pub i64);

/// What every parsed object keeps of its metadata and status.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Meta {
    /// `metadata.name`.
    pub name: Name,
    /// `metadata.uid`.
    pub uid: Name,
    /// `metadata.generation`; 0 where the API server keeps none.
    pub generation: i64,
    /// `metadata.resourceVersion`.
    pub resource_version: Name,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// `metadata.labels`.
    pub labels: Labels,
    /// `status.conditions` as last seen.
    pub conditions: Vec<Condition>,
}

impl Meta {
    /// Reads `metadata`; what is missing there stays empty.
    pub(crate) fn parse(metadata: &ObjectMeta, conditions: Vec<Condition>) -> Self {
        let text = |value: &Option<String>| value.as_deref().unwrap_or_default().into();
        Self {
            name: text(&metadata.name),
            uid: text(&metadata.uid),
            generation: metadata.generation.unwrap_or_default(),
            resource_version: text(&metadata.resource_version),
            created: metadata
                .creation_timestamp
                .as_ref()
                .map(|time| Timestamp(time.0.as_second()))
                .unwrap_or_default(),
            labels: metadata.labels.clone().unwrap_or_default(),
            conditions,
        }
    }

    /// Whether the rules of a speaker see the same object: name, UID, age and labels.
    pub(crate) fn same_identity(&self, other: &Self) -> bool {
        self.name == other.name
            && self.uid == other.uid
            && self.created == other.created
            && self.labels == other.labels
    }
}

/// Namespace and name of a Service.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ServiceKey {
    /// `metadata.namespace`.
    pub namespace: Name,
    /// `metadata.name`.
    pub name: Name,
}

impl ServiceKey {
    /// The key of `namespace`/`name`.
    pub fn new(namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of an object without a namespace.
    pub fn cluster_scoped(name: impl Into<Name>) -> Self {
        Self::new("", name)
    }

    pub(crate) fn parse(metadata: &ObjectMeta) -> Option<Self> {
        Some(Self::new(
            metadata.namespace.as_deref()?,
            metadata.name.as_deref()?,
        ))
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
