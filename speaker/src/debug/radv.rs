//! Router discovery, as the debug page shows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv6Addr,
};

use serde::Serialize;

use crate::io::radv::RadvState;

/// Everything about router discovery.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Radv {
    /// The routers that are heard, by interface.
    neighbors: BTreeMap<String, BTreeSet<Ipv6Addr>>,
    advertisements_sent: u64,
    advertisements_received: u64,
    solicitations_sent: u64,
    solicitations_received: u64,
    /// Messages that had no effect, by reason.
    discarded: BTreeMap<&'static str, u64>,
    problem: Option<String>,
}

impl Radv {
    pub(super) fn of(state: &RadvState) -> Self {
        let name = |index: &u32| match state.interfaces.get(index) {
            Some(name) => name.to_string(),
            None => index.to_string(),
        };
        let neighbors = state.neighbors.iter();
        let counters = &state.counters;
        Self {
            neighbors: neighbors
                .map(|(index, routers)| (name(index), routers.clone()))
                .collect(),
            advertisements_sent: counters.advertisements_sent,
            advertisements_received: counters.advertisements_received,
            solicitations_sent: counters.solicitations_sent,
            solicitations_received: counters.solicitations_received,
            discarded: counters.discarded.clone(),
            problem: state.problem.clone(),
        }
    }
}
