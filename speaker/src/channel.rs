//! How the parts of the program tell each other what they know: the newest of a kind, or one thing after the other.

use l2::Notice;
use plan::Learned;
use tokio::sync::{mpsc, watch};

use crate::{
    io::{bgp::Observed, l2::L2State},
    planner::{Facts, Query},
};

/// Questions to the planner that may wait.
const QUERIES: usize = 8;
/// What has happened on layer 2 and waits to be told.
const NOTICES: usize = 256;

/// Where what happens is told.
pub(crate) struct Tell {
    pub(crate) facts: watch::Sender<Facts>,
    pub(crate) observed: watch::Sender<Observed>,
    pub(crate) learned: watch::Sender<Learned>,
    pub(crate) converged: watch::Sender<bool>,
    pub(crate) l2: watch::Sender<L2State>,
    pub(crate) notices: mpsc::Sender<Notice>,
    pub(crate) queries: mpsc::Sender<Query>,
}

/// Where it is heard.
pub(crate) struct Seen {
    pub(crate) facts: watch::Receiver<Facts>,
    pub(crate) observed: watch::Receiver<Observed>,
    pub(crate) learned: watch::Receiver<Learned>,
    pub(crate) converged: watch::Receiver<bool>,
    pub(crate) l2: watch::Receiver<L2State>,
    pub(crate) notices: mpsc::Receiver<Notice>,
    pub(crate) queries: mpsc::Receiver<Query>,
}

pub(crate) fn channels() -> (Tell, Seen) {
    let (facts, facts_seen) = watch::channel(Facts::default());
    let (observed, observed_seen) = watch::channel(Observed::default());
    let (learned, learned_seen) = watch::channel(Learned::default());
    let (converged, converged_seen) = watch::channel(false);
    let (l2, l2_seen) = watch::channel(L2State::default());
    let (notices, notices_seen) = mpsc::channel(NOTICES);
    let (queries, queries_seen) = mpsc::channel(QUERIES);
    let tell = Tell {
        facts,
        observed,
        learned,
        converged,
        l2,
        notices,
        queries,
    };
    let seen = Seen {
        facts: facts_seen,
        observed: observed_seen,
        learned: learned_seen,
        converged: converged_seen,
        l2: l2_seen,
        notices: notices_seen,
        queries: queries_seen,
    };
    (tell, seen)
}
