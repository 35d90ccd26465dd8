//! Drives `plan::Planner`: watches and probes in, changes and facts out.

mod announcing;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use cluster::watch::{Event, Watches};
use jiff::Timestamp;
use model::Name;
use plan::{
    Changes, Learned, Links, NetworkPlan, NodeAddresses, Options, Outcome, Planner, ProbeTarget,
    Protocol, Stage, Unusable,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub(crate) use announcing::Announcing;

use crate::io::{
    self,
    bfd::Broken,
    l2::{Announcers, Nominations},
    nft::Guards,
    radv::RadvState,
    snapshot::Kept,
};

/// What status, metrics and probes need of the planner; the newest value counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The first plan is made.
    pub(crate) ready: bool,
    /// Kinds whose first list has not come.
    pub(crate) missing: Vec<&'static str>,
    /// Kinds that the API server does not serve.
    pub(crate) not_served: BTreeSet<&'static str>,
    /// UID of this node's Node object.
    pub(crate) node_uid: Option<Name>,
    /// The Node says that Herald's pod network is in place (condition NetworkUnavailable).
    pub(crate) herald_is_up: bool,
    /// Objects that this node cannot use.
    pub(crate) unusable: Vec<Unusable>,
    /// Why routers on interfaces cannot be found.
    pub(crate) radv_problem: Option<String>,
    /// Addresses that this node announces by BGP.
    pub(crate) announced: usize,
    /// A L2Advertisement selects this node.
    pub(crate) takes_part_in_l2: bool,
    /// Addresses that this node may answer for on layer 2.
    pub(crate) nominated: usize,
    /// The same addresses, and how many Services each of them has.
    pub(crate) nominees: Arc<BTreeMap<IpAddr, u64>>,
    /// When that was written which is planned from while lists are missing; `None`: it is of today, or there is no plan.
    pub(crate) stale_since: Option<Timestamp>,
    /// How far this node has left.
    pub(crate) stage: Stage,
    /// Decisions by protocol and reason, as the plan has them: it does not know what the election of layer 2 says.
    pub(crate) decisions: BTreeMap<(Protocol, &'static str), u64>,
    /// Addresses that wait for the data plane.
    pub(crate) gate_waiting: usize,
    /// How often silence of the data plane was taken for readiness.
    pub(crate) gate_given_up: u64,
    /// Rows of failures, by kind watched.
    pub(crate) watch_failures: BTreeMap<&'static str, u64>,
}

/// What the rest of the program asks the planner; it is answered between two events.
pub(crate) type Query = Box<dyn FnOnce(&Planner) + Send>;

/// Where the planner's results go.
pub(crate) struct Outlets {
    pub(crate) changes: watch::Sender<Changes>,
    /// All sessions that BFD is to watch over.
    pub(crate) bfd: watch::Sender<Vec<bfd::PeerConfig>>,
    /// Interfaces by which peers are configured.
    pub(crate) unnumbered: watch::Sender<BTreeSet<Name>>,
    /// What the kernel and the CNI folder should hold.
    pub(crate) network: watch::Sender<Arc<NetworkPlan>>,
    /// Changed guards that the packet filter has not taken yet.
    pub(crate) guards: watch::Sender<Guards>,
    /// What the driver of layer 2 has not taken yet.
    pub(crate) nominations: watch::Sender<Nominations>,
    pub(crate) addresses: watch::Sender<NodeAddresses>,
    /// Of what other nodes say of themselves, what the planner has not taken yet.
    pub(crate) announcers: watch::Sender<Announcers>,
    pub(crate) facts: watch::Sender<Facts>,
}

/// Where facts come from, besides the watches.
pub(crate) struct Sources {
    pub(crate) watches: Watches,
    pub(crate) links: watch::Receiver<Links>,
    pub(crate) radv: watch::Receiver<RadvState>,
    pub(crate) learned: watch::Receiver<Learned>,
    /// That is all that peers have to advertise.
    pub(crate) converged: watch::Receiver<bool>,
    /// Ways that are broken, says BFD.
    pub(crate) broken: watch::Receiver<Broken>,
    pub(crate) announcing: Announcing,
    pub(crate) queries: mpsc::Receiver<Query>,
    /// The speaker ends and will not be back soon.
    pub(crate) departed: CancellationToken,
}

/// One planner with its sources and outlets.
pub(crate) struct PlannerDriver {
    planner: Planner,
    started: Instant,
    sources: Sources,
    probes: JoinSet<(ProbeTarget, Outcome)>,
    outlets: Outlets,
    facts: Facts,
    departs: bool,
    /// When that was written which an earlier process knew.
    written: Option<Timestamp>,
}

impl PlannerDriver {
    pub(crate) fn new(
        options: Options,
        started: Instant,
        sources: Sources,
        outlets: Outlets,
        kept: Option<Kept>,
    ) -> Self {
        let mut planner = Planner::new(options);
        let written = kept.as_ref().map(|kept| kept.written);
        if let Some(kept) = kept {
            planner.handle_snapshot(kept.objects);
        }
        Self {
            planner,
            started,
            sources,
            probes: JoinSet::new(),
            outlets,
            facts: Facts::default(),
            departs: false,
            written,
        }
    }

    /// Runs until dropped.
    pub(crate) async fn run(mut self) {
        loop {
            self.publish();
            let due = self.planner.poll_timeout().map(|due| self.started + due);
            tokio::select! {
                Some(event) = self.sources.watches.next() => self.handle_event(event),
                Ok(()) = self.sources.links.changed() => {
                    let links = self.sources.links.borrow_and_update().clone();
                    self.planner.handle_links(links);
                }
                Ok(()) = self.sources.radv.changed() => self.take_routers(),
                Ok(()) = self.sources.learned.changed() => self.take_learned(),
                Ok(()) = self.sources.converged.changed() => {
                    // What was learned by then is known first.
                    self.take_learned();
                    self.planner.handle_converged();
                }
                turn = self.sources.announcing.turn() => {
                    self.sources.announcing.tell(turn, &mut self.planner);
                }
                Ok(()) = self.sources.broken.changed() => {
                    let broken = self.sources.broken.borrow_and_update().clone();
                    self.planner.handle_broken(broken);
                }
                Some(Ok((target, outcome))) = self.probes.join_next() => {
                    self.planner.handle_probe(self.now(), &target, outcome);
                }
                Some(query) = self.sources.queries.recv() => query(&self.planner),
                () = self.sources.departed.cancelled(), if !self.departs => {
                    self.departs = true;
                    self.planner.handle_departure();
                }
                () = until(due), if due.is_some() => {}
            }
            if due_now(self.planner.poll_timeout(), self.now()) {
                self.planner.handle_timeout(self.now());
                self.start_probes();
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn take_routers(&mut self) {
        let state = self.sources.radv.borrow_and_update().clone();
        self.facts.radv_problem = state.problem;
        self.planner.handle_neighbors(state.neighbors);
    }

    fn take_learned(&mut self) {
        let learned = self.sources.learned.borrow_and_update().clone();
        self.planner.handle_learned(learned);
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Change(change) => self.planner.handle_change(change),
            Event::Synced(kind) => {
                self.facts.not_served.remove(kind.as_str());
                self.planner.handle_synced(kind);
            }
            Event::NotServed(kind) => {
                self.facts.not_served.insert(kind.as_str());
                self.planner.handle_not_served(kind);
            }
            Event::Failed(kind, _logged) => {
                *self.facts.watch_failures.entry(kind.as_str()).or_default() += 1;
            }
        }
    }

    fn start_probes(&mut self) {
        while let Some(probe) = self.planner.poll_probe(self.now()) {
            self.probes.spawn(async move {
                let outcome = io::gate::ask(&probe).await;
                (probe.target, outcome)
            });
        }
    }

    /// Hands out what changed since the last call.
    fn publish(&mut self) {
        if let Some(changes) = self.planner.poll_changes() {
            self.announce(changes);
            let plan = self.planner.plan();
            self.facts.unusable.clone_from(&plan.unusable);
            self.facts.announced = plan.announced();
            self.facts.takes_part_in_l2 = plan.takes_part_in_l2;
            self.facts.nominated = plan.nominees.len();
            self.facts.nominees = Arc::new(plan.services_of_nominees());
            self.facts.stage = plan.stage;
            self.facts.decisions.clone_from(self.planner.counts());
        }
        self.tell_staleness();
        self.facts.missing = self.planner.missing().map(model::Kind::as_str).collect();
        let node = self.planner.node();
        self.facts.node_uid = node.map(|node| node.meta.uid.clone());
        self.facts.herald_is_up = node.is_some_and(|node| node.herald_is_up);
        self.facts.gate_waiting = self.planner.gate_waiting();
        self.facts.gate_given_up = self.planner.gate_given_up();
        self.outlets.facts.send_if_modified(|facts| {
            let differs = *facts != self.facts;
            if differs {
                facts.clone_from(&self.facts);
            }
            differs
        });
    }

    fn tell_staleness(&mut self) {
        let stale_since = self.written.filter(|_| self.planner.is_stale());
        if self.facts.stale_since == stale_since {
            return;
        }
        self.facts.stale_since = stale_since;
        if let Some(written) = stale_since {
            let missing: Vec<_> = self.planner.missing().map(model::Kind::as_str).collect();
            tracing::warn!(
                %written, ?missing,
                "the API server has not listed everything in time: going on with what was known before"
            );
        }
    }

    fn announce(&mut self, mut changes: Changes) {
        let addresses = self.planner.plan().addresses;
        self.outlets.addresses.send_if_modified(|known| {
            let differs = *known != addresses;
            *known = addresses;
            differs
        });
        if changes.complete {
            self.facts.ready = true;
            let (services, sessions) = (
                self.planner.plan().decisions.len(),
                self.planner.plan().peers.len(),
            );
            tracing::info!(services, sessions, "first plan made");
        }
        if let Some(peers) = changes.bfd.take() {
            self.outlets.bfd.send_replace(peers);
        }
        if let Some(interfaces) = changes.unnumbered.take() {
            self.outlets.unnumbered.send_replace(interfaces);
        }
        if let Some(network) = changes.network.take() {
            self.outlets.network.send_replace(network);
        }
        let guards = Guards {
            changed: std::mem::take(&mut changes.guards),
            complete: changes.complete,
        };
        if guards != Guards::default() {
            self.outlets
                .guards
                .send_modify(|pending| pending.merge(guards));
        }
        let nominations = Nominations {
            changed: std::mem::take(&mut changes.nominees),
            capped: std::mem::take(&mut changes.capped),
            counts_announcers: changes.counts_announcers.take(),
            nodes: changes.nodes.take(),
            keys: changes.heartbeat_keys.take(),
        };
        if nominations != Nominations::default() {
            self.outlets
                .nominations
                .send_modify(|pending| pending.merge(nominations));
        }
        if !changes.is_empty() {
            self.outlets
                .changes
                .send_modify(|pending| pending.merge(changes));
        }
    }
}

/// Asks the planner; `None` when it has ended.
pub(crate) async fn ask<T: Send + 'static>(
    queries: &mpsc::Sender<Query>,
    question: impl FnOnce(&Planner) -> T + Send + 'static,
) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    let query: Query = Box::new(move |planner| drop(answer.send(question(planner))));
    queries.send(query).await.ok()?;
    answered.await.ok()
}

fn due_now(due: Option<Duration>, now: Duration) -> bool {
    due.is_some_and(|due| due <= now)
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
}
