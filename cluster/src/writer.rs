use std::{fmt, future::Future, sync::Arc, time::Duration};

use kube::{Client, Resource, api::PatchParams, core::Request};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Gate, Outcome, WriteError, outcome::judge};

/// How long one write may take: less than what lies between the moment after which none starts and
/// the moment when another process may hold the Lease.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(4);
/// Answers carry metadata only; nobody reads the rest.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Sends every write of this process: bounded in time, counted, and none once [`Gate`] is shut.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    manager: Manager,
    gate: Gate,
    observe: Arc<dyn Fn(Target, Outcome) + Send + Sync>,
}

/// The owner of the fields that are written (server-side apply's field manager).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// The controller's leader.
    Controller,
    /// A speaker.
    Speaker,
}

/// What is written, for the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Service, status.
    ServiceStatus,
    /// IPAddressPool, status.
    PoolStatus,
    /// BGPPeer, status.
    PeerStatus,
    /// BFDProfile, status.
    BfdProfileStatus,
    /// BGPAdvertisement, status.
    AdvertisementStatus,
    /// L2Advertisement, status.
    L2AdvertisementStatus,
    /// Community, status.
    CommunityStatus,
    /// PodNetwork, status.
    PodNetworkStatus,
    /// SpeakerState, object and status.
    SpeakerState,
    /// Node, one condition of its status.
    NodeStatus,
    /// Secret `herald-heartbeat`.
    HeartbeatSecret,
    /// Event.
    Event,
    /// Lease.
    Lease,
}

/// What is kept of an answer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    metadata: AnswerMetadata,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerMetadata {
    resource_version: String,
}

impl Writer {
    /// A writer whose every write is told to `observe`.
    pub fn new(
        client: Client,
        manager: Manager,
        gate: Gate,
        observe: impl Fn(Target, Outcome) + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            manager,
            gate,
            observe: Arc::new(observe),
        }
    }

    /// The client beneath, for reads.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same writer behind another gate.
    #[must_use]
    pub fn behind(&self, gate: Gate) -> Self {
        Self {
            gate,
            ..self.clone()
        }
    }

    pub(crate) fn manager(&self) -> Manager {
        self.manager
    }

    /// Patches the status of an object of kind `K`; gives its new resourceVersion.
    pub(crate) async fn patch_status<K: Resource<DynamicType = ()>>(
        &self,
        target: Target,
        (namespace, name): (Option<&str>, &str),
        params: &PatchParams,
        patch: &kube::api::Patch<impl Serialize + fmt::Debug>,
    ) -> Result<String, WriteError> {
        let request = Request::new(K::url_path(&(), namespace))
            .patch_subresource("status", name, params, patch)
            .map_err(kube::Error::BuildRequest);
        let answer: Answer = self.send(target, request).await?;
        Ok(answer.metadata.resource_version)
    }

    /// Creates an object of kind `K`; gives its resourceVersion.
    pub(crate) async fn create<K: Resource<DynamicType = ()> + Serialize>(
        &self,
        target: Target,
        namespace: Option<&str>,
        object: &K,
    ) -> Result<String, WriteError> {
        let request = serde_json::to_vec(object)
            .map_err(kube::Error::SerdeError)
            .and_then(|body| {
                Request::new(K::url_path(&(), namespace))
                    .create(&kube::api::PostParams::default(), body)
                    .map_err(kube::Error::BuildRequest)
            });
        let answer: Answer = self.send(target, request).await?;
        Ok(answer.metadata.resource_version)
    }

    /// Replaces an object of kind `K` as a whole, if it still has the resourceVersion in it; gives the new one.
    pub(crate) async fn replace<K: Resource<DynamicType = ()> + Serialize>(
        &self,
        target: Target,
        (namespace, name): (Option<&str>, &str),
        object: &K,
    ) -> Result<String, WriteError> {
        let request = serde_json::to_vec(object)
            .map_err(kube::Error::SerdeError)
            .and_then(|body| {
                Request::new(K::url_path(&(), namespace))
                    .replace(name, &kube::api::PostParams::default(), body)
                    .map_err(kube::Error::BuildRequest)
            });
        let answer: Answer = self.send(target, request).await?;
        Ok(answer.metadata.resource_version)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        target: Target,
        request: kube::Result<http::Request<Vec<u8>>>,
    ) -> Result<T, WriteError> {
        let mut request = request.map_err(|error| WriteError::Refused(error.to_string()))?;
        let metadata_only = http::HeaderValue::from_static(METADATA_ONLY);
        request
            .headers_mut()
            .insert(http::header::ACCEPT, metadata_only);
        self.bounded(target, self.client.request(request)).await
    }

    /// Runs one write request: gate, time, count, and what its error means.
    pub(crate) async fn bounded<T>(
        &self,
        target: Target,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, WriteError> {
        if !self.gate.may_start() {
            return Err(WriteError::later("the Lease may be lost"));
        }
        let result = match tokio::time::timeout(TIMEOUT, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(judge(&error)),
            Err(_elapsed) => Err((Outcome::Failed, WriteError::later("no answer in time"))),
        };
        let outcome = result
            .as_ref()
            .map_or_else(|(outcome, _)| *outcome, |_| Outcome::Written);
        (self.observe)(target, outcome);
        result.map_err(|(_, error)| error)
    }
}

impl Manager {
    /// The name that stands in `metadata.managedFields`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Controller => "herald-controller",
            Self::Speaker => "herald-speaker",
        }
    }
}

impl Target {
    /// Label value of the count.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceStatus => "ServiceStatus",
            Self::PoolStatus => "PoolStatus",
            Self::PeerStatus => "PeerStatus",
            Self::BfdProfileStatus => "BfdProfileStatus",
            Self::AdvertisementStatus => "AdvertisementStatus",
            Self::L2AdvertisementStatus => "L2AdvertisementStatus",
            Self::CommunityStatus => "CommunityStatus",
            Self::PodNetworkStatus => "PodNetworkStatus",
            Self::SpeakerState => "SpeakerState",
            Self::NodeStatus => "NodeStatus",
            Self::HeartbeatSecret => "HeartbeatSecret",
            Self::Event => "Event",
            Self::Lease => "Lease",
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("manager", &self.manager)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
