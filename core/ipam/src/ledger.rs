mod dispatch;
mod pass;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use model::{Change, Cluster, Kind, Name, Object, ServiceKey, StatusOwner, Touched};

use crate::{
    book::Book,
    delivery::Delivery,
    roster::{Roster, Slot},
    space::Space,
    vanished::Vanished,
    write::Target,
};

/// Who has which address, who is to have which, and what has to be written.
#[derive(Debug, Default)]
pub struct Ledger {
    cluster: Cluster,
    book: Book,
    space: Space,
    vanished: Vanished,
    roster: Roster,
    /// Services to be looked at in the next pass.
    dirty: BTreeSet<Slot>,
    /// Services that would take more if there were more.
    waiting: BTreeSet<Slot>,
    /// Something was freed, or ran out, since the waiting ones were looked at.
    supply_changed: bool,
    /// Pools, reserved addresses, selectors or settings have changed.
    space_changed: bool,
    /// Nodes or the pod network have changed, and perhaps what they reserve.
    network_changed: bool,
    /// A configuration object, or something that one names, has changed.
    configuration_changed: bool,
    synced: bool,
    /// Objects that may need a write.
    due: BTreeSet<Target>,
    /// How the latest writes go; those of Services are in the roster.
    deliveries: BTreeMap<Target, Delivery>,
    timers: BTreeSet<(Duration, Target)>,
    /// When the counts of a pool were last written.
    counted: BTreeMap<Name, Duration>,
}

impl Ledger {
    /// Kinds that the rules look at; all must have been listed before [`Ledger::handle_synced`].
    pub const KINDS: [Kind; 13] = [
        Kind::Settings,
        Kind::Pool,
        Kind::Peer,
        Kind::BfdProfile,
        Kind::Advertisement,
        Kind::L2Advertisement,
        Kind::Community,
        Kind::PodNetwork,
        Kind::Service,
        Kind::Node,
        Kind::Namespace,
        Kind::Secret,
        Kind::ServiceCidr,
    ];

    /// A Ledger of an empty cluster.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same Ledger, which keeps addresses of vanished pools for `grace` instead of 30 s.
    #[must_use]
    pub fn with_vanished_pool_grace(mut self, grace: Duration) -> Self {
        self.vanished.grace = grace;
        self
    }

    /// Takes in what a watch tells.
    pub fn handle_change(&mut self, now: Duration, change: Change) {
        match &change {
            Change::Apply(Object::Service(service)) => {
                self.due.remove(&Target::Clear(service.key.clone()));
            }
            Change::Apply(Object::Pool(pool)) => {
                self.vanished.forget(&pool.meta.name);
                self.see_pools(now);
                self.configuration_changed = true;
            }
            // Also where nothing but generation or conditions differ.
            Change::Apply(
                Object::Peer(_)
                | Object::BfdProfile(_)
                | Object::Advertisement(_)
                | Object::L2Advertisement(_)
                | Object::Community(_)
                | Object::PodNetwork(_),
            ) => self.configuration_changed = true,
            Change::Apply(_) => {}
            Change::Delete(Kind::Service, key) => self.note_departure(key),
            Change::Delete(Kind::Pool, key) => self.note_pool_gone(now, &key.name),
            Change::Delete(..) => {}
            Change::Listed {
                kind: Kind::Service,
                keys,
            } => self.note_listed_services(keys),
            Change::Listed {
                kind: Kind::Pool,
                keys,
            } => self.note_listed_pools(now, keys),
            Change::Listed { .. } => {}
        }
        self.apply(now, change);
    }

    /// The API server does not serve this kind, so that nobody knows which objects there are. With
    /// the pools' kind gone nothing is freed until they are listed again.
    pub fn handle_not_served(&mut self, _now: Duration, kind: Kind) {
        if kind == Kind::Pool {
            self.vanished.unserved = true;
        }
    }

    /// Every watch has had its first list: writes may begin.
    pub fn handle_synced(&mut self, now: Duration) {
        if self.synced {
            return;
        }
        self.synced = true;
        self.space_changed = true;
        self.configuration_changed = true;
        if !self.vanished.unserved {
            self.vanished.open_eyes(now);
        }
    }

    /// Lets what was waiting for `now` go on.
    pub fn handle_timeout(&mut self, now: Duration) {
        while let Some((until, target)) = self.timers.first().cloned()
            && until <= now
        {
            self.timers.remove(&(until, target.clone()));
            if let Target::Service(slot) = target {
                self.dirty.insert(slot);
            }
            self.due.insert(target);
        }
        if self.vanished.expire(now) {
            self.space_changed = true;
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let timer = self.timers.first().map(|(until, _)| *until);
        timer.into_iter().chain(self.vanished.until()).min()
    }

    /// The world as it was told.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn apply(&mut self, now: Duration, change: Change) {
        let kind = match &change {
            Change::Apply(object) => object.kind(),
            Change::Delete(kind, _) | Change::Listed { kind, .. } => *kind,
        };
        let arrived = match &change {
            Change::Apply(Object::Service(service)) => Some(service.key.clone()),
            Change::Apply(_) | Change::Delete(..) | Change::Listed { .. } => None,
        };
        let former = arrived
            .as_ref()
            .and_then(|key| self.cluster.services.get(key));
        let former = former.map(|service| service.addresses.clone());
        let touched = self.cluster.apply(change);
        if let Some(key) = arrived {
            self.note_arrival(now, &key, former.as_deref(), touched != Touched::Nothing);
        }
        if touched == Touched::Nothing {
            return;
        }
        match kind {
            Kind::Settings | Kind::Pool | Kind::Namespace | Kind::ServiceCidr => {
                self.space_changed = true;
                self.configuration_changed = true;
            }
            Kind::Node | Kind::PodNetwork => {
                self.network_changed = true;
                self.configuration_changed = true;
            }
            Kind::Peer
            | Kind::BfdProfile
            | Kind::Advertisement
            | Kind::L2Advertisement
            | Kind::Community
            | Kind::Secret => {
                self.configuration_changed = true;
            }
            Kind::Service | Kind::EndpointSlice => {}
        }
    }

    /// Takes in a new version of a Service, which had the addresses `former`. What our manager has
    /// written there and we have not is a former leader's last word; if nobody has been shown
    /// anything else, it holds.
    fn note_arrival(
        &mut self,
        now: Duration,
        key: &ServiceKey,
        former: Option<&[IpAddr]>,
        edited: bool,
    ) {
        let slot = self.roster.enter(key);
        self.dirty.insert(slot);
        let (Some(service), Some(entry)) =
            (self.cluster.services.get(key), self.roster.entry_mut(slot))
        else {
            return;
        };
        if entry.uid != service.meta.uid {
            return entry.start_over(&service.meta.uid);
        }
        let own = entry.delivery.may_land(now, &service.meta.resource_version);
        let changed = former.is_some_and(|former| former != service.addresses.as_slice());
        if changed && !own && service.status_owner == StatusOwner::Ours {
            entry.claim.clone_from(&service.addresses);
        }
        if edited {
            entry.delivery.edited();
        }
    }

    fn note_departure(&mut self, key: &ServiceKey) {
        let (Some(service), Some(slot)) = (self.cluster.services.get(key), self.roster.slot(key))
        else {
            return;
        };
        self.dirty.insert(slot);
        let written = self
            .roster
            .entry(slot)
            .is_some_and(|entry| entry.delivery.was_sent());
        if written
            || !service.meta.conditions.is_empty()
            || service.status_owner == StatusOwner::Ours
        {
            self.due.insert(Target::Clear(key.clone()));
        }
    }

    fn note_listed_services(&mut self, keys: &[ServiceKey]) {
        let listed: BTreeSet<&ServiceKey> = keys.iter().collect();
        let known = self.cluster.services.keys();
        let gone: Vec<_> = known.filter(|key| !listed.contains(key)).cloned().collect();
        for key in gone {
            self.note_departure(&key);
        }
    }

    fn see_pools(&mut self, now: Duration) {
        if self.vanished.unserved {
            self.vanished.open_eyes(now);
        }
    }

    fn note_pool_gone(&mut self, now: Duration, name: &Name) {
        let pool = self.cluster.pools.get(name);
        if let Some(pool) = pool.and_then(|object| object.value.as_ref().ok()) {
            self.vanished
                .remember(now, name.clone(), pool.ranges.clone());
        }
        self.counted.remove(name);
    }

    fn note_listed_pools(&mut self, now: Duration, keys: &[ServiceKey]) {
        let listed: BTreeSet<&Name> = keys.iter().map(|key| &key.name).collect();
        let known = self.cluster.pools.keys();
        let gone: Vec<_> = known
            .filter(|name| !listed.contains(name))
            .cloned()
            .collect();
        for name in gone {
            self.note_pool_gone(now, &name);
        }
        self.see_pools(now);
    }
}
