//! Each kind: how it is selected and parsed, and how long it may be missing.

use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use ipnet::IpNet;
use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace, Node, Secret, Service},
    discovery::v1::EndpointSlice,
    networking::v1::ServiceCIDR,
};
use kube::{
    Api, Client, Resource,
    core::{DeserializeGuard, PartialObjectMeta},
    runtime::watcher::Config,
};
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
        Kind::Advertisement => spawn(tasks, sink, Api::all(client.clone()), all, advertisement),
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
        | Kind::Advertisement
        | Kind::Service
        | Kind::EndpointSlice
        | Kind::Node
        | Kind::Namespace
        | Kind::Secret => PATIENCE,
    }
}

fn settings(object: &ConfigMap) -> Parse<Object> {
    Parse::Value(Object::Settings(model::Settings::parse(object)))
}

fn pool(object: &DeserializeGuard<crds::IPAddressPool>) -> Parse<Object> {
    guarded(object, |object| Object::Pool(model::Pool::parse(object)))
}

fn peer(object: &DeserializeGuard<crds::BGPPeer>) -> Parse<Object> {
    guarded(object, |object| Object::Peer(model::Peer::parse(object)))
}

fn advertisement(object: &DeserializeGuard<crds::BGPAdvertisement>) -> Parse<Object> {
    guarded(object, |object| {
        Object::Advertisement(model::Advertisement::parse(object))
    })
}

fn guarded<K>(object: &DeserializeGuard<K>, parse: fn(&K) -> Object) -> Parse<Object> {
    match &object.0 {
        Ok(object) => Parse::Value(parse(object)),
        Err(error) => Parse::Unreadable(error.to_string()),
    }
}

fn service(object: &Service) -> Parse<Object> {
    model::Service::parse(object).map_or(Parse::Nothing, |parsed| {
        Parse::Value(Object::Service(parsed))
    })
}

fn endpoint_slice(object: &EndpointSlice) -> Parse<Object> {
    model::EndpointSlice::parse(object).map_or(Parse::Nothing, |parsed| {
        Parse::Value(Object::EndpointSlice(parsed))
    })
}

fn node(object: &Node) -> Parse<Object> {
    model::Node::parse(object).map_or(Parse::Nothing, |parsed| Parse::Value(Object::Node(parsed)))
}

fn namespace_labels(object: &PartialObjectMeta<Namespace>) -> Parse<Object> {
    let Some(name) = object.metadata.name.as_deref() else {
        return Parse::Nothing;
    };
    let labels = object.metadata.labels.clone().unwrap_or_default();
    Parse::Value(Object::Namespace(name.into(), labels))
}

fn secret(object: &Secret) -> Parse<Object> {
    let Some(name) = object.metadata.name.as_deref() else {
        return Parse::Nothing;
    };
    let password = object
        .data
        .as_ref()
        .and_then(|data: &BTreeMap<_, _>| data.get("password"))
        .and_then(|content| String::from_utf8(content.0.clone()).ok())
        .map(model::Secret::new);
    Parse::Value(Object::Secret(name.into(), password))
}

fn service_cidr(object: &ServiceCIDR) -> Parse<Object> {
    let Some(name) = object.metadata.name.as_deref() else {
        return Parse::Nothing;
    };
    let cidrs = object.spec.as_ref().and_then(|spec| spec.cidrs.as_ref());
    // The API server has validated them.
    let cidrs = cidrs
        .into_iter()
        .flatten()
        .filter_map(|cidr| cidr.parse::<IpNet>().ok())
        .collect();
    Parse::Value(Object::ServiceCidr(name.into(), cidrs))
}
