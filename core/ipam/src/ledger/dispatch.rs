use alloc::{format, string::String, vec::Vec};
use core::{net::IpAddr, time::Duration};

use model::{Kind, Name, ServiceKey};

use super::Ledger;
use crate::{
    Write, WriteError, Written,
    configuration::{
        advertisement_status, bfd_profile_status, community_status, differ,
        l2_advertisement_status, peer_status, pod_network_status, pool_status,
    },
    delivery::Delivery,
    roster::Slot,
    write::Target,
};

/// Counts alone are written at most this often for one pool.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

impl Ledger {
    /// The next write, which counts as under way from now on.
    pub fn poll_write(&mut self, now: Duration) -> Option<Write> {
        if !self.synced {
            return None;
        }
        self.pass(now);
        while let Some(target) = self.due.pop_first() {
            if let Some(write) = self.prepare(now, &target) {
                self.delivery_mut(&target)?.sent(write.precondition());
                return Some(write);
            }
        }
        None
    }

    /// Takes in how a write ended.
    pub fn handle_written(
        &mut self,
        now: Duration,
        write: &Write,
        result: Result<Written, WriteError>,
    ) {
        let precondition = write.precondition();
        let Some(target) = self.target(write) else {
            return;
        };
        let Some(delivery) = self.delivery_mut(&target) else {
            return;
        };
        if !delivery.awaits(&precondition) {
            return;
        }
        if let Target::Clear(key) = &target {
            let key = key.clone();
            return self.cleared(now, &key, result.err());
        }
        match result {
            Ok(written) => delivery.succeeded(now, written.resource_version),
            Err(error) => delivery.failed(now, precondition.1, &error),
        }
        self.look_again(target);
    }

    /// Whom the write is for; `None`: a Service that is gone.
    fn target(&self, write: &Write) -> Option<Target> {
        Some(match write {
            Write::ServiceStatus { key, .. } => Target::Service(self.roster.slot(key)?),
            Write::PoolStatus { name, .. } => Target::Pool(name.clone()),
            Write::Conditions {
                kind: Kind::Peer,
                name,
                ..
            } => Target::Peer(name.clone()),
            Write::Conditions {
                kind: Kind::BfdProfile,
                name,
                ..
            } => Target::BfdProfile(name.clone()),
            Write::Conditions {
                kind: Kind::L2Advertisement,
                name,
                ..
            } => Target::L2Advertisement(name.clone()),
            Write::Conditions {
                kind: Kind::Community,
                name,
                ..
            } => Target::Community(name.clone()),
            Write::Conditions {
                kind: Kind::PodNetwork,
                name,
                ..
            } => Target::PodNetwork(name.clone()),
            Write::Conditions { name, .. } => Target::Advertisement(name.clone()),
            Write::ClearService { key } => Target::Clear(key.clone()),
        })
    }

    fn delivery_mut(&mut self, target: &Target) -> Option<&mut Delivery> {
        match target {
            Target::Service(slot) => Some(&mut self.roster.entry_mut(*slot)?.delivery),
            Target::Pool(_)
            | Target::Peer(_)
            | Target::BfdProfile(_)
            | Target::Advertisement(_)
            | Target::L2Advertisement(_)
            | Target::Community(_)
            | Target::PodNetwork(_)
            | Target::Clear(_) => Some(self.deliveries.entry(target.clone()).or_default()),
        }
    }

    /// Notes when the target's delivery wants attention, and gives it some now.
    fn look_again(&mut self, target: Target) {
        let deadlines = self
            .delivery_mut(&target)
            .map(|delivery| delivery.deadlines());
        for deadline in deadlines.into_iter().flatten() {
            self.timers.insert((deadline, target.clone()));
        }
        if let Target::Service(slot) = target {
            self.dirty.insert(slot);
        }
        self.due.insert(target);
    }

    fn cleared(&mut self, now: Duration, key: &ServiceKey, error: Option<WriteError>) {
        let target = Target::Clear(key.clone());
        match error {
            // What the API server refuses here hurts nobody.
            None | Some(WriteError::NotFound | WriteError::Refused(_)) => {
                self.deliveries.remove(&target);
            }
            Some(WriteError::Conflict) => {
                self.clear_later(now, target, WriteError::Retry { after: None })
            }
            Some(error @ WriteError::Retry { .. }) => self.clear_later(now, target, error),
        }
    }

    fn clear_later(&mut self, now: Duration, target: Target, error: WriteError) {
        if let Some(delivery) = self.deliveries.get_mut(&target) {
            delivery.failed(now, Name::default(), &error);
        }
        self.look_again(target);
    }

    /// The write that the target needs and may have now.
    fn prepare(&mut self, now: Duration, target: &Target) -> Option<Write> {
        match target {
            Target::Service(slot) => self.prepare_service(now, *slot),
            Target::Pool(name) => self.prepare_pool(now, name),
            Target::Peer(name) => {
                let object = self.cluster.peers.get(name)?;
                let conditions = peer_status(&self.cluster, object);
                self.prepare_conditions(now, target, Kind::Peer, &object.meta, conditions)
            }
            Target::BfdProfile(name) => {
                let object = self.cluster.bfd_profiles.get(name)?;
                let conditions = bfd_profile_status(object);
                self.prepare_conditions(now, target, Kind::BfdProfile, &object.meta, conditions)
            }
            Target::Advertisement(name) => {
                let object = self.cluster.advertisements.get(name)?;
                let conditions = advertisement_status(&self.cluster, object);
                self.prepare_conditions(now, target, Kind::Advertisement, &object.meta, conditions)
            }
            Target::L2Advertisement(name) => {
                let object = self.cluster.l2_advertisements.get(name)?;
                let conditions = l2_advertisement_status(&self.cluster, object);
                let kind = Kind::L2Advertisement;
                self.prepare_conditions(now, target, kind, &object.meta, conditions)
            }
            Target::Community(name) => {
                let object = self.cluster.communities.get(name)?;
                let conditions = community_status(&self.cluster, object);
                self.prepare_conditions(now, target, Kind::Community, &object.meta, conditions)
            }
            Target::PodNetwork(name) => {
                let object = self.cluster.pod_networks.get(name)?;
                let conditions = pod_network_status(&self.cluster, object);
                self.prepare_conditions(now, target, Kind::PodNetwork, &object.meta, conditions)
            }
            Target::Clear(key) => {
                let back = self.cluster.services.contains_key(key);
                if back {
                    self.deliveries.remove(target);
                    return None;
                }
                self.is_ready(now, target, "")
                    .then(|| Write::ClearService { key: key.clone() })
            }
        }
    }

    fn prepare_service(&mut self, now: Duration, slot: Slot) -> Option<Write> {
        let entry = self.roster.entry_mut(slot)?;
        let outcome = entry.outcome.as_ref()?;
        let service = self.cluster.services.get(entry.key()?)?;
        let ready = entry.delivery.is_ready(now, &service.meta.resource_version);
        if !ready || !outcome.differs(service) {
            return None;
        }
        let assigned = assigned_sentence(&self.space, &outcome.addresses);
        let write = Write::ServiceStatus {
            key: service.key.clone(),
            uid: service.meta.uid.clone(),
            resource_version: service.meta.resource_version.clone(),
            addresses: outcome.addresses.clone(),
            conditions: outcome.conditions(service),
            event: outcome.event(service, &entry.left, assigned),
        };
        for address in &outcome.addresses {
            if !entry.assumed.contains(address) {
                entry.assumed.push(*address);
            }
        }
        Some(write)
    }

    fn prepare_pool(&mut self, now: Duration, name: &Name) -> Option<Write> {
        let object = self.cluster.pools.get(name)?;
        let target = Target::Pool(name.clone());
        if !self.is_ready(now, &target, &object.meta.resource_version) {
            return None;
        }
        let (counts, conditions) = pool_status(&self.cluster, &self.space, object);
        let counted = object
            .value
            .as_ref()
            .is_ok_and(|pool| pool.counts != counts);
        let differs = differ(&conditions, &object.meta.conditions);
        let next = self
            .counted
            .get(name)
            .map_or(now, |last| last.saturating_add(COUNT_INTERVAL));
        if !differs && counted && now < next {
            self.timers.insert((next, target));
            return None;
        }
        if !differs && !counted {
            return None;
        }
        let write = Write::PoolStatus {
            name: name.clone(),
            uid: object.meta.uid.clone(),
            resource_version: object.meta.resource_version.clone(),
            counts,
            conditions,
        };
        self.counted.insert(name.clone(), now);
        Some(write)
    }

    fn prepare_conditions(
        &self,
        now: Duration,
        target: &Target,
        kind: Kind,
        meta: &model::Meta,
        conditions: Vec<model::Condition>,
    ) -> Option<Write> {
        let ready = self.is_ready(now, target, &meta.resource_version);
        (ready && differ(&conditions, &meta.conditions)).then(|| Write::Conditions {
            kind,
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
            conditions,
        })
    }

    fn is_ready(&self, now: Duration, target: &Target, version: &str) -> bool {
        self.deliveries
            .get(target)
            .is_none_or(|delivery| delivery.is_ready(now, version))
    }
}

/// `has 10.0.0.1 from pool "a"`.
fn assigned_sentence(space: &crate::space::Space, addresses: &[IpAddr]) -> String {
    let one = |address: &IpAddr| match space.owner(*address) {
        Some(pool) => format!("{address} from pool \"{}\"", pool.name),
        None => format!("{address}"),
    };
    let shown: Vec<_> = addresses.iter().map(one).collect();
    format!("has {}", shown.join(" and "))
}
