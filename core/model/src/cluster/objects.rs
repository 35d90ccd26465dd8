use alloc::vec::Vec;

use super::Cluster;
use crate::{Kind, Object};

impl Cluster {
    /// Everything that is known, as the objects that tell it: applied to an empty world they give an equal one.
    pub fn objects(&self) -> Vec<Object> {
        let mut objects = Vec::from([Object::Settings(self.settings.clone())]);
        objects.extend(self.pools.values().cloned().map(Object::Pool));
        objects.extend(self.peers.values().cloned().map(Object::Peer));
        let advertisements = self.advertisements.values().cloned();
        objects.extend(advertisements.map(Object::Advertisement));
        let l2_advertisements = self.l2_advertisements.values().cloned();
        objects.extend(l2_advertisements.map(Object::L2Advertisement));
        objects.extend(self.pod_networks.values().cloned().map(Object::PodNetwork));
        objects.extend(self.services.values().cloned().map(Object::Service));
        let slices = self.endpoints.values().flat_map(|all| all.slices());
        objects.extend(slices.cloned().map(Object::EndpointSlice));
        objects.extend(self.nodes.values().cloned().map(Object::Node));
        let secrets = self.secrets.iter();
        objects.extend(secrets.map(|(name, secret)| Object::Secret(name.clone(), secret.clone())));
        objects.extend(self.heartbeat_keys.clone().map(Object::HeartbeatKeys));
        let namespaces = self.namespaces.iter();
        objects.extend(
            namespaces.map(|(name, labels)| Object::Namespace(name.clone(), labels.clone())),
        );
        let cidrs = self.service_cidrs.iter();
        objects.extend(cidrs.map(|(name, cidrs)| Object::ServiceCidr(name.clone(), cidrs.clone())));
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
