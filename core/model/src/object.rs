use alloc::vec::Vec;

use ipnet::IpNet;
use k8s_openapi::api::{core::v1, discovery, networking};
use l2::Key;

use crate::{
    Advertisement, BfdProfile, CommunityNames, EndpointSlice, HEARTBEAT_SECRET, L2Advertisement,
    Labels, Meta, Name, Node, Peer, PodNetwork, Pool, Rejection, Secret, Service, ServiceKey,
    Settings, community_names, heartbeat_keys,
};

/// A configuration object: its metadata, and its value or why it is rejected.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// BFDProfile.
    BfdProfile,
    /// BGPAdvertisement.
    Advertisement,
    /// L2Advertisement.
    L2Advertisement,
    /// Community.
    Community,
    /// PodNetwork.
    PodNetwork,
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

impl Kind {
    /// The kind as the API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "ConfigMap",
            Self::Pool => "IPAddressPool",
            Self::Peer => "BGPPeer",
            Self::BfdProfile => "BFDProfile",
            Self::Advertisement => "BGPAdvertisement",
            Self::L2Advertisement => "L2Advertisement",
            Self::Community => "Community",
            Self::PodNetwork => "PodNetwork",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Node => "Node",
            Self::Namespace => "Namespace",
            Self::Secret => "Secret",
            Self::ServiceCidr => "ServiceCIDR",
        }
    }
}

/// One parsed object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Object {
    /// ConfigMap `herald`.
    Settings(Settings),
    /// IPAddressPool.
    Pool(Parsed<Pool>),
    /// BGPPeer.
    Peer(Parsed<Peer>),
    /// BFDProfile.
    BfdProfile(Parsed<BfdProfile>),
    /// BGPAdvertisement.
    Advertisement(Parsed<Advertisement>),
    /// L2Advertisement.
    L2Advertisement(Parsed<L2Advertisement>),
    /// Community.
    Community(Parsed<CommunityNames>),
    /// PodNetwork.
    PodNetwork(Parsed<PodNetwork>),
    /// Service of type LoadBalancer.
    Service(Service),
    /// EndpointSlice.
    EndpointSlice(EndpointSlice),
    /// Node.
    Node(Node),
    /// Namespace and its labels.
    Namespace(Name, Labels),
    /// Secret and its key `password`, or why that is no password. Who writes it to a file has to ask for it.
    #[serde(skip)]
    Secret(Name, Result<Secret, Rejection>),
    /// Secret [`HEARTBEAT_SECRET`]: its keys, oldest first, or what is wrong with them.
    #[serde(skip)]
    HeartbeatKeys(Result<Vec<Key>, Rejection>),
    /// ServiceCIDR and its ranges.
    ServiceCidr(Name, Vec<IpNet>),
}

impl Object {
    /// Parses a Service; `None` without namespace or name.
    pub fn parse_service(object: &v1::Service) -> Option<Self> {
        Service::parse(object).map(Self::Service)
    }

    /// Parses an EndpointSlice; `None` when no rule looks at it.
    pub fn parse_endpoint_slice(object: &discovery::v1::EndpointSlice) -> Option<Self> {
        EndpointSlice::parse(object).map(Self::EndpointSlice)
    }

    /// Parses a Node; `None` without a name.
    pub fn parse_node(object: &v1::Node) -> Option<Self> {
        Node::parse(object).map(Self::Node)
    }

    /// Parses ConfigMap `herald`.
    ///
    /// # Errors
    /// A rejection of the value that makes no sense; what was there before holds on.
    pub fn parse_settings(object: &v1::ConfigMap) -> Result<Self, Rejection> {
        Settings::parse(object).map(Self::Settings)
    }

    /// Parses a Namespace; `None` without a name.
    pub fn parse_namespace(object: &v1::Namespace) -> Option<Self> {
        let name = object.metadata.name.as_deref()?.into();
        Some(Self::Namespace(
            name,
            object.metadata.labels.clone().unwrap_or_default(),
        ))
    }

    /// Parses a Secret, the one of heartbeats as such and every other one as a password; `None` without a name.
    pub fn parse_secret(object: &v1::Secret) -> Option<Self> {
        match Secret::parse(object)? {
            (name, _) if *name == *HEARTBEAT_SECRET => {
                Some(Self::HeartbeatKeys(heartbeat_keys::parse(object)))
            }
            (name, password) => Some(Self::Secret(name, password)),
        }
    }

    /// Parses a ServiceCIDR; `None` without a name. What is no network is left out.
    pub fn parse_service_cidr(object: &networking::v1::ServiceCIDR) -> Option<Self> {
        let name = object.metadata.name.as_deref()?.into();
        let texts = object
            .spec
            .iter()
            .flat_map(|spec| spec.cidrs.iter().flatten());
        let networks = texts.filter_map(|text| text.parse::<IpNet>().ok());
        Some(Self::ServiceCidr(
            name,
            networks.map(|network| network.trunc()).collect(),
        ))
    }

    /// Which kind it is of.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Settings(_) => Kind::Settings,
            Self::Pool(_) => Kind::Pool,
            Self::Peer(_) => Kind::Peer,
            Self::BfdProfile(_) => Kind::BfdProfile,
            Self::Advertisement(_) => Kind::Advertisement,
            Self::L2Advertisement(_) => Kind::L2Advertisement,
            Self::Community(_) => Kind::Community,
            Self::PodNetwork(_) => Kind::PodNetwork,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Node(_) => Kind::Node,
            Self::Namespace(..) => Kind::Namespace,
            Self::Secret(..) | Self::HeartbeatKeys(_) => Kind::Secret,
            Self::ServiceCidr(..) => Kind::ServiceCidr,
        }
    }

    /// Its key among objects of its kind: what [`crate::Change::Listed`] and
    /// [`crate::Change::Delete`] name it by.
    pub fn key(&self) -> ServiceKey {
        match self {
            Self::Settings(_) => ServiceKey::cluster_scoped(SETTINGS),
            Self::Pool(pool) => ServiceKey::cluster_scoped(pool.meta.name.clone()),
            Self::Peer(peer) => ServiceKey::cluster_scoped(peer.meta.name.clone()),
            Self::BfdProfile(object) => ServiceKey::cluster_scoped(object.meta.name.clone()),
            Self::Advertisement(object) => ServiceKey::cluster_scoped(object.meta.name.clone()),
            Self::L2Advertisement(object) => ServiceKey::cluster_scoped(object.meta.name.clone()),
            Self::Community(object) => ServiceKey::cluster_scoped(object.meta.name.clone()),
            Self::PodNetwork(object) => ServiceKey::cluster_scoped(object.meta.name.clone()),
            Self::Service(service) => service.key.clone(),
            Self::EndpointSlice(slice) => slice.key(),
            Self::Node(node) => ServiceKey::cluster_scoped(node.meta.name.clone()),
            Self::HeartbeatKeys(_) => ServiceKey::cluster_scoped(HEARTBEAT_SECRET),
            Self::Namespace(name, _) | Self::Secret(name, _) | Self::ServiceCidr(name, _) => {
                ServiceKey::cluster_scoped(name.clone())
            }
        }
    }
}

/// Name of the ConfigMap with the settings.
const SETTINGS: &str = "herald";

impl From<&crds::IPAddressPool> for Object {
    fn from(object: &crds::IPAddressPool) -> Self {
        Self::Pool(Pool::parse(object))
    }
}

impl From<&crds::BGPPeer> for Object {
    fn from(object: &crds::BGPPeer) -> Self {
        Self::Peer(Peer::parse(object))
    }
}

impl From<&crds::BFDProfile> for Object {
    fn from(object: &crds::BFDProfile) -> Self {
        Self::BfdProfile(BfdProfile::parse(object))
    }
}

impl From<&crds::BGPAdvertisement> for Object {
    fn from(object: &crds::BGPAdvertisement) -> Self {
        Self::Advertisement(Advertisement::parse(object))
    }
}

impl From<&crds::L2Advertisement> for Object {
    fn from(object: &crds::L2Advertisement) -> Self {
        Self::L2Advertisement(L2Advertisement::parse(object))
    }
}

impl From<&crds::Community> for Object {
    fn from(object: &crds::Community) -> Self {
        Self::Community(community_names::parse(object))
    }
}

impl From<&crds::PodNetwork> for Object {
    fn from(object: &crds::PodNetwork) -> Self {
        Self::PodNetwork(PodNetwork::parse(object))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn reads_ranges_of_a_service_cidr() {
        let yaml = "{metadata: {name: kubernetes}, spec: {cidrs: [10.96.0.1/16, x, 'fd01::/108']}}";
        let object = Object::parse_service_cidr(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap();
        assert_eq!(
            (object.kind(), &*object.key().name),
            (Kind::ServiceCidr, "kubernetes")
        );
        let Object::ServiceCidr(_, networks) = object else {
            panic!("a ServiceCIDR")
        };
        let shown: Vec<_> = networks.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.96.0.0/16", "fd01::/108"]);
    }

    #[test]
    fn reads_labels_of_a_namespace() {
        let yaml = "{metadata: {name: prod, labels: {tier: gold}}}";
        let object = Object::parse_namespace(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap();
        let labels = [("tier".to_string(), "gold".to_string())].into();
        assert_eq!(object, Object::Namespace("prod".into(), labels));
    }

    #[test]
    fn takes_the_secret_of_heartbeats_for_keys_and_others_for_passwords() {
        let parse = |name: &str| {
            let yaml =
                alloc::format!("{{metadata: {{name: {name}}}, data: {{password: aHVudGVyMg==}}}}");
            Object::parse_secret(&serde_yaml_ng::from_str(&yaml).unwrap()).unwrap()
        };
        let keys = parse("herald-heartbeat");
        assert_eq!(
            (keys.kind(), &*keys.key().name),
            (Kind::Secret, "herald-heartbeat")
        );
        assert!(matches!(keys, Object::HeartbeatKeys(Err(_))));
        assert!(matches!(parse("md5"), Object::Secret(_, Ok(_))));
    }

    #[test]
    fn reads_settings_with_defaults() {
        let parse = |yaml: &str| Settings::parse(&serde_yaml_ng::from_str(yaml).unwrap());
        assert_eq!(parse("{metadata: {name: herald}}"), Ok(Settings::default()));
        let both = parse("{data: {loadBalancerClass: example.org/lb, onlyClass: 'true'}}").unwrap();
        assert!(both.serves(Some("example.org/lb")) && !both.serves(None));
        assert!(!both.serves(Some("heraldlb.io/herald")));
        assert_eq!(
            parse("{data: {onlyClass: 'yes'}}").unwrap_err().to_string(),
            "data.onlyClass: \"yes\" is neither true nor false; write \"true\" or \"false\""
        );
    }
}
