use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    vec::Vec,
};
use core::{cmp::Reverse, net::IpAddr, time::Duration};

use model::{AssignedReason, Condition, Name, Parsed, Service, ServiceKey, StatusOwner, Timestamp};

use super::Ledger;
use crate::{
    allocate::{World, allocate},
    configuration::{
        advertisement_status, bfd_profile_status, community_status, differ,
        l2_advertisement_status, peer_status, pod_network_status, pool_status,
    },
    outcome::{Left, Outcome, Refusal, assigned_since},
    reserved::Reserved,
    roster::{Entry, Slot},
    space::Space,
    write::Target,
};

/// Who has the better claim to one address; the lowest wins.
type Claim = (u8, Reverse<bool>, Timestamp, Timestamp, Name);

impl Ledger {
    /// Decides everything that the changes since the last pass concern.
    pub(super) fn pass(&mut self, now: Duration) {
        let moved = core::mem::take(&mut self.network_changed)
            && Reserved::of(&self.cluster) != *self.space.reserved();
        let redraw = core::mem::take(&mut self.space_changed) || moved;
        if redraw {
            self.vanished.rejected = self.cluster.pools.values().any(|pool| pool.value.is_err());
            self.dirty.extend(self.roster.slots());
        }
        let mut batch = self.observe(now);
        if redraw {
            self.space = Space::of(&self.cluster, &self.book);
        }
        let looked = redraw || !batch.is_empty();
        while !batch.is_empty() {
            for slot in batch {
                self.settle(now, slot);
            }
            batch = self.observe(now);
        }
        let judge = core::mem::take(&mut self.configuration_changed);
        if judge {
            self.judge_configuration();
        }
        if judge || looked {
            self.recount();
        }
    }

    /// Brings the book up to what is observed of the dirty Services and all that this concerns. Gives
    /// them by age: only then may anything be given out.
    fn observe(&mut self, now: Duration) -> Vec<Slot> {
        let (mut batch, mut seen) = (Vec::new(), BTreeSet::new());
        loop {
            if core::mem::take(&mut self.supply_changed) {
                self.dirty.extend(self.waiting.iter().copied());
            }
            let Some(slot) = self.dirty.pop_first() else {
                break;
            };
            if seen.insert(slot) && self.adopt(now, slot) {
                batch.push(slot);
            }
        }
        let key = |slot: &Slot| self.roster.key(*slot);
        let created = |slot: &Slot| {
            self.cluster
                .services
                .get(key(slot)?)
                .map(|s| s.meta.created)
        };
        let place = |slot: Slot| (created(&slot), key(&slot), slot);
        let mut by_age: Vec<_> = batch.into_iter().map(place).collect();
        by_age.sort_unstable();
        by_age.into_iter().map(|(.., slot)| slot).collect()
    }

    /// Brings entry and book up to what is observed of the Service; false when it is gone.
    fn adopt(&mut self, now: Duration, slot: Slot) -> bool {
        let Some(entry) = self.roster.entry_mut(slot) else {
            return false;
        };
        let Some(service) = entry.key().and_then(|key| self.cluster.services.get(key)) else {
            self.drop_service(slot);
            return false;
        };
        let served = self.cluster.settings.serves(service.class.as_deref());
        let ours = served && service.status_owner != StatusOwner::Foreign;
        if ours && !entry.ours {
            entry.claim.clone_from(&service.addresses);
        } else if !ours {
            entry.claim.clear();
        }
        if core::mem::replace(&mut entry.ours, ours) != ours {
            // What others may have besides it is another question now.
            for address in &entry.held {
                self.dirty.extend(self.book.others(*address, slot));
            }
        }
        if !entry.delivery.may_land(now, &service.meta.resource_version) {
            entry.assumed.clear();
        }
        for address in self.space.see(service) {
            // Whoever has it must leave it, and there is less to give.
            self.supply_changed = true;
            self.dirty.extend(self.book.others(address, slot));
        }
        let held = entry.holdings(service);
        self.hold(slot, held);
        true
    }

    fn drop_service(&mut self, slot: Slot) {
        self.waiting.remove(&slot);
        self.due.remove(&Target::Service(slot));
        self.hold(slot, Vec::new());
        self.roster.leave(slot);
    }

    /// Decides what the Service is to have.
    fn settle(&mut self, now: Duration, slot: Slot) {
        let Some(entry) = self.roster.entry(slot) else {
            return;
        };
        let Some(service) = entry.key().and_then(|key| self.cluster.services.get(key)) else {
            return;
        };
        let served = self.cluster.settings.serves(service.class.as_deref());
        let delivery = &entry.delivery;
        let refused = delivery.refused && !delivery.is_ready(now, &service.meta.resource_version);
        let (outcome, left) = match (served, entry.ours, refused) {
            (false, ..) | (true, true, true) => (None, Vec::new()),
            (true, false, _) => (Some(foreign()), Vec::new()),
            (true, true, false) => {
                let (outcome, left) = self.decide(slot, service, entry);
                (Some(outcome), left)
            }
        };
        let claim = match &outcome {
            Some(outcome) => outcome.addresses.clone(),
            // Nothing that nobody has seen is kept for it.
            None => {
                let shown = |address: &&IpAddr| service.addresses.contains(address);
                entry.claim.iter().filter(shown).copied().collect()
            }
        };
        let of = |judge: &dyn Fn(&Outcome) -> bool| outcome.as_ref().is_some_and(judge);
        let unmet = entry.ours && of(&|outcome| outcome.refusal.is_some());
        let differs = of(&|outcome| outcome.differs(service));
        match unmet {
            true => self.waiting.insert(slot),
            false => self.waiting.remove(&slot),
        };
        let Some(entry) = self.roster.entry_mut(slot) else {
            return;
        };
        match differs {
            true => entry.left.extend(left),
            false => entry.left.clear(),
        }
        entry.outcome = outcome;
        entry.claim = claim;
        let held = entry.holdings(service);
        if differs {
            self.due.insert(Target::Service(slot));
        }
        self.hold(slot, held);
    }

    /// Settles conflicts, then allocates.
    fn decide(&self, slot: Slot, service: &Service, entry: &Entry) -> (Outcome, Vec<Left>) {
        let (mut claim, mut left) = (Vec::new(), Vec::new());
        for &address in &entry.claim {
            let mine = self.claim_of(service, entry, address);
            let others = self.book.others(address, slot);
            let rivals = others.filter_map(|other| self.rival(other, address));
            match rivals.min().filter(|(theirs, _)| *theirs < mine) {
                None => claim.push(address),
                Some((_, winner)) => left.push(Left {
                    address,
                    refusal: Refusal::new(
                        AssignedReason::SharingConflict,
                        format!("{address} belongs to Service {winner}, which had it first"),
                    ),
                }),
            }
        }
        let world = World {
            cluster: &self.cluster,
            space: &self.space,
            book: &self.book,
            roster: &self.roster,
            vanished: &self.vanished,
        };
        let (outcome, illegal) = allocate(world, slot, service, &claim);
        left.extend(illegal);
        (outcome, left)
    }

    /// How good the claim of another holder to `address` is; `None`: it is about to leave it.
    fn rival(&self, slot: Slot, address: IpAddr) -> Option<(Claim, &ServiceKey)> {
        let (entry, key) = (self.roster.entry(slot)?, self.roster.key(slot)?);
        let service = self.cluster.services.get(key)?;
        let claims = !entry.ours || entry.claim.contains(&address);
        claims.then(|| (self.claim_of(service, entry, address), key))
    }

    /// What nobody may touch comes first, then what was seen, then what is only intended; the rest
    /// by age.
    fn claim_of(&self, service: &Service, entry: &Entry, address: IpAddr) -> Claim {
        let class = match (entry.ours, service.addresses.contains(&address)) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        let since = assigned_since(service);
        (
            class,
            Reverse(since.is_some()),
            since.unwrap_or_default(),
            service.meta.created,
            service.meta.uid.clone(),
        )
    }

    /// Enters into the book what the Service holds now.
    fn hold(&mut self, slot: Slot, held: Vec<IpAddr>) {
        let Some(entry) = self.roster.entry_mut(slot) else {
            return;
        };
        if entry.held == held {
            return;
        }
        let turnover = self.book.hold(slot, &entry.held, &held);
        entry.held = held;
        for address in &turnover.joined {
            self.dirty.extend(self.book.others(*address, slot));
        }
        for address in &turnover.taken {
            // What a Service waits for first may be another thing now.
            self.supply_changed |= self.space.take(*address);
        }
        for address in &turnover.freed {
            self.space.give_back(*address);
            self.supply_changed = true;
        }
    }

    /// Finds the configuration objects whose status is not what it should be.
    fn judge_configuration(&mut self) {
        let cluster = &self.cluster;
        self.deliveries.retain(|target, _| match target {
            Target::Service(_) | Target::Clear(_) => true,
            Target::Pool(name) => cluster.pools.contains_key(name),
            Target::Peer(name) => cluster.peers.contains_key(name),
            Target::BfdProfile(name) => cluster.bfd_profiles.contains_key(name),
            Target::Advertisement(name) => cluster.advertisements.contains_key(name),
            Target::L2Advertisement(name) => cluster.l2_advertisements.contains_key(name),
            Target::Community(name) => cluster.communities.contains_key(name),
            Target::PodNetwork(name) => cluster.pod_networks.contains_key(name),
        });
        for (name, object) in &self.cluster.pools {
            let (_, conditions) = pool_status(&self.cluster, &self.space, object);
            if differ(&conditions, &object.meta.conditions) {
                self.due.insert(Target::Pool(name.clone()));
            }
        }
        let due = &mut self.due;
        let peers = stale(&cluster.peers, |peer| peer_status(cluster, peer));
        due.extend(peers.map(Target::Peer));
        let profiles = stale(&cluster.bfd_profiles, bfd_profile_status);
        due.extend(profiles.map(Target::BfdProfile));
        let advertisements = stale(&cluster.advertisements, |advertisement| {
            advertisement_status(cluster, advertisement)
        });
        due.extend(advertisements.map(Target::Advertisement));
        let advertisements = stale(&cluster.l2_advertisements, |advertisement| {
            l2_advertisement_status(cluster, advertisement)
        });
        due.extend(advertisements.map(Target::L2Advertisement));
        let communities = stale(&cluster.communities, |names| {
            community_status(cluster, names)
        });
        due.extend(communities.map(Target::Community));
        let networks = stale(&cluster.pod_networks, |network| {
            pod_network_status(cluster, network)
        });
        due.extend(networks.map(Target::PodNetwork));
    }

    /// Finds the pools whose counts are not what they should be.
    fn recount(&mut self) {
        for (name, object) in &self.cluster.pools {
            if let (Ok(pool), Some(own)) = (&object.value, self.space.pool(name))
                && pool.counts != own.counts()
            {
                self.due.insert(Target::Pool(name.clone()));
            }
        }
    }
}

/// Names of the objects that show other conditions than they should.
fn stale<'a, T>(
    objects: &'a BTreeMap<Name, Parsed<T>>,
    status: impl Fn(&Parsed<T>) -> Vec<Condition> + 'a,
) -> impl Iterator<Item = Name> + 'a {
    let differs = move |object: &Parsed<T>| differ(&status(object), &object.meta.conditions);
    let stale = objects.iter().filter(move |(_, object)| differs(object));
    stale.map(|(name, _)| name.clone())
}

fn foreign() -> Outcome {
    let message = "status.loadBalancer belongs to another field manager";
    Outcome {
        addresses: Vec::new(),
        refusal: Some(Refusal::new(AssignedReason::ForeignStatus, message)),
    }
}
