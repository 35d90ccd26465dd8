use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use crate::{AddressFamily, Name, ServiceKey};

/// One EndpointSlice, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    /// `metadata.name`; unique in the Service's namespace.
    pub name: Name,
    /// The Service of label `kubernetes.io/service-name`.
    pub service: ServiceKey,
    /// `addressType`.
    pub family: AddressFamily,
    /// `endpoints[]`.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `endpoints[].addresses[0]`.
    pub address: IpAddr,
    /// `endpoints[].nodeName`.
    pub node: Option<Name>,
    /// `endpoints[].conditions`.
    pub state: EndpointState,
}

/// State of an endpoint, worst first: of several slices with one address the best wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointState {
    /// Neither ready nor serving.
    Unusable,
    /// Serving while terminating.
    ServingTerminating,
    /// Ready.
    Ready,
}

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
            reachable.entry(AddressFamily::of(address)).or_default().count(endpoint);
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
