//! The debug page: what this node announces, what it does not, and why, as JSON.

mod bfd;
mod l2;
mod network;
mod radv;

use std::net::IpAddr;

use ::l2::View;
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use bgp::{PeerSet, Prefix, RestartAgreement, SessionView};
use plan::{Decision, Decisions, Plan, Planner, Protocol, Target};
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::{
    io::{bfd::BfdState, bgp::Observed, l2::L2State, radv::RadvState},
    kernel::KernelState,
    planner::{Facts, Query, ask},
};

/// What the page is made of.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) node: String,
    pub(crate) queries: mpsc::Sender<Query>,
    pub(crate) facts: watch::Receiver<Facts>,
    pub(crate) observed: watch::Receiver<Observed>,
    pub(crate) kernel: watch::Receiver<KernelState>,
    pub(crate) l2: watch::Receiver<L2State>,
    pub(crate) bfd: watch::Receiver<BfdState>,
    pub(crate) radv: watch::Receiver<RadvState>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    node: String,
    version: &'static str,
    ready: bool,
    /// When that was written which is planned from while lists are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_since: Option<String>,
    /// How far this node has left.
    stage: &'static str,
    /// Kinds whose first list has not come.
    missing_lists: Vec<&'static str>,
    kinds_not_served: Vec<&'static str>,
    services: Vec<ServiceLine>,
    sessions: Vec<SessionLine>,
    unusable: Vec<UnusableLine>,
    listen_error: Option<String>,
    gate: GateLine,
    /// What this node's kernel and CNI folder should hold.
    network: network::Plan,
    /// What they hold.
    kernel: network::Kernel,
    /// Who answers on layer 2.
    l2: l2::L2,
    bfd: bfd::Bfd,
    /// Routers on interfaces by which peers are configured.
    radv: radv::Radv,
}

/// One address of one Service, or a Service without an address, by one protocol.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceLine {
    service: String,
    address: Option<IpAddr>,
    protocol: &'static str,
    announced: bool,
    reason: &'static str,
    message: String,
    /// To whom by BGP; absent: to every peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionLine {
    peer: String,
    address: String,
    #[serde(rename = "myASN")]
    my_asn: u32,
    #[serde(rename = "peerASN")]
    peer_asn: Option<u32>,
    state: String,
    /// When the session came into this state, in seconds since the process started.
    since_start_seconds: u64,
    families: Vec<String>,
    no_next_hop: Vec<String>,
    remote_identifier: Option<String>,
    last_error: Option<String>,
    flaps: u64,
    prefixes_received: u64,
    /// Of these, what the router has not confirmed since its restart.
    prefixes_stale: u64,
    /// Families of which the router has more than are accepted.
    excess: Vec<String>,
    graceful_restart: Option<RestartLine>,
    prefixes_advertised: u64,
}

#[derive(Debug, Serialize)]
struct UnusableLine {
    kind: &'static str,
    name: String,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GateLine {
    waiting: usize,
    given_up: u64,
}

/// `GET /debug`.
pub(crate) fn router(sources: Sources) -> Router {
    Router::new().route("/debug", get(page)).with_state(sources)
}

async fn page(State(sources): State<Sources>) -> axum::response::Response {
    let view = sources.l2.borrow().view.clone();
    let lines = move |planner: &Planner| service_lines(planner.plan(), &view);
    let Some(services) = ask(&sources.queries, lines).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the speaker is stopping\n").into_response();
    };
    Json(sources.page(services)).into_response()
}

impl Sources {
    fn page(&self, services: Vec<ServiceLine>) -> Page {
        let facts = self.facts.borrow();
        let observed = self.observed.borrow();
        let kernel = self.kernel.borrow();
        let unusable = facts.unusable.iter().map(|object| UnusableLine {
            kind: object.kind,
            name: object.name.to_string(),
            message: object.message.clone(),
        });
        Page {
            node: self.node.clone(),
            version: env!("CARGO_PKG_VERSION"),
            ready: facts.ready,
            stale_since: facts.stale_since.map(|written| written.to_string()),
            stage: facts.stage.as_str(),
            missing_lists: facts.missing.clone(),
            kinds_not_served: facts.not_served.iter().copied().collect(),
            services,
            sessions: observed.sessions.iter().map(SessionLine::of).collect(),
            unusable: unusable.collect(),
            listen_error: observed.listen_error.clone(),
            gate: GateLine {
                waiting: facts.gate_waiting,
                given_up: facts.gate_given_up,
            },
            network: network::Plan::of(&kernel.plan),
            kernel: network::Kernel::of(&kernel),
            l2: l2::L2::of(&self.l2.borrow()),
            bfd: bfd::Bfd::of(&self.bfd.borrow()),
            radv: radv::Radv::of(&self.radv.borrow()),
        }
    }
}

fn service_lines(plan: &Plan, view: &View) -> Vec<ServiceLine> {
    let lines = |(target, decisions): (&Target, &Decisions)| {
        let held = target
            .address
            .and_then(|address| view.addresses.get(&address));
        let bgp = service_line(plan, target, Protocol::Bgp, &decisions.bgp);
        let l2 = service_line(plan, target, Protocol::L2, &decisions.l2.elected(held));
        [bgp, l2]
    };
    plan.decisions.iter().flat_map(lines).collect()
}

fn service_line(
    plan: &Plan,
    target: &Target,
    protocol: Protocol,
    decision: &Decision,
) -> ServiceLine {
    let advertised = decision.is_announce() && protocol == Protocol::Bgp;
    ServiceLine {
        service: target.service.to_string(),
        address: target.address,
        protocol: protocol.as_str(),
        announced: decision.is_announce(),
        reason: decision.reason(),
        message: decision.to_string(),
        peers: target
            .address
            .filter(|_| advertised)
            .and_then(|address| peers(plan, address)),
    }
}

fn peers(plan: &Plan, address: IpAddr) -> Option<Vec<String>> {
    let routes = plan.routes.get(&Prefix::host(address))?;
    let names = routes.iter().map(|route| match &route.peers {
        PeerSet::All => None,
        PeerSet::Only(names) => Some(names.iter().map(ToString::to_string)),
    });
    let names: Option<Vec<_>> = names.collect();
    Some(names?.into_iter().flatten().collect())
}

/// What was agreed on for restarts.
#[derive(Debug, Serialize)]
struct RestartLine {
    /// How long the router's routes are kept without a session.
    restart_time_seconds: u64,
    families: Vec<String>,
    notification: bool,
}

impl RestartLine {
    fn of(agreed: &RestartAgreement) -> Self {
        let families = agreed.families.iter();
        Self {
            restart_time_seconds: agreed.restart_time.as_secs(),
            families: families.map(|family| family.to_string()).collect(),
            notification: agreed.notification,
        }
    }
}

impl SessionLine {
    fn of(session: &SessionView) -> Self {
        let names = |set: bgp::FamilySet| set.iter().map(|family| family.to_string()).collect();
        Self {
            peer: session.peer.to_string(),
            address: session.shown_address(),
            my_asn: session.local_asn.0,
            peer_asn: session.remote_asn.map(|asn| asn.0),
            state: session.state.to_string(),
            since_start_seconds: session.since.as_secs(),
            families: names(session.families),
            no_next_hop: names(session.no_next_hop),
            remote_identifier: session.remote_identifier.map(|id| id.to_string()),
            last_error: session.last_error.clone(),
            flaps: session.flaps,
            prefixes_received: session.received,
            prefixes_stale: session.stale,
            excess: names(session.excess),
            graceful_restart: session.graceful_restart.as_ref().map(RestartLine::of),
            prefixes_advertised: session.advertised,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::l2::{Held, Standing};
    use bgp::{Route, RouteAttributes};
    use model::ServiceKey;
    use plan::Skip;

    use super::*;

    #[test]
    fn says_for_every_address_whether_it_is_announced_and_why_not() {
        let target = |name: &str, address: &str| Target {
            service: ServiceKey::new("default", name),
            address: Some(address.parse().unwrap()),
        };
        let route = Route {
            peers: PeerSet::only(vec!["tor".into()]),
            attributes: Arc::new(RouteAttributes::default()),
        };
        let decisions = |bgp, l2| Decisions { bgp, l2 };
        let no_endpoints = Decision::Skip(Skip::NoEndpoints);
        let plan = Plan {
            decisions: [
                (
                    target("web", "10.0.0.1"),
                    decisions(Decision::Announce, Decision::Announce),
                ),
                (
                    target("api", "10.0.0.2"),
                    decisions(no_endpoints.clone(), no_endpoints),
                ),
            ]
            .into(),
            routes: [(Prefix::host("10.0.0.1".parse().unwrap()), vec![route])].into(),
            ..Plan::default()
        };
        let held = Held {
            standing: Standing::NotOwner,
            interfaces: Vec::new(),
            owner: Some("w2".into()),
        };
        let view = View {
            addresses: [("10.0.0.1".parse().unwrap(), held)].into(),
            ..View::default()
        };
        let lines = serde_json::to_value(service_lines(&plan, &view)).unwrap();
        let no_endpoints =
            "no endpoint of the address's family is ready, or serving while terminating";
        let expected = serde_json::json!([
            {
                "service": "default/api", "address": "10.0.0.2", "protocol": "BGP", "announced": false,
                "reason": "NoEndpoints", "message": no_endpoints,
            },
            {
                "service": "default/api", "address": "10.0.0.2", "protocol": "L2", "announced": false,
                "reason": "NoEndpoints", "message": no_endpoints,
            },
            {
                "service": "default/web", "address": "10.0.0.1", "protocol": "BGP", "announced": true,
                "reason": "Announced", "message": "announced", "peers": ["tor"],
            },
            {
                "service": "default/web", "address": "10.0.0.1", "protocol": "L2", "announced": false,
                "reason": "NotOwner",
                "message": "another node is to answer (NotOwner); node w2 owns the address",
            },
        ]);
        assert_eq!(lines, expected);
    }
}
