//! Forgets UDP flows that the kernel has tracked without translating them, when their address comes here or leaves.
//!
//! The kernel decides with the first packet of a flow whether and to where it is translated, and keeps to that for as long
//! as packets come (30 to 120 s between two of them). A client that goes on sending from one port to an announced address
//! while ownership moves may meet a node at a moment when nothing there translates the address: before kube-proxy has
//! programmed it, or while the node has no endpoint for it. The entry that this leaves behind lets the flow end nowhere for
//! ever. So each time an address comes to this node or leaves it, the UDP entries to it that are not translated are
//! deleted; the next packet is judged anew. Nothing else is touched: translated flows lead to an endpoint and kube-proxy
//! looks after them, and TCP connections end by themselves.

mod message;

use std::{collections::BTreeSet, io, net::IpAddr};

use ::l2::Standing;
use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::errno::Errno;
use tokio::sync::watch;
use tracing::{debug, info};

use message::{FAMILIES, Flow, decode, deletion, question};

use crate::io::{
    l2::L2State,
    netlink::socket::{Message, Socket, refusal},
};

/// Flows that are deleted in one pass: so much is remembered at once.
const BATCH: usize = 4096;
/// Passes over the table for one change of addresses.
const PASSES: usize = 16;

/// Follows who owns what for as long as the driver of layer 2 tells.
pub(crate) async fn run(mut state: watch::Receiver<L2State>) {
    let mut owned = BTreeSet::new();
    let mut quiet = false;
    while state.changed().await.is_ok() {
        let now = own(&state.borrow_and_update());
        let moved: BTreeSet<IpAddr> = owned.symmetric_difference(&now).copied().collect();
        owned = now;
        if moved.is_empty() {
            continue;
        }
        match forget(&moved).await {
            Ok(0) => {}
            Ok(flows) => info!(flows, "UDP flows that were not translated are forgotten"),
            // Mostly a kernel without connection tracking, which then does not translate either.
            Err(error) if !quiet => {
                quiet = true;
                debug!(%error, "tracked flows cannot be read or deleted");
            }
            Err(_) => {}
        }
    }
}

/// Deletes the UDP entries to these addresses that are not translated; how many.
///
/// # Errors
/// The kernel has no connection tracking, or refuses.
pub async fn forget(addresses: &BTreeSet<IpAddr>) -> io::Result<usize> {
    let mut socket = Socket::open(NETLINK_NETFILTER, &[])?;
    let mut forgotten = 0;
    for _ in 0..PASSES {
        let flows = observe(&mut socket, addresses).await?;
        let last = flows.len() < BATCH;
        let requests = flows.into_iter().map(|flow| (deletion(flow), 0));
        let results = socket.change(requests.collect()).await?;
        for result in results {
            match result {
                Ok(()) => forgotten += 1,
                // It has just ended.
                Err(refusal) if refusal.errno == Errno::ENOENT => {}
                Err(refusal) => return Err(io::Error::other(refusal)),
            }
        }
        if last {
            break;
        }
    }
    Ok(forgotten)
}

async fn observe(socket: &mut Socket, addresses: &BTreeSet<IpAddr>) -> io::Result<Vec<Flow>> {
    let mut flows = Vec::new();
    for family in FAMILIES {
        if !addresses.iter().any(|address| family.has(*address)) {
            continue;
        }
        let each = |message: Message<'_>| {
            if flows.len() < BATCH {
                flows.extend(decode(message.payload, addresses));
            }
        };
        match socket.ask(question(family), true, each).await {
            // The table changed while it was read: what was seen is there all the same.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // This kernel tracks no such family.
            Err(error) if refusal(&error).is_some_and(|no| no.errno == Errno::EOPNOTSUPP) => {}
            asked => asked?,
        }
    }
    Ok(flows)
}

fn own(state: &L2State) -> BTreeSet<IpAddr> {
    let addresses = state.view.addresses.iter();
    let own = addresses.filter(|(_, held)| held.standing == Standing::Owner);
    own.map(|(address, _)| *address).collect()
}
