//! A direct route that BFD watches over, with the real drivers on both nodes.

use std::time::Duration;

use anyhow::Result;
use bfd::{PeerConfig, State};
use model::{BfdProfile, Change, Meta, Node, Object, Parsed, PodNetwork};
use plan::{GateMode, Options, Planner};
use serde_json::json;

use crate::{
    bfd::{Watcher, neighbor},
    node::Node as Drivers,
    wire::Wires,
};

const ROUTE: &str = "unicast 10.244.2.0/24 via 10.0.0.2 dev eth0 metric 512";

/// The speaker of node-1, without an API server.
struct Speaker {
    planner: Planner,
    drivers: Drivers,
    watcher: Watcher,
    now: Duration,
}

impl Speaker {
    async fn start(wires: &Wires) -> Result<Self> {
        let mut planner = Planner::new(Options {
            node: "node-1".into(),
            ignore_exclude_label: false,
            gate: GateMode::Off,
        });
        for object in objects()? {
            planner.handle_change(Change::Apply(object));
        }
        for kind in Planner::KINDS {
            planner.handle_synced(kind);
        }
        let drivers = Drivers::start(&wires.node);
        drivers.hop("eth0", "10.0.0.2").await?;
        planner.handle_links(drivers.links().await?);
        planner.handle_timeout(Duration::ZERO);
        let sessions = planner.plan().bfd.values().cloned().collect();
        let mut speaker = Self {
            planner,
            drivers,
            watcher: Watcher::start(&wires.node, sessions),
            now: Duration::ZERO,
        };
        speaker.step();
        Ok(speaker)
    }

    /// Plans with what BFD says, and hands the plan out.
    fn step(&mut self) {
        self.now += Duration::from_secs(1);
        self.planner.handle_broken(self.watcher.broken());
        self.planner.handle_timeout(self.now);
        let network = self.planner.plan().network.clone();
        self.drivers.plan(|plan| *plan = (*network).clone());
    }

    async fn await_session(&mut self, state: State, broken: bool) -> Result<()> {
        let right = |seen: &speaker::io::bfd::BfdState| {
            seen.sessions
                .first()
                .is_some_and(|each| each.state == state)
        };
        self.watcher.await_state(state.as_str(), right).await?;
        assert_eq!(!self.watcher.broken().is_empty(), broken);
        self.step();
        Ok(())
    }
}

fn objects() -> Result<Vec<Object>> {
    let meta = |name: &str| Meta {
        name: name.into(),
        uid: name.into(),
        ..Meta::default()
    };
    let node = |name: &str, address: &str, pods: &[&str]| -> Result<Object> {
        let pods = pods.iter().map(|range| Ok(range.parse()?));
        Ok(Object::Node(Node {
            meta: meta(name),
            internal_ips: vec![address.parse()?],
            pod_cidrs: pods.collect::<Result<_>>()?,
            ..Node::default()
        }))
    };
    let spec = json!({
        "mode": "Network", "podCIDRs": ["10.244.0.0/16"], "routes": {"bfdProfile": "fast"},
        "egress": {"masquerade": false},
    });
    let network = crds::PodNetwork::new(PodNetwork::NAME, serde_json::from_value(spec)?);
    let profile = BfdProfile {
        timers: bfd::Profile::default(),
        minimum_ttl: None,
    };
    Ok(vec![
        node("node-1", "10.0.0.1", &[])?,
        node("node-2", "10.0.0.2", &["10.244.2.0/24"])?,
        Object::BfdProfile(Parsed {
            meta: meta("fast"),
            value: Ok(profile),
        }),
        Object::PodNetwork(PodNetwork::parse(&network)),
    ])
}

fn node_1() -> Vec<PeerConfig> {
    vec![neighbor("node-1/10.0.0.1", "10.0.0.1")]
}

#[tokio::test]
async fn a_direct_route_goes_when_the_other_node_falls_silent_and_comes_back_with_it() -> Result<()>
{
    let wires = Wires::lay().await?;
    let mut speaker = Speaker::start(&wires).await?;
    wires.await_ours("-4", &[ROUTE]).await?;
    let other = Watcher::start(&wires.neighbor, node_1());
    speaker.await_session(State::Up, false).await?;
    drop(other);
    speaker.await_session(State::Down, true).await?;
    wires.await_ours("-4", &[]).await?;
    let other = Watcher::start(&wires.neighbor, node_1());
    speaker.await_session(State::Up, false).await?;
    wires.await_ours("-4", &[ROUTE]).await?;

    // It restarts, and says so.
    other.watch(Vec::new());
    speaker.await_session(State::Down, false).await?;
    drop(other);
    wires.await_ours("-4", &[ROUTE]).await
}
