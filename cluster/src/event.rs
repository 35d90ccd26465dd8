//! Kubernetes Events (events.k8s.io/v1) on Services.

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use model::{Name, ServiceKey};

use crate::{Target, WriteError, Writer};

/// The API server's limit of `note`, in bytes.
const NOTE_LIMIT: usize = 1024;

/// One change that the owner of a Service is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// The Service.
    pub key: ServiceKey,
    /// Its `metadata.uid`.
    pub uid: Name,
    /// CamelCase: what happened.
    pub reason: String,
    /// CamelCase: what was done.
    pub action: &'static str,
    /// True: somebody may have to act.
    pub warning: bool,
    /// A sentence for people.
    pub message: String,
    /// When it happened, which is also its name: written again, it is still the same Event. `None`: when it is written.
    pub at: Option<Timestamp>,
}

/// Who reports: the program and this instance of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    /// `reportingController`, such as `heraldlb.io/herald-controller`.
    pub controller: &'static str,
    /// `reportingInstance`: the pod's name.
    pub instance: String,
}

/// Creates the Event beside its Service.
///
/// # Errors
/// The API server did not take it; an Event of the same name counts as taken.
pub async fn create(
    writer: &Writer,
    reporter: &Reporter,
    event: &ServiceEvent,
) -> Result<(), WriteError> {
    let at = event.at.unwrap_or_else(Timestamp::now);
    let object = object(reporter, event, at);
    match writer
        .create(Target::Event, Some(&event.key.namespace), &object)
        .await
    {
        Ok(_) | Err(WriteError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

fn object(reporter: &Reporter, event: &ServiceEvent, now: Timestamp) -> Event {
    let ServiceEvent {
        key,
        uid,
        reason,
        action,
        warning,
        message,
        at: _,
    } = event;
    Event {
        metadata: ObjectMeta {
            namespace: Some(key.namespace.to_string()),
            // Unique: one Service has one change at a time.
            name: Some(format!("{}.{:x}", key.name, now.as_nanosecond())),
            ..ObjectMeta::default()
        },
        action: Some((*action).to_owned()),
        event_time: Some(MicroTime(now)),
        note: Some(up_to(message, NOTE_LIMIT).to_owned()),
        reason: Some(reason.clone()),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Service".to_owned()),
            namespace: Some(key.namespace.to_string()),
            name: Some(key.name.to_string()),
            uid: Some(uid.to_string()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(reporter.controller.to_owned()),
        reporting_instance: Some(up_to(&reporter.instance, 128).to_owned()),
        type_: Some(if *warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

/// The longest beginning of `text` that has at most `bytes` bytes.
fn up_to(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(message: &str) -> ServiceEvent {
        ServiceEvent {
            key: ServiceKey::new("shop", "web"),
            uid: "u-7".into(),
            reason: "PoolExhausted".into(),
            action: "Allocate",
            warning: true,
            message: message.into(),
            at: None,
        }
    }

    fn created(message: &str) -> Event {
        let reporter = Reporter {
            controller: "heraldlb.io/herald-controller",
            instance: "pod-1".into(),
        };
        object(
            &reporter,
            &event(message),
            "2026-11-21T01:02:03.000004Z".parse().unwrap(),
        )
    }

    #[test]
    fn speaks_of_the_service_beside_it() {
        let expected = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": { "namespace": "shop", "name": "web.18e9e9bcaa0dbda0" },
            "action": "Allocate",
            "eventTime": "2026-11-21T01:02:03.000004Z",
            "note": "No address is left.",
            "reason": "PoolExhausted",
            "regarding": {
                "apiVersion": "v1", "kind": "Service",
                "namespace": "shop", "name": "web", "uid": "u-7",
            },
            "reportingController": "heraldlb.io/herald-controller",
            "reportingInstance": "pod-1",
            "type": "Warning",
        });
        assert_eq!(
            serde_json::to_value(created("No address is left.")).unwrap(),
            expected
        );
    }

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let note = created(&"é".repeat(600)).note.unwrap();
        assert_eq!(note.len(), 1024);
        let note = created(&format!("x{}", "é".repeat(600))).note.unwrap();
        assert_eq!(note.len(), 1023);
    }
}
