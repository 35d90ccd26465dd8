//! Who may write a SpeakerState: the admission policy of the manifests, asked as each of them.

use anyhow::{Result, ensure};
use e2e::node::NODES;
use e2e::{Case, Isolation, run};
use kube::{Client, Error};
use serde_json::{Value, json};

const SPEAKER: &str = "system:serviceaccount:herald-system:herald-speaker";
const CONTROLLER: &str = "system:serviceaccount:herald-system:herald-controller";

#[test]
fn only_the_speaker_of_a_node_writes_its_state() {
    run("api-admission", Isolation::Shared, async |case: &Case| {
        let client = case.lab.cluster.client();
        let [own, other] = NODES.map(|node| node.name());
        let counts = json!({"announced": {"bgp": 7}});
        let gone = json!({"conditions": [ready("Unknown")]});

        let refused = |answer: Option<String>, words: &str| -> Result<()> {
            let answer = answer.unwrap_or_default();
            ensure!(
                answer.contains(words),
                "expected \"{words}\", answered \"{answer}\""
            );
            Ok(())
        };
        let allowed = |answer: Option<String>| -> Result<()> {
            ensure!(answer.is_none(), "{answer:?}");
            Ok(())
        };
        allowed(write_status(&client, SPEAKER, Some(own), own, &counts).await?)?;
        refused(
            write_status(&client, SPEAKER, Some(other), own, &counts).await?,
            "a speaker writes only the SpeakerState of its own node",
        )?;
        refused(
            write_status(&client, SPEAKER, None, own, &counts).await?,
            "a speaker writes only the SpeakerState of its own node",
        )?;
        allowed(write_status(&client, CONTROLLER, None, own, &gone).await?)?;
        refused(
            write_status(&client, CONTROLLER, None, own, &counts).await?,
            "the controller changes only the condition Ready",
        )?;
        let answers = json!({"l2": [{"address": "10.0.0.1", "interfaces": ["eth1"]}]});
        refused(
            write_status(&client, CONTROLLER, None, own, &answers).await?,
            "the controller changes only the condition Ready",
        )?;
        refused(
            write_status(&client, "system:admin", None, own, &counts).await?,
            "a SpeakerState is written by the speaker of its node",
        )
    });
}

fn ready(status: &str) -> Value {
    json!({
        "type": "Ready",
        "status": status,
        "reason": "Test",
        "message": "A test asks who may write this.",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

/// Applies to the status of `node`'s SpeakerState without storing it, as `user` whose token is of a pod on
/// `token_node`; `None` when it is accepted, else the sentence.
async fn write_status(
    client: &Client,
    user: &str,
    token_node: Option<&str>,
    node: &str,
    status: &Value,
) -> Result<Option<String>> {
    let object = json!({
        "apiVersion": "heraldlb.io/v1alpha1",
        "kind": "SpeakerState",
        "metadata": {"name": node},
        "status": status,
    });
    let path = format!(
        "/apis/heraldlb.io/v1alpha1/speakerstates/{node}/status?dryRun=All&fieldManager=admission-test&force=true"
    );
    let mut request = http::Request::patch(path)
        .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
        .header("Impersonate-User", user);
    if user == "system:admin" {
        request = request.header("Impersonate-Group", "system:masters");
    }
    if let Some(node) = token_node {
        request = request.header(
            "Impersonate-Extra-Authentication.kubernetes.io%2fnode-Name",
            node,
        );
    }
    match client
        .request::<Value>(request.body(serde_json::to_vec(&object)?)?)
        .await
    {
        Ok(_) => Ok(None),
        Err(Error::Api(status)) => Ok(Some(status.message)),
        Err(error) => Err(error.into()),
    }
}
