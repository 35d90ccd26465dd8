mod names;
mod objects;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use ipnet::IpNet;
use l2::Key;

use crate::{
    Advertisement, BfdProfile, CommunityNames, EndpointSlice, Endpoints, HEARTBEAT_SECRET, Kind,
    L2Advertisement, Labels, Name, Node, Object, Parsed, Peer, PodNetwork, Pool, Rejection, Secret,
    Service, ServiceKey, Settings, community_names::community_names,
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
    /// BFDProfiles.
    pub bfd_profiles: BTreeMap<Name, Parsed<BfdProfile>>,
    /// BGPAdvertisements.
    pub advertisements: BTreeMap<Name, Parsed<Advertisement>>,
    /// L2Advertisements.
    pub l2_advertisements: BTreeMap<Name, Parsed<L2Advertisement>>,
    /// Communities, by name of the object.
    pub communities: BTreeMap<Name, Parsed<CommunityNames>>,
    /// PodNetworks; only the one named `default` can be usable.
    pub pod_networks: BTreeMap<Name, Parsed<PodNetwork>>,
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
    /// Keys of heartbeats, oldest first, or why those of the Secret are none; `None`: there is no such Secret.
    pub heartbeat_keys: Option<Result<Vec<Key>, Rejection>>,
    /// Service ranges, by ServiceCIDR object (or one entry for a flag).
    pub service_cidrs: BTreeMap<Name, Vec<IpNet>>,
    /// Which Service each EndpointSlice (namespace, name) belongs to.
    slices: BTreeMap<ServiceKey, ServiceKey>,
    /// One copy of each node name.
    names: Names,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are Apply, and few are alive at a time"
)]
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

    /// What the names of communities stand for, by all usable objects.
    pub fn community_names(&self) -> CommunityNames {
        let objects = self.communities.values();
        let usable = objects.filter_map(|object| Some((&object.meta, object.value.as_ref().ok()?)));
        community_names(usable)
    }

    fn insert(&mut self, object: Object) -> Touched {
        match object {
            Object::Settings(settings) => everything(replace(&mut self.settings, settings)),
            Object::Pool(pool) => everything(insert_parsed(&mut self.pools, pool, Pool::same_spec)),
            Object::Peer(peer) => everything(insert_parsed(&mut self.peers, peer, Peer::eq)),
            Object::BfdProfile(object) => everything(insert_parsed(
                &mut self.bfd_profiles,
                object,
                BfdProfile::eq,
            )),
            Object::Advertisement(object) => everything(insert_parsed(
                &mut self.advertisements,
                object,
                Advertisement::eq,
            )),
            Object::L2Advertisement(object) => everything(insert_parsed(
                &mut self.l2_advertisements,
                object,
                L2Advertisement::eq,
            )),
            Object::Community(object) => everything(insert_parsed(
                &mut self.communities,
                object,
                CommunityNames::eq,
            )),
            Object::PodNetwork(object) => everything(insert_parsed(
                &mut self.pod_networks,
                object,
                PodNetwork::eq,
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
            Object::HeartbeatKeys(keys) => {
                everything(replace(&mut self.heartbeat_keys, Some(keys)))
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
            Kind::BfdProfile => everything(self.bfd_profiles.remove(name).is_some()),
            Kind::Advertisement => everything(self.advertisements.remove(name).is_some()),
            Kind::L2Advertisement => everything(self.l2_advertisements.remove(name).is_some()),
            Kind::Community => everything(self.communities.remove(name).is_some()),
            Kind::PodNetwork => everything(self.pod_networks.remove(name).is_some()),
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
            Kind::Secret if **name == *HEARTBEAT_SECRET => {
                everything(self.heartbeat_keys.take().is_some())
            }
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
            Kind::BfdProfile => scoped(&self.bfd_profiles),
            Kind::Advertisement => scoped(&self.advertisements),
            Kind::L2Advertisement => scoped(&self.l2_advertisements),
            Kind::Community => scoped(&self.communities),
            Kind::PodNetwork => scoped(&self.pod_networks),
            Kind::Service => self.services.keys().cloned().collect(),
            Kind::EndpointSlice => self.slices.keys().cloned().collect(),
            Kind::Node => scoped(&self.nodes),
            Kind::Namespace => scoped(&self.namespaces),
            Kind::Secret => {
                let heartbeats = self.heartbeat_keys.as_ref();
                let heartbeats = heartbeats.map(|_| ServiceKey::cluster_scoped(HEARTBEAT_SECRET));
                scoped(&self.secrets)
                    .into_iter()
                    .chain(heartbeats)
                    .collect()
            }
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
mod tests;
