//! Secret `herald-heartbeat` in the install namespace: what speakers sign their heartbeats with.
//!
//! Its `data` never reaches a log: nothing here that holds it prints it.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::Api;

use crate::{Target, WriteError, Writer, outcome::judge, writer::TIMEOUT};

/// Annotation: when the newest key was added, RFC 3339.
const ROTATED_AT: &str = "heraldlb.io/rotated-at";
/// Label that says whose the Secret is.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "herald");

/// The Secret as it was read.
pub struct HeartbeatSecret {
    /// `data`.
    pub entries: BTreeMap<String, Vec<u8>>,
    /// When the newest key was added, to the second; `None`: the annotation is missing or no RFC 3339.
    pub rotated_at: Option<model::Timestamp>,
    metadata: ObjectMeta,
    kind: Option<String>,
}

/// Reads the Secret; `None` when there is none.
///
/// # Errors
/// The API server does not answer, or does not allow it.
pub async fn read_heartbeat_secret(
    writer: &Writer,
    namespace: &str,
) -> Result<Option<HeartbeatSecret>, WriteError> {
    let api: Api<v1::Secret> = Api::namespaced(writer.client().clone(), namespace);
    let answer = tokio::time::timeout(TIMEOUT, api.get_opt(model::HEARTBEAT_SECRET)).await;
    match answer {
        Ok(Ok(object)) => Ok(object.map(parse)),
        Ok(Err(error)) => Err(judge(&error).1),
        Err(_elapsed) => Err(WriteError::later("no answer in time")),
    }
}

/// Writes the Secret: creates it, or replaces what was read unless somebody was faster.
///
/// # Errors
/// The Secret has changed or come meanwhile, or the API server did not take it.
pub async fn write_heartbeat_secret(
    writer: &Writer,
    namespace: &str,
    former: Option<HeartbeatSecret>,
    entries: BTreeMap<String, Vec<u8>>,
    rotated_at: model::Timestamp,
) -> Result<(), WriteError> {
    let replaces = former.is_some();
    let object = object(namespace, former, entries, rotated_at);
    let (target, namespace) = (Target::HeartbeatSecret, Some(namespace));
    let written = match replaces {
        true => {
            writer
                .replace(target, (namespace, model::HEARTBEAT_SECRET), &object)
                .await
        }
        false => writer.create(target, namespace, &object).await,
    };
    written.map(|_resource_version| ())
}

fn parse(object: v1::Secret) -> HeartbeatSecret {
    let annotations = object.metadata.annotations.as_ref();
    let rotated_at = annotations.and_then(|annotations| annotations.get(ROTATED_AT));
    let rotated_at = rotated_at.and_then(|text| text.parse::<Timestamp>().ok());
    let data = object.data.unwrap_or_default().into_iter();
    HeartbeatSecret {
        entries: data.map(|(name, value)| (name, value.0)).collect(),
        rotated_at: rotated_at.map(|at| model::Timestamp(at.as_second())),
        metadata: object.metadata,
        kind: object.type_,
    }
}

/// The object to write. What others have put into its metadata stays, and its resourceVersion is the precondition.
fn object(
    namespace: &str,
    former: Option<HeartbeatSecret>,
    entries: BTreeMap<String, Vec<u8>>,
    rotated_at: model::Timestamp,
) -> v1::Secret {
    let (former, kind) = former.map_or((None, None), |former| (Some(former.metadata), former.kind));
    let mut metadata = former.unwrap_or_else(|| ObjectMeta {
        name: Some(model::HEARTBEAT_SECRET.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ObjectMeta::default()
    });
    let (label, value) = MANAGED_BY;
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(label.to_owned(), value.to_owned());
    let rotated_at = Timestamp::from_second(rotated_at.0).unwrap_or_default();
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(ROTATED_AT.to_owned(), rotated_at.to_string());
    let data = entries.into_iter();
    v1::Secret {
        metadata,
        data: Some(
            data.map(|(name, value)| (name, ByteString(value)))
                .collect(),
        ),
        // It cannot be changed once the object is there.
        type_: kind.or_else(|| Some("Opaque".to_owned())),
        ..v1::Secret::default()
    }
}

impl fmt::Debug for HeartbeatSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeartbeatSecret")
            .field("generations", &self.entries.keys())
            .field("rotated_at", &self.rotated_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys() -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([("1".to_owned(), b"secret".to_vec())])
    }

    const AT: model::Timestamp = model::Timestamp(1_790_000_000);

    #[test]
    fn a_new_secret_says_whose_it_is_and_since_when() {
        let object = serde_json::to_value(object("herald-system", None, keys(), AT)).unwrap();
        let expected = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "herald-heartbeat",
                "namespace": "herald-system",
                "labels": { "app.kubernetes.io/managed-by": "herald" },
                "annotations": { "heraldlb.io/rotated-at": "2026-09-21T14:13:20Z" },
            },
            "type": "Opaque",
            "data": { "1": "c2VjcmV0" },
        });
        assert_eq!(object, expected);
    }

    #[test]
    fn what_is_read_is_replaced_on_its_version_and_keeps_what_others_wrote() {
        let read = json!({
            "metadata": {
                "name": "herald-heartbeat", "namespace": "n", "resourceVersion": "7", "uid": "u",
                "labels": { "team": "a" },
                "annotations": { "heraldlb.io/rotated-at": "yesterday", "note": "b" },
            },
            "type": "Opaque",
            "data": { "9": "AAAA" },
        });
        let read = parse(serde_json::from_value(read).unwrap());
        assert_eq!((read.entries.len(), read.rotated_at), (1, None));
        let written = object("n", Some(read), keys(), AT);
        let read_again = parse(written.clone());
        assert_eq!(
            (read_again.rotated_at, read_again.entries),
            (Some(AT), keys())
        );
        let metadata = written.metadata;
        assert_eq!(metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(metadata.labels.unwrap().len(), 2);
        assert_eq!(metadata.annotations.unwrap()["note"], "b");
    }

    #[test]
    fn shows_no_key() {
        let shown = format!("{:?}", parse(object("n", None, keys(), AT)));
        assert!(shown.contains("\"1\"") && !shown.contains("115"), "{shown}");
    }
}
