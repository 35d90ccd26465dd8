use alloc::collections::BTreeMap;
use core::net::IpAddr;

use crate::{AddressFamily, Endpoint, EndpointSlice, EndpointState, Name};

/// All endpoints of one Service, from all its slices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    slices: BTreeMap<Name, EndpointSlice>,
    reachable: BTreeMap<AddressFamily, Reachable>,
}

/// What the planner asks of the endpoints of one family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reachable {
    /// Whether any endpoint is ready, or serving while terminating, on whatever node.
    pub anywhere: bool,
    /// Whether any node has a ready endpoint.
    pub ready_on_some_node: bool,
    /// Endpoints by node; those without `nodeName` are not here.
    pub nodes: BTreeMap<Name, NodeEndpoints>,
}

/// Distinct endpoints of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeEndpoints {
    /// Ready ones.
    pub ready: u32,
    /// Serving while terminating.
    pub serving_terminating: u32,
}

impl Endpoints {
    /// Puts `slice` in the place of its former version.
    pub fn insert(&mut self, slice: EndpointSlice) {
        self.slices.insert(slice.name.clone(), slice);
        self.recount();
    }

    /// Takes the slice away.
    pub fn remove(&mut self, slice: &str) {
        self.slices.remove(slice);
        self.recount();
    }

    /// The slice of this name.
    pub(crate) fn slice(&self, name: &str) -> Option<&EndpointSlice> {
        self.slices.get(name)
    }

    /// All slices.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &EndpointSlice> {
        self.slices.values()
    }

    /// Whether no slice is left.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// The endpoints of `family`; `None`: there are none.
    pub fn reachable(&self, family: AddressFamily) -> Option<&Reachable> {
        self.reachable.get(&family)
    }

    fn recount(&mut self) {
        let mut best: BTreeMap<IpAddr, &Endpoint> = BTreeMap::new();
        for endpoint in self.slices.values().flat_map(|slice| &slice.endpoints) {
            let entry = best.entry(endpoint.address).or_insert(endpoint);
            if endpoint.state > entry.state {
                *entry = endpoint;
            }
        }
        let mut reachable: BTreeMap<AddressFamily, Reachable> = BTreeMap::new();
        for (address, endpoint) in best {
            reachable
                .entry(AddressFamily::of(address))
                .or_default()
                .count(endpoint);
        }
        self.reachable = reachable;
    }
}

impl Reachable {
    fn count(&mut self, endpoint: &Endpoint) {
        let (ready, serving_terminating) = match endpoint.state {
            EndpointState::Unusable => return,
            EndpointState::ServingTerminating => (0, 1),
            EndpointState::Ready => (1, 0),
        };
        self.anywhere = true;
        if let Some(node) = &endpoint.node {
            self.ready_on_some_node |= ready > 0;
            let counts = self.nodes.entry(node.clone()).or_default();
            counts.ready += ready;
            counts.serving_terminating += serving_terminating;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::ServiceKey;

    fn slice(name: &str, endpoints: &[(&str, &str, EndpointState)]) -> EndpointSlice {
        let endpoint = |&(address, node, state): &(&str, &str, EndpointState)| Endpoint {
            address: address.parse().unwrap(),
            node: Some(node).filter(|node| !node.is_empty()).map(Name::from),
            state,
        };
        let endpoints: Vec<_> = endpoints.iter().map(endpoint).collect();
        EndpointSlice {
            name: name.into(),
            service: ServiceKey::new("n", "s"),
            family: AddressFamily::IPv4,
            endpoints,
        }
    }

    #[test]
    fn of_one_address_in_several_slices_the_best_state_wins_once() {
        let mut endpoints = Endpoints::default();
        endpoints.insert(slice(
            "1",
            &[("10.1.0.1", "a", EndpointState::ServingTerminating)],
        ));
        endpoints.insert(slice("2", &[("10.1.0.1", "a", EndpointState::Ready)]));
        endpoints.insert(slice("3", &[("10.1.0.1", "a", EndpointState::Unusable)]));
        let reachable = endpoints.reachable(AddressFamily::IPv4).unwrap();
        assert_eq!(
            reachable.nodes["a"],
            NodeEndpoints {
                ready: 1,
                serving_terminating: 0
            }
        );
        endpoints.remove("2");
        let reachable = endpoints.reachable(AddressFamily::IPv4).unwrap();
        assert_eq!(
            reachable.nodes["a"],
            NodeEndpoints {
                ready: 0,
                serving_terminating: 1
            }
        );
        assert!(reachable.anywhere && !reachable.ready_on_some_node);
    }

    #[test]
    fn endpoints_without_a_node_count_anywhere_only() {
        let mut endpoints = Endpoints::default();
        endpoints.insert(slice("1", &[("10.1.0.1", "", EndpointState::Ready)]));
        let reachable = endpoints.reachable(AddressFamily::IPv4).unwrap();
        assert!(reachable.anywhere && !reachable.ready_on_some_node && reachable.nodes.is_empty());
        assert_eq!(endpoints.reachable(AddressFamily::IPv6), None);
    }

    #[test]
    fn unusable_endpoints_reach_nothing() {
        let mut endpoints = Endpoints::default();
        endpoints.insert(slice("1", &[("10.1.0.1", "a", EndpointState::Unusable)]));
        assert!(
            !endpoints
                .reachable(AddressFamily::IPv4)
                .is_some_and(|reachable| reachable.anywhere)
        );
    }
}
