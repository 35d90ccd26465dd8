use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use bgp::LocalAddresses;
use plan::{GateMode, Options, Outcome, Planner};

use crate::{Api, Watched, WatcherId, endpoint::Endpoint, router::node_address};

/// One node's speaker: planner and sessions, as the program wires them.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) planner: Planner,
    pub(crate) endpoint: Endpoint,
    pub(crate) watcher: WatcherId,
}

impl Node {
    pub(crate) fn start(index: usize, seed: u64, now: Duration, api: &mut Api) -> Self {
        Self {
            index,
            planner: Planner::new(Options {
                node: format!("node-{index}").into(),
                ignore_exclude_label: false,
                gate: GateMode::Auto,
            }),
            endpoint: Endpoint::new(seed),
            watcher: api.watch(now, &Planner::KINDS),
        }
    }

    pub(crate) fn handle_watched(&mut self, event: Watched) {
        match event {
            Watched::Change(change) => self.planner.handle_change(change),
            Watched::Synced(kind) => self.planner.handle_synced(kind),
        }
    }

    /// Plans what is due and hands it to the sessions. kube-proxy here is always ready.
    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        self.planner.handle_timeout(now);
        while let Some(probe) = self.planner.poll_probe(now) {
            self.planner
                .handle_probe(now, &probe.target, Outcome::Ready);
        }
        if let Some(changes) = self.planner.poll_changes() {
            if let Some(peers) = changes.peers {
                let configs = peers.into_iter().map(|peer| peer.config);
                self.endpoint.speaker.handle_peers(now, configs);
            }
            self.endpoint.speaker.handle_routes(now, changes.routes);
            if changes.complete {
                self.endpoint.speaker.handle_routes_complete(now);
            }
        }
        self.endpoint.speaker.handle_timeout(now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.planner
            .poll_timeout()
            .into_iter()
            .chain(self.endpoint.poll_timeout())
            .min()
    }

    pub(crate) fn local_addresses(&self) -> LocalAddresses {
        let local = node_address(self.index);
        let last = u16::try_from(self.index).expect("few nodes") + 0x11;
        LocalAddresses {
            local,
            ipv4: match local {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None::<Ipv4Addr>,
            },
            ipv6: Some(Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, last)),
            on_link: true,
        }
    }
}
