use jiff::Timestamp;
use k8s_openapi::api::core::v1;
use kube::api::{Patch, PatchParams};
use model::{Name, Node};
use serde_json::{Value, json};

use crate::{Target, WriteError, Writer};

/// Sets condition NetworkUnavailable of a Node to False: its pod network is up. Nothing else of the Node is touched,
/// and no Node of the same name that has another uid.
///
/// It is a strategic merge patch, as conditions of Nodes have several writers (the kubelet among them) and are merged
/// by their type.
///
/// # Errors
/// The Node is gone or another one, or the API server did not take it.
pub async fn patch_network_available(
    writer: &Writer,
    name: &Name,
    uid: &Name,
) -> Result<(), WriteError> {
    let params = PatchParams {
        field_manager: Some(writer.manager().as_str().to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Strategic(body(uid, Timestamp::now()));
    writer
        .patch_status::<v1::Node>(Target::NodeStatus, (None, name), &params, &patch)
        .await
        .map(|_resource_version| ())
}

fn body(uid: &Name, now: Timestamp) -> Value {
    // As metav1.Time has it: whole seconds.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let now = now.to_string();
    json!({
        "metadata": { "uid": uid.to_string() },
        "status": {
            "conditions": [{
                "type": "NetworkUnavailable",
                "status": "False",
                "reason": Node::HERALD_IS_UP,
                "message": "Herald has installed the routes and the CNI configuration of this node",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_of_one_condition_of_one_node() {
        let now = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let expected = json!({
            "metadata": { "uid": "u" },
            "status": {
                "conditions": [{
                    "type": "NetworkUnavailable",
                    "status": "False",
                    "reason": "HeraldIsUp",
                    "message": "Herald has installed the routes and the CNI configuration of this node",
                    "lastHeartbeatTime": "2026-01-02T03:04:05Z",
                    "lastTransitionTime": "2026-01-02T03:04:05Z",
                }],
            },
        });
        assert_eq!(body(&"u".into(), now), expected);
    }
}
