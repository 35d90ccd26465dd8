//! Leaving a node: first less preferred, so that others take over, then not at all.
//!
//! ```text
//!             mark or departure          5 s later           departure
//!   Serving ─────────────────► GivingWay ─────────► Away ─────────────► Gone
//!      ▲                           │                  │
//!      └──── mark is removed ──────┴──────────────────┘
//! ```
//! A mark is the taint or the annotation [`Node::DRAIN`]; a departure is the signal to stop when the speaker is not to come
//! back soon, and there is no way back from it.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};

use bgp::{Community, Route, RouteAttributes};
use model::{Kind, Node};

use crate::Planner;

/// How long routes stay that nobody should prefer any more: what a router needs to move its traffic (RFC 8326 section 4).
pub const GIVE_WAY: Duration = Duration::from_secs(5);

/// How far this node has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It has not.
    #[default]
    Serving,
    /// Routes ask to be the last that are taken (GRACEFUL_SHUTDOWN, LOCAL_PREF 0); no address is answered on layer 2.
    GivingWay,
    /// No address is announced. This node's pods are reached still, by routes that ask to be the last.
    Away,
    /// Nothing is advertised at all.
    Gone,
}

/// What is known of the DaemonSet that runs the speaker when it is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonSet {
    /// It is there and will start the speaker anew.
    Stays,
    /// It is gone or being deleted.
    Goes,
    /// The API server does not say.
    Unknown,
}

/// Why a speaker that is asked to stop is not to come back soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Nobody will start it again.
    DaemonSetGone,
    /// The Node object is gone.
    NodeGone,
    /// The node is shutting down.
    ShuttingDown,
    /// The node carries the taint or the annotation [`Node::DRAIN`].
    Marked,
    /// The node is cordoned.
    Cordoned,
}

/// Counts the time of giving way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain {
    /// While there is a reason to leave: when [`Stage::GivingWay`] ends.
    until: Option<Duration>,
    departs: bool,
    stage: Stage,
}

impl Drain {
    /// There is no way back.
    pub(crate) fn depart(&mut self) {
        self.departs = true;
    }

    /// Takes whether the node is marked, at the time of a pass. At the first one nothing is announced yet that would have
    /// to give way.
    pub(crate) fn handle_pass(&mut self, now: Duration, marked: bool, first: bool) -> Stage {
        let give_way = match first {
            true => Duration::ZERO,
            false => GIVE_WAY,
        };
        let begun = self.until.unwrap_or(now + give_way);
        self.until = (marked || self.departs).then_some(begun);
        self.stage = match self.until {
            None => Stage::Serving,
            Some(until) if now < until => Stage::GivingWay,
            Some(_) if self.departs => Stage::Gone,
            Some(_) => Stage::Away,
        };
        self.stage
    }

    /// When the stage changes by itself.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.until.filter(|_| self.stage == Stage::GivingWay)
    }
}

impl Planner {
    /// Why this speaker is not to come back soon when it is asked to stop now; `None`: it is only started anew, and what
    /// it announces should stay. Cordon and shutdown are asked here and nowhere else: alone they change nothing.
    pub fn departure(&self, daemon_set: DaemonSet) -> Option<Departure> {
        let listed = self.missing().all(|kind| kind != Kind::Node);
        match (daemon_set, self.node()) {
            (DaemonSet::Goes, _) => Some(Departure::DaemonSetGone),
            (DaemonSet::Stays | DaemonSet::Unknown, None) => listed.then_some(Departure::NodeGone),
            (DaemonSet::Stays | DaemonSet::Unknown, Some(node)) => Departure::of(node),
        }
    }
}

impl Departure {
    fn of(node: &Node) -> Option<Self> {
        let reasons = [
            (node.shutting_down, Self::ShuttingDown),
            (node.marked_for_drain, Self::Marked),
            (node.cordoned, Self::Cordoned),
        ];
        let mut holding = reasons.into_iter().filter(|(holds, _)| *holds);
        holding.next().map(|(_, departure)| departure)
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DaemonSetGone => "Herald is removed from the cluster",
            Self::NodeGone => "the node is removed from the cluster",
            Self::ShuttingDown => "the node is shutting down",
            Self::Marked => "the node is marked with heraldlb.io/drain",
            Self::Cordoned => "the node is cordoned",
        })
    }
}

impl Stage {
    /// As the debug page and metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "Serving",
            Self::GivingWay => "GivingWay",
            Self::Away => "Away",
            Self::Gone => "Gone",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::Serving, Self::GivingWay, Self::Away, Self::Gone];

    /// The routes as they are advertised at this stage. Equal attributes stay one allocation.
    pub(crate) fn lower<K>(self, routes: Vec<(K, Vec<Route>)>) -> Vec<(K, Vec<Route>)> {
        if self == Self::Serving {
            return routes;
        }
        let mut known: BTreeMap<Arc<RouteAttributes>, Arc<RouteAttributes>> = BTreeMap::new();
        let mut lower = |route: Route| {
            let lowered = known.entry(route.attributes.clone());
            let attributes = lowered
                .or_insert_with_key(|attributes| Arc::new(last_choice(attributes)))
                .clone();
            Route {
                attributes,
                ..route
            }
        };
        let lowered = routes.into_iter().map(|(key, routes)| {
            let routes = routes.into_iter().map(&mut lower);
            (key, routes.collect())
        });
        lowered.collect()
    }
}

/// What routers take when there is nothing else (RFC 8326 section 4.2).
fn last_choice(attributes: &RouteAttributes) -> RouteAttributes {
    let mut lowered = attributes.clone();
    lowered.local_pref = Some(0);
    lowered.communities.insert(Community::GRACEFUL_SHUTDOWN);
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn gives_way_for_five_seconds_and_leaves() {
        let mut drain = Drain::default();
        assert_eq!(drain.handle_pass(seconds(1), false, true), Stage::Serving);
        assert_eq!(drain.poll_timeout(), None);
        assert_eq!(drain.handle_pass(seconds(2), true, false), Stage::GivingWay);
        assert_eq!(drain.poll_timeout(), Some(seconds(7)));
        let early = seconds(7) - Duration::from_nanos(1);
        assert_eq!(drain.handle_pass(early, true, false), Stage::GivingWay);
        assert_eq!(drain.handle_pass(seconds(7), true, false), Stage::Away);
        assert_eq!(drain.poll_timeout(), None);
        assert_eq!(drain.handle_pass(seconds(8), false, false), Stage::Serving);
    }

    #[test]
    fn a_second_mark_gives_way_anew() {
        let mut drain = Drain::default();
        drain.handle_pass(seconds(0), false, true);
        drain.handle_pass(seconds(1), true, false);
        drain.handle_pass(seconds(2), false, false);
        assert_eq!(drain.handle_pass(seconds(6), true, false), Stage::GivingWay);
        assert_eq!(drain.poll_timeout(), Some(seconds(11)));
    }

    #[test]
    fn nothing_has_to_give_way_on_a_node_that_is_marked_from_the_start() {
        let mut drain = Drain::default();
        assert_eq!(drain.handle_pass(seconds(3), true, true), Stage::Away);
    }

    #[test]
    fn a_departure_waits_once_and_is_for_good() {
        let mut drain = Drain::default();
        drain.handle_pass(seconds(0), true, false);
        drain.depart();
        assert_eq!(
            drain.handle_pass(seconds(4), false, false),
            Stage::GivingWay
        );
        assert_eq!(drain.handle_pass(seconds(5), false, false), Stage::Gone);

        let mut marked = Drain::default();
        marked.handle_pass(seconds(0), true, true);
        marked.depart();
        assert_eq!(marked.handle_pass(seconds(1), true, false), Stage::Gone);
    }
}
