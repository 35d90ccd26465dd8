//! Drives `l2::Speaker`: frames, heartbeats, clock. What it answers and owns goes out as a state, newest value first. No
//! rule of the election is here.
//!
//! Frames come from packet sockets, ARP and NDP alike: a neighbour that makes sure that an address is still there asks
//! the address itself (RFC 4861 7.3), which the kernel does not have, so that no ICMPv6 socket hears it.

mod driver;
mod filter;
mod group;
mod heartbeat;
mod interface;
mod notices;
mod port;

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, sync::Arc};

use l2::{Announcer, Key, Nominee, Notice, View};
use model::Name;
use plan::{Capped, Links};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use driver::{L2Driver, Wake};

/// What of one socket is dropped after a stop, at most: more than its buffer holds.
const BACKLOG: usize = 1 << 16;

/// What the driver is started with.
#[derive(Debug)]
pub struct Config {
    /// Name of this node.
    pub node: Name,
    /// A random number, another one for each start.
    pub boot: u64,
    /// Interfaces.
    pub links: watch::Receiver<Links>,
    /// What has changed since the driver looked last; it takes it out.
    pub nominations: watch::Sender<Nominations>,
    /// How everything stands.
    pub state: watch::Sender<L2State>,
    /// Which other nodes can announce an address by BGP, as far as that changed and nobody has taken it out.
    pub announcers: watch::Sender<Announcers>,
    /// What has happened, for Events; what does not fit in is left out.
    pub notices: mpsc::Sender<Notice>,
    /// Folder of the kernel's settings, as the one at /proc/sys.
    pub sysctl_dir: PathBuf,
    /// Cancelled: hand everything over, then return.
    pub stop: CancellationToken,
}

/// Other nodes that can announce an address by BGP of which only some are to.
pub type Announcers = BTreeMap<IpAddr, Vec<Announcer>>;

/// What the plan and the cluster say, as far as it changed; the newest value of each counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nominations {
    /// Addresses that this node may answer; `None`: not any more.
    pub changed: BTreeMap<IpAddr, Option<Nominee>>,
    /// Addresses that only some nodes are to announce by BGP; `None`: not any more.
    pub capped: BTreeMap<IpAddr, Option<Capped>>,
    /// Whether other nodes have to hear what this one announces.
    pub counts_announcers: Option<bool>,
    /// The cluster's nodes with their InternalIPs.
    pub nodes: Option<Arc<BTreeMap<Name, Vec<IpAddr>>>>,
    /// The keys for heartbeats, oldest first.
    pub keys: Option<Vec<Key>>,
}

/// What status, metrics and debug page need of layer 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L2State {
    /// The election.
    pub view: Arc<View>,
    /// What cannot be done, a sentence each: a socket or a group that the kernel refuses.
    pub problems: Vec<String>,
    /// Notices that nobody took in time and that would have been Events.
    pub notices_dropped: u64,
}

impl Nominations {
    /// Takes over what came later.
    pub fn merge(&mut self, later: Self) {
        self.changed.extend(later.changed);
        self.capped.extend(later.capped);
        self.counts_announcers = later.counts_announcers.or(self.counts_announcers);
        self.nodes = later.nodes.or(self.nodes.take());
        self.keys = later.keys.or(self.keys.take());
    }
}

/// Runs until it is stopped and everything is handed over, which takes a second at most. It works in the network
/// namespace of the thread that polls it.
pub async fn run(config: Config) {
    let mut links = config.links.clone();
    let mut nominations = config.nominations.subscribe();
    let stop = config.stop.clone();
    let mut driver = L2Driver::new(config);
    // What is there already.
    links.mark_changed();
    nominations.mark_changed();
    while !driver.is_done() {
        let wake = tokio::select! {
            biased;
            () = stop.cancelled(), if !driver.is_leaving() => Wake::Stop,
            Ok(()) = links.changed() => Wake::Links,
            Ok(()) = nominations.changed() => Wake::Nominations,
            () = driver.readable() => Wake::Due,
            () = sleep(driver.wait()) => Wake::Due,
        };
        driver.turn(wake);
    }
}
