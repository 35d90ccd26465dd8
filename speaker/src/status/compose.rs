use std::time::Duration;

use bgp::{Family, FamilySet, SessionView, State};
use crds::{AddressFamily, Announced, SessionStatus, SpeakerStateStatus};
use jiff::Timestamp;
use model::{Condition, condition_type};
use plan::Stage;

use super::{l2, network};
use crate::{
    io::{bfd::BfdState, bgp::Observed, l2::L2State},
    kernel::KernelState,
    planner::Facts,
};

/// Most sessions in a status; the schema allows no more.
const MOST_SESSIONS: usize = 32;
/// Longest `lastError`, in characters, as the schema has it.
const LONGEST_ERROR: usize = 1024;
/// Longest message of a condition, in characters: enough to read, far below what the schema allows.
const LONGEST_MESSAGE: usize = 4096;

/// Composes statuses; knows how process time relates to the clock on the wall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author {
    /// The time on the wall when process time was 0.
    pub(crate) epoch: Timestamp,
}

/// What a status is composed of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) observed: &'a Observed,
    pub(crate) kernel: &'a KernelState,
    pub(crate) l2: &'a L2State,
    pub(crate) bfd: &'a BfdState,
    /// The kernel answers ARP for addresses of Services on its own.
    pub(crate) needs_strict_arp: bool,
}

impl Author {
    /// What this node has to say now. Conditions keep their time from `former` where their status is the same.
    pub(crate) fn compose(
        &self,
        now: Duration,
        known: Known<'_>,
        former: &[crds::Condition],
    ) -> SpeakerStateStatus {
        let Known {
            facts,
            observed,
            kernel,
            l2,
            bfd,
            needs_strict_arp,
        } = known;
        let mut conditions = vec![ready(facts), config_accepted(facts, observed, bfd)];
        // Before the first plan nothing that is on the node can be told from what is left of another one.
        if facts.ready {
            conditions.extend(network::conditions(kernel, former));
            let judged = l2::Judged {
                state: l2,
                selected: facts.takes_part_in_l2,
                needs_strict_arp,
            };
            conditions.extend(judged.condition());
        }
        let (addresses, l2_truncated) = l2::addresses(&l2.view);
        let sessions = observed.sessions.iter().take(MOST_SESSIONS);
        SpeakerStateStatus {
            sessions: sessions.map(|session| self.session(session, bfd)).collect(),
            announced: Announced {
                bgp: integer(facts.announced as u64),
                l2: integer(l2::announced(&l2.view) as u64),
            },
            l2: addresses,
            l2_truncated,
            pod_network: network::state(kernel),
            imported: network::imported(kernel),
            conditions: conditions
                .iter()
                .map(|c| self.condition(now, c, former))
                .collect(),
        }
    }

    fn session(&self, session: &SessionView, bfd: &BfdState) -> SessionStatus {
        let watched = bfd.session(&session.peer);
        let error = session.last_error.as_deref();
        SessionStatus {
            peer: session.peer.to_string(),
            address: session.shown_address(),
            my_asn: session.local_asn.0.into(),
            peer_asn: session.remote_asn.map(|asn| asn.0.into()),
            state: session.state.to_string(),
            since: self.wall(session.since),
            families: families(session.families),
            bfd: watched.map(|watched| watched.state.to_string()),
            last_error: error.map(|error| shorten(error, LONGEST_ERROR)),
            flaps: integer(session.flaps),
            prefixes_received: integer(session.received),
            prefixes_advertised: integer(session.advertised),
        }
    }

    fn condition(
        &self,
        now: Duration,
        condition: &Condition,
        former: &[crds::Condition],
    ) -> crds::Condition {
        let status = condition.status.as_str();
        let kept = former
            .iter()
            .find(|former| former.r#type == condition.kind && former.status == status)
            .map(|former| former.last_transition_time.clone());
        crds::Condition {
            r#type: condition.kind.to_string(),
            status: status.to_owned(),
            observed_generation: None,
            last_transition_time: kept.unwrap_or_else(|| self.wall(now)),
            reason: condition.reason.to_string(),
            message: shorten(&condition.message, LONGEST_MESSAGE),
        }
    }

    /// Process time as RFC 3339, to the second.
    fn wall(&self, time: Duration) -> String {
        let seconds = self
            .epoch
            .as_second()
            .saturating_add_unsigned(time.as_secs());
        Timestamp::from_second(seconds)
            .unwrap_or(self.epoch)
            .to_string()
    }
}

fn ready(facts: &Facts) -> Condition {
    let missing = || facts.missing.join(", ");
    let (reason, message) = match (facts.ready, facts.stage) {
        (false, _) if let Some(written) = facts.stale_since => (
            "Stale",
            format!(
                "announcing what was known at {written}, before the speaker started; not listed yet: {}",
                missing()
            ),
        ),
        (false, _) => (
            "WaitingForLists",
            format!("not listed yet: {}", missing()),
        ),
        (true, Stage::Serving) => (
            "Running",
            "the speaker knows the cluster and announces what it should".to_owned(),
        ),
        (true, Stage::GivingWay) => (
            "Draining",
            "this node is leaving: its routes ask to be the last that are taken, and are withdrawn within 5 s".to_owned(),
        ),
        (true, Stage::Away | Stage::Gone) => (
            "Draining",
            "this node has left: no address is announced until the taint and the annotation heraldlb.io/drain are gone"
                .to_owned(),
        ),
    };
    Condition::on_service(condition_type::READY, facts.ready, reason, message)
}

/// What this node cannot use of the configuration, and why.
fn config_accepted(facts: &Facts, observed: &Observed, bfd: &BfdState) -> Condition {
    let rejected = facts.unusable.iter().map(|object| {
        (
            "Rejected",
            format!("{} {}: {}", object.kind, object.name, object.message),
        )
    });
    let listen = observed
        .listen_error
        .iter()
        .map(|error| ("ListenFailed", error.clone()));
    let radv = facts.radv_problem.iter();
    let radv = radv.map(|problem| ("RouterDiscoveryFailed", problem.clone()));
    let bfd = bfd.problems.iter();
    let bfd = bfd.map(|problem| ("BFDFailed", problem.clone()));
    let next_hops = observed
        .sessions
        .iter()
        .filter(|s| !s.no_next_hop.is_empty())
        .map(no_next_hop);
    let excess = observed
        .sessions
        .iter()
        .filter(|s| !s.excess.is_empty())
        .map(excess);
    let not_served = facts.not_served.iter().map(|kind| {
        (
            "KindNotServed",
            format!("the API server does not serve {kind}: it counts as empty"),
        )
    });
    let problems: Vec<(&'static str, String)> = rejected
        .chain(listen)
        .chain(bfd)
        .chain(radv)
        .chain(next_hops)
        .chain(excess)
        .chain(not_served)
        .collect();
    let Some((reason, _)) = problems.first() else {
        let message = "this node can use the whole configuration";
        return Condition::on_service(condition_type::CONFIG_ACCEPTED, true, "Accepted", message);
    };
    let sentences: Vec<&str> = problems
        .iter()
        .map(|(_, sentence)| sentence.as_str())
        .collect();
    let message = sentences.join("; ");
    Condition::on_service(condition_type::CONFIG_ACCEPTED, false, reason, message)
}

fn no_next_hop(session: &SessionView) -> (&'static str, String) {
    let sentence = format!(
        "BGPPeer {}: {} is not advertised, as this node has no address of that family that the peer can use as next hop",
        session.peer,
        named(session.no_next_hop),
    );
    ("NoNextHop", sentence)
}

fn excess(session: &SessionView) -> (&'static str, String) {
    let consequence = match session.state {
        State::Established => "those on top are ignored",
        State::Idle | State::Connect | State::Active | State::OpenSent | State::OpenConfirm => {
            "its session was ended and is tried again later"
        }
    };
    let sentence = format!(
        "BGPPeer {}: the router advertises more prefixes of {} that are accepted than spec.import.maxPrefixes allows, and \
         {consequence}; raise it, narrow spec.import.prefixes, or filter at the router",
        session.peer,
        named(session.excess),
    );
    ("MaxPrefixes", sentence)
}

fn named(families: FamilySet) -> String {
    let names: Vec<String> = families.iter().map(|family| family.to_string()).collect();
    names.join(" and ")
}

fn families(set: FamilySet) -> Vec<AddressFamily> {
    let name = |family| match family {
        Family::IPV4_UNICAST => Some(AddressFamily::IPv4),
        Family::IPV6_UNICAST => Some(AddressFamily::IPv6),
        Family { .. } => None,
    };
    set.iter().filter_map(name).collect()
}

pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(longest.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

#[cfg(test)]
mod tests;
