//! BFD sessions, as the debug page shows them.

use std::{collections::BTreeMap, time::Duration};

use bfd::SessionView;
use serde::Serialize;

use crate::io::bfd::BfdState;

/// Everything about BFD.
#[derive(Debug, Serialize)]
pub(super) struct Bfd {
    sessions: Vec<SessionLine>,
    /// Datagrams that had no effect, by reason.
    discarded: BTreeMap<&'static str, u64>,
    /// What cannot be done.
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionLine {
    peer: String,
    state: &'static str,
    /// Why it is in this state.
    diagnostic: &'static str,
    remote_state: &'static str,
    remote_diagnostic: &'static str,
    /// When the session came into this state, in seconds since the process started.
    since_start_seconds: u64,
    detection_time_milliseconds: Option<u64>,
    transmit_interval_milliseconds: u64,
    local_discriminator: u32,
    remote_discriminator: Option<u32>,
    flaps: u64,
    packets_sent: u64,
    packets_received: u64,
}

impl Bfd {
    pub(super) fn of(state: &BfdState) -> Self {
        let discarded = state.discarded.iter();
        Self {
            sessions: state.sessions.iter().map(SessionLine::of).collect(),
            discarded: discarded
                .map(|(reason, count)| (reason.as_str(), *count))
                .collect(),
            problems: state.problems.clone(),
        }
    }
}

impl SessionLine {
    fn of(session: &SessionView) -> Self {
        Self {
            peer: session.peer.to_string(),
            state: session.state.as_str(),
            diagnostic: session.diagnostic.as_str(),
            remote_state: session.remote_state.as_str(),
            remote_diagnostic: session.remote_diagnostic.as_str(),
            since_start_seconds: session.since.as_secs(),
            detection_time_milliseconds: session.detection_time.map(milliseconds),
            transmit_interval_milliseconds: milliseconds(session.transmit_interval),
            local_discriminator: session.local_discriminator,
            remote_discriminator: session.remote_discriminator,
            flaps: session.flaps,
            packets_sent: session.packets_sent,
            packets_received: session.packets_received,
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
