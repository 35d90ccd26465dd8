use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use bgp::{PeerName, PeerSet, Prefix, Route, RouteAttributes};

use super::{Aggregates, Damper, Member, Presence, Reach, Terms};
use crate::{Guard, view::Resolved};

/// Most lists of routes, and most attributes, that are remembered.
const ROOM: usize = 4096;

/// Turns the advertisements of a prefix into routes. Equal attributes are one allocation, however many prefixes have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    /// By places of the advertisements, and endpoints where these count.
    routes: BTreeMap<(Vec<usize>, Option<u32>), Vec<Route>>,
    attributes: BTreeSet<Arc<RouteAttributes>>,
    aggregates: Aggregates,
    /// Of the number of endpoints.
    pub(crate) damper: Damper,
}

impl Router {
    /// The places mean other advertisements from now on, and every address is told again.
    pub(crate) fn forget(&mut self) {
        self.routes.clear();
        self.attributes.clear();
        self.aggregates = Aggregates::default();
    }

    /// Takes what is true of an address; gives its host route, and the aggregates that it concerns.
    pub(crate) fn handle_address(
        &mut self,
        now: Duration,
        advertisements: &[Resolved<Terms>],
        reach: Reach,
    ) -> ((Prefix, Vec<Route>), BTreeSet<Prefix>) {
        let address = reach.address;
        let prefix = |place: &usize| aggregate(advertisements, *place, address);
        let places = reach
            .grant
            .as_ref()
            .map_or([].as_slice(), |grant| &grant.places);
        let endpoints = reach.grant.as_ref().and_then(|grant| grant.endpoints);
        let presence = match endpoints {
            Some(_) => Presence::Here,
            None => Presence::Anywhere,
        };
        let here = places.iter().map(|place| (place, presence));
        let elsewhere = reach.elsewhere.iter();
        let members = here.chain(elsewhere.map(|place| (place, Presence::Elsewhere)));
        let members = members.filter_map(|(place, presence)| {
            Some(Member {
                prefix: prefix(place)?,
                place: *place,
                presence,
            })
        });
        let touched = self.aggregates.handle_address(address, members.collect());

        // Traffic for endpoints of this node needs a route of its own, whatever aggregates there are.
        let alone = |place: &usize| endpoints.is_some() || prefix(place).is_none();
        let places: Vec<usize> = places.iter().copied().filter(alone).collect();
        let weighted = places.iter().any(|place| {
            let resolved = advertisements.get(*place);
            resolved.is_some_and(|resolved| resolved.terms.weighted)
        });
        let newest = endpoints.filter(|_| weighted);
        let endpoints = self.damper.handle_value(now, address, newest);
        let routes = self.routes(advertisements, (places, endpoints));
        ((Prefix::host(address), routes), touched)
    }

    /// All aggregates with an address behind them.
    pub(crate) fn aggregates(&self) -> Vec<Prefix> {
        self.aggregates.prefixes().collect()
    }

    /// The routes of an aggregate, and what becomes of its packets that no Service takes. They are stopped only when a pool
    /// holds all of it: outside of pools there may be hosts.
    pub(crate) fn aggregate(
        &mut self,
        advertisements: &[Resolved<Terms>],
        prefix: Prefix,
    ) -> (Vec<Route>, Option<Guard>) {
        let places = self.aggregates.places(prefix);
        let counting = places.iter().filter_map(|place| advertisements.get(*place));
        let holding = counting.filter(|resolved| resolved.holds(prefix));
        let guard = holding.filter_map(|resolved| resolved.terms.guard).max();
        (self.routes(advertisements, (places, None)), guard)
    }

    /// The routes of a prefix for which the advertisements at these sorted places count, with so many endpoints here.
    fn routes(
        &mut self,
        advertisements: &[Resolved<Terms>],
        key: (Vec<usize>, Option<u32>),
    ) -> Vec<Route> {
        if key.0.is_empty() {
            return Vec::new();
        }
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

/// The aggregate that the advertisement at this place makes of the address.
fn aggregate(advertisements: &[Resolved<Terms>], place: usize, address: IpAddr) -> Option<Prefix> {
    advertisements.get(place)?.terms.aggregation.of(address)
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
