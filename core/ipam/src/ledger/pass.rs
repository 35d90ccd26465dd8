use alloc::{collections::BTreeSet, format, vec::Vec};
use core::{cmp::Reverse, net::IpAddr, time::Duration};

use model::{AssignedReason, Name, Service, ServiceKey, StatusOwner, Timestamp};

use super::{Entry, Ledger};
use crate::{
    allocate::{World, allocate},
    book::Turnover,
    configuration::{advertisement_status, differ, peer_status, pool_status},
    outcome::{Left, Outcome, Refusal, assigned_since},
    reserved::Reserved,
    space::Space,
    write::Target,
};

/// Who has the better claim to one address; the lowest wins.
type Claim = (u8, Reverse<bool>, Timestamp, Timestamp, Name);

impl Ledger {
    /// Decides everything that the changes since the last pass concern.
    pub(super) fn pass(&mut self, now: Duration) {
        let moved = core::mem::take(&mut self.nodes_changed)
            && Reserved::of(&self.cluster) != *self.space.reserved();
        if core::mem::take(&mut self.space_changed) || moved {
            self.draw_up_space(now);
        }
        let mut looked = false;
        while !self.dirty.is_empty() || self.freed {
            looked = true;
            for (_, key) in self.observe(now) {
                self.settle(now, &key);
            }
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
    fn observe(&mut self, now: Duration) -> BTreeSet<(Option<Timestamp>, ServiceKey)> {
        let mut batch = BTreeSet::new();
        loop {
            if core::mem::take(&mut self.freed) {
                self.dirty.extend(self.waiting.iter().cloned());
            }
            let Some(key) = self.dirty.pop_first() else {
                return batch;
            };
            let service = self.cluster.services.get(&key);
            let place = (service.map(|service| service.meta.created), key);
            if batch.contains(&place) {
                continue;
            }
            self.adopt(now, &place.1);
            batch.insert(place);
        }
    }

    fn draw_up_space(&mut self, now: Duration) {
        self.vanished.rejected = self.cluster.pools.values().any(|pool| pool.value.is_err());
        let keys: Vec<_> = self.cluster.services.keys().cloned().collect();
        for key in &keys {
            self.adopt(now, key);
        }
        self.space = Space::of(&self.cluster, &self.book);
        self.dirty.extend(keys);
        self.freed = true;
    }

    /// Brings entry and book up to what is observed of the Service.
    fn adopt(&mut self, now: Duration, key: &ServiceKey) {
        let Some(service) = self.cluster.services.get(key) else {
            return self.drop_service(key);
        };
        let entry = self.entries.entry(key.clone()).or_default();
        let served = self.cluster.settings.serves(service.class.as_deref());
        let ours = served && service.status_owner != StatusOwner::Foreign;
        if ours && !entry.ours {
            entry.claim.clone_from(&service.addresses);
        } else if !ours {
            entry.claim.clear();
        }
        if core::mem::replace(&mut entry.ours, ours) != ours {
            // What others may have besides it is another question now.
            for address in self.book.held(key) {
                self.dirty.extend(self.book.others(*address, key).cloned());
            }
        }
        let delivery = self.deliveries.get(&Target::Service(key.clone()));
        if !delivery.is_some_and(|delivery| delivery.may_land(now, &service.meta.resource_version))
        {
            entry.assumed.clear();
        }
        for address in self.space.see(service) {
            // Whoever has it must leave it; nobody is looked for in an empty place.
            self.dirty.extend(self.book.others(address, key).cloned());
        }
        self.hold(key);
    }

    fn drop_service(&mut self, key: &ServiceKey) {
        self.entries.remove(key);
        self.waiting.remove(key);
        let target = Target::Service(key.clone());
        self.deliveries.remove(&target);
        self.due.remove(&target);
        let turnover = self.book.hold(key, Vec::new());
        self.turn_over(key, &turnover);
    }

    /// Decides what the Service is to have.
    fn settle(&mut self, now: Duration, key: &ServiceKey) {
        let (Some(service), Some(entry)) = (self.cluster.services.get(key), self.entries.get(key))
        else {
            return;
        };
        let delivery = self.deliveries.get(&Target::Service(key.clone()));
        let version = &service.meta.resource_version;
        let refused = delivery.is_some_and(|d| d.refused && !d.is_ready(now, version));
        let (outcome, left) = if !self.cluster.settings.serves(service.class.as_deref()) {
            (None, Vec::new())
        } else if !entry.ours {
            (Some(foreign()), Vec::new())
        } else if refused {
            (None, Vec::new())
        } else {
            let (outcome, left) = self.decide(service, entry);
            (Some(outcome), left)
        };
        let claim = match &outcome {
            Some(outcome) => outcome.addresses.clone(),
            // Nothing that nobody has seen is kept for it.
            None => {
                let shown = |address: &&IpAddr| service.addresses.contains(address);
                entry.claim.iter().filter(shown).copied().collect()
            }
        };
        self.put_down(key, outcome, claim, left);
    }

    fn put_down(
        &mut self,
        key: &ServiceKey,
        outcome: Option<Outcome>,
        claim: Vec<IpAddr>,
        left: Vec<Left>,
    ) {
        let (Some(service), Some(entry)) =
            (self.cluster.services.get(key), self.entries.get_mut(key))
        else {
            return;
        };
        match outcome
            .as_ref()
            .is_some_and(|outcome| outcome.refusal.is_some())
            && entry.ours
        {
            true => self.waiting.insert(key.clone()),
            false => self.waiting.remove(key),
        };
        let differs = outcome
            .as_ref()
            .is_some_and(|outcome| outcome.differs(service));
        if differs {
            self.due.insert(Target::Service(key.clone()));
            entry.left.extend(left);
        } else {
            entry.left.clear();
        }
        entry.outcome = outcome;
        entry.claim = claim;
        self.hold(key);
    }

    /// Settles conflicts, then allocates.
    fn decide(&self, service: &Service, entry: &Entry) -> (Outcome, Vec<Left>) {
        let (mut claim, mut left) = (Vec::new(), Vec::new());
        for &address in &entry.claim {
            let mine = self.claim_of(service, entry, address);
            let others = self.book.others(address, &service.key);
            let rivals = others.filter_map(|key| Some((self.rival(key, address)?, key)));
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
            vanished: &self.vanished,
        };
        let (mut outcome, illegal) = allocate(world, service, &claim);
        let lost = left.iter().chain(&entry.left);
        let mut lost = lost.filter(|left| left.refusal.reason == AssignedReason::SharingConflict);
        if let (true, Some(refusal), Some(lost)) = (
            outcome.addresses.is_empty(),
            &mut outcome.refusal,
            lost.next(),
        ) {
            *refusal = Refusal::new(
                AssignedReason::SharingConflict,
                format!("{}, and {}", lost.refusal.message, refusal.message),
            );
        }
        left.extend(illegal);
        (outcome, left)
    }

    /// How good the claim of another holder to `address` is; `None`: it is about to leave it.
    fn rival(&self, key: &ServiceKey, address: IpAddr) -> Option<Claim> {
        let (service, entry) = (self.cluster.services.get(key)?, self.entries.get(key)?);
        let claims = !entry.ours || entry.claim.contains(&address);
        claims.then(|| self.claim_of(service, entry, address))
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

    /// Enters into the book what the Service shows, is to have, and may yet show.
    pub(super) fn hold(&mut self, key: &ServiceKey) {
        let (Some(service), Some(entry)) = (self.cluster.services.get(key), self.entries.get(key))
        else {
            return;
        };
        let mut held: Vec<IpAddr> = Vec::new();
        for address in service
            .addresses
            .iter()
            .chain(&entry.claim)
            .chain(&entry.assumed)
        {
            if !held.contains(address) {
                held.push(*address);
            }
        }
        let turnover = self.book.hold(key, held);
        self.turn_over(key, &turnover);
    }

    fn turn_over(&mut self, key: &ServiceKey, turnover: &Turnover) {
        for address in &turnover.joined {
            self.dirty.extend(self.book.others(*address, key).cloned());
        }
        for address in &turnover.taken {
            self.space.take(*address);
        }
        for address in &turnover.freed {
            self.space.give_back(*address);
            self.freed = true;
        }
    }

    /// Finds the configuration objects whose status is not what it should be.
    fn judge_configuration(&mut self) {
        let cluster = &self.cluster;
        self.deliveries.retain(|target, _| match target {
            Target::Service(_) | Target::Clear(_) => true,
            Target::Pool(name) => cluster.pools.contains_key(name),
            Target::Peer(name) => cluster.peers.contains_key(name),
            Target::Advertisement(name) => cluster.advertisements.contains_key(name),
        });
        for (name, object) in &self.cluster.pools {
            let (_, conditions) = pool_status(&self.cluster, &self.space, object);
            if differ(&conditions, &object.meta.conditions) {
                self.due.insert(Target::Pool(name.clone()));
            }
        }
        for (name, object) in &self.cluster.peers {
            if differ(&peer_status(&self.cluster, object), &object.meta.conditions) {
                self.due.insert(Target::Peer(name.clone()));
            }
        }
        for (name, object) in &self.cluster.advertisements {
            if differ(
                &advertisement_status(&self.cluster, object),
                &object.meta.conditions,
            ) {
                self.due.insert(Target::Advertisement(name.clone()));
            }
        }
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

fn foreign() -> Outcome {
    let message = "status.loadBalancer belongs to another field manager";
    Outcome {
        addresses: Vec::new(),
        refusal: Some(Refusal::new(AssignedReason::ForeignStatus, message)),
    }
}
