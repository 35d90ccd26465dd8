//! Drives `l2::Speaker`: frames, heartbeats, clock. What it answers and owns goes out as a state, newest value first.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, sync::Arc};

use l2::{Key, Nominee, Notice, View};
use model::Name;
use plan::Links;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

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
    /// What has happened, for Events; what does not fit in is left out.
    pub notices: mpsc::Sender<Notice>,
    /// Folder of the kernel's settings, as the one at /proc/sys.
    pub sysctl_dir: PathBuf,
    /// Cancelled: hand everything over, then return.
    pub stop: CancellationToken,
}

/// What the plan and the cluster say, as far as it changed; the newest value of each counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nominations {
    /// Addresses that this node may answer; `None`: not any more.
    pub changed: BTreeMap<IpAddr, Option<Nominee>>,
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
}

impl Nominations {
    /// Takes over what came later.
    pub fn merge(&mut self, later: Self) {
        self.changed.extend(later.changed);
        self.nodes = later.nodes.or(self.nodes.take());
        self.keys = later.keys.or(self.keys.take());
    }
}

/// Runs until it is stopped and everything is handed over.
pub async fn run(config: Config) {
    config.stop.cancelled().await;
}
