use crds::{SpeakerState, SpeakerStateSpec};
use jiff::Timestamp;
use kube::{Resource, api::Patch};
use model::Condition;
use serde_json::{Value, json};

use crate::{
    Target, WriteError, Writer,
    status::{forced, written},
};

/// Writes the status of `state`, the speaker's own; creates the object when it is not there. Its
/// metadata say name and owner (the Node), everything else in them is ignored.
///
/// # Errors
/// The API server did not take it.
pub async fn apply_speaker_state(writer: &Writer, state: &SpeakerState) -> Result<(), WriteError> {
    match apply_status(writer, state).await {
        Err(WriteError::NotFound) => {}
        result => return result,
    }
    match writer
        .create(Target::SpeakerState, None, &empty(state))
        .await
    {
        // Somebody was faster: the object is there.
        Ok(_) | Err(WriteError::Conflict) => apply_status(writer, state).await,
        Err(error) => Err(error),
    }
}

/// Writes condition `Ready` of the SpeakerState of `node` and nothing else, if the object still has
/// this resourceVersion. For the controller, on behalf of a speaker that is not there.
///
/// # Errors
/// The object has changed or is gone, or the API server did not take it.
pub async fn apply_ready(
    writer: &Writer,
    node: &str,
    resource_version: &str,
    ready: &Condition,
) -> Result<(), WriteError> {
    let metadata = json!({ "name": node, "resourceVersion": resource_version });
    let status = json!({ "conditions": [written(ready, Timestamp::now())] });
    let body = body(metadata, status);
    patch(writer, node, body).await
}

async fn apply_status(writer: &Writer, state: &SpeakerState) -> Result<(), WriteError> {
    let node = state.metadata.name.as_deref().unwrap_or_default();
    patch(
        writer,
        node,
        body(json!({ "name": node }), json!(state.status)),
    )
    .await
}

async fn patch(writer: &Writer, node: &str, body: Value) -> Result<(), WriteError> {
    let params = forced(writer.manager());
    let patch = Patch::Apply(body);
    writer
        .patch_status::<SpeakerState>(Target::SpeakerState, (None, node), &params, &patch)
        .await
        .map(|_resource_version| ())
}

fn body(metadata: Value, status: Value) -> Value {
    json!({
        "apiVersion": SpeakerState::api_version(&()),
        "kind": SpeakerState::kind(&()),
        "metadata": metadata,
        "status": status,
    })
}

fn empty(state: &SpeakerState) -> SpeakerState {
    let node = state.metadata.name.as_deref().unwrap_or_default();
    let mut empty = SpeakerState::new(node, SpeakerStateSpec::default());
    empty.metadata.owner_references = state.metadata.owner_references.clone();
    empty
}

#[cfg(test)]
mod tests {
    use crds::{Announced, SpeakerStateStatus};

    use super::*;

    #[test]
    fn applies_the_status_alone() {
        let status = SpeakerStateStatus {
            announced: Announced { bgp: 2, l2: 1 },
            ..SpeakerStateStatus::default()
        };
        let expected = json!({
            "apiVersion": "heraldlb.io/v1alpha1",
            "kind": "SpeakerState",
            "metadata": { "name": "node-1" },
            "status": { "announced": { "bgp": 2, "l2": 1 } },
        });
        assert_eq!(
            body(json!({ "name": "node-1" }), json!(Some(status))),
            expected
        );
    }

    #[test]
    fn creates_the_object_with_its_owner_and_nothing_else() {
        let mut state = SpeakerState::new("node-1", SpeakerStateSpec::default());
        state.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        state.metadata.owner_references = Some(vec![Default::default()]);
        state.status = Some(SpeakerStateStatus::default());
        let created = empty(&state);
        assert_eq!(created.metadata.name.as_deref(), Some("node-1"));
        assert_eq!(created.metadata.labels, None);
        assert_eq!(
            created.metadata.owner_references.map(|owners| owners.len()),
            Some(1)
        );
        assert_eq!(created.status, None);
    }
}
