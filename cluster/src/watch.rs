//! Watches: each object is parsed as it arrives and dropped; what remains is told to one reader.
//!
//! A watch lists in pages of 100, then follows; it reconnects with backoff for ever. A list tells
//! every object and ends with [`Change::Listed`]; a kind that the API server does not serve counts
//! as empty after 10 s and is picked up when it appears. An object that cannot be read is logged
//! and skipped.

mod absence;
mod follow;
mod kinds;
mod settings;
mod speakers;
mod translate;

pub use settings::{SettingsError, read_settings};
pub use speakers::{SpeakerEvent, SpeakerPod, SpeakerReady, SpeakerWatches};

use std::collections::BTreeSet;

use kube::Client;
use model::{Change, Kind, ServiceKey};
use tokio::{sync::mpsc, task::JoinSet};

use crate::watch::{
    follow::{Followed, Sink},
    translate::Heard,
};

/// How many events may wait for their reader; beyond that the watches wait.
const WAITING: usize = 256;

/// What the watches tell.
#[allow(clippy::large_enum_variant, reason = "nearly every event is a change")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One parsed object, or the end of a list.
    Change(Change),
    /// A list of this kind is complete; its `Change::Listed` came just before.
    Synced(Kind),
    /// The API server answers 404 for this kind: it counts as empty until `Synced`.
    NotServed(Kind),
    /// A request failed; the watch goes on after a pause. Told once per row of failures.
    Failed(Kind, String),
}

/// Running watches; dropping them ends them.
#[derive(Debug)]
pub struct Watches {
    events: mpsc::Receiver<Event>,
    _tasks: JoinSet<()>,
}

impl Watches {
    /// Starts one watch for each of `kinds` on the current runtime. Settings and Secrets are those
    /// of `namespace`, the install namespace; all other kinds are watched everywhere.
    pub fn start(client: &Client, kinds: impl IntoIterator<Item = Kind>, namespace: &str) -> Self {
        let (sender, events) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        for kind in kinds.into_iter().collect::<BTreeSet<_>>() {
            let sink = ModelSink {
                kind,
                sender: sender.clone(),
            };
            kinds::start(kind, client, namespace, sink, &mut tasks);
        }
        Self {
            events,
            _tasks: tasks,
        }
    }

    /// The next event. Cancel safe. `None` only when no kind was asked for.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// An event that waits already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

/// Translates what one watch hears into events of its kind.
#[derive(Debug)]
struct ModelSink {
    kind: Kind,
    sender: mpsc::Sender<Event>,
}

impl Sink<model::Object> for ModelSink {
    async fn tell(
        &mut self,
        followed: Followed<model::Object>,
    ) -> Result<(), follow::NobodyListens> {
        let kind = self.kind;
        let (event, then) = match followed {
            Followed::Heard(Heard::Apply(object)) => (Event::Change(Change::Apply(object)), None),
            Followed::Heard(Heard::Delete(key)) => {
                let key = known_as(kind, key);
                (Event::Change(Change::Delete(kind, key)), None)
            }
            Followed::Heard(Heard::Listed(keys)) => {
                let keys = keys.into_iter().map(|key| known_as(kind, key)).collect();
                (
                    Event::Change(Change::Listed { kind, keys }),
                    Some(Event::Synced(kind)),
                )
            }
            Followed::NotServed => (Event::NotServed(kind), None),
            Followed::Failed(error) => (Event::Failed(kind, error), None),
        };
        for event in std::iter::once(event).chain(then) {
            self.sender
                .send(event)
                .await
                .map_err(|_closed| follow::NobodyListens)?;
        }
        Ok(())
    }
}

/// The key that `model::Object::key` gives the object: what lives in the install namespace goes by its name alone.
fn known_as(kind: Kind, key: ServiceKey) -> ServiceKey {
    match matches!(kind, Kind::Service | Kind::EndpointSlice) {
        true => key,
        false => ServiceKey::cluster_scoped(key.name),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1;
    use model::{Cluster, Object};
    use serde_json::json;

    use super::*;

    /// The world after one list of this kind that has this object alone.
    async fn listed(kind: Kind, key: ServiceKey, object: Object) -> Cluster {
        let (sender, mut events) = mpsc::channel(8);
        let mut sink = ModelSink { kind, sender };
        for heard in [Heard::Apply(object), Heard::Listed(vec![key])] {
            sink.tell(Followed::Heard(heard)).await.unwrap();
        }
        drop(sink);
        let mut cluster = Cluster::default();
        while let Some(event) = events.recv().await {
            if let Event::Change(change) = event {
                cluster.apply(change);
            }
        }
        cluster
    }

    #[tokio::test]
    async fn what_lives_in_the_install_namespace_stays_when_its_list_is_complete() {
        let secret = |name: &str, key: &str, value: &str| {
            let secret = json!({
                "metadata": { "namespace": "herald-system", "name": name }, "data": { key: value },
            });
            let secret: v1::Secret = serde_json::from_value(secret).unwrap();
            Object::parse_secret(&secret).unwrap()
        };
        let password = secret("tor", "password", "aHVudGVyMg==");
        let key = ServiceKey::new("herald-system", "tor");
        let cluster = listed(Kind::Secret, key, password).await;
        assert_eq!(cluster.secrets.len(), 1);

        let keys = secret(model::HEARTBEAT_SECRET, "1", "AAAA");
        let key = ServiceKey::new("herald-system", model::HEARTBEAT_SECRET);
        let cluster = listed(Kind::Secret, key, keys).await;
        assert!(cluster.heartbeat_keys.is_some());

        let settings = json!({
            "metadata": { "namespace": "herald-system", "name": "herald" }, "data": { "onlyClass": "true" },
        });
        let settings: v1::ConfigMap = serde_json::from_value(settings).unwrap();
        let settings = Object::parse_settings(&settings).unwrap();
        let key = ServiceKey::new("herald-system", "herald");
        let cluster = listed(Kind::Settings, key, settings).await;
        assert!(cluster.settings.only_class);
    }

    #[tokio::test]
    async fn a_service_goes_by_its_namespace_too() {
        let service = json!({
            "metadata": { "namespace": "shop", "name": "web" }, "spec": { "type": "LoadBalancer" },
        });
        let service: v1::Service = serde_json::from_value(service).unwrap();
        let service = Object::parse_service(&service).unwrap();
        let key = ServiceKey::new("shop", "web");
        let cluster = listed(Kind::Service, key, service).await;
        assert_eq!(cluster.services.len(), 1);
    }
}
