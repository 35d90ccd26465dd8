//! What a speaker may write into the status of a Node: the admission policy of the manifests, asked as the speaker.

use anyhow::{Result, ensure};
use e2e::node::{W1, W2};
use e2e::{Case, Isolation, run};
use kube::{Client, Error};
use serde_json::{Value, json};

#[test]
fn a_speaker_changes_one_condition_of_its_own_node_and_nothing_else() {
    run("node-status", Isolation::Shared, async |case: &Case| {
        let client = case.lab.cluster.client();
        let own = W1.name();
        let available = condition("NetworkUnavailable", "False");
        let answer = patch_status(&client, own, own, &available).await?;
        ensure!(answer.is_none(), "{answer:?}");
        for (token_node, status, words) in [
            (
                W2.name(),
                available,
                "a speaker writes only the status of its own Node",
            ),
            (
                own,
                condition("Ready", "True"),
                "a speaker changes only the condition NetworkUnavailable of a Node; the other conditions",
            ),
            (
                own,
                json!({"capacity": {"cpu": "64"}}),
                "a speaker changes only the condition NetworkUnavailable of a Node; the rest of its status",
            ),
        ] {
            let answer = patch_status(&client, token_node, own, &status).await?;
            let answer = answer.unwrap_or_default();
            ensure!(
                answer.contains(words),
                "expected \"{words}\", answered \"{answer}\""
            );
        }
        Ok(())
    });
}

fn condition(kind: &str, status: &str) -> Value {
    json!({"conditions": [{
        "type": kind,
        "status": status,
        "reason": "Test",
        "message": "A test asks who may write this.",
        "lastHeartbeatTime": "2026-01-01T00:00:00Z",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]})
}

/// Patches the status of `node` without storing it, as the speaker whose token is of a pod on `token_node`; `None` when it
/// is accepted, else the sentence.
async fn patch_status(
    client: &Client,
    token_node: &str,
    node: &str,
    status: &Value,
) -> Result<Option<String>> {
    let request = http::Request::patch(format!("/api/v1/nodes/{node}/status?dryRun=All"))
        .header(
            http::header::CONTENT_TYPE,
            "application/strategic-merge-patch+json",
        )
        .header(
            "Impersonate-User",
            "system:serviceaccount:herald-system:herald-speaker",
        )
        .header(
            "Impersonate-Extra-Authentication.kubernetes.io%2fnode-Name",
            token_node,
        );
    let body = serde_json::to_vec(&json!({"status": status}))?;
    match client.request::<Value>(request.body(body)?).await {
        Ok(_) => Ok(None),
        Err(Error::Api(status)) => Ok(Some(status.message)),
        Err(error) => Err(error.into()),
    }
}
