//! Statuses, by server-side apply.
//!
//! What was read is a precondition: a write carries uid and resourceVersion, and ends in a conflict
//! when somebody was faster. A condition keeps its `lastTransitionTime` while its status is the same.

mod clear;
mod service;
mod speaker;

pub use clear::{clear_service, sweep_services};
pub use service::{ServiceStatus, apply_service};
pub use speaker::{apply_ready, apply_speaker_state};

use jiff::Timestamp;
use kube::{
    Resource,
    api::{Patch, PatchParams},
};
use model::{Condition, Name};
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

/// Writes counts and conditions of a pool; `counts.conditions` is not looked at. Gives the new
/// resourceVersion.
///
/// # Errors
/// The pool has changed or is gone, or the API server did not take it.
pub async fn apply_pool(
    writer: &Writer,
    version: &Version,
    counts: crds::IPAddressPoolStatus,
    conditions: &[Condition],
) -> Result<String, WriteError> {
    let conditions = conditions
        .iter()
        .map(|condition| written(condition, Timestamp::now()))
        .collect();
    let status = crds::IPAddressPoolStatus {
        conditions,
        ..counts
    };
    apply::<crds::IPAddressPool>(writer, Target::PoolStatus, version, json!(status)).await
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
    let status = json!({ "conditions": written_all(conditions, Timestamp::now()) });
    apply::<crds::BGPPeer>(writer, Target::PeerStatus, version, status).await
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
    let status = json!({ "conditions": written_all(conditions, Timestamp::now()) });
    apply::<crds::BGPAdvertisement>(writer, Target::AdvertisementStatus, version, status).await
}

/// `wanted` with the transition times of `observed` where the status is the same.
pub fn keep_transition_times(observed: &[Condition], mut wanted: Vec<Condition>) -> Vec<Condition> {
    for condition in &mut wanted {
        condition.since = observed
            .iter()
            .find(|former| former.kind == condition.kind && former.status == condition.status)
            .and_then(|former| former.since);
    }
    wanted
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
        let status = crds::IPAddressPoolStatus {
            assigned_ipv4: 2,
            available_ipv4: 254,
            conditions: written_all(&[condition(ConditionStatus::True, None)], now()),
            ..crds::IPAddressPoolStatus::default()
        };
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

    fn any_condition() -> impl Strategy<Value = Condition> {
        let kind = prop::sample::select(vec!["A", "B", "C"]);
        let status = prop::sample::select(vec![ConditionStatus::True, ConditionStatus::False]);
        (kind, status, prop::option::of(0..1_000_i64)).prop_map(|(kind, status, since)| Condition {
            kind: kind.into(),
            ..condition(status, since)
        })
    }

    fn one_of_each_kind() -> impl Strategy<Value = Vec<Condition>> {
        prop::collection::vec(any_condition(), 0..5).prop_map(|mut conditions| {
            conditions.sort_by(|one, other| one.kind.cmp(&other.kind));
            conditions.dedup_by(|one, other| one.kind == other.kind);
            conditions
        })
    }

    proptest! {
        #[test]
        fn the_transition_time_stays_exactly_while_the_status_stays(
            observed in one_of_each_kind(), wanted in one_of_each_kind(),
        ) {
            let merged = keep_transition_times(&observed, wanted.clone());
            prop_assert_eq!(merged.len(), wanted.len());
            for (merged, wanted) in merged.iter().zip(&wanted) {
                prop_assert!(merged.same(wanted));
                let former = observed.iter().find(|former| former.kind == wanted.kind);
                let stays = former.filter(|former| former.status == wanted.status);
                prop_assert_eq!(merged.since, stays.and_then(|former| former.since));
            }
        }
    }
}
