use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use model::{Change, Kind, Name, Object, ServiceKey};

use crate::Random;

/// Longest delay of a watch event.
const WATCH_DELAY: u64 = 50_000;

/// The API server: objects in their parsed form, a version for each write, and watches with delay.
#[derive(Debug, Default)]
pub struct Api {
    objects: BTreeMap<(Kind, ServiceKey), Object>,
    version: u64,
    watchers: Vec<Watcher>,
    away: bool,
}

/// Names one watching program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatcherId(usize);

/// What a watching program gets.
#[derive(Clone, Debug)]
pub enum Watched {
    /// One event.
    Change(Change),
    /// The first list of a kind is complete.
    Synced(Kind),
}

#[derive(Debug)]
struct Watcher {
    kinds: Vec<Kind>,
    pending: VecDeque<(Duration, Watched)>,
    last: Duration,
    gone: bool,
}

impl Api {
    /// Starts a watch on `kinds`; the list comes first.
    pub fn watch(&mut self, now: Duration, kinds: &[Kind]) -> WatcherId {
        self.watchers.push(Watcher {
            kinds: kinds.to_vec(),
            pending: VecDeque::new(),
            last: now,
            gone: false,
        });
        let id = WatcherId(self.watchers.len() - 1);
        self.list(now, id);
        for &kind in kinds {
            self.send(id, now, Watched::Synced(kind));
        }
        id
    }

    /// The watching program is gone.
    pub fn unwatch(&mut self, id: WatcherId) {
        if let Some(watcher) = self.watchers.get_mut(id.0) {
            watcher.gone = true;
            watcher.pending.clear();
        }
    }

    /// The watch breaks: what was under way is lost, and everything is listed again.
    pub fn break_watch(&mut self, now: Duration, id: WatcherId) {
        if let Some(watcher) = self.watchers.get_mut(id.0) {
            watcher
                .pending
                .retain(|(_, event)| matches!(event, Watched::Synced(_)));
            if !watcher.gone {
                self.list(now, id);
            }
        }
    }

    /// Stops or starts answering. Watches hear nothing meanwhile; afterwards everything is listed again.
    pub fn set_away(&mut self, now: Duration, away: bool) {
        self.away = away;
        if !away {
            for id in 0..self.watchers.len() {
                self.break_watch(now, WatcherId(id));
            }
        }
    }

    /// Whether requests fail.
    pub fn is_away(&self) -> bool {
        self.away
    }

    /// Creates or replaces an object, with a new resourceVersion where the kind has one here.
    pub fn apply(&mut self, now: Duration, random: &mut Random, mut object: Object) {
        self.version += 1;
        if let Some(meta) = meta_mut(&mut object) {
            meta.resource_version = Name::from(self.version.to_string());
        }
        let place = (object.kind(), object.key());
        if self.objects.get(&place) != Some(&object) {
            self.objects.insert(place, object.clone());
            self.tell(now, random, &Watched::Change(Change::Apply(object)));
        }
    }

    /// Deletes an object.
    pub fn delete(&mut self, now: Duration, random: &mut Random, kind: Kind, key: &ServiceKey) {
        if self.objects.remove(&(kind, key.clone())).is_some() {
            self.tell(
                now,
                random,
                &Watched::Change(Change::Delete(kind, key.clone())),
            );
        }
    }

    /// One object.
    pub fn get(&self, kind: Kind, key: &ServiceKey) -> Option<&Object> {
        self.objects.get(&(kind, key.clone()))
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects
            .iter()
            .filter(move |((of, _), _)| *of == kind)
            .map(|(_, object)| object)
    }

    /// When the next event of a watch is due.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.watchers
            .iter()
            .filter_map(|watcher| Some(watcher.pending.front()?.0))
            .min()
    }

    /// The next event that is due for `id`.
    pub fn poll(&mut self, now: Duration, id: WatcherId) -> Option<Watched> {
        let watcher = self.watchers.get_mut(id.0)?;
        watcher.pending.front().filter(|(due, _)| *due <= now)?;
        watcher.pending.pop_front().map(|(_, event)| event)
    }

    fn list(&mut self, now: Duration, id: WatcherId) {
        let kinds = self
            .watchers
            .get(id.0)
            .map(|watcher| watcher.kinds.clone())
            .unwrap_or_default();
        for kind in kinds {
            let objects: Vec<Object> = self.all(kind).cloned().collect();
            let keys = objects.iter().map(Object::key).collect();
            for object in objects {
                self.send(id, now, Watched::Change(Change::Apply(object)));
            }
            self.send(id, now, Watched::Change(Change::Listed { kind, keys }));
        }
    }

    fn tell(&mut self, now: Duration, random: &mut Random, event: &Watched) {
        if self.away {
            return;
        }
        let kind = match event {
            Watched::Change(Change::Apply(object)) => object.kind(),
            Watched::Change(Change::Delete(kind, _) | Change::Listed { kind, .. })
            | Watched::Synced(kind) => *kind,
        };
        for id in 0..self.watchers.len() {
            let due = now + Duration::from_micros(random.below(WATCH_DELAY));
            if self
                .watchers
                .get(id)
                .is_some_and(|watcher| watcher.kinds.contains(&kind))
            {
                self.send(WatcherId(id), due, event.clone());
                // A watch may tell the same twice after a reconnect.
                if random.chance(5) {
                    self.send(WatcherId(id), due, event.clone());
                }
            }
        }
    }

    /// Events of one watcher keep their order.
    fn send(&mut self, id: WatcherId, due: Duration, event: Watched) {
        if let Some(watcher) = self.watchers.get_mut(id.0).filter(|watcher| !watcher.gone) {
            watcher.last = watcher.last.max(due);
            watcher.pending.push_back((watcher.last, event));
        }
    }
}

/// Metadata of the kinds that have it in their parsed form.
pub(crate) fn meta_mut(object: &mut Object) -> Option<&mut model::Meta> {
    match object {
        Object::Pool(parsed) => Some(&mut parsed.meta),
        Object::Peer(parsed) => Some(&mut parsed.meta),
        Object::BfdProfile(parsed) => Some(&mut parsed.meta),
        Object::Advertisement(parsed) => Some(&mut parsed.meta),
        Object::L2Advertisement(parsed) => Some(&mut parsed.meta),
        Object::Community(parsed) => Some(&mut parsed.meta),
        Object::PodNetwork(parsed) => Some(&mut parsed.meta),
        Object::Service(service) => Some(&mut service.meta),
        Object::Node(node) => Some(&mut node.meta),
        Object::Settings(_)
        | Object::EndpointSlice(_)
        | Object::Namespace(..)
        | Object::Secret(..)
        | Object::HeartbeatKeys(_)
        | Object::ServiceCidr(..) => None,
    }
}
