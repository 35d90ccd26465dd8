//! Which nodes have a speaker: its pods, and what the SpeakerStates say of `Ready`.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, core::DeserializeGuard, runtime::watcher::Config};
use model::{Condition, Name, condition_type};
use tokio::{sync::mpsc, task::JoinSet};

use crate::watch::{
    WAITING,
    absence::PATIENCE,
    follow::{Followed, NobodyListens, Sink, Watch, follow},
    translate::{Heard, Parse},
};

/// Labels of the speaker's pods, as in the manifests.
const SPEAKER_PODS: &str = "app.kubernetes.io/name=herald,app.kubernetes.io/component=speaker";

/// What is told of pods and SpeakerStates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeakerEvent {
    /// A speaker's pod that is bound to a node.
    Pod(SpeakerPod),
    /// The pod of this name is gone.
    PodGone(Name),
    /// The list of pods is complete; all others are gone.
    PodsListed(Vec<Name>),
    /// A SpeakerState.
    State(SpeakerReady),
    /// The SpeakerState of this node is gone.
    StateGone(Name),
    /// The list of SpeakerStates is complete; all others are gone.
    StatesListed(Vec<Name>),
}

/// One pod of the speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerPod {
    /// `metadata.name`.
    pub name: Name,
    /// `spec.nodeName`.
    pub node: Name,
    /// Condition Ready is True, and the pod is not being deleted.
    pub ready: bool,
}

/// What one SpeakerState says of its speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerReady {
    /// `metadata.name`: the node.
    pub node: Name,
    /// `metadata.resourceVersion`.
    pub resource_version: Name,
    /// Condition `Ready`.
    pub condition: Option<Condition>,
}

/// Running watches of both; dropping them ends them.
#[derive(Debug)]
pub struct SpeakerWatches {
    events: mpsc::Receiver<SpeakerEvent>,
    _tasks: JoinSet<()>,
}

impl SpeakerWatches {
    /// Starts both watches on the current runtime; pods are those of the install namespace.
    pub fn start(client: &Client, namespace: &str) -> Self {
        let (sender, events) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        let pods = Watch {
            api: Api::namespaced(client.clone(), namespace),
            selection: Config::default().labels(SPEAKER_PODS),
            parse: pod,
            patience: PATIENCE,
        };
        let states = Watch {
            api: Api::all(client.clone()),
            selection: Config::default(),
            parse: state,
            patience: PATIENCE,
        };
        tasks.spawn(follow(pods, PodSink(sender.clone())));
        tasks.spawn(follow(states, StateSink(sender)));
        Self {
            events,
            _tasks: tasks,
        }
    }

    /// The next event. Cancel safe.
    pub async fn next(&mut self) -> Option<SpeakerEvent> {
        self.events.recv().await
    }
}

fn pod(pod: &Pod) -> Parse<SpeakerPod> {
    let name = pod.metadata.name.as_deref();
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let (Some(name), Some(node)) = (name, node) else {
        return Parse::Nothing;
    };
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref());
    let ready = conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let ready = ready && pod.metadata.deletion_timestamp.is_none();
    Parse::Value(SpeakerPod {
        name: name.into(),
        node: node.into(),
        ready,
    })
}

fn state(object: &DeserializeGuard<crds::SpeakerState>) -> Parse<SpeakerReady> {
    let object = match &object.0 {
        Ok(object) => object,
        Err(error) => return Parse::Unreadable(error.to_string()),
    };
    let Some(node) = object.metadata.name.as_deref() else {
        return Parse::Nothing;
    };
    let conditions = object
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice());
    let condition = conditions
        .unwrap_or_default()
        .iter()
        .find(|condition| condition.r#type == condition_type::READY)
        .map(Condition::parse);
    Parse::Value(SpeakerReady {
        node: node.into(),
        resource_version: object
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default()
            .into(),
        condition,
    })
}

#[derive(Debug)]
struct PodSink(mpsc::Sender<SpeakerEvent>);

impl Sink<SpeakerPod> for PodSink {
    async fn tell(&mut self, followed: Followed<SpeakerPod>) -> Result<(), NobodyListens> {
        let event = match followed {
            Followed::Heard(Heard::Apply(pod)) => SpeakerEvent::Pod(pod),
            Followed::Heard(Heard::Delete(key)) => SpeakerEvent::PodGone(key.name),
            Followed::Heard(Heard::Listed(keys)) => SpeakerEvent::PodsListed(names(keys)),
            Followed::NotServed | Followed::Failed(_) => return Ok(()),
        };
        self.0.send(event).await.map_err(|_closed| NobodyListens)
    }
}

#[derive(Debug)]
struct StateSink(mpsc::Sender<SpeakerEvent>);

impl Sink<SpeakerReady> for StateSink {
    async fn tell(&mut self, followed: Followed<SpeakerReady>) -> Result<(), NobodyListens> {
        let event = match followed {
            Followed::Heard(Heard::Apply(state)) => SpeakerEvent::State(state),
            Followed::Heard(Heard::Delete(key)) => SpeakerEvent::StateGone(key.name),
            Followed::Heard(Heard::Listed(keys)) => SpeakerEvent::StatesListed(names(keys)),
            Followed::NotServed | Followed::Failed(_) => return Ok(()),
        };
        self.0.send(event).await.map_err(|_closed| NobodyListens)
    }
}

fn names(keys: Vec<model::ServiceKey>) -> Vec<Name> {
    keys.into_iter().map(|key| key.name).collect()
}
