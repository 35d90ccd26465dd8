//! This node's interfaces as facts, and its routes and neighbour entries as the plan wants them, over rtnetlink(7).
//!
//! [`run`] takes what should be from one channel and tells what is from others. It owns what carries our protocol number
//! and nothing else: it observes, compares, changes, and looks again every 60 s and on any notification that concerns it.

mod driver;
mod event;
mod link;
pub(in crate::io) mod listen;
mod neighbor;
mod pass;
mod route;
pub(in crate::io) mod socket;
mod state;
mod watcher;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use netlink_packet_core::NetlinkSerializable;
use nix::errno::Errno;
use plan::{Links, NetworkPlan};
use tokio::{sync::watch, time::sleep};
use tracing::{debug, warn};

pub use state::{FamilyCounts, RoutesState};

pub(in crate::io) use route::address;

use driver::RouteDriver;
use pass::Memory;
use socket::{Message, Socket, refusal};
use watcher::Watcher;

/// Between two looks that nothing asks for.
pub(in crate::io) const OBSERVE_INTERVAL: Duration = Duration::from_secs(60);
/// Notifications that arrive within this time are answered together.
pub(in crate::io) const COALESCE: Duration = Duration::from_millis(5);
/// Between two attempts at what failed: doubles from the first to the second.
pub(in crate::io) const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// How often a list that changes while it is read is read again at once.
pub(in crate::io) const ATTEMPTS: u32 = 5;

/// What [`run`] works with.
#[derive(Debug)]
pub struct Config {
    /// What should be: its routes and neighbours.
    pub plan: watch::Receiver<Arc<NetworkPlan>>,
    /// This node's interfaces.
    pub links: watch::Sender<Links>,
    /// What became of routes and neighbours.
    pub state: watch::Sender<RoutesState>,
    /// Protocol number of our routes: [`plan::ROUTE_PROTOCOL`] unless a flag says otherwise.
    pub protocol: u8,
}

/// Removed by [`remove_all`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Routes.
    pub routes: usize,
    /// Neighbour entries.
    pub neighbors: usize,
}

/// Watches interfaces and keeps routes and neighbours, until it is dropped or nobody plans any more. It works in the
/// network namespace of the thread that polls it first.
pub async fn run(config: Config) {
    let Config {
        plan,
        links,
        state,
        protocol,
    } = config;
    tokio::select! {
        () = watch_links(links, protocol) => {}
        () = keep_routes(plan, state, protocol) => {}
    }
}

/// Removes all routes and neighbour entries that carry the protocol number.
///
/// # Errors
/// The kernel refuses.
pub fn remove_all(protocol: u8) -> io::Result<Removed> {
    socket::wait_for(async { RouteDriver::open(protocol)?.remove_all().await })
}

/// How many routes carry the protocol number.
///
/// # Errors
/// The kernel does not say.
pub(crate) async fn held(protocol: u8) -> io::Result<usize> {
    Ok(RouteDriver::open(protocol)?.observe_routes().await?.len())
}

async fn watch_links(links: watch::Sender<Links>, protocol: u8) {
    let mut backoff = Backoff::default();
    loop {
        let attempt = async { Watcher::open(protocol)?.run(&links).await };
        match backoff.judge(attempt).await {
            Ok(()) => return,
            Err(error) => warn!(%error, "interfaces cannot be observed; trying again"),
        }
        sleep(backoff.next()).await;
    }
}

async fn keep_routes(
    mut plan: watch::Receiver<Arc<NetworkPlan>>,
    state: watch::Sender<RoutesState>,
    protocol: u8,
) {
    let (mut memory, mut backoff) = (Memory::default(), Backoff::default());
    loop {
        let attempt = async {
            let mut driver = RouteDriver::open(protocol)?;
            driver.run(&mut plan, &mut memory, &state).await
        };
        match backoff.judge(attempt).await {
            Ok(()) => return,
            Err(error) => {
                warn!(%error, "routes cannot be observed or changed; trying again");
                state.send_modify(|state| {
                    (state.error, state.in_sync) = (Some(error.to_string()), false);
                });
            }
        }
        sleep(backoff.next()).await;
    }
}

/// All answers; a table that does not exist has no entries.
async fn list<T: NetlinkSerializable>(
    socket: &mut Socket,
    question: T,
    each: impl FnMut(Message<'_>),
) -> io::Result<()> {
    match socket.ask(question, true, each).await {
        Err(error) if refusal(&error).is_some_and(|no| no.errno == Errno::ENOENT) => {
            debug!("the main table does not exist yet");
            Ok(())
        }
        asked => asked,
    }
}

/// Waiting times between attempts.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::io) struct Backoff(Duration);

impl Backoff {
    /// How long to wait now.
    pub(in crate::io) fn next(&mut self) -> Duration {
        let [first, last] = BACKOFF;
        self.0 = self.0.saturating_mul(2).clamp(first, last);
        self.0
    }

    /// Does something; that it went on for long before it failed is a good sign.
    pub(in crate::io) async fn judge<T>(&mut self, attempt: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let ended = attempt.await;
        let [_, long] = BACKOFF;
        if started.elapsed() >= long {
            self.reset();
        }
        ended
    }

    /// It went well.
    pub(in crate::io) fn reset(&mut self) {
        self.0 = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_be_spawned_on_any_runtime() {
        fn is_send<T: Send>(_: fn(Config) -> T) {}
        is_send(run);
        fn too<T: Send>(_: fn(crate::io::nft::Config) -> T) {}
        too(crate::io::nft::run);
    }

    #[test]
    fn waits_longer_after_each_failure_and_never_longer_than_a_minute() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.next().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next().as_secs(), 1);
    }
}
