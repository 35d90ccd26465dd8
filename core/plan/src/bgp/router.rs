use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::net::IpAddr;

use bgp::{PeerName, PeerSet, Prefix, Route, RouteAttributes};

use super::{Grant, Terms};
use crate::view::Resolved;

/// Turns the advertisements of a prefix into routes. Equal attributes are one allocation, however many prefixes have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    /// By places of the advertisements.
    routes: BTreeMap<Vec<usize>, Vec<Route>>,
    attributes: BTreeSet<Arc<RouteAttributes>>,
}

impl Router {
    /// The places mean other advertisements from now on.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The routes of an address that is advertised so; none for `None`.
    pub(crate) fn host(
        &mut self,
        advertisements: &[Resolved<Terms>],
        (address, grant): (IpAddr, Option<Grant>),
    ) -> (Prefix, Vec<Route>) {
        let routes = grant.map(|grant| self.routes(advertisements, &grant.places));
        (Prefix::host(address), routes.unwrap_or_default())
    }

    /// The routes of a prefix for which the advertisements at these places count; `places` is sorted.
    fn routes(&mut self, advertisements: &[Resolved<Terms>], places: &[usize]) -> Vec<Route> {
        if let Some(routes) = self.routes.get(places) {
            return routes.clone();
        }
        let terms = places.iter().filter_map(|place| advertisements.get(*place));
        let terms: Vec<&Terms> = terms.map(|resolved| &resolved.terms).collect();
        let routes = self.draw_up(&terms);
        self.routes.insert(places.to_vec(), routes.clone());
        routes
    }

    /// Each peer gets what the advertisements that are for it ask for together, and nothing of the others.
    fn draw_up(&mut self, terms: &[&Terms]) -> Vec<Route> {
        let everybody = terms.iter().any(|terms| terms.peers == PeerSet::All);
        let rest = everybody.then(|| self.attributes(terms, |peers| *peers == PeerSet::All));
        let mut groups: BTreeMap<Arc<RouteAttributes>, Vec<PeerName>> = BTreeMap::new();
        for name in named_by(terms) {
            let attributes = self.attributes(terms, |peers| peers.contains(&name));
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

    fn attributes(
        &mut self,
        terms: &[&Terms],
        counts: impl Fn(&PeerSet) -> bool,
    ) -> Arc<RouteAttributes> {
        let counted = terms.iter().filter(|terms| counts(&terms.peers)).copied();
        let attributes = Terms::attributes(counted);
        match self.attributes.get(&attributes) {
            Some(same) => same.clone(),
            None => {
                let attributes = Arc::new(attributes);
                self.attributes.insert(attributes.clone());
                attributes
            }
        }
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
