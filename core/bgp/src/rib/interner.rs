use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use super::Route;
use crate::wire::attr::RouteAttributes;

/// Number of a list of routes that prefixes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId(u32);

impl GroupId {
    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Number of attributes; equal numbers mean equal attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AttributesId(NonZeroU32);

impl AttributesId {
    /// Stands for attributes that were sent and are to be sent again.
    pub(crate) const AGAIN: Self = Self(NonZeroU32::MAX);

    fn new(index: usize) -> Self {
        let number = u32::try_from(index)
            .ok()
            .and_then(|index| NonZeroU32::MIN.checked_add(index));
        Self(number.unwrap_or(NonZeroU32::MAX))
    }

    const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The routes of any number of prefixes.
#[derive(Debug)]
pub(crate) struct Group {
    routes: Arc<[Route]>,
    /// Of each route.
    attributes: Vec<AttributesId>,
    prefixes: usize,
}

impl Group {
    /// The attributes of the first route that is for this peer.
    pub(crate) fn select(&self, peer: &str) -> Option<AttributesId> {
        let mut pairs = self.routes.iter().zip(&self.attributes);
        pairs
            .find(|(route, _)| route.peers.contains(peer))
            .map(|(_, id)| *id)
    }
}

/// Lists of routes and their attributes, each stored once however many prefixes have them.
///
/// Attributes outlive the lists until a sweep: a peer may still have been sent them, and only then can an equal set be
/// seen to be equal.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    groups: Vec<Option<Group>>,
    group_index: BTreeMap<Arc<[Route]>, GroupId>,
    free_groups: Vec<GroupId>,
    attributes: Vec<Option<Stored>>,
    attributes_index: BTreeMap<Arc<RouteAttributes>, AttributesId>,
    free_attributes: Vec<AttributesId>,
    unused_attributes: usize,
}

#[derive(Debug)]
struct Stored {
    attributes: Arc<RouteAttributes>,
    /// Routes of groups that have them.
    routes: usize,
}

impl Interner {
    /// The group with these routes, for one more prefix.
    pub(crate) fn acquire(&mut self, routes: &[Route]) -> GroupId {
        if let Some(&id) = self.group_index.get(routes) {
            if let Some(group) = self.group_mut(id) {
                group.prefixes += 1;
            }
            return id;
        }
        let attributes = routes
            .iter()
            .map(|route| self.acquire_attributes(route))
            .collect();
        let routes: Arc<[Route]> = routes.into();
        let group = Group {
            routes: routes.clone(),
            attributes,
            prefixes: 1,
        };
        let id = match self.free_groups.pop() {
            Some(id) => id,
            None => {
                self.groups.push(None);
                GroupId(u32::try_from(self.groups.len() - 1).unwrap_or(u32::MAX))
            }
        };
        if let Some(place) = self.groups.get_mut(id.index()) {
            *place = Some(group);
        }
        self.group_index.insert(routes, id);
        id
    }

    /// One prefix less has these routes.
    pub(crate) fn release(&mut self, id: GroupId) {
        let Some(place) = self.groups.get_mut(id.index()) else {
            return;
        };
        if let Some(group) = place.as_mut().filter(|group| group.prefixes > 1) {
            group.prefixes -= 1;
            return;
        }
        let Some(group) = place.take() else { return };
        self.group_index.remove(&group.routes);
        self.free_groups.push(id);
        for id in group.attributes {
            self.release_attributes(id);
        }
    }

    pub(crate) fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id.index())?.as_ref()
    }

    pub(crate) fn attributes(&self, id: AttributesId) -> Option<&Arc<RouteAttributes>> {
        self.attributes
            .get(id.index())?
            .as_ref()
            .map(|stored| &stored.attributes)
    }

    pub(crate) fn wants_sweep(&self) -> bool {
        self.unused_attributes > 64 + self.attributes_index.len() / 2
    }

    /// Drops what no route has and no peer was sent.
    pub(crate) fn sweep(&mut self, sent: impl Iterator<Item = AttributesId>) {
        let mut keep = alloc::vec![false; self.attributes.len()];
        for id in sent {
            if let Some(keep) = keep.get_mut(id.index()) {
                *keep = true;
            }
        }
        for (index, (place, keep)) in self.attributes.iter_mut().zip(keep).enumerate() {
            if let Some(stored) = place
                && stored.routes == 0
                && !keep
            {
                self.attributes_index.remove(&stored.attributes);
                self.free_attributes.push(AttributesId::new(index));
                *place = None;
                self.unused_attributes -= 1;
            }
        }
    }

    fn group_mut(&mut self, id: GroupId) -> Option<&mut Group> {
        self.groups.get_mut(id.index())?.as_mut()
    }

    fn acquire_attributes(&mut self, route: &Route) -> AttributesId {
        let id = match self.attributes_index.get(&route.attributes) {
            Some(&id) => id,
            None => self.store(route.attributes.clone()),
        };
        if let Some(Some(stored)) = self.attributes.get_mut(id.index()) {
            if stored.routes == 0 {
                self.unused_attributes -= 1;
            }
            stored.routes += 1;
        }
        id
    }

    fn release_attributes(&mut self, id: AttributesId) {
        if let Some(Some(stored)) = self.attributes.get_mut(id.index()) {
            stored.routes = stored.routes.saturating_sub(1);
            if stored.routes == 0 {
                self.unused_attributes += 1;
            }
        }
    }

    fn store(&mut self, attributes: Arc<RouteAttributes>) -> AttributesId {
        let id = match self.free_attributes.pop() {
            Some(id) => id,
            None => {
                self.attributes.push(None);
                AttributesId::new(self.attributes.len() - 1)
            }
        };
        if let Some(place) = self.attributes.get_mut(id.index()) {
            *place = Some(Stored {
                attributes: attributes.clone(),
                routes: 0,
            });
        }
        self.unused_attributes += 1;
        self.attributes_index.insert(attributes, id);
        id
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::rib::PeerSet;

    fn route(med: u32) -> Route {
        let attributes = RouteAttributes {
            multi_exit_disc: Some(med),
            ..RouteAttributes::default()
        };
        Route {
            peers: PeerSet::All,
            attributes: Arc::new(attributes),
        }
    }

    #[test]
    fn equal_lists_and_equal_attributes_are_stored_once() {
        let mut interner = Interner::default();
        let first = interner.acquire(&[route(1)]);
        assert_eq!(interner.acquire(&[route(1)]), first);
        let both = interner.acquire(&[route(1), route(2)]);
        assert_ne!(first, both);
        let select = |id| interner.group(id).unwrap().select("peer");
        assert_eq!(select(first), select(both));
    }

    #[test]
    fn keeps_the_number_of_attributes_that_a_peer_was_sent() {
        let mut interner = Interner::default();
        let mut numbers = vec![];
        for med in 0..200 {
            let group = interner.acquire(&[route(med)]);
            numbers.push(interner.group(group).unwrap().select("peer").unwrap());
            interner.release(group);
        }
        assert!(interner.wants_sweep());
        interner.sweep([numbers[7]].into_iter());
        assert!(!interner.wants_sweep());
        assert_eq!(interner.attributes_index.len(), 1);
        let again = interner.acquire(&[route(7)]);
        assert_eq!(
            interner.group(again).unwrap().select("peer"),
            Some(numbers[7])
        );
        assert_eq!(
            interner.attributes(numbers[7]).unwrap().multi_exit_disc,
            Some(7)
        );
    }

    #[test]
    fn chooses_the_first_route_that_is_for_the_peer() {
        let only = |name: &str, med| Route {
            peers: PeerSet::only(vec![name.into()]),
            ..route(med)
        };
        let mut interner = Interner::default();
        let group = interner.acquire(&[only("a", 1), only("b", 2), route(3)]);
        let med = |peer| {
            let id = interner.group(group)?.select(peer)?;
            interner.attributes(id)?.multi_exit_disc
        };
        assert_eq!([med("a"), med("b"), med("c")], [Some(1), Some(2), Some(3)]);
    }
}
