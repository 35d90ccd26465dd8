//! The table `inet herald`: what pods send outside is translated, and packets that would loop are stopped.
//!
//! ```text
//! chain postrouting   from @pods_v4, to none of @cluster_v4, @nodes_v4, @excluded_v4   ► count, masquerade or snat
//! chain forward       to @reject_v4 ► count, reject                  to @drop_v4 ► count, drop
//! ```
//!
//! and the same for IPv6. Each chain with its sets is replaced in one transaction when the comments beside it and its rules
//! are not those of the rules that should be there; where only elements of sets differ, those are changed in place.
//! Counters are objects of their own and survive both. Other tables are never read nor changed.

mod diff;
mod driver;
mod expression;
mod message;
mod observe;
mod range;
mod section;

use std::{collections::BTreeMap, io, sync::Arc};

use bgp::Prefix;
use model::AddressFamily;
use plan::{Guard, NetworkPlan};
use tokio::{sync::watch, time::sleep};
use tracing::warn;

use driver::{NftDriver, Wish};

use super::netlink::{Backoff, socket};

/// What [`run`] works with.
#[derive(Debug)]
pub struct Config {
    /// What should be: its egress.
    pub plan: watch::Receiver<Arc<NetworkPlan>>,
    /// Changes of what should be stopped. The driver takes what is in it and leaves nothing.
    pub guards: watch::Sender<Guards>,
    /// What became of it.
    pub state: watch::Sender<NftState>,
}

/// Changed guards that were not taken yet; the latest of a network counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// `None`: no longer.
    pub changed: BTreeMap<Prefix, Option<Guard>>,
    /// All guards have been told. Until then those of an earlier run stay.
    pub complete: bool,
}

/// What the kernel holds of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NftState {
    /// It is as it should be. Also true where there should be none.
    pub in_sync: bool,
    /// Why it is not; tried again later and later.
    pub error: Option<String>,
    /// How often others changed or removed it and it was put back.
    pub repairs: u64,
    /// What its rules have counted since the table was made; at most 15 s old.
    pub counters: BTreeMap<(AddressFamily, Counted), Count>,
    /// The table is there.
    pub held: bool,
}

/// What a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Packets that open a connection which is translated; nf_tables sees no other in a chain of type nat.
    Translated,
    /// Packets that were answered with an ICMP error.
    Rejected,
    /// Packets that were dropped in silence.
    Dropped,
}

/// Of a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Octets, with the IP header.
    pub bytes: u64,
}

/// Keeps the table until it is dropped or nobody plans any more. It works in the network namespace of the thread that polls
/// it first.
pub async fn run(config: Config) {
    let Config {
        plan,
        guards,
        state,
    } = config;
    let mut wish = Wish::new(plan, guards);
    let mut backoff = Backoff::default();
    loop {
        let attempt = async { NftDriver::open()?.run(&mut wish, &state).await };
        match backoff.judge(attempt).await {
            Ok(()) => return,
            Err(error) => {
                warn!(%error, "nftables cannot be observed or changed; trying again");
                let told = wish.take().then(|| error.to_string());
                state.send_modify(|state| {
                    (state.in_sync, state.error) = (told.is_none(), told);
                });
            }
        }
        sleep(backoff.next()).await;
    }
}

/// Removes the table; whether it was there.
///
/// # Errors
/// The kernel refuses.
pub fn remove_table() -> io::Result<bool> {
    socket::wait_for(async { NftDriver::open()?.remove().await })
}

impl Guards {
    /// Takes over what changed later.
    pub fn merge(&mut self, later: Self) {
        self.changed.extend(later.changed);
        self.complete |= later.complete;
    }
}

impl Counted {
    /// Each with the beginning of its counters' names.
    const ALL: [(Self, &'static str); 3] = [
        (Self::Translated, "egress"),
        (Self::Rejected, "reject"),
        (Self::Dropped, "drop"),
    ];
}

impl NftState {
    fn counted(counters: &BTreeMap<String, Count>) -> BTreeMap<(AddressFamily, Counted), Count> {
        let mut counted = BTreeMap::new();
        for family in [AddressFamily::IPv4, AddressFamily::IPv6] {
            for (kind, name) in Counted::ALL {
                let name = [name, section::suffix(family)].concat();
                let count = counters.get(&name).map(|count| ((family, kind), *count));
                counted.extend(count);
            }
        }
        counted
    }
}
