//! BFD at the real kernel: what its packets look like, which ones are taken, and whose the ports are.

use std::{net::UdpSocket, thread::JoinHandle, time::Duration};

use anyhow::{Context, Result};
use bfd::{Diagnostic, Discarded, Hops, Packet, PeerConfig, Profile, State};
use e2e::{await_condition, condition::Seen, netns::Namespace};
use nix::sys::socket::{setsockopt, sockopt};
use speaker::io::bfd::{BfdState, Broken, Config};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    node::{DEADLINE, inside, run},
    wire::Wires,
};

/// The driver of a node with the neighbour as its only peer, over each family; it ends when this is dropped.
pub(crate) struct Watcher {
    state: watch::Receiver<BfdState>,
    broken: watch::Receiver<Broken>,
    peers: watch::Sender<Vec<PeerConfig>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(crate) fn start(namespace: &Namespace, peers: Vec<PeerConfig>) -> Self {
        let (peers, peers_seen) = watch::channel(peers);
        let (state, state_seen) = watch::channel(BfdState::default());
        let (broken, broken_seen) = watch::channel(Broken::default());
        let stop = CancellationToken::new();
        let config = Config {
            seed: 7,
            peers: peers_seen,
            state,
            downs: watch::Sender::default(),
            broken,
            leave: CancellationToken::new(),
            stop: stop.clone(),
        };
        let thread = inside(namespace, || run(speaker::io::bfd::run(config)));
        Self {
            state: state_seen,
            broken: broken_seen,
            peers,
            stop,
            thread: Some(thread),
        }
    }

    /// From now on these are the peers.
    pub(crate) fn watch(&self, peers: Vec<PeerConfig>) {
        self.peers.send_replace(peers);
    }

    /// The ways that are broken now.
    pub(crate) fn broken(&self) -> Broken {
        self.broken.borrow().clone()
    }

    /// Waits until the state is as it should be.
    pub(crate) async fn await_state(
        &self,
        what: &str,
        right: impl Fn(&BfdState) -> bool,
    ) -> Result<()> {
        await_condition(what, DEADLINE, async || {
            let state = self.state.borrow();
            Ok(match right(&state) {
                true => Seen::Yes(()),
                false => Seen::Not(format!("{state:?}")),
            })
        })
        .await
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

pub(crate) fn neighbor(name: &str, address: &str) -> PeerConfig {
    PeerConfig {
        name: name.into(),
        remote: address.parse().unwrap(),
        local: None,
        interface: None,
        hops: Hops::Single,
        profile: Profile::default(),
    }
}

fn both_families() -> Vec<PeerConfig> {
    vec![neighbor("ipv4", "10.0.0.2"), neighbor("ipv6", "fd00::2")]
}

/// What the neighbour sees of three packets over one family, a line each.
async fn captured(wires: &Wires, family: &str) -> Result<Vec<String>> {
    let filter = format!("{family} and udp dst port 3784");
    let words = ["-nvl", "-t", "-c", "3", "-i", "eth0", &filter];
    let shown = wires.neighbor.run("tcpdump", &words).await?;
    // The header of IPv4 has a line of its own.
    let lines = shown.replace("\n    10.", " 10.");
    Ok(lines
        .lines()
        .filter(|line| line.contains(".3784:"))
        .map(str::to_owned)
        .collect())
}

fn source_port(line: &str) -> Result<u16> {
    let (from, _) = line.split_once(" > ").context("an arrow")?;
    let (_, port) = from.rsplit_once('.').context("a port")?;
    Ok(port.parse()?)
}

#[tokio::test]
async fn packets_have_the_hop_limit_the_class_and_one_high_source_port() -> Result<()> {
    let wires = Wires::lay().await?;
    let _watcher = Watcher::start(&wires.node, both_families());
    for (family, marks) in [
        ("ip", ["tos 0xc0", "ttl 255"]),
        ("ip6", ["class 0xc0", "hlim 255"]),
    ] {
        let lines = captured(&wires, family).await?;
        let ports = lines.iter().map(|line| source_port(line));
        let ports: Vec<_> = ports.collect::<Result<_>>()?;
        assert!(ports.len() == 3 && ports[0] >= 49152, "{lines:#?}");
        assert!(ports.iter().all(|port| *port == ports[0]), "{lines:#?}");
        for mark in marks {
            assert!(
                lines.iter().all(|line| line.contains(mark)),
                "{mark}: {lines:#?}"
            );
        }
    }
    Ok(())
}

/// A neighbour that says Down.
fn hello() -> Vec<u8> {
    let packet = Packet {
        diagnostic: Diagnostic::None,
        state: State::Down,
        poll: false,
        is_final: false,
        control_plane_independent: false,
        demand: false,
        detect_multiplier: 3,
        my_discriminator: 77,
        your_discriminator: 0,
        desired_min_tx: Duration::from_secs(1),
        required_min_rx: Duration::from_secs(1),
        required_min_echo_rx: Duration::ZERO,
    };
    let mut octets = Vec::new();
    packet.encode(&mut octets);
    octets
}

#[tokio::test]
async fn only_packets_that_have_passed_no_router_are_taken_from_a_neighbour() -> Result<()> {
    let wires = Wires::lay().await?;
    let watcher = Watcher::start(&wires.node, both_families());
    watcher
        .await_state("two sessions", |state| state.sessions.len() == 2)
        .await?;
    let say = |ttl: i32| {
        let spoken = inside(&wires.neighbor, move || {
            for (from, to) in [
                ("10.0.0.2:49152", "10.0.0.1:3784"),
                ("[fd00::2]:49152", "[fd00::1]:3784"),
            ] {
                let socket = UdpSocket::bind(from)?;
                match socket.local_addr()?.is_ipv4() {
                    true => setsockopt(&socket, sockopt::Ipv4Ttl, &ttl)?,
                    false => setsockopt(&socket, sockopt::Ipv6Ttl, &ttl)?,
                }
                socket.send_to(&hello(), to)?;
            }
            std::io::Result::Ok(())
        });
        spoken.join().expect("the neighbour can speak")
    };
    say(254)?;
    watcher
        .await_state("two packets are discarded", |state| {
            state.discarded.get(&Discarded::TimeToLive) == Some(&2)
        })
        .await?;
    let still = |state: &BfdState| state.sessions.iter().all(|each| each.state == State::Down);
    watcher.await_state("nobody was heard", still).await?;
    say(255)?;
    let heard = |state: &BfdState| state.sessions.iter().all(|each| each.packets_received > 0);
    watcher.await_state("both are heard", heard).await
}

#[tokio::test]
async fn a_port_that_another_program_has_is_a_problem_until_it_is_free() -> Result<()> {
    let wires = Wires::lay().await?;
    let other = inside(&wires.node, || UdpSocket::bind("0.0.0.0:3784"));
    let other = other.join().expect("the thread ends")?;
    let watcher = Watcher::start(&wires.node, both_families());
    watcher
        .await_state("the port is a problem of IPv4 alone", |state| {
            let [problem] = state.problems.as_slice() else {
                return false;
            };
            problem.starts_with("UDP port 3784, which BFD over IPv4 needs, is in use")
        })
        .await?;
    drop(other);
    watcher
        .await_state("no problem is left", |state| state.problems.is_empty())
        .await
}
