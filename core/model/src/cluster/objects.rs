use alloc::{collections::BTreeMap, vec::Vec};

use super::Cluster;
use crate::{Kind, Name, Object};

impl Cluster {
    /// Everything that is known, as the objects that tell it: applied to an empty world they give an equal one.
    pub fn objects(&self) -> Vec<Object> {
        let Self {
            settings,
            pools,
            peers,
            bfd_profiles,
            advertisements,
            l2_advertisements,
            pod_networks,
            communities,
            services,
            endpoints,
            nodes,
            namespaces,
            secrets,
            heartbeat_keys,
            service_cidrs,
            slices: _,
            names: _,
        } = self;
        let mut objects = Vec::from([Object::Settings(settings.clone())]);
        objects.extend(pools.values().cloned().map(Object::Pool));
        objects.extend(peers.values().cloned().map(Object::Peer));
        objects.extend(bfd_profiles.values().cloned().map(Object::BfdProfile));
        objects.extend(advertisements.values().cloned().map(Object::Advertisement));
        objects.extend(
            l2_advertisements
                .values()
                .cloned()
                .map(Object::L2Advertisement),
        );
        objects.extend(pod_networks.values().cloned().map(Object::PodNetwork));
        objects.extend(communities.values().cloned().map(Object::Community));
        objects.extend(services.values().cloned().map(Object::Service));
        let slices = endpoints.values().flat_map(|all| all.slices());
        objects.extend(slices.cloned().map(Object::EndpointSlice));
        objects.extend(nodes.values().cloned().map(Object::Node));
        objects.extend(named(namespaces, Object::Namespace));
        objects.extend(named(secrets, Object::Secret));
        objects.extend(heartbeat_keys.clone().map(Object::HeartbeatKeys));
        objects.extend(named(service_cidrs, Object::ServiceCidr));
        objects
    }

    /// What one knows who had `older` when the lists of some kinds have come anew, and of the other kinds a part: an
    /// object that is in both is as it is here.
    #[must_use]
    pub fn over(&self, older: Vec<Object>, listed: impl Fn(Kind) -> bool) -> Self {
        let mut world = Self::default();
        let newer = self.objects().into_iter();
        // There are settings in an empty world, too.
        let newer =
            newer.filter(|object| object.kind() != Kind::Settings || listed(Kind::Settings));
        let older = older.into_iter().filter(|object| !listed(object.kind()));
        for object in older.chain(newer) {
            world.insert(object);
        }
        world
    }
}

fn named<T: Clone>(
    map: &BTreeMap<Name, T>,
    object: fn(Name, T) -> Object,
) -> impl Iterator<Item = Object> {
    map.iter()
        .map(move |(name, value)| object(name.clone(), value.clone()))
}
