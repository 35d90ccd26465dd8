use std::net::IpAddr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::api::Patch;
use model::{Condition, Name, ServiceKey};
use serde_json::{Value, json};

use crate::{
    Target, WriteError, Writer,
    status::{forced, written_all},
};

/// The status of one Service as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceStatus<'a> {
    /// Namespace and name.
    pub key: &'a ServiceKey,
    /// `metadata.uid`.
    pub uid: &'a Name,
    /// `metadata.resourceVersion` of the version that this was decided on.
    pub resource_version: &'a Name,
    /// `status.loadBalancer.ingress[].ip`. Empty: what is ours is taken away, what is another's
    /// stays.
    pub addresses: &'a [IpAddr],
    /// All conditions of ours; others of ours are taken away.
    pub conditions: &'a [Condition],
}

/// Writes addresses and conditions of a Service. Gives the new resourceVersion.
///
/// # Errors
/// The Service has changed or is gone, or the API server did not take it.
pub async fn apply_service(
    writer: &Writer,
    status: &ServiceStatus<'_>,
) -> Result<String, WriteError> {
    let patch = Patch::Apply(body(status, Timestamp::now()));
    let ServiceStatus { key, .. } = status;
    let object = (Some(&*key.namespace), &*key.name);
    writer
        .patch_status::<Service>(
            Target::ServiceStatus,
            object,
            &forced(writer.manager()),
            &patch,
        )
        .await
}

fn body(wanted: &ServiceStatus<'_>, now: Timestamp) -> Value {
    let conditions = written_all(wanted.conditions, now);
    let ingress: Vec<Value> = wanted
        .addresses
        .iter()
        .map(|ip| json!({ "ip": ip, "ipMode": "VIP" }))
        .collect();
    let status = if ingress.is_empty() {
        json!({ "conditions": conditions })
    } else {
        json!({ "loadBalancer": { "ingress": ingress }, "conditions": conditions })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "namespace": &*wanted.key.namespace,
            "name": &*wanted.key.name,
            "uid": &**wanted.uid,
            "resourceVersion": &**wanted.resource_version,
        },
        "status": status,
    })
}

#[cfg(test)]
mod tests {
    use model::{ConditionStatus, condition_type};

    use super::*;

    fn assigned(reason: &'static str, status: ConditionStatus) -> Condition {
        Condition {
            kind: condition_type::ASSIGNED.into(),
            status,
            reason: reason.into(),
            message: "m".into(),
            observed_generation: None,
            since: None,
        }
    }

    fn body_of(addresses: &[IpAddr], condition: Condition) -> Value {
        let status = ServiceStatus {
            key: &ServiceKey::new("shop", "web"),
            uid: &"u-7".into(),
            resource_version: &"99".into(),
            addresses,
            conditions: &[condition],
        };
        body(&status, "2026-11-21T01:02:03Z".parse().unwrap())
    }

    #[test]
    fn applies_both_addresses_as_virtual_ips() {
        let addresses = ["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
        let expected = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "namespace": "shop", "name": "web", "uid": "u-7", "resourceVersion": "99" },
            "status": {
                "loadBalancer": { "ingress": [
                    { "ip": "10.0.0.1", "ipMode": "VIP" },
                    { "ip": "fd00::1", "ipMode": "VIP" },
                ]},
                "conditions": [{
                    "type": "heraldlb.io/Assigned",
                    "status": "True",
                    "lastTransitionTime": "2026-11-21T01:02:03Z",
                    "reason": "Assigned",
                    "message": "m",
                }],
            },
        });
        assert_eq!(
            body_of(&addresses, assigned("Assigned", ConditionStatus::True)),
            expected
        );
    }

    #[test]
    fn claims_no_ingress_without_an_address() {
        let body = body_of(&[], assigned("ForeignStatus", ConditionStatus::False));
        assert_eq!(body["status"].get("loadBalancer"), None);
        assert_eq!(body["status"]["conditions"][0]["reason"], "ForeignStatus");
    }
}
