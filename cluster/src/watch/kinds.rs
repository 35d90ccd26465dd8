//! Each kind: how it is selected and parsed, and how long it may be missing.

use std::{fmt::Debug, time::Duration};

use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace, Node, Secret, Service},
    discovery::v1::EndpointSlice,
    networking::v1::ServiceCIDR,
};
use kube::{Api, Client, Resource, core::DeserializeGuard, runtime::watcher::Config};
use model::{Kind, Object};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::watch::{
    ModelSink,
    absence::PATIENCE,
    follow::{Watch, follow},
    settings::NAME as SETTINGS,
    translate::Parse,
};

/// Starts the watch of `kind` in `tasks`.
pub(super) fn start(
    kind: Kind,
    client: &Client,
    namespace: &str,
    sink: ModelSink,
    tasks: &mut JoinSet<()>,
) {
    let all = Config::default();
    match kind {
        Kind::Settings => {
            let selection = all.fields(&format!("metadata.name={SETTINGS}"));
            spawn(
                tasks,
                sink,
                Api::namespaced(client.clone(), namespace),
                selection,
                settings,
            );
        }
        Kind::Pool => spawn(tasks, sink, Api::all(client.clone()), all, pool),
        Kind::Peer => spawn(tasks, sink, Api::all(client.clone()), all, peer),
        Kind::BfdProfile => spawn(tasks, sink, Api::all(client.clone()), all, bfd_profile),
        Kind::Advertisement => spawn(tasks, sink, Api::all(client.clone()), all, advertisement),
        Kind::L2Advertisement => {
            spawn(tasks, sink, Api::all(client.clone()), all, l2_advertisement);
        }
        Kind::Community => spawn(tasks, sink, Api::all(client.clone()), all, community),
        Kind::PodNetwork => spawn(tasks, sink, Api::all(client.clone()), all, pod_network),
        Kind::Service => {
            let selection = all.fields("spec.type=LoadBalancer");
            spawn(tasks, sink, Api::all(client.clone()), selection, service);
        }
        Kind::EndpointSlice => {
            let selection = all.labels("!service.kubernetes.io/headless");
            spawn(
                tasks,
                sink,
                Api::all(client.clone()),
                selection,
                endpoint_slice,
            );
        }
        Kind::Node => spawn(tasks, sink, Api::all(client.clone()), all, node),
        Kind::Namespace => spawn(tasks, sink, Api::all(client.clone()), all, namespace_labels),
        Kind::Secret => {
            // Releases and tokens are large and never passwords.
            let selection =
                all.fields("type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token");
            spawn(
                tasks,
                sink,
                Api::namespaced(client.clone(), namespace),
                selection,
                secret,
            );
        }
        Kind::ServiceCidr => {
            spawn(tasks, sink, Api::all(client.clone()), all, service_cidr);
        }
    }
}

fn spawn<K>(
    tasks: &mut JoinSet<()>,
    sink: ModelSink,
    api: Api<K>,
    selection: Config,
    parse: fn(&K) -> Parse<Object>,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let patience = patience(sink.kind);
    tasks.spawn(follow(
        Watch {
            api,
            selection,
            parse,
            patience,
        },
        sink,
    ));
}

fn patience(kind: Kind) -> Duration {
    match kind {
        // Part of the API server itself from Kubernetes 1.33 on; nobody installs it later.
        Kind::ServiceCidr => Duration::ZERO,
        Kind::Settings
        | Kind::Pool
        | Kind::Peer
        | Kind::BfdProfile
        | Kind::Advertisement
        | Kind::L2Advertisement
        | Kind::Community
        | Kind::PodNetwork
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::Node
        | Kind::Namespace
        | Kind::Secret => PATIENCE,
    }
}

fn settings(object: &ConfigMap) -> Parse<Object> {
    match Object::parse_settings(object) {
        Ok(settings) => Parse::Value(settings),
        Err(rejection) => Parse::Unreadable(rejection.to_string()),
    }
}

fn pool(object: &DeserializeGuard<crds::IPAddressPool>) -> Parse<Object> {
    guarded(object)
}

fn peer(object: &DeserializeGuard<crds::BGPPeer>) -> Parse<Object> {
    guarded(object)
}

fn bfd_profile(object: &DeserializeGuard<crds::BFDProfile>) -> Parse<Object> {
    guarded(object)
}

fn advertisement(object: &DeserializeGuard<crds::BGPAdvertisement>) -> Parse<Object> {
    guarded(object)
}

fn l2_advertisement(object: &DeserializeGuard<crds::L2Advertisement>) -> Parse<Object> {
    guarded(object)
}

fn community(object: &DeserializeGuard<crds::Community>) -> Parse<Object> {
    guarded(object)
}

fn pod_network(object: &DeserializeGuard<crds::PodNetwork>) -> Parse<Object> {
    guarded(object)
}

fn guarded<K>(object: &DeserializeGuard<K>) -> Parse<Object>
where
    for<'a> Object: From<&'a K>,
{
    match &object.0 {
        Ok(object) => Parse::Value(object.into()),
        Err(error) => Parse::Unreadable(error.to_string()),
    }
}

fn service(object: &Service) -> Parse<Object> {
    Parse::from(Object::parse_service(object))
}

fn endpoint_slice(object: &EndpointSlice) -> Parse<Object> {
    Parse::from(Object::parse_endpoint_slice(object))
}

fn node(object: &Node) -> Parse<Object> {
    Parse::from(Object::parse_node(object))
}

fn namespace_labels(object: &Namespace) -> Parse<Object> {
    Parse::from(Object::parse_namespace(object))
}

fn secret(object: &Secret) -> Parse<Object> {
    Parse::from(Object::parse_secret(object))
}

fn service_cidr(object: &ServiceCIDR) -> Parse<Object> {
    Parse::from(Object::parse_service_cidr(object))
}
