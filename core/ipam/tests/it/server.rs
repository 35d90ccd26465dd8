//! An API server as far as the Ledger sees one.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use ipam::{Event, Ledger, Write, WriteError, Written};
use model::{
    Change, Condition, Kind, Meta, Object, Parsed, Pool, Service, ServiceKey, StatusOwner,
    Timestamp, condition_type,
};

use crate::object::key;

/// How the next write ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Success,
    Conflict,
    Lost,
    LandedButLost,
    Refused,
}

/// Objects, the changes that the Ledger has not been told of, and the Ledger.
pub(crate) struct Server {
    pub(crate) ledger: Ledger,
    pub(crate) now: Duration,
    pub(crate) services: BTreeMap<ServiceKey, Service>,
    pub(crate) pools: BTreeMap<String, Parsed<Pool>>,
    pub(crate) events: Vec<(ServiceKey, Event)>,
    pub(crate) writes: Vec<Write>,
    pub(crate) news: VecDeque<Change>,
    pub(crate) others: Vec<Object>,
    version: u64,
}

impl Server {
    /// A server without objects, whose Ledger has seen every first list.
    pub(crate) fn new() -> Self {
        let mut server = Self::unsynced();
        server.ledger.handle_synced(server.now);
        server.pass_time(60);
        server
    }

    pub(crate) fn unsynced() -> Self {
        Self {
            ledger: Ledger::new(),
            now: Duration::ZERO,
            services: BTreeMap::new(),
            pools: BTreeMap::new(),
            events: Vec::new(),
            writes: Vec::new(),
            news: VecDeque::new(),
            others: Vec::new(),
            version: 0,
        }
    }

    /// Another leader begins, in a fixed or the reverse order of objects.
    pub(crate) fn restart(&mut self, reverse: bool) {
        self.news.clear();
        let mut objects: Vec<Object> = self.others.clone();
        objects.extend(self.pools.values().cloned().map(Object::Pool));
        objects.extend(self.services.values().cloned().map(Object::Service));
        if reverse {
            objects.reverse();
        }
        self.ledger = Ledger::new();
        for object in objects {
            self.ledger.handle_change(self.now, Change::Apply(object));
        }
        self.ledger.handle_synced(self.now);
    }

    pub(crate) fn put(&mut self, mut service: Service) {
        service.meta.resource_version = self.next_version();
        if service.meta.uid.is_empty() {
            service.meta.uid = format!("uid-{}", service.meta.resource_version).into();
        }
        self.services.insert(service.key.clone(), service.clone());
        self.news.push_back(Change::Apply(Object::Service(service)));
    }

    pub(crate) fn edit(&mut self, name: &str, edit: impl FnOnce(&mut Service)) {
        let mut service = self.services[&key(name)].clone();
        edit(&mut service);
        self.put(service);
    }

    pub(crate) fn delete(&mut self, name: &str) {
        if self.services.remove(&key(name)).is_some() {
            self.news
                .push_back(Change::Delete(Kind::Service, key(name)));
        }
    }

    pub(crate) fn put_pool(&mut self, name: &str, created: i64, pool: Pool) {
        let meta = Meta {
            name: name.into(),
            uid: name.into(),
            generation: 1,
            created: Timestamp(created),
            ..Meta::default()
        };
        self.put_parsed_pool(Parsed {
            meta,
            value: Ok(pool),
        });
    }

    pub(crate) fn put_parsed_pool(&mut self, mut pool: Parsed<Pool>) {
        pool.meta.resource_version = self.next_version();
        self.pools.insert(pool.meta.name.to_string(), pool.clone());
        self.news.push_back(Change::Apply(Object::Pool(pool)));
    }

    pub(crate) fn delete_pool(&mut self, name: &str) {
        self.pools.remove(name);
        self.news
            .push_back(Change::Delete(Kind::Pool, ServiceKey::cluster_scoped(name)));
    }

    pub(crate) fn put_other(&mut self, mut object: Object) {
        let version = self.next_version();
        if let Object::Peer(Parsed { meta, .. }) = &mut object {
            meta.resource_version = version;
        } else if let Object::Advertisement(Parsed { meta, .. }) = &mut object {
            meta.resource_version = version;
        } else if let Object::BfdProfile(Parsed { meta, .. }) = &mut object {
            meta.resource_version = version;
        } else if let Object::L2Advertisement(Parsed { meta, .. }) = &mut object {
            meta.resource_version = version;
        } else if let Object::Community(Parsed { meta, .. }) = &mut object {
            meta.resource_version = version;
        } else if let Object::PodNetwork(Parsed { meta, .. }) = &mut object {
            meta.resource_version = version;
        }
        let (kind, key) = (object.kind(), object.key());
        self.others
            .retain(|other| (other.kind(), other.key()) != (kind, key.clone()));
        self.others.push(object.clone());
        self.news.push_back(Change::Apply(object));
    }

    pub(crate) fn tell_one(&mut self) {
        if let Some(change) = self.news.pop_front() {
            self.ledger.handle_change(self.now, change);
        }
    }

    pub(crate) fn tell_all(&mut self) {
        while !self.news.is_empty() {
            self.tell_one();
        }
    }

    /// Carries everything out until nothing is left to do at this moment; says how many writes.
    pub(crate) fn settle(&mut self) -> usize {
        let before = self.writes.len();
        loop {
            self.tell_all();
            let Some(write) = self.ledger.poll_write(self.now) else {
                break;
            };
            assert!(
                self.writes.len() - before < 5_000,
                "it never ends: {write:?}"
            );
            self.carry_out(&write, Fate::Success);
        }
        self.writes.len() - before
    }

    /// The next write to a Service; all others succeed on the way.
    pub(crate) fn poll_service_write(&mut self) -> Option<Write> {
        loop {
            match self.ledger.poll_write(self.now)? {
                write @ (Write::ServiceStatus { .. } | Write::ClearService { .. }) => {
                    return Some(write);
                }
                write => self.carry_out(&write, Fate::Success),
            }
        }
    }

    /// Lets time pass, with every timer on the way, and settles.
    pub(crate) fn pass_time(&mut self, seconds: u64) -> usize {
        let end = self.now + Duration::from_secs(seconds);
        let mut writes = 0;
        while let Some(until) = self.ledger.poll_timeout().filter(|until| *until <= end) {
            self.now = self.now.max(until);
            self.ledger.handle_timeout(self.now);
            writes += self.settle();
        }
        self.now = end;
        writes + self.settle()
    }

    /// Does one write and reports it.
    pub(crate) fn carry_out(&mut self, write: &Write, fate: Fate) {
        self.writes.push(write.clone());
        let result = match fate {
            Fate::Success => self.perform(write),
            Fate::Conflict => Err(WriteError::Conflict),
            Fate::Lost => Err(WriteError::Retry { after: None }),
            Fate::LandedButLost => {
                let _ = self.perform(write);
                Err(WriteError::Retry { after: None })
            }
            Fate::Refused => Err(WriteError::Refused("no".into())),
        };
        self.ledger.handle_written(self.now, write, result);
    }

    /// What the server does with a write.
    pub(crate) fn perform(&mut self, write: &Write) -> Result<Written, WriteError> {
        let now = Timestamp(self.now.as_secs() as i64);
        match write {
            Write::ServiceStatus {
                key,
                uid,
                resource_version,
                addresses,
                conditions,
                event,
            } => {
                let mut service = self
                    .services
                    .get(key)
                    .cloned()
                    .ok_or(WriteError::NotFound)?;
                if (&service.meta.uid, &service.meta.resource_version) != (uid, resource_version) {
                    return Err(WriteError::Conflict);
                }
                if service.status_owner != StatusOwner::Foreign {
                    service.addresses.clone_from(addresses);
                    service.status_canonical = true;
                    service.status_owner = match addresses.is_empty() {
                        true => StatusOwner::None,
                        false => StatusOwner::Ours,
                    };
                }
                service.meta.conditions = stamped(conditions, now);
                self.events
                    .extend(event.iter().map(|event| (key.clone(), event.clone())));
                self.put(service);
            }
            Write::PoolStatus {
                name,
                resource_version,
                counts,
                conditions,
                ..
            } => {
                let mut pool = self
                    .pools
                    .get(&**name)
                    .cloned()
                    .ok_or(WriteError::NotFound)?;
                if pool.meta.resource_version != *resource_version {
                    return Err(WriteError::Conflict);
                }
                pool.meta.conditions = stamped(conditions, now);
                if let Ok(pool) = &mut pool.value {
                    pool.counts = *counts;
                }
                self.put_parsed_pool(pool);
            }
            Write::Conditions {
                kind,
                name,
                conditions,
                ..
            } => {
                let wanted = (*kind, ServiceKey::cluster_scoped(name.clone()));
                let find = |object: &&mut Object| (object.kind(), object.key()) == wanted;
                let object = self
                    .others
                    .iter_mut()
                    .find(find)
                    .ok_or(WriteError::NotFound)?;
                match object {
                    Object::Peer(peer) => peer.meta.conditions = stamped(conditions, now),
                    Object::Advertisement(object) => {
                        object.meta.conditions = stamped(conditions, now);
                    }
                    Object::BfdProfile(object) => {
                        object.meta.conditions = stamped(conditions, now);
                    }
                    Object::L2Advertisement(object) => {
                        object.meta.conditions = stamped(conditions, now);
                    }
                    Object::Community(object) => {
                        object.meta.conditions = stamped(conditions, now);
                    }
                    Object::PodNetwork(object) => {
                        object.meta.conditions = stamped(conditions, now);
                    }
                    _ => panic!("{kind:?} has no conditions"),
                }
                let object = object.clone();
                self.put_other(object);
            }
            Write::ClearService { .. } => {}
        }
        Ok(Written {
            resource_version: self.version.to_string().as_str().into(),
        })
    }

    pub(crate) fn addresses(&self, name: &str) -> Vec<String> {
        self.services[&key(name)]
            .addresses
            .iter()
            .map(IpAddr::to_string)
            .collect()
    }

    pub(crate) fn address(&self, name: &str) -> String {
        self.addresses(name).join(",")
    }

    /// `STATUS REASON: MESSAGE` of one of a Service's conditions.
    pub(crate) fn condition(&self, name: &str, kind: &str) -> String {
        shown(&self.services[&key(name)].meta.conditions, kind)
    }

    pub(crate) fn assigned(&self, name: &str) -> String {
        self.condition(name, condition_type::ASSIGNED)
    }

    pub(crate) fn satisfied(&self, name: &str) -> String {
        self.condition(name, condition_type::REQUEST_SATISFIED)
    }

    pub(crate) fn pool_condition(&self, name: &str, kind: &str) -> String {
        shown(&self.pools[name].meta.conditions, kind)
    }

    /// Events of one Service as `REASON: MESSAGE`, oldest first.
    pub(crate) fn events_of(&self, name: &str) -> Vec<String> {
        let own = self
            .events
            .iter()
            .filter(|(service, _)| *service == key(name));
        own.map(|(_, event)| format!("{}: {}", event.reason, event.message))
            .collect()
    }

    fn next_version(&mut self) -> model::Name {
        self.version += 1;
        self.version.to_string().as_str().into()
    }
}

pub(crate) fn shown(conditions: &[Condition], kind: &str) -> String {
    match conditions.iter().find(|condition| condition.kind == kind) {
        Some(found) => format!(
            "{} {}: {}",
            found.status.as_str(),
            found.reason,
            found.message
        ),
        None => String::new(),
    }
}

fn stamped(conditions: &[Condition], now: Timestamp) -> Vec<Condition> {
    let stamp = |condition: &Condition| Condition {
        since: condition.since.or(Some(now)),
        ..condition.clone()
    };
    conditions.iter().map(stamp).collect()
}
