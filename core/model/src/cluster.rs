mod names;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use ipnet::IpNet;

use crate::{
    Advertisement, EndpointSlice, Endpoints, Kind, Labels, Name, Node, Object, Parsed, Peer, Pool,
    Rejection, Secret, Service, ServiceKey, Settings,
};
use names::Names;

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
    /// Key `password` of the Secrets in the install namespace, or why it is no password.
    pub secrets: BTreeMap<Name, Result<Secret, Rejection>>,
    /// Service ranges, by ServiceCIDR object (or one entry for a flag).
    pub service_cidrs: BTreeMap<Name, Vec<IpNet>>,
    /// Which Service each EndpointSlice (namespace, name) belongs to.
    slices: BTreeMap<ServiceKey, ServiceKey>,
    /// One copy of each node name.
    names: Names,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are Apply, and few are alive at a time")]
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

impl Cluster {
    /// Takes in one change and says what it concerns. The newest version of an object is always
    /// kept, also where nothing is touched.
    pub fn apply(&mut self, change: Change) -> Touched {
        match change {
            Change::Apply(object) => self.insert(object),
            Change::Delete(kind, key) => self.remove(kind, &key),
            Change::Listed { kind, keys } => self.retain(kind, &keys.into_iter().collect()),
        }
    }

    fn insert(&mut self, object: Object) -> Touched {
        match object {
            Object::Settings(settings) => everything(replace(&mut self.settings, settings)),
            Object::Pool(pool) => everything(insert_parsed(&mut self.pools, pool, Pool::same_spec)),
            Object::Peer(peer) => everything(insert_parsed(&mut self.peers, peer, Peer::eq)),
            Object::Advertisement(object) => everything(insert_parsed(
                &mut self.advertisements,
                object,
                Advertisement::eq,
            )),
            Object::Service(service) => self.insert_service(service),
            Object::EndpointSlice(slice) => self.insert_slice(slice),
            Object::Node(node) => {
                let name = self.names.intern(&node.meta.name);
                let same = self.nodes.get(&name).is_some_and(|old| old.same(&node));
                self.nodes.insert(name, node);
                everything(!same)
            }
            Object::Namespace(name, labels) => {
                everything(insert_if_new(&mut self.namespaces, name, labels))
            }
            Object::Secret(name, secret) => {
                everything(insert_if_new(&mut self.secrets, name, secret))
            }
            Object::ServiceCidr(name, networks) => {
                everything(insert_if_new(&mut self.service_cidrs, name, networks))
            }
        }
    }

    fn insert_service(&mut self, service: Service) -> Touched {
        let key = service.key.clone();
        match self.services.insert(key.clone(), service) {
            Some(old) if self.services.get(&key).is_some_and(|new| old.same(new)) => {
                Touched::Nothing
            }
            _ => Touched::Service(key),
        }
    }

    fn insert_slice(&mut self, mut slice: EndpointSlice) -> Touched {
        for endpoint in &mut slice.endpoints {
            endpoint.node = endpoint.node.take().map(|node| self.names.intern(&node));
        }
        let (key, service) = (slice.key(), slice.service.clone());
        let former = self.slices.insert(key, service.clone());
        let moved = former.filter(|former| *former != service);
        if let Some(former) = &moved {
            self.remove_endpoints(former, &slice.name);
        }
        let endpoints = self.endpoints.entry(service.clone()).or_default();
        if endpoints.slice(&slice.name) == Some(&slice) {
            return Touched::Nothing;
        }
        endpoints.insert(slice);
        match moved {
            Some(_) => Touched::Everything,
            None => Touched::Service(service),
        }
    }

    fn remove(&mut self, kind: Kind, key: &ServiceKey) -> Touched {
        let name = &key.name;
        match kind {
            Kind::Settings => everything(replace(&mut self.settings, Settings::default())),
            Kind::Pool => everything(self.pools.remove(name).is_some()),
            Kind::Peer => everything(self.peers.remove(name).is_some()),
            Kind::Advertisement => everything(self.advertisements.remove(name).is_some()),
            Kind::Service => match self.services.remove(key) {
                Some(_) => Touched::Service(key.clone()),
                None => Touched::Nothing,
            },
            Kind::EndpointSlice => match self.slices.remove(key) {
                Some(service) => {
                    self.remove_endpoints(&service, name);
                    Touched::Service(service)
                }
                None => Touched::Nothing,
            },
            Kind::Node => {
                let removed = self.nodes.remove(name).is_some();
                self.names.forget_unused();
                everything(removed)
            }
            Kind::Namespace => everything(self.namespaces.remove(name).is_some()),
            Kind::Secret => everything(self.secrets.remove(name).is_some()),
            Kind::ServiceCidr => everything(self.service_cidrs.remove(name).is_some()),
        }
    }

    /// Removes every object of `kind` that is not among `keys`.
    fn retain(&mut self, kind: Kind, keys: &BTreeSet<ServiceKey>) -> Touched {
        let gone: Vec<ServiceKey> = self
            .keys(kind)
            .into_iter()
            .filter(|key| !keys.contains(key))
            .collect();
        let mut touched = Touched::Nothing;
        for key in gone {
            touched = touched.and(self.remove(kind, &key));
        }
        touched
    }

    fn keys(&self, kind: Kind) -> Vec<ServiceKey> {
        fn scoped<T>(map: &BTreeMap<Name, T>) -> Vec<ServiceKey> {
            map.keys()
                .map(|name| ServiceKey::cluster_scoped(name.clone()))
                .collect()
        }
        match kind {
            Kind::Settings => alloc::vec![ServiceKey::cluster_scoped("herald")],
            Kind::Pool => scoped(&self.pools),
            Kind::Peer => scoped(&self.peers),
            Kind::Advertisement => scoped(&self.advertisements),
            Kind::Service => self.services.keys().cloned().collect(),
            Kind::EndpointSlice => self.slices.keys().cloned().collect(),
            Kind::Node => scoped(&self.nodes),
            Kind::Namespace => scoped(&self.namespaces),
            Kind::Secret => scoped(&self.secrets),
            Kind::ServiceCidr => scoped(&self.service_cidrs),
        }
    }

    fn remove_endpoints(&mut self, service: &ServiceKey, slice: &str) {
        if let Some(endpoints) = self.endpoints.get_mut(service) {
            endpoints.remove(slice);
            if endpoints.is_empty() {
                self.endpoints.remove(service);
            }
        }
    }
}

impl Touched {
    /// What two changes together concern.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, touched) | (touched, Self::Nothing) => touched,
            (Self::Service(one), Self::Service(other)) if one == other => Self::Service(one),
            _ => Self::Everything,
        }
    }
}

fn everything(changed: bool) -> Touched {
    if changed {
        Touched::Everything
    } else {
        Touched::Nothing
    }
}

fn replace<T: PartialEq>(slot: &mut T, value: T) -> bool {
    core::mem::replace(slot, value) != *slot
}

fn insert_if_new<T: PartialEq>(map: &mut BTreeMap<Name, T>, name: Name, value: T) -> bool {
    if map.get(&name) == Some(&value) {
        return false;
    }
    map.insert(name, value);
    true
}

/// Stores the object; true when identity or value differ from what was there.
fn insert_parsed<T>(
    map: &mut BTreeMap<Name, Parsed<T>>,
    object: Parsed<T>,
    same_value: fn(&T, &T) -> bool,
) -> bool {
    let same = map.get(&object.meta.name).is_some_and(|old| {
        old.meta.same_identity(&object.meta)
            && match (&old.value, &object.value) {
                (Ok(old), Ok(new)) => same_value(old, new),
                (Err(old), Err(new)) => old == new,
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
            }
    });
    map.insert(object.meta.name.clone(), object);
    !same
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;
    use crate::AddressFamily;

    fn service(yaml: &str) -> Change {
        Change::Apply(Object::parse_service(&serde_yaml_ng::from_str(yaml).unwrap()).unwrap())
    }

    fn slice(name: &str, service: &str, address: &str) -> Change {
        let yaml = format!(
            "{{metadata: {{namespace: n, name: {name}, labels: {{kubernetes.io/service-name: {service}}}}}, \
             addressType: IPv4, endpoints: [{{addresses: [{address}], nodeName: a}}]}}"
        );
        Change::Apply(
            Object::parse_endpoint_slice(&serde_yaml_ng::from_str(&yaml).unwrap()).unwrap(),
        )
    }

    fn pool(yaml: &str) -> Change {
        Change::Apply(Object::from(
            &serde_yaml_ng::from_str::<crds::IPAddressPool>(yaml).unwrap(),
        ))
    }

    fn key(name: &str) -> ServiceKey {
        ServiceKey::new("n", name)
    }

    #[test]
    fn a_new_resource_version_is_kept_and_touches_nothing() {
        let mut cluster = Cluster::default();
        let version = |v: u8| {
            service(&format!(
                "{{metadata: {{namespace: n, name: s, resourceVersion: '{v}'}}}}"
            ))
        };
        assert_eq!(cluster.apply(version(1)), Touched::Service(key("s")));
        assert_eq!(cluster.apply(version(2)), Touched::Nothing);
        assert_eq!(&*cluster.services[&key("s")].meta.resource_version, "2");
    }

    #[test]
    fn a_status_of_a_pool_is_kept_and_touches_nothing() {
        let mut cluster = Cluster::default();
        let with = |status: &str| {
            pool(&format!(
                "{{apiVersion: heraldlb.io/v1alpha1, kind: IPAddressPool, metadata: {{name: p}}, spec: \
                 {{addresses: [10.0.0.0/24]}}, status: {{{status}}}}}"
            ))
        };
        assert_eq!(cluster.apply(with("")), Touched::Everything);
        assert_eq!(cluster.apply(with("assignedIPv4: 3")), Touched::Nothing);
        assert_eq!(
            cluster.pools["p"]
                .value
                .as_ref()
                .unwrap()
                .counts
                .assigned_ipv4,
            3
        );
    }

    #[test]
    fn a_list_removes_what_it_does_not_name() {
        let mut cluster = Cluster::default();
        for name in ["a", "b", "c"] {
            cluster.apply(service(&format!(
                "{{metadata: {{namespace: n, name: {name}}}}}"
            )));
        }
        let listed = |keys: &[&str]| Change::Listed {
            kind: Kind::Service,
            keys: keys.iter().map(|name| key(name)).collect(),
        };
        assert_eq!(
            cluster.apply(listed(&["a", "b"])),
            Touched::Service(key("c"))
        );
        assert_eq!(cluster.apply(listed(&["a", "b"])), Touched::Nothing);
        assert_eq!(cluster.apply(listed(&[])), Touched::Everything);
        assert!(cluster.services.is_empty());
    }

    #[test]
    fn a_list_without_the_settings_restores_the_defaults() {
        let mut cluster = Cluster::default();
        let settings = Settings {
            only_class: true,
            ..Settings::default()
        };
        assert_eq!(
            cluster.apply(Change::Apply(Object::Settings(settings))),
            Touched::Everything
        );
        let listed = Change::Listed {
            kind: Kind::Settings,
            keys: Vec::new(),
        };
        assert_eq!(cluster.apply(listed), Touched::Everything);
        assert_eq!(cluster, Cluster::default());
    }

    #[test]
    fn a_slice_can_move_to_another_service() {
        let mut cluster = Cluster::default();
        assert_eq!(
            cluster.apply(slice("x", "a", "10.1.0.1")),
            Touched::Service(key("a"))
        );
        assert_eq!(cluster.apply(slice("x", "a", "10.1.0.1")), Touched::Nothing);
        assert_eq!(
            cluster.apply(slice("x", "b", "10.1.0.1")),
            Touched::Everything
        );
        assert!(!cluster.endpoints.contains_key(&key("a")));
        assert!(
            cluster.endpoints[&key("b")]
                .reachable(AddressFamily::IPv4)
                .unwrap()
                .anywhere
        );
        let gone = Change::Delete(Kind::EndpointSlice, key("x"));
        assert_eq!(cluster.apply(gone.clone()), Touched::Service(key("b")));
        assert_eq!(cluster.apply(gone), Touched::Nothing);
        assert_eq!(cluster, Cluster::default());
    }

    #[test]
    fn node_names_are_shared() {
        let mut cluster = Cluster::default();
        cluster.apply(slice("x", "a", "10.1.0.1"));
        cluster.apply(slice("y", "b", "10.1.0.2"));
        let name = |service: &str, slice: &str| {
            cluster.endpoints[&key(service)]
                .slice(slice)
                .unwrap()
                .endpoints[0]
                .node
                .clone()
                .unwrap()
        };
        assert!(alloc::sync::Arc::ptr_eq(&name("a", "x"), &name("b", "y")));
    }

    #[test]
    fn a_heartbeat_of_a_node_touches_nothing() {
        let mut cluster = Cluster::default();
        let node = |more: &str| {
            let object =
                serde_yaml_ng::from_str(&format!("{{metadata: {{name: a, {more}}}}}")).unwrap();
            Change::Apply(Object::parse_node(&object).unwrap())
        };
        assert_eq!(
            cluster.apply(node("resourceVersion: '1'")),
            Touched::Everything
        );
        assert_eq!(
            cluster.apply(node("resourceVersion: '2'")),
            Touched::Nothing
        );
        assert_eq!(cluster.apply(node("labels: {x: y}")), Touched::Everything);
    }

    proptest! {
        #[test]
        fn deleting_all_leaves_an_empty_world(steps in proptest::collection::vec((0_u8..4, 0_u8..4), 0..40)) {
            let mut cluster = Cluster::default();
            for (slice_name, service_name) in steps {
                cluster.apply(slice(&format!("x{slice_name}"), &format!("s{service_name}"), "10.1.0.1"));
            }
            cluster.apply(Change::Listed { kind: Kind::EndpointSlice, keys: Vec::new() });
            prop_assert_eq!(cluster, Cluster::default());
        }
    }
}
