use std::{collections::BTreeMap, time::Duration};

use ipam::{Ledger, Write, WriteError, Written};
use model::{Condition, Kind, Object, ServiceKey, StatusOwner, Timestamp};

use crate::{Api, Random, Watched, WatcherId, api::meta_mut};

/// Longest way of a request to the API server, and of its answer back, in microseconds.
const REQUEST_DELAY: u64 = 20_000;
/// How long a request waits for its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// The leader: a Ledger, its watch, and writes that are late, lost or refused.
#[derive(Debug)]
pub(crate) struct Controller {
    ledger: Ledger,
    pub(crate) watcher: WatcherId,
    missing: Vec<Kind>,
    requests: BTreeMap<(Duration, u64), Request>,
    writes: u64,
    faults: u64,
}

#[derive(Debug)]
enum Request {
    /// Arrives at the API server, whose answer may get lost.
    Arrives { write: Write, answer_lost: bool },
    /// The answer is back.
    Answered {
        write: Write,
        result: Result<Written, WriteError>,
    },
}

impl Controller {
    pub(crate) fn start(now: Duration, api: &mut Api) -> Self {
        Self {
            ledger: Ledger::new(),
            watcher: api.watch(now, &Ledger::KINDS),
            missing: Ledger::KINDS.to_vec(),
            requests: BTreeMap::new(),
            writes: 0,
            faults: 0,
        }
    }

    pub(crate) fn stop(&mut self, api: &mut Api) {
        api.unwatch(self.watcher);
    }

    pub(crate) fn set_faults(&mut self, percent: u64) {
        self.faults = percent;
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    pub(crate) fn handle_watched(&mut self, now: Duration, event: Watched) {
        match event {
            Watched::Change(change) => self.ledger.handle_change(now, change),
            Watched::Synced(kind) => {
                self.missing.retain(|missing| *missing != kind);
                if self.missing.is_empty() {
                    self.ledger.handle_synced(now);
                }
            }
        }
    }

    /// Carries out what is due, and asks the Ledger for more.
    pub(crate) fn handle_timeout(&mut self, now: Duration, random: &mut Random, api: &mut Api) {
        while let Some(entry) = self
            .requests
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            match entry.remove() {
                Request::Arrives { write, answer_lost } => {
                    let result = carry_out(now, random, api, &write);
                    let (wait, result) = match answer_lost {
                        true => (REQUEST_TIMEOUT, Err(WriteError::Retry { after: None })),
                        false => (delay(random), result),
                    };
                    self.queue(now + wait, Request::Answered { write, result });
                }
                Request::Answered { write, result } => {
                    self.ledger.handle_written(now, &write, result);
                }
            }
        }
        self.ledger.handle_timeout(now);
        while let Some(write) = self.ledger.poll_write(now) {
            let request = match random.chance(self.faults) {
                true if random.chance(50) => {
                    let result = Err(WriteError::Retry { after: None });
                    Request::Answered { write, result }
                }
                answer_lost => Request::Arrives { write, answer_lost },
            };
            self.queue(now + delay(random), request);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let request = self.requests.keys().next().map(|(due, _)| *due);
        request.into_iter().chain(self.ledger.poll_timeout()).min()
    }

    fn queue(&mut self, due: Duration, request: Request) {
        self.writes += u64::from(matches!(request, Request::Arrives { .. }));
        let sequence = self
            .requests
            .keys()
            .map(|(_, sequence)| sequence + 1)
            .max()
            .unwrap_or(0);
        self.requests.insert((due, sequence), request);
    }
}

fn delay(random: &mut Random) -> Duration {
    Duration::from_micros(random.below(REQUEST_DELAY))
}

/// What the API server does with a write.
fn carry_out(
    now: Duration,
    random: &mut Random,
    api: &mut Api,
    write: &Write,
) -> Result<Written, WriteError> {
    if api.is_away() {
        return Err(WriteError::Retry { after: None });
    }
    let (kind, key, version) = match write {
        Write::ServiceStatus {
            key,
            resource_version,
            ..
        } => (Kind::Service, key.clone(), resource_version),
        Write::PoolStatus {
            name,
            resource_version,
            ..
        } => (
            Kind::Pool,
            ServiceKey::cluster_scoped(name.clone()),
            resource_version,
        ),
        Write::Conditions {
            kind,
            name,
            resource_version,
            ..
        } => (
            *kind,
            ServiceKey::cluster_scoped(name.clone()),
            resource_version,
        ),
        Write::ClearService { .. } => return Ok(Written::default()),
    };
    let mut object = api.get(kind, &key).cloned().ok_or(WriteError::NotFound)?;
    if meta_mut(&mut object).is_none_or(|meta| meta.resource_version != *version) {
        return Err(WriteError::Conflict);
    }
    store(now, &mut object, write);
    api.apply(now, random, object);
    let version = api
        .get(kind, &key)
        .cloned()
        .and_then(|mut object| meta_mut(&mut object).map(|meta| meta.resource_version.clone()));
    Ok(Written {
        resource_version: version.unwrap_or_default(),
    })
}

fn store(now: Duration, object: &mut Object, write: &Write) {
    let seconds = i64::try_from(now.as_secs()).expect("short runs");
    let timed = |conditions: &[Condition]| {
        let stamp = |condition: &Condition| Condition {
            since: condition.since.or(Some(Timestamp(seconds))),
            ..condition.clone()
        };
        conditions.iter().map(stamp).collect()
    };
    match (object, write) {
        (
            Object::Service(service),
            Write::ServiceStatus {
                addresses,
                conditions,
                ..
            },
        ) => {
            service.addresses.clone_from(addresses);
            service.status_owner = match addresses.is_empty() {
                true => StatusOwner::None,
                false => StatusOwner::Ours,
            };
            service.meta.conditions = timed(conditions);
        }
        (
            Object::Pool(pool),
            Write::PoolStatus {
                counts, conditions, ..
            },
        ) => {
            pool.meta.conditions = timed(conditions);
            if let Ok(value) = &mut pool.value {
                value.counts = *counts;
            }
        }
        (object, Write::Conditions { conditions, .. }) => {
            if let Some(meta) = meta_mut(object) {
                meta.conditions = timed(conditions);
            }
        }
        (_, _) => {}
    }
}
