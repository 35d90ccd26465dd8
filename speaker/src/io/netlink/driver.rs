//! Observes, compares and changes routes and neighbour entries.

use std::{collections::BTreeSet, io, sync::Arc, time::Instant};

use bgp::Prefix;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::errno::Errno;
use plan::{NetworkPlan, Part, RouteDiff, RouteKey, RouteOp, Routes};
use tokio::sync::watch;
use tracing::{debug, info};

use super::{
    ATTEMPTS, Backoff, OBSERVE_INTERVAL, Removed, RoutesState,
    event::{Interest, Stale},
    list,
    listen::Heard,
    neighbor::{self, Neighbors},
    pass::{Memory, Step, steps},
    route::{self, FAMILIES},
    socket::{Message, Refusal, Request, Socket},
};

/// Multicast groups (linux/rtnetlink.h, RTNLGRP_*): links, neighbours, addresses and routes of both families.
const GROUPS: [u32; 6] = [1, 3, 5, 7, 9, 11];

/// Sockets, and what was heard on them.
pub(super) struct RouteDriver {
    requests: Socket,
    events: Socket,
    interest: Interest,
    /// Prefixes of ours for which others have routes, among those that were looked for.
    foreign: BTreeSet<Prefix>,
    /// Those that were looked for; `None`: look again.
    looked_for: Option<BTreeSet<Prefix>>,
    backoff: Backoff,
}

impl RouteDriver {
    /// # Errors
    /// The kernel gives no sockets.
    pub(super) fn open(protocol: u8) -> io::Result<Self> {
        // First the ears: nothing happens unheard in between.
        let events = Socket::open(NETLINK_ROUTE, &GROUPS)?;
        let requests = Socket::open(NETLINK_ROUTE, &[])?;
        let interest = Interest::new(protocol, requests.port());
        Ok(Self {
            requests,
            events,
            interest,
            foreign: BTreeSet::new(),
            looked_for: None,
            backoff: Backoff::default(),
        })
    }

    /// Works until nobody plans any more.
    ///
    /// # Errors
    /// A socket failed.
    pub(super) async fn run(
        &mut self,
        plan: &mut watch::Receiver<Arc<NetworkPlan>>,
        memory: &mut Memory,
        state: &watch::Sender<RoutesState>,
    ) -> io::Result<()> {
        let mut attempts = 0;
        loop {
            let network = plan.borrow_and_update().clone();
            let mut next = RoutesState::default();
            match self.pass(&network, memory, &mut next).await {
                // A list changed while it was read.
                Err(error) if error.kind() == io::ErrorKind::Interrupted && attempts < ATTEMPTS => {
                    attempts += 1;
                    continue;
                }
                passed => passed?,
            }
            attempts = 0;
            next.repairs = memory.repairs;
            let retry = self.plan_retry(&next);
            state.send_if_modified(|last| {
                let changed = *last != next;
                *last = next;
                changed
            });
            tokio::select! {
                changed = plan.changed() => match changed {
                    Ok(()) => {}
                    Err(_closed) => return Ok(()),
                },
                stale = self.listen(retry) => if stale?.foreign {
                    self.looked_for = None;
                },
            }
        }
    }

    /// Removes everything of ours.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) async fn remove_all(&mut self) -> io::Result<Removed> {
        let routes = self.observe_routes().await?;
        let removals = routes.keys().map(|key| self.encode(&Step::Remove(*key)));
        let mut requests: Vec<_> = removals.collect();
        let neighbors = self.observe_neighbors().await?;
        requests.extend(neighbors.keys().map(|hop| {
            let message = neighbor::encode_key(*hop);
            (RouteNetlinkMessage::DelNeighbour(message), 0)
        }));
        for result in self.requests.change(requests).await? {
            gone_is_removed(result).map_err(io::Error::other)?;
        }
        Ok(Removed {
            routes: routes.len(),
            neighbors: neighbors.len(),
        })
    }

    /// One pass: observe, compare, change.
    async fn pass(
        &mut self,
        plan: &NetworkPlan,
        memory: &mut Memory,
        state: &mut RoutesState,
    ) -> io::Result<()> {
        self.interest.set(plan);
        let keep = plan.awaits_peers;
        let mut routes = self.observe_routes().await?;
        let none = Routes::new();
        if plan.routes == Part::Untouched {
            memory.left = None;
        } else {
            let desired = plan.routes.present().unwrap_or(&none);
            self.look_for_foreign().await?;
            let keeps = |key: &RouteKey| keep || plan.spares(key);
            let diff = memory.plan_routes(desired, &routes, &self.foreign, keeps);
            memory.note_lost(desired, &routes);
            let done = self.apply(diff, &routes, state).await?;
            for op in done {
                memory.note_done(&op);
                plan::apply(&mut routes, op);
            }
            memory.left = Some(routes.clone());
        }
        state.count(&routes);
        let desired = plan.routes.present().unwrap_or(&none);
        let spared = |key: &&RouteKey| plan.spares(key) && !desired.contains_key(key);
        state.spared = routes.keys().filter(spared).count();
        state.in_sync = state.foreign.is_empty() && state.refused.is_empty();
        self.keep_neighbors(&plan.neighbors, memory, keep).await
    }

    /// Makes the changes; those that were made.
    async fn apply(
        &mut self,
        diff: RouteDiff,
        observed: &Routes,
        state: &mut RoutesState,
    ) -> io::Result<Vec<RouteOp>> {
        state.foreign = diff.foreign;
        let steps: Vec<Vec<Step>> = diff.ops.iter().map(|op| steps(op, observed)).collect();
        let requests = steps.iter().flatten().map(|step| self.encode(step));
        let requests: Vec<_> = requests.collect();
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let mut results = self.requests.change(requests).await?.into_iter();
        let mut done = Vec::with_capacity(steps.len());
        for (op, steps) in diff.ops.into_iter().zip(steps) {
            let mut refused = None;
            for (step, result) in steps.iter().zip(results.by_ref()) {
                let result = match step {
                    Step::Remove(_) => gone_is_removed(result),
                    Step::Add(..) | Step::Replace(..) => result,
                };
                refused = refused.or(result.err().map(|refusal| (step.prefix(), refusal)));
            }
            match refused {
                None => done.push(op),
                // Somebody was faster.
                Some((prefix, refusal)) if refusal.errno == Errno::EEXIST => {
                    state.foreign.insert(prefix);
                    self.looked_for = None;
                }
                Some((prefix, refusal)) => {
                    state.refused.insert(prefix, refusal.to_string());
                }
            }
        }
        info!(changed = done.len(), refused = ?state.refused, "routes changed");
        Ok(done)
    }

    async fn keep_neighbors(
        &mut self,
        wanted: &Part<BTreeSet<plan::Hop>>,
        memory: &mut Memory,
        keep: bool,
    ) -> io::Result<()> {
        if *wanted == Part::Untouched {
            return Ok(());
        }
        let none = BTreeSet::new();
        let observed = self.observe_neighbors().await?;
        let (add, remove) =
            memory.plan_neighbors(wanted.present().unwrap_or(&none), &observed, keep);
        let protocol = self.interest.protocol();
        let add = add.into_iter().map(|hop| {
            let message = neighbor::encode(hop, protocol);
            (RouteNetlinkMessage::NewNeighbour(message), NLM_F_CREATE)
        });
        let remove = remove.into_iter().map(|hop| {
            let message = neighbor::encode_key(hop);
            (RouteNetlinkMessage::DelNeighbour(message), 0)
        });
        let results = self.requests.change(add.chain(remove).collect()).await?;
        for refusal in results.into_iter().filter_map(Result::err) {
            // Packets resolve it as they would without us; the next look asks again.
            debug!(%refusal, "a neighbour entry could not be changed");
        }
        Ok(())
    }

    /// Routes of ours.
    ///
    /// # Errors
    /// The kernel does not say.
    pub(super) async fn observe_routes(&mut self) -> io::Result<Routes> {
        let (mut routes, protocol) = (Routes::new(), self.interest.protocol());
        for family in FAMILIES {
            let question = route::question(family, Some(protocol));
            let each = |message: Message<'_>| route::decode(message.payload, protocol, &mut routes);
            list(&mut self.requests, question, each).await?;
        }
        Ok(routes)
    }

    async fn observe_neighbors(&mut self) -> io::Result<Neighbors> {
        let (mut neighbors, protocol) = (Neighbors::new(), self.interest.protocol());
        for family in FAMILIES {
            let question = neighbor::question(family);
            let each = |message: Message<'_>| {
                neighbor::decode(message.payload, protocol, &mut neighbors);
            };
            self.requests.ask(question, true, each).await?;
        }
        Ok(neighbors)
    }

    /// Looks through the whole table, which may be large, only when the answer may have changed.
    async fn look_for_foreign(&mut self) -> io::Result<()> {
        let prefixes = self.interest.prefixes();
        let known = self.looked_for.as_ref();
        if prefixes.is_empty() || known.is_some_and(|known| prefixes.is_subset(known)) {
            return Ok(());
        }
        let (mut foreign, protocol) = (BTreeSet::new(), self.interest.protocol());
        for family in FAMILIES {
            let question = route::question(family, None);
            let each = |message: Message<'_>| {
                let route = route::glance(message.payload);
                let route = route.filter(|route| route.protocol != protocol);
                let prefix = route.map(|route| route.prefix);
                foreign.extend(prefix.filter(|prefix| prefixes.contains(prefix)));
            };
            list(&mut self.requests, question, each).await?;
        }
        (self.foreign, self.looked_for) = (foreign, Some(prefixes.clone()));
        Ok(())
    }

    fn encode(&self, step: &Step) -> Request<RouteNetlinkMessage> {
        let protocol = self.interest.protocol();
        let new = |message, flags| (RouteNetlinkMessage::NewRoute(message), flags);
        match step {
            Step::Add(key, target) => {
                let message = route::encode(*key, target, protocol);
                new(message, NLM_F_CREATE | NLM_F_EXCL)
            }
            Step::Replace(key, target) => {
                let message = route::encode(*key, target, protocol);
                new(message, NLM_F_CREATE | NLM_F_REPLACE)
            }
            Step::Remove(key) => {
                let message = route::encode_key(*key, protocol);
                (RouteNetlinkMessage::DelRoute(message), 0)
            }
        }
    }

    /// When to look again although nothing was heard: soon after a refusal.
    fn plan_retry(&mut self, state: &RoutesState) -> Instant {
        let wait = match state.refused.is_empty() {
            true => {
                self.backoff.reset();
                OBSERVE_INTERVAL
            }
            false => self.backoff.next(),
        };
        Instant::now() + wait
    }

    /// Waits until something may be other than it was: at the latest at `until`.
    async fn listen(&mut self, until: Instant) -> io::Result<Stale> {
        let mut stale = Stale::default();
        let interest = &self.interest;
        let judge = |message: &Message<'_>| {
            stale.merge(interest.judge(message));
            stale.any()
        };
        Ok(match self.events.listen(until.into(), judge).await? {
            Heard::Concern => stale,
            Heard::Lost | Heard::Nothing => Stale::ALL,
        })
    }
}

/// It does not matter who removed it.
fn gone_is_removed(result: Result<(), Refusal>) -> Result<(), Refusal> {
    match result {
        Err(refusal) if matches!(refusal.errno, Errno::ESRCH | Errno::ENOENT | Errno::ENODEV) => {
            Ok(())
        }
        result => result,
    }
}
