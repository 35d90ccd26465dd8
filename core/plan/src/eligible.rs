use alloc::vec::Vec;
use core::net::IpAddr;

use l2::Nominee;
use model::{Reachable, Service, ServiceKey, StatusOwner, TrafficPolicy};

use crate::{
    Gap, Protocol, Skip, Stage,
    bgp::{Grant, Terms},
    gate::Requirement,
    l2::unite,
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

/// What is decided about the candidate, by protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Eligible {
    /// To whom it is advertised.
    pub(crate) bgp: Result<Grant, Skip>,
    /// How this node would answer for it.
    pub(crate) l2: Result<Nominee, Skip>,
    /// Its endpoints are on other nodes alone: places of the advertisements that would aggregate it here.
    pub(crate) elsewhere: Vec<usize>,
}

/// Decides whether this node announces the candidate, and how; else says the first reason why not.
///
/// `ready` tells whether the data plane meets a requirement; it is asked only when everything before holds.
pub(crate) fn eligible(
    view: &View,
    candidate: Candidate<'_>,
    mut ready: impl FnMut(Requirement) -> bool,
) -> Eligible {
    let bgp = usable(
        view,
        candidate,
        (Protocol::Bgp, &view.advertisements),
        &mut ready,
    );
    let l2 = usable(
        view,
        candidate,
        (Protocol::L2, &view.l2_advertisements),
        &mut ready,
    );
    let elsewhere = match &bgp {
        Err(Skip::NoLocalEndpoints) => aggregating(view, candidate),
        Ok(_) | Err(_) => Vec::new(),
    };
    Eligible {
        elsewhere,
        bgp: bgp
            .and_then(|advertisements| grant(view, candidate, &advertisements))
            .and_then(|grant| stays(view, Stage::GivingWay, grant)),
        l2: l2
            .and_then(|advertisements| nominate(&advertisements))
            .and_then(|nominee| stays(view, Stage::Serving, nominee)),
    }
}

/// What both protocols ask, in the order of the reasons; gives the advertisements that count.
fn usable<'a, T>(
    view: &View,
    candidate: Candidate<'_>,
    (protocol, advertisements): (Protocol, &'a [Resolved<T>]),
    ready: &mut impl FnMut(Requirement) -> bool,
) -> Result<Vec<&'a Resolved<T>>, Skip> {
    served(view, candidate.service)?;
    held(candidate)?;
    let advertisements = advertised(protocol, advertisements, candidate)?;
    node_takes_part(view)?;
    match ready(reachable(view, candidate)?) {
        true => Ok(advertisements),
        false => Err(Skip::DataplaneNotReady),
    }
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
fn advertised<'a, T>(
    protocol: Protocol,
    advertisements: &'a [Resolved<T>],
    candidate: Candidate<'_>,
) -> Result<Vec<&'a Resolved<T>>, Skip> {
    let labels = &candidate.service.meta.labels;
    let covering = || {
        advertisements
            .iter()
            .filter(|a| a.covers(candidate.address, labels))
    };
    let here: Vec<&Resolved<T>> = covering()
        .filter(|advertisement| advertisement.here)
        .collect();
    match (here.is_empty(), covering().next()) {
        (false, _) => Ok(here),
        (true, Some(_)) => Err(Skip::NodeNotSelected(protocol)),
        (true, None) => Err(Skip::NoAdvertisement(protocol)),
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

/// What is announced up to the `last` stage of leaving.
fn stays<T>(view: &View, last: Stage, announced: T) -> Result<T, Skip> {
    match view.stage <= last {
        true => Ok(announced),
        false => Err(Skip::Draining),
    }
}

fn grant(
    view: &View,
    candidate: Candidate<'_>,
    advertisements: &[&Resolved<Terms>],
) -> Result<Grant, Skip> {
    let endpoints = own_endpoints(view, candidate);
    advertisements
        .iter()
        .filter(|advertisement| {
            view.peers
                .take(&advertisement.terms.peers, candidate.address)
        })
        .map(|advertisement| Grant::of(advertisement, endpoints))
        .reduce(Grant::and)
        .ok_or(Skip::NoPeer)
}

/// Places of the advertisements that make an aggregate of the address on this node.
fn aggregating(view: &View, candidate: Candidate<'_>) -> Vec<usize> {
    let address = candidate.address;
    let advertisements = view.advertisements.iter().filter(|advertisement| {
        let terms = &advertisement.terms;
        advertisement.here
            && terms.aggregation.of(address).is_some()
            && advertisement.covers(address, &candidate.service.meta.labels)
            && view.peers.take(&terms.peers, address)
    });
    advertisements
        .map(|advertisement| advertisement.place)
        .collect()
}

/// How many endpoints of this node traffic to the address goes to; `None`: it goes to those of all nodes.
fn own_endpoints(view: &View, candidate: Candidate<'_>) -> Option<u32> {
    let endpoints = candidate.endpoints?;
    let own = endpoints.nodes.get(&view.node).copied().unwrap_or_default();
    match (
        candidate.service.traffic_policy,
        endpoints.ready_on_some_node,
    ) {
        (TrafficPolicy::Cluster, _) => None,
        (TrafficPolicy::Local, true) => Some(own.ready),
        (TrafficPolicy::Local, false) => Some(own.serving_terminating),
    }
}

fn nominate(advertisements: &[&Resolved<Nominee>]) -> Result<Nominee, Skip> {
    let terms = advertisements
        .iter()
        .map(|advertisement| &advertisement.terms);
    terms
        .cloned()
        .reduce(unite)
        .ok_or(Skip::NoAdvertisement(Protocol::L2))
}
