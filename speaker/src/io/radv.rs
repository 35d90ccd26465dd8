//! Drives `radv::Speaker`: ICMPv6 messages in and out, clock. Who is found goes out as a state. No protocol rule is here.

mod driver;
mod socket;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::Name;
use plan::{Links, Neighbors};
use radv::Counters;
use tokio::{sync::watch, time::sleep};

use driver::RadvDriver;

/// What the driver is started with.
#[derive(Debug)]
pub struct Config {
    /// For jitter.
    pub seed: u64,
    /// Names of the interfaces with a peer on them; nothing is sent on any other.
    pub interfaces: watch::Receiver<BTreeSet<Name>>,
    /// This node's interfaces.
    pub links: watch::Receiver<Links>,
    /// How everything stands.
    pub state: watch::Sender<RadvState>,
}

/// What the planner, status, metrics and debug page need of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RadvState {
    /// The routers that are heard.
    pub neighbors: Neighbors,
    /// Names of their interfaces, by index.
    pub interfaces: BTreeMap<u32, Name>,
    /// What was sent and heard.
    pub counters: Counters,
    /// What cannot be done, in a sentence.
    pub problem: Option<String>,
}

/// Runs until it is dropped, or nobody plans any more. It works in the network namespace of the thread that polls it first.
pub async fn run(config: Config) {
    let (mut interfaces, mut links) = (config.interfaces.clone(), config.links.clone());
    let mut driver = RadvDriver::new(config);
    loop {
        driver.turn();
        let wait = driver.wait();
        let changed = tokio::select! {
            changed = interfaces.changed() => changed,
            changed = links.changed() => changed,
            () = driver.readable() => Ok(()),
            () = sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => Ok(()),
        };
        if changed.is_err() {
            return;
        }
    }
}
