//! The election of layer 2, as the debug page shows it.

use std::{net::IpAddr, sync::Arc};

use l2::{Counters, Held, PeerView};
use serde::Serialize;

use crate::io::l2::L2State;

/// What this node does on layer 2.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct L2 {
    /// There is a key to sign heartbeats with. Which one nobody is shown.
    has_key: bool,
    interval_milliseconds: u64,
    addresses: Vec<AddressLine>,
    peers: Vec<PeerLine>,
    /// Nodes whose heartbeats failed authentication lately, with why.
    untrusted: Vec<UntrustedLine>,
    /// What cannot be done.
    problems: Vec<String>,
    counters: CounterLines,
}

#[derive(Debug, Serialize)]
struct AddressLine {
    address: IpAddr,
    standing: &'static str,
    owner: Option<Arc<str>>,
    interfaces: Vec<Arc<str>>,
}

#[derive(Debug, Serialize)]
struct PeerLine {
    node: Arc<str>,
    alive: bool,
    /// Interfaces on which it is heard; none: only by way of its InternalIP.
    segments: Vec<Arc<str>>,
    nominations: usize,
    claims: usize,
    /// All that it nominates is known here.
    synced: bool,
    /// Its heartbeats that did not come when they should have.
    missed: u64,
}

#[derive(Debug, Serialize)]
struct UntrustedLine {
    node: Arc<str>,
    why: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CounterLines {
    answered: u64,
    gratuitous: u64,
    gained: u64,
    lost: u64,
    heartbeats_sent: u64,
    heartbeats_received: u64,
    heartbeats_dropped: u64,
    frames_dropped: u64,
    conflicts: u64,
    defences: u64,
    owner_alive: u64,
    notices_dropped: u64,
}

impl L2 {
    pub(super) fn of(state: &L2State) -> Self {
        let view = &state.view;
        let addresses = view.addresses.iter();
        let counters = &view.counters;
        let peers = view.peers.iter();
        let untrusted = view.unauthentic.iter();
        Self {
            has_key: view.has_key,
            interval_milliseconds: u64::try_from(view.interval.as_millis()).unwrap_or(u64::MAX),
            addresses: addresses
                .map(|(address, held)| AddressLine::of(*address, held))
                .collect(),
            peers: peers
                .map(|(node, peer)| PeerLine::of(node, peer, counters))
                .collect(),
            untrusted: untrusted
                .map(|(node, why)| UntrustedLine {
                    node: node.clone(),
                    why: why.clone(),
                })
                .collect(),
            problems: state.problems.clone(),
            counters: CounterLines::of(counters, state.notices_dropped),
        }
    }
}

impl AddressLine {
    fn of(address: IpAddr, held: &Held) -> Self {
        Self {
            address,
            standing: held.standing.as_str(),
            owner: held.owner.clone(),
            interfaces: held.interfaces.clone(),
        }
    }
}

impl PeerLine {
    fn of(node: &Arc<str>, peer: &PeerView, counters: &Counters) -> Self {
        let missed = counters.heartbeats_missed.get(node);
        Self {
            node: node.clone(),
            alive: peer.alive,
            segments: peer.segments.clone(),
            nominations: peer.nominations,
            claims: peer.claims,
            synced: peer.synced,
            missed: missed.copied().unwrap_or_default(),
        }
    }
}

impl CounterLines {
    fn of(counters: &Counters, notices_dropped: u64) -> Self {
        Self {
            answered: counters.answered.values().sum(),
            gratuitous: counters.gratuitous.values().sum(),
            gained: counters.gained.values().sum(),
            lost: counters.lost.values().sum(),
            heartbeats_sent: counters.heartbeats_sent,
            heartbeats_received: counters.heartbeats_received,
            heartbeats_dropped: counters.heartbeats_dropped.values().sum(),
            frames_dropped: counters.frames_dropped.values().sum(),
            conflicts: counters.conflicts,
            defences: counters.defences,
            owner_alive: counters.owner_alive,
            notices_dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use l2::{Standing, View};

    use super::*;

    #[test]
    fn shows_who_answers_what_and_who_is_heard() {
        let held = Held {
            standing: Standing::NotOwner,
            interfaces: vec!["eth2".into()],
            owner: Some("w2".into()),
        };
        let peer = PeerView {
            alive: true,
            segments: vec!["eth2".into()],
            nominations: 2,
            claims: 1,
            synced: true,
        };
        let view = View {
            addresses: BTreeMap::from([("10.9.0.1".parse().unwrap(), held)]),
            peers: BTreeMap::from([("w2".into(), peer)]),
            has_key: true,
            interval: Duration::from_millis(100),
            unauthentic: BTreeMap::from([("w3".into(), "the tag is wrong".to_owned())]),
            counters: Counters {
                heartbeats_missed: BTreeMap::from([("w2".into(), 4)]),
                frames_dropped: BTreeMap::from([("Short", 1), ("Long", 2)]),
                ..Counters::default()
            },
        };
        let state = L2State {
            view: Arc::new(view),
            problems: vec!["port 7903 is in use".to_owned()],
            notices_dropped: 5,
        };
        let expected = serde_json::json!({
            "hasKey": true,
            "intervalMilliseconds": 100,
            "addresses": [
                { "address": "10.9.0.1", "standing": "NotOwner", "owner": "w2", "interfaces": ["eth2"] },
            ],
            "peers": [{
                "node": "w2", "alive": true, "segments": ["eth2"], "nominations": 2, "claims": 1, "synced": true,
                "missed": 4,
            }],
            "untrusted": [{ "node": "w3", "why": "the tag is wrong" }],
            "problems": ["port 7903 is in use"],
            "counters": {
                "answered": 0, "gratuitous": 0, "gained": 0, "lost": 0,
                "heartbeatsSent": 0, "heartbeatsReceived": 0, "heartbeatsDropped": 0, "framesDropped": 3,
                "conflicts": 0, "defences": 0, "ownerAlive": 0, "noticesDropped": 5,
            },
        });
        assert_eq!(serde_json::to_value(L2::of(&state)).unwrap(), expected);
    }
}
