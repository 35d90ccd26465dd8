//! Observes, compares and changes the table.

use std::{collections::BTreeMap, io, mem, sync::Arc, time::Duration};

use bgp::Prefix;
use netlink_sys::protocols::NETLINK_NETFILTER;
use plan::{Guard, NetworkPlan};
use tokio::{sync::watch, time::Instant};
use tracing::info;

use super::{
    Guards, NftState,
    diff::{self, Observed, diff},
    message::{begin, encode, end},
    observe::{self, is_ours, observe},
    section::Desired,
};
use crate::io::netlink::{
    ATTEMPTS, Backoff, OBSERVE_INTERVAL,
    listen::Heard,
    socket::{Message, Socket, refusal},
};

/// NFNLGRP_NFTABLES (linux/netfilter/nfnetlink.h).
const GROUP: u32 = 7;
/// Between two readings of the counters.
const COUNT_INTERVAL: Duration = Duration::from_secs(15);

/// What is wanted, and what is known of earlier passes.
pub(super) struct Wish {
    plan: watch::Receiver<Arc<NetworkPlan>>,
    changes: watch::Receiver<Guards>,
    pending: watch::Sender<Guards>,
    guards: BTreeMap<Prefix, Guard>,
    /// The guards are all there.
    complete: bool,
    desired: Desired,
    /// It was achieved before: what differs now was changed by others.
    achieved: bool,
    /// Times that the table was put back.
    repairs: u64,
}

/// Sockets, and the table as it was last seen or left.
pub(super) struct NftDriver {
    requests: Socket,
    events: Socket,
    observed: Option<Observed>,
    /// Not to be trusted from then on.
    observe_at: Instant,
    /// Its counters are not to be trusted from then on.
    count_at: Instant,
    backoff: Backoff,
}

impl Wish {
    pub(super) fn new(
        plan: watch::Receiver<Arc<NetworkPlan>>,
        pending: watch::Sender<Guards>,
    ) -> Self {
        Self {
            plan,
            changes: pending.subscribe(),
            pending,
            guards: BTreeMap::new(),
            complete: false,
            desired: Desired::default(),
            achieved: false,
            repairs: 0,
        }
    }

    /// Takes over what is wanted now; whether that is anything.
    pub(super) fn take(&mut self) -> bool {
        self.changes.mark_unchanged();
        let mut taken = Guards::default();
        self.pending.send_if_modified(|pending| {
            taken = mem::take(pending);
            false
        });
        self.complete |= taken.complete;
        for (prefix, guard) in taken.changed {
            match guard {
                Some(guard) => drop(self.guards.insert(prefix, guard)),
                None => drop(self.guards.remove(&prefix)),
            }
        }
        let guards = self.complete.then_some(&self.guards);
        let desired = Desired::plan(&self.plan.borrow_and_update().egress, guards);
        if desired != self.desired {
            (self.desired, self.achieved) = (desired, false);
        }
        self.desired.wants_table()
    }

    /// Waits until something else is wanted; `false`: nobody plans any more.
    async fn changed(&mut self) -> bool {
        tokio::select! {
            changed = self.plan.changed() => changed.is_ok(),
            // We hold a sender ourselves.
            _ = self.changes.changed() => true,
        }
    }
}

impl NftDriver {
    /// # Errors
    /// The kernel has no nf_tables.
    pub(super) fn open() -> io::Result<Self> {
        // First the ears: nothing happens unheard in between.
        let events = Socket::open(NETLINK_NETFILTER, &[GROUP])?;
        Ok(Self {
            requests: Socket::open(NETLINK_NETFILTER, &[])?,
            events,
            observed: None,
            observe_at: Instant::now(),
            count_at: Instant::now(),
            backoff: Backoff::default(),
        })
    }

    /// Works until nobody plans any more.
    ///
    /// # Errors
    /// A socket failed.
    pub(super) async fn run(
        &mut self,
        wish: &mut Wish,
        state: &watch::Sender<NftState>,
    ) -> io::Result<()> {
        loop {
            let wanted = wish.take();
            let (mut until, mut error) = (self.count_at, None);
            match self.reach(wish).await {
                Ok(()) => self.backoff.reset(),
                Err(refused) if refusal(&refused).is_some() => {
                    until = Instant::now() + self.backoff.next();
                    // A node without nf_tables that needs none is as it should be.
                    error = wanted.then(|| refused.to_string());
                }
                Err(failed) => return Err(failed),
            }
            publish(state, wish, self.observed.as_ref(), error);
            tokio::select! {
                open = wish.changed() => if !open {
                    return Ok(());
                },
                ours = self.listen(until) => if ours? {
                    self.observed = None;
                },
            }
        }
    }

    /// Removes the table; whether it was there.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) async fn remove(&mut self) -> io::Result<bool> {
        let there = observe(&mut self.requests).await?.table.is_some();
        if there {
            let ops = encode(&[diff::Op::RemoveTable]);
            self.requests.transact(begin(), ops, end()).await?;
        }
        Ok(there)
    }

    /// Makes the table what is wanted. What fails is tried once more on what the table really holds.
    async fn reach(&mut self, wish: &mut Wish) -> io::Result<()> {
        let now = Instant::now();
        if self.observe_at <= now {
            self.observed = None;
        }
        if self.count_at <= now {
            self.count().await?;
        }
        let known = self.observed.is_some();
        match self.pass(wish).await {
            Err(error) if known && refusal(&error).is_some() => self.pass(wish).await,
            passed => passed,
        }
    }

    async fn pass(&mut self, wish: &mut Wish) -> io::Result<()> {
        let mut observed = match self.observed.take() {
            Some(observed) => observed,
            None => self.observe().await?,
        };
        let ops = diff(&wish.desired, &observed);
        if !ops.is_empty() {
            let transaction = self.requests.transact(begin(), encode(&ops), end());
            transaction.await?;
            ops.iter().for_each(|op| diff::apply(&mut observed, op));
            wish.repairs += u64::from(wish.achieved);
            info!(
                changes = ops.len(),
                repair = wish.achieved,
                "nftables table changed"
            );
        }
        wish.achieved = true;
        self.observed = Some(observed);
        Ok(())
    }

    async fn observe(&mut self) -> io::Result<Observed> {
        let mut attempts = 0;
        let observed = loop {
            match observe(&mut self.requests).await {
                // Somebody else's transaction came in between.
                Err(error) if error.kind() == io::ErrorKind::Interrupted && attempts < ATTEMPTS => {
                    attempts += 1;
                }
                observed => break observed?,
            }
        };
        let now = Instant::now();
        (self.observe_at, self.count_at) = (now + OBSERVE_INTERVAL, now + COUNT_INTERVAL);
        Ok(observed)
    }

    /// Reads the counters anew.
    async fn count(&mut self) -> io::Result<()> {
        self.count_at = Instant::now() + COUNT_INTERVAL;
        let Some(observed) = &mut self.observed else {
            return Ok(());
        };
        if observed.table.is_none() {
            return Ok(());
        }
        match observe::counters(&mut self.requests).await {
            Ok(counters) => observed.counters = counters,
            Err(error) if refusal(&error).is_some() => self.observed = None,
            // The next time is soon enough.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits until others have changed our table, or until `until`; which of both.
    async fn listen(&mut self, until: Instant) -> io::Result<bool> {
        let own = self.requests.port();
        let judge = |message: &Message<'_>| message.port != own && is_ours(message);
        Ok(match self.events.listen(until, judge).await? {
            Heard::Concern | Heard::Lost => true,
            Heard::Nothing => false,
        })
    }
}

fn publish(
    state: &watch::Sender<NftState>,
    wish: &Wish,
    observed: Option<&Observed>,
    error: Option<String>,
) {
    let next = NftState {
        in_sync: error.is_none(),
        repairs: wish.repairs,
        counters: observed
            .map(|observed| NftState::counted(&observed.counters))
            .unwrap_or_default(),
        held: observed.is_some_and(|observed| observed.table.is_some()),
        error,
    };
    state.send_if_modified(|last| {
        let changed = *last != next;
        *last = next;
        changed
    });
}
