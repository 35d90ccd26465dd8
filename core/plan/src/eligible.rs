use alloc::vec::Vec;
use core::net::IpAddr;

use bgp::PeerSet;
use model::{Reachable, Service, ServiceKey, StatusOwner, TrafficPolicy};

use crate::{
    Gap, Guard, Skip,
    bgp::union,
    gate::Requirement,
    view::{Resolved, View},
};

/// One address of one Service, with what the rules ask about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) service: &'a Service,
    pub(crate) address: IpAddr,
    /// Which Service the address belongs to, of all those that hold it.
    pub(crate) keeper: Option<&'a ServiceKey>,
    /// Endpoints of the address's family.
    pub(crate) endpoints: Option<&'a Reachable>,
}

/// How an address is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// To whom.
    pub(crate) peers: PeerSet,
    /// What becomes of its packets that no Service takes; `None`: they are forwarded.
    pub(crate) guard: Option<Guard>,
}

impl Grant {
    /// What two advertisements, or two Services of one address, ask for together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            peers: union(self.peers, &other.peers),
            guard: self.guard.max(other.guard),
        }
    }
}

/// Decides whether this node announces the candidate by BGP, and how; else says the first reason why not.
///
/// `ready` tells whether the data plane meets a requirement; it is asked only when everything before holds.
pub(crate) fn eligible(
    view: &View,
    candidate: Candidate<'_>,
    ready: impl FnOnce(Requirement) -> bool,
) -> Result<Grant, Skip> {
    served(view, candidate.service)?;
    held(candidate)?;
    let advertisements = advertised(view, candidate)?;
    node_takes_part(view)?;
    let requirement = reachable(view, candidate)?;
    if !ready(requirement) {
        return Err(Skip::DataplaneNotReady);
    }
    grant(view, candidate.address, &advertisements)
}

/// Why a Service without any address is not announced.
pub(crate) fn unassigned(view: &View, service: &Service) -> Skip {
    match served(view, service) {
        Ok(()) => Skip::NoAddress(Gap::Unassigned),
        Err(skip) => skip,
    }
}

fn served(view: &View, service: &Service) -> Result<(), Skip> {
    match view.settings.serves(service.class.as_deref()) {
        true => Ok(()),
        false => Err(Skip::OtherClass),
    }
}

fn held(candidate: Candidate<'_>) -> Result<(), Skip> {
    match (candidate.service.status_owner, candidate.keeper) {
        (StatusOwner::None | StatusOwner::Foreign, _) => Err(Skip::NoAddress(Gap::Foreign)),
        (StatusOwner::Ours, Some(keeper)) if *keeper != candidate.service.key => {
            Err(Skip::NoAddress(Gap::HeldBy(keeper.clone())))
        }
        (StatusOwner::Ours, _) => Ok(()),
    }
}

/// The advertisements for the address that select this node.
fn advertised<'a>(view: &'a View, candidate: Candidate<'_>) -> Result<Vec<&'a Resolved>, Skip> {
    let labels = &candidate.service.meta.labels;
    let covering = || {
        view.advertisements
            .iter()
            .filter(|a| a.covers(candidate.address, labels))
    };
    let here: Vec<&Resolved> = covering()
        .filter(|advertisement| advertisement.here)
        .collect();
    match (here.is_empty(), covering().next()) {
        (false, _) => Ok(here),
        (true, Some(_)) => Err(Skip::NodeNotSelected),
        (true, None) => Err(Skip::NoAdvertisement),
    }
}

fn node_takes_part(view: &View) -> Result<(), Skip> {
    match (view.excluded, view.network_unavailable) {
        (true, _) => Err(Skip::NodeExcluded),
        (false, true) => Err(Skip::NodeNetworkUnavailable),
        (false, false) => Ok(()),
    }
}

/// Whether traffic that arrives here reaches an endpoint, and what the data plane must show first.
fn reachable(view: &View, candidate: Candidate<'_>) -> Result<Requirement, Skip> {
    let endpoints = candidate
        .endpoints
        .filter(|e| e.anywhere)
        .ok_or(Skip::NoEndpoints)?;
    match candidate.service.traffic_policy {
        TrafficPolicy::Cluster => Ok(Requirement::KubeProxy),
        TrafficPolicy::Local => {
            let own = endpoints.nodes.get(&view.node).copied().unwrap_or_default();
            match (
                own.ready > 0,
                endpoints.ready_on_some_node,
                own.serving_terminating > 0,
            ) {
                (true, _, _) => Ok(local_requirement(candidate.service)),
                // kube-proxy's health check counts ready endpoints only and would never turn good.
                (false, false, true) => Ok(Requirement::KubeProxy),
                (false, _, _) => Err(Skip::NoLocalEndpoints),
            }
        }
    }
}

fn local_requirement(service: &Service) -> Requirement {
    service
        .health_check_node_port
        .map_or(Requirement::KubeProxy, Requirement::HealthCheck)
}

fn grant(view: &View, address: IpAddr, advertisements: &[&Resolved]) -> Result<Grant, Skip> {
    advertisements
        .iter()
        .filter(|advertisement| view.peers.take(&advertisement.peers, address))
        .map(|advertisement| Grant {
            peers: advertisement.peers.clone(),
            guard: advertisement.guard,
        })
        .reduce(Grant::and)
        .ok_or(Skip::NoPeer)
}
