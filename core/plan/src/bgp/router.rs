use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use bgp::{PeerName, PeerSet, Prefix, Route, RouteAttributes};

use super::{Damper, Grant, Terms};
use crate::view::Resolved;

/// Most lists of routes, and most attributes, that are remembered.
const ROOM: usize = 4096;

/// Turns the advertisements of a prefix into routes. Equal attributes are one allocation, however many prefixes have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    /// By places of the advertisements, and endpoints where these count.
    routes: BTreeMap<(Vec<usize>, Option<u32>), Vec<Route>>,
    attributes: BTreeSet<Arc<RouteAttributes>>,
    /// Of the number of endpoints.
    pub(crate) damper: Damper,
}

impl Router {
    /// The places mean other advertisements from now on.
    pub(crate) fn forget(&mut self) {
        self.routes.clear();
        self.attributes.clear();
    }

    /// The routes of an address that is advertised so; none for `None`.
    pub(crate) fn host(
        &mut self,
        now: Duration,
        advertisements: &[Resolved<Terms>],
        (address, grant): (IpAddr, Option<Grant>),
    ) -> (Prefix, Vec<Route>) {
        let newest = grant.as_ref().and_then(|grant| {
            let mut terms = grant
                .places
                .iter()
                .filter_map(|place| advertisements.get(*place));
            let weighted = terms.any(|resolved| resolved.terms.weighted);
            grant.endpoints.filter(|_| weighted)
        });
        let endpoints = self.damper.handle_value(now, address, newest);
        let routes = grant.map(|grant| self.routes(advertisements, (grant.places, endpoints)));
        (Prefix::host(address), routes.unwrap_or_default())
    }

    /// The routes of a prefix for which the advertisements at these sorted places count, with so many endpoints here.
    fn routes(
        &mut self,
        advertisements: &[Resolved<Terms>],
        key: (Vec<usize>, Option<u32>),
    ) -> Vec<Route> {
        if let Some(routes) = self.routes.get(&key) {
            return routes.clone();
        }
        let (places, endpoints) = &key;
        let terms = places.iter().filter_map(|place| advertisements.get(*place));
        let terms: Vec<&Terms> = terms.map(|resolved| &resolved.terms).collect();
        let routes = self.draw_up(&terms, *endpoints);
        if self.routes.len() >= ROOM {
            self.routes.clear();
        }
        self.routes.insert(key, routes.clone());
        routes
    }

    /// Each peer gets what the advertisements that are for it ask for together, and nothing of the others.
    fn draw_up(&mut self, terms: &[&Terms], endpoints: Option<u32>) -> Vec<Route> {
        let everybody = terms.iter().any(|terms| terms.peers == PeerSet::All);
        let mut attributes = |counts: &dyn Fn(&PeerSet) -> bool| {
            let counted = terms.iter().filter(|terms| counts(&terms.peers)).copied();
            self.share(Terms::attributes(counted, endpoints))
        };
        let rest = everybody.then(|| attributes(&|peers| *peers == PeerSet::All));
        let mut groups: BTreeMap<Arc<RouteAttributes>, Vec<PeerName>> = BTreeMap::new();
        for name in named_by(terms) {
            let attributes = attributes(&|peers| peers.contains(&name));
            if rest.as_ref() != Some(&attributes) {
                groups.entry(attributes).or_default().push(name);
            }
        }
        let groups = groups.into_iter().map(|(attributes, names)| Route {
            peers: PeerSet::only(names),
            attributes,
        });
        // A peer takes the first route that is for it.
        let rest = rest.into_iter().map(|attributes| Route {
            peers: PeerSet::All,
            attributes,
        });
        groups.chain(rest).collect()
    }

    fn share(&mut self, attributes: RouteAttributes) -> Arc<RouteAttributes> {
        if let Some(same) = self.attributes.get(&attributes) {
            return same.clone();
        }
        if self.attributes.len() >= ROOM {
            self.attributes.clear();
        }
        let attributes = Arc::new(attributes);
        self.attributes.insert(attributes.clone());
        attributes
    }
}

/// Every peer that one of them names.
fn named_by(terms: &[&Terms]) -> BTreeSet<PeerName> {
    let mut names = BTreeSet::new();
    for terms in terms {
        match &terms.peers {
            PeerSet::All => {}
            PeerSet::Only(only) => names.extend(only.iter().cloned()),
        }
    }
    names
}
