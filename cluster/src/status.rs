//! Statuses, by server-side apply.
//!
//! What was read is a precondition: a write carries uid and resourceVersion, and ends in a conflict
//! when somebody was faster. A condition without `since` gets the present time as its `lastTransitionTime`.

mod clear;
mod node;
mod service;
mod speaker;

pub use clear::{clear_service, sweep_services};
pub use node::patch_network_available;
pub use service::{ServiceStatus, apply_service};
pub use speaker::{apply_ready, apply_speaker_state};

use jiff::Timestamp;
use kube::{
    Resource,
    api::{Patch, PatchParams},
};
use model::{Condition, Name, PoolCounts};
use serde_json::{Value, json};

use crate::{Manager, Target, WriteError, Writer};

/// The version of one cluster-scoped object that a write was decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `metadata.name`.
    pub name: Name,
    /// `metadata.uid`.
    pub uid: Name,
    /// `metadata.resourceVersion`.
    pub resource_version: Name,
}

/// Writes counts and conditions of a pool. Gives the new resourceVersion.
///
/// # Errors
/// The pool has changed or is gone, or the API server did not take it.
pub async fn apply_pool(
    writer: &Writer,
    version: &Version,
    counts: &PoolCounts,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    let status = pool_status(counts, conditions, Timestamp::now());
    apply::<crds::IPAddressPool>(writer, Target::PoolStatus, version, status).await
}

/// Writes the conditions of a peer. Gives the new resourceVersion.
///
/// # Errors
/// As [`apply_pool`].
pub async fn apply_peer(
    writer: &Writer,
    version: &Version,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    apply::<crds::BGPPeer>(writer, Target::PeerStatus, version, only(conditions)).await
}

/// Writes the conditions of a BFD profile. Gives the new resourceVersion.
///
/// # Errors
/// As [`apply_pool`].
pub async fn apply_bfd_profile(
    writer: &Writer,
    version: &Version,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    let (target, status) = (Target::BfdProfileStatus, only(conditions));
    apply::<crds::BFDProfile>(writer, target, version, status).await
}

/// Writes the conditions of an advertisement. Gives the new resourceVersion.
///
/// # Errors
/// As [`apply_pool`].
pub async fn apply_advertisement(
    writer: &Writer,
    version: &Version,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    let (target, status) = (Target::AdvertisementStatus, only(conditions));
    apply::<crds::BGPAdvertisement>(writer, target, version, status).await
}

/// Writes the conditions of an advertisement of layer 2. Gives the new resourceVersion.
///
/// # Errors
/// As [`apply_pool`].
pub async fn apply_l2_advertisement(
    writer: &Writer,
    version: &Version,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    let (target, status) = (Target::L2AdvertisementStatus, only(conditions));
    apply::<crds::L2Advertisement>(writer, target, version, status).await
}

/// Writes the conditions of a list of names of communities. Gives the new resourceVersion.
///
/// # Errors
/// As [`apply_pool`].
pub async fn apply_community(
    writer: &Writer,
    version: &Version,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    let (target, status) = (Target::CommunityStatus, only(conditions));
    apply::<crds::Community>(writer, target, version, status).await
}

/// Writes the conditions of a pod network. Gives the new resourceVersion.
///
/// # Errors
/// As [`apply_pool`].
pub async fn apply_pod_network(
    writer: &Writer,
    version: &Version,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    let (target, status) = (Target::PodNetworkStatus, only(conditions));
    apply::<crds::PodNetwork>(writer, target, version, status).await
}

async fn apply<K: Resource<DynamicType = ()>>(
    writer: &Writer,
    target: Target,
    version: &Version,
    status: Value,
) -> Result<String, WriteError> {
    let body = body::<K>(version, status);
    writer
        .patch_status::<K>(
            target,
            (None, &version.name),
            &forced(writer.manager()),
            &Patch::Apply(body),
        )
        .await
}

/// A status that has nothing but conditions.
fn only(conditions: &[Condition]) -> Value {
    json!({ "conditions": written_all(conditions, Timestamp::now()) })
}

fn pool_status(counts: &PoolCounts, conditions: &[Condition], now: Timestamp) -> Value {
    json!(crds::IPAddressPoolStatus {
        assigned_ipv4: counts.assigned_ipv4,
        available_ipv4: counts.available_ipv4,
        assigned_ipv6: counts.assigned_ipv6,
        available_ipv6: counts.available_ipv6,
        conditions: written_all(conditions, now),
    })
}

fn body<K: Resource<DynamicType = ()>>(version: &Version, status: Value) -> Value {
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {
            "name": &*version.name,
            "uid": &*version.uid,
            "resourceVersion": &*version.resource_version,
        },
        "status": status,
    })
}

/// Takes the fields that are written: whom they belong to was judged before.
fn forced(manager: Manager) -> PatchParams {
    PatchParams::apply(manager.as_str()).force()
}

fn written_all(conditions: &[Condition], now: Timestamp) -> Vec<crds::Condition> {
    conditions
        .iter()
        .map(|condition| written(condition, now))
        .collect()
}

fn written(condition: &Condition, now: Timestamp) -> crds::Condition {
    let since = condition
        .since
        .and_then(|since| Timestamp::from_second(since.0).ok());
    crds::Condition {
        r#type: condition.kind.to_string(),
        status: condition.status.as_str().to_owned(),
        observed_generation: condition.observed_generation,
        last_transition_time: in_seconds(since.unwrap_or(now)),
        reason: condition.reason.to_string(),
        message: condition.message.clone(),
    }
}

/// RFC 3339 in whole seconds, as the API server keeps times.
fn in_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

#[cfg(test)]
mod tests {
    use model::{ConditionStatus, condition_type};
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T01:02:03.456Z".parse().unwrap()
    }

    fn condition(status: ConditionStatus, since: Option<i64>) -> Condition {
        Condition {
            kind: condition_type::ACCEPTED.into(),
            status,
            reason: "Accepted".into(),
            message: "The pool is usable.".into(),
            observed_generation: Some(3),
            since: since.map(model::Timestamp),
        }
    }

    #[test]
    fn applies_a_pool_with_uid_and_version_as_preconditions() {
        let version = Version {
            name: "blue".into(),
            uid: "u-1".into(),
            resource_version: "42".into(),
        };
        let counts = PoolCounts {
            assigned_ipv4: 2,
            available_ipv4: 254,
            ..PoolCounts::default()
        };
        let status = pool_status(&counts, &[condition(ConditionStatus::True, None)], now());
        let expected = json!({
            "apiVersion": "heraldlb.io/v1alpha1",
            "kind": "IPAddressPool",
            "metadata": { "name": "blue", "uid": "u-1", "resourceVersion": "42" },
            "status": {
                "assignedIPv4": 2, "availableIPv4": 254, "assignedIPv6": 0, "availableIPv6": 0,
                "conditions": [{
                    "type": "Accepted",
                    "status": "True",
                    "observedGeneration": 3,
                    "lastTransitionTime": "2026-11-21T01:02:03Z",
                    "reason": "Accepted",
                    "message": "The pool is usable.",
                }],
            },
        });
        assert_eq!(
            body::<crds::IPAddressPool>(&version, json!(status)),
            expected
        );
    }

    #[test]
    fn a_time_that_was_read_is_written_back() {
        let kept = written(
            &condition(ConditionStatus::True, Some(1_700_000_000)),
            now(),
        );
        assert_eq!(kept.last_transition_time, "2023-11-14T22:13:20Z");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same_condition(
            status in prop::sample::select(vec![
                ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown,
            ]),
            since in prop::option::of(0..4_000_000_000_i64),
            generation in prop::option::of(0..i64::MAX),
            message in ".*",
        ) {
            let observed_generation = generation;
            let wanted = Condition { observed_generation, message, ..condition(status, since) };
            let read = Condition::parse(&written(&wanted, now()));
            prop_assert!(read.same(&wanted));
            let expected = since.unwrap_or(now().as_second());
            prop_assert_eq!(read.since, Some(model::Timestamp(expected)));
        }
    }
}
