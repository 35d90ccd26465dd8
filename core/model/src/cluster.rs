use alloc::{collections::BTreeMap, vec::Vec};

use ipnet::IpNet;

use crate::{
    Advertisement, EndpointSlice, Endpoints, Labels, Meta, Name, Node, Peer, Pool, Rejection,
    Secret, Service, ServiceKey, Settings,
};

/// The parsed world: what the API server holds, as far as the rules need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// ConfigMap `herald`.
    pub settings: Settings,
    /// IPAddressPools.
    pub pools: BTreeMap<Name, Parsed<Pool>>,
    /// BGPPeers.
    pub peers: BTreeMap<Name, Parsed<Peer>>,
    /// BGPAdvertisements.
    pub advertisements: BTreeMap<Name, Parsed<Advertisement>>,
    /// Services of type LoadBalancer.
    pub services: BTreeMap<ServiceKey, Service>,
    /// Endpoints by Service.
    pub endpoints: BTreeMap<ServiceKey, Endpoints>,
    /// Nodes.
    pub nodes: BTreeMap<Name, Node>,
    /// Labels by Namespace.
    pub namespaces: BTreeMap<Name, Labels>,
    /// Key `password` of the Secrets in the install namespace; `None`: the Secret has no such key.
    pub secrets: BTreeMap<Name, Option<Secret>>,
    /// Service ranges, by ServiceCIDR object (or one entry for a flag).
    pub service_cidrs: BTreeMap<Name, Vec<IpNet>>,
    /// Which Service each EndpointSlice (namespace, name) belongs to.
    slices: BTreeMap<ServiceKey, ServiceKey>,
}

/// A configuration object: its metadata, and its value or why it is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// Name, generation, labels, conditions as last seen.
    pub meta: Meta,
    /// The value, or what is wrong with the spec.
    pub value: Result<T, Rejection>,
}

/// Kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// ConfigMap `herald`.
    Settings,
    /// IPAddressPool.
    Pool,
    /// BGPPeer.
    Peer,
    /// BGPAdvertisement.
    Advertisement,
    /// Service of type LoadBalancer.
    Service,
    /// EndpointSlice.
    EndpointSlice,
    /// Node.
    Node,
    /// Namespace.
    Namespace,
    /// Secret of the install namespace.
    Secret,
    /// ServiceCIDR.
    ServiceCidr,
}

/// One parsed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// ConfigMap `herald`.
    Settings(Settings),
    /// IPAddressPool.
    Pool(Parsed<Pool>),
    /// BGPPeer.
    Peer(Parsed<Peer>),
    /// BGPAdvertisement.
    Advertisement(Parsed<Advertisement>),
    /// Service of type LoadBalancer.
    Service(Service),
    /// EndpointSlice.
    EndpointSlice(EndpointSlice),
    /// Node.
    Node(Node),
    /// Namespace and its labels.
    Namespace(Name, Labels),
    /// Secret and its key `password`.
    Secret(Name, Option<Secret>),
    /// ServiceCIDR and its ranges.
    ServiceCidr(Name, Vec<IpNet>),
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An object was added or modified.
    Apply(Object),
    /// An object is gone. Kinds without a namespace leave `namespace` empty.
    Delete(Kind, ServiceKey),
    /// A list is complete: every object of the kind that is not among `keys` is gone.
    Listed {
        /// The kind listed.
        kind: Kind,
        /// All keys of the list, namespace empty for kinds without one.
        keys: Vec<ServiceKey>,
    },
}

/// What a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Nothing that the rules look at differs.
    Nothing,
    /// One Service: its object or its endpoints.
    Service(ServiceKey),
    /// Configuration, nodes or several Services.
    Everything,
}
