//! What a speaker may write into the status of a Node: the admission policy of the manifests, asked as the speaker.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::condition::Seen;
use e2e::node::{FABRIC, W1, W2};
use e2e::{Case, Isolation, await_condition, run};
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::api::Api;
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

#[test]
fn every_node_says_that_its_network_is_available() {
    run(
        "network-available",
        Isolation::Shared,
        async |case: &Case| {
            let nodes: Api<NodeObject> = Api::all(case.lab.cluster.client());
            for node in FABRIC {
                let sentence = format!("{} has NetworkUnavailable=False/HeraldIsUp", node.name());
                await_condition(&sentence, Duration::from_secs(60), async || {
                    let status = nodes.get(node.name()).await?.status.unwrap_or_default();
                    let mut conditions = status.conditions.into_iter().flatten();
                    let found =
                        conditions.find(|condition| condition.type_ == "NetworkUnavailable");
                    let shown = found.map(|found| (found.status, found.reason.unwrap_or_default()));
                    let up = Some(("False".to_owned(), "HeraldIsUp".to_owned()));
                    Ok(Seen::when(shown == up, shown))
                })
                .await?;
            }
            Ok(())
        },
    );
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
