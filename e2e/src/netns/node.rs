//! What `bgp-node` does: the real driver, told over standard input what to want.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use bfd::Hops;
use bgp::{
    Asn, BgpIdentifier, Excess, Farewell, GracefulRestart, HoldTime, Import, ImportRule, Interface,
    LinkBandwidth, PeerConfig, PeerSet, Prefix, RemoteAsn, Restarted, Route, RouteAttributes,
};
use model::Secret;
use plan::{Changes, NodeAddresses, PlannedPeer};
use serde::Serialize;
use speaker::io::bfd::{BfdState, Config, Downs, raise_if_allowed};
use speaker::io::bgp::{Driver, Options};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::unnumbered::Finder;
use super::{
    BfdReport, Desired, DesiredImport, DesiredPeer, DesiredRestart, DesiredRoute, GeneratedRoutes,
    LearnedPrefixes, Request, SessionReport,
};

/// How long a restart may take.
const RESTART: Duration = Duration::from_secs(30);
/// Routes that are generated at once, the first time.
const PART: usize = 2_000;

/// Answers [`Request`]s on standard input until it ends or one says so.
///
/// # Errors
/// A request that makes no sense.
pub fn run_node() -> Result<()> {
    let mut node = None;
    for line in std::io::stdin().lock().lines() {
        match serde_json::from_str(&line?)? {
            Request::Apply(desired) => {
                let node = match &mut node {
                    Some(node) => node,
                    None => node.insert(Node::start(&desired)?),
                };
                node.apply(&desired)?;
                answer(&())?;
            }
            Request::Sessions => {
                let node = node.as_mut();
                let sessions = node.map(|node| node.look_around().map(|node| node.sessions()));
                answer(&sessions.transpose()?.unwrap_or_default())?;
            }
            Request::Problems => {
                let node = node.as_mut();
                let problems = node.map(|node| node.look_around().map(|node| node.problems()));
                answer(&problems.transpose()?.unwrap_or_default())?;
            }
            Request::Learned => answer(&node.as_ref().map(Node::learned).unwrap_or_default())?,
            Request::Leave(message) => return part(node, Farewell::Leave { message }),
            Request::Restart => return part(node, Farewell::Restart),
        }
    }
    Ok(())
}

fn part(node: Option<Node>, farewell: Farewell) -> Result<()> {
    if let Some(node) = node {
        node.driver.part(farewell);
    }
    answer(&())
}

fn answer(value: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(value)?)?;
    Ok(out.flush()?)
}

/// The driver and what it was told.
struct Node {
    driver: Driver,
    watcher: Watcher,
    routes: BTreeMap<Prefix, Vec<Route>>,
    generated: Vec<GeneratedRoutes>,
    passwords: BTreeMap<String, (Option<String>, u64)>,
    /// Only where a peer is configured by interface.
    finder: Option<Finder>,
    desired: Desired,
}

impl Node {
    fn start(desired: &Desired) -> Result<Self> {
        let options = Options {
            listen: desired.listen,
            node: node_addresses(desired),
            restarted: desired.restarted.then_some(Restarted {
                until: RESTART,
                forwarding: true,
            }),
            ..Options::default()
        };
        let driver = Driver::spawn(options)?;
        Ok(Self {
            watcher: Watcher::spawn(driver.downs())?,
            driver,
            routes: BTreeMap::new(),
            generated: Vec::new(),
            passwords: BTreeMap::new(),
            finder: None,
            desired: Desired::default(),
        })
    }

    /// Who is found on an interface, or not any more, gets or loses his session.
    fn look_around(&mut self) -> Result<&Self> {
        let finder = self.finder.as_mut();
        if finder.is_some_and(|finder| finder.look(&self.desired.peers)) {
            self.apply(&self.desired.clone())?;
        }
        Ok(self)
    }

    fn problems(&self) -> Vec<String> {
        let finder = self.finder.as_ref();
        finder
            .map(|finder| finder.problems().to_vec())
            .unwrap_or_default()
    }

    /// Those that have an address; of those on interfaces, who is found.
    fn located(&mut self, desired: &Desired) -> Result<Vec<(DesiredPeer, Option<Interface>)>> {
        if desired.peers.iter().any(|peer| peer.interface.is_some()) && self.finder.is_none() {
            self.finder = Some(Finder::spawn()?);
        }
        if let Some(finder) = &mut self.finder {
            finder.look(&desired.peers);
        }
        let locate = |peer: &DesiredPeer| match &peer.interface {
            None => Some((peer.clone(), None)),
            Some(_) => {
                let found = self.finder.as_ref()?.found(&peer.name)?;
                let peer = DesiredPeer {
                    address: found.address.into(),
                    ..peer.clone()
                };
                Some((peer, Some(found.interface.clone())))
            }
        };
        Ok(desired.peers.iter().filter_map(locate).collect())
    }

    fn apply(&mut self, desired: &Desired) -> Result<()> {
        self.desired = desired.clone();
        let located = self.located(desired)?;
        let import = desired.import.as_ref().map(import).transpose()?;
        let import = import.unwrap_or_default();
        let peers = located
            .iter()
            .map(|(peer, interface)| self.plan(peer, interface.as_ref(), &import))
            .collect::<Result<_>>()?;
        let watched = located
            .iter()
            .filter_map(|(peer, interface)| watched(peer, interface.as_ref()));
        self.watcher.peers.send_replace(watched.collect());
        let wanted = routes(desired)?;
        let gone = self
            .routes
            .keys()
            .filter(|prefix| !wanted.contains_key(prefix));
        let mut routes: BTreeMap<_, _> = gone.map(|prefix| (*prefix, Vec::new())).collect();
        routes.extend(
            wanted
                .iter()
                .map(|(prefix, route)| (*prefix, route.clone())),
        );
        self.routes = wanted;
        self.generate(&desired.generated)?;
        self.driver.apply(Changes {
            peers: Some(peers),
            routes,
            complete: true,
            ..Changes::default()
        });
        Ok(())
    }

    /// The first ones are made and told in parts, so that what is measured is the memory of the driver and not that of
    /// one large change; a change of them is told at once, so that what is measured is the driver's speed. Nothing else
    /// of them is kept here.
    fn generate(&mut self, wanted: &[GeneratedRoutes]) -> Result<()> {
        let before = std::mem::replace(&mut self.generated, wanted.to_vec());
        let mut changed: Vec<(u32, Vec<Route>)> = Vec::new();
        for range in wanted {
            let shared = to_all(RouteAttributes {
                communities: parsed(&range.communities)?,
                ..RouteAttributes::default()
            });
            let is_new = |number: &u32| {
                range_of(&before, *number).is_none_or(|each| each.communities != range.communities)
            };
            changed.extend(
                numbers(range)
                    .filter(is_new)
                    .map(|each| (each, shared.clone())),
            );
        }
        let is_gone = |number: &u32| range_of(wanted, *number).is_none();
        changed.extend(
            before
                .iter()
                .flat_map(numbers)
                .filter(is_gone)
                .map(|each| (each, Vec::new())),
        );
        let part = if before.is_empty() { PART } else { usize::MAX };
        let mut changed = changed.into_iter().peekable();
        while changed.peek().is_some() {
            let prefix = |number| Prefix::host(Ipv4Addr::from_bits(FIRST + number).into());
            let part = changed.by_ref().take(part);
            self.driver.apply(Changes {
                routes: part
                    .map(|(number, routes)| (prefix(number), routes))
                    .collect(),
                ..Changes::default()
            });
            // Parts that the driver has not taken yet would merge.
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn plan(
        &mut self,
        peer: &DesiredPeer,
        interface: Option<&Interface>,
        import: &Import,
    ) -> Result<PlannedPeer> {
        let (known, generation) = self.passwords.entry(peer.name.clone()).or_default();
        if *known != peer.password {
            known.clone_from(&peer.password);
            *generation += 1;
        }
        let identifier: Ipv4Addr = peer.identifier.parse()?;
        let identifier = BgpIdentifier::new(identifier.to_bits()).context("identifier")?;
        let asns = [Asn(peer.local_asn), Asn(peer.remote_asn)];
        let config = PeerConfig {
            interface: interface.cloned(),
            port: peer.port,
            hold_time: HoldTime::new(peer.hold_time)?,
            connect_retry: peer.connect_retry.map(Duration::from_secs),
            passive: peer.passive,
            graceful_restart: peer.graceful_restart.map(restart),
            import: import.clone(),
            multi_hop_ttl: peer.multi_hop_ttl,
            ttl_security_hops: peer.ttl_security_hops,
            source: peer.source,
            remote_asn: match peer.dynamic {
                true => RemoteAsn::External,
                false => RemoteAsn::Fixed(Asn(peer.remote_asn)),
            },
            password_generation: *generation,
            ..PeerConfig::new(peer.name.as_str().into(), peer.address, asns, identifier)
        };
        Ok(PlannedPeer {
            config,
            password: peer.password.clone().map(Secret::new),
        })
    }

    fn sessions(&self) -> Vec<SessionReport> {
        let observed = self.driver.observed();
        let observed = observed.borrow();
        let watched = self.watcher.state.borrow();
        let report = |session: &bgp::SessionView| SessionReport {
            name: session.peer.to_string(),
            address: session.shown_address(),
            state: format!("{:?}", session.state),
            last_error: session.last_error.clone(),
            flaps: session.flaps,
            bfd: watched.session(&session.peer).map(bfd_report),
            updates_received: session.counters.updates_received,
            received: session.received,
            treated_as_withdraw: session.counters.treated_as_withdraw,
            attributes_discarded: session.counters.attributes_discarded,
            excess: !session.excess.is_empty(),
            rejected: session
                .counters
                .rejected
                .iter()
                .map(|(reason, count)| (reason.to_string(), count))
                .collect(),
        };
        observed.sessions.iter().map(report).collect()
    }

    fn learned(&self) -> LearnedPrefixes {
        let learned = self.driver.learned().borrow().clone();
        let texts = learned.iter().map(|(prefix, hops)| {
            (
                prefix.to_string(),
                hops.iter().map(|hop| hop.address).collect(),
            )
        });
        texts.collect()
    }
}

/// BFD on a thread of its own; falls silent when dropped.
struct Watcher {
    peers: watch::Sender<Vec<bfd::PeerConfig>>,
    state: watch::Receiver<BfdState>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn spawn(downs: watch::Sender<Downs>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (peers, peers_seen) = watch::channel(Vec::new());
        let (state, state_seen) = watch::channel(BfdState::default());
        let stop = CancellationToken::new();
        let config = Config {
            seed: u64::from(std::process::id()),
            peers: peers_seen,
            state,
            downs,
            broken: watch::Sender::default(),
            leave: CancellationToken::new(),
            stop: stop.clone(),
        };
        let work = move || {
            // As in the speaker.
            raise_if_allowed();
            runtime.block_on(speaker::io::bfd::run(config));
        };
        let thread = std::thread::Builder::new().name("bfd".into()).spawn(work)?;
        Ok(Self {
            peers,
            state: state_seen,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn watched(peer: &DesiredPeer, interface: Option<&Interface>) -> Option<bfd::PeerConfig> {
    let wanted = peer.bfd?;
    Some(bfd::PeerConfig {
        name: peer.name.as_str().into(),
        remote: peer.address,
        local: None,
        interface: interface.map(|interface| interface.index),
        hops: match peer.multi_hop_ttl.or(peer.ttl_security_hops) {
            None | Some(1) => Hops::Single,
            // BIRD sends with the host's usual TTL of 64 (RFC 5883 leaves it open).
            Some(_) => Hops::Multi { minimum_ttl: 63 },
        },
        profile: bfd::Profile {
            transmit_interval: Duration::from_millis(wanted.transmit),
            receive_interval: Duration::from_millis(wanted.receive),
            detect_multiplier: wanted.multiplier,
            passive: false,
        },
    })
}

fn bfd_report(session: &bfd::SessionView) -> BfdReport {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    BfdReport {
        state: session.state.to_string(),
        detection_time: session.detection_time.map(milliseconds),
        flaps: session.flaps,
    }
}

fn restart(desired: DesiredRestart) -> GracefulRestart {
    GracefulRestart {
        restart_time: Duration::from_secs(desired.seconds),
        notification: desired.notification,
    }
}

fn import(desired: &DesiredImport) -> Result<Import> {
    let within: Vec<Prefix> = parsed(&desired.within)?;
    let mut import = Import::within(within, desired.max_prefixes);
    for (prefix, shortest, longest) in &desired.of_lengths {
        let rule = ImportRule::of_lengths(prefix.parse()?, *shortest, *longest)?;
        import.rules.push(rule);
    }
    if desired.cease {
        import.excess = Excess::Cease;
    }
    for rule in &mut import.rules {
        rule.allow_own_asn = desired.allow_own_asn;
    }
    Ok(import)
}

fn routes(desired: &Desired) -> Result<BTreeMap<Prefix, Vec<Route>>> {
    let mut routes = BTreeMap::new();
    for route in &desired.routes {
        routes.insert(route.prefix.parse()?, to_all(attributes(route)?));
    }
    Ok(routes)
}

/// A loopback address is nobody's next hop: sessions there have the node's.
fn node_addresses(desired: &Desired) -> NodeAddresses {
    let on_loopback = desired.peers.iter().all(|peer| peer.address.is_loopback());
    NodeAddresses {
        ipv4: on_loopback.then_some(Ipv4Addr::new(192, 0, 2, 1)),
        ipv6: None,
    }
}

/// Of the address 10.0.0.0.
const FIRST: u32 = 0x0a00_0000;

fn numbers(range: &GeneratedRoutes) -> std::ops::Range<u32> {
    range.first..range.first.saturating_add(range.count)
}

fn range_of(ranges: &[GeneratedRoutes], number: u32) -> Option<&GeneratedRoutes> {
    ranges.iter().find(|range| numbers(range).contains(&number))
}

fn parsed<
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    C: FromIterator<T>,
>(
    texts: &[String],
) -> Result<C> {
    let parsed = texts
        .iter()
        .map(|text| text.parse().map_err(anyhow::Error::new));
    parsed.collect()
}

fn to_all(attributes: RouteAttributes) -> Vec<Route> {
    vec![Route {
        peers: PeerSet::All,
        attributes: Arc::new(attributes),
    }]
}

fn attributes(route: &DesiredRoute) -> Result<RouteAttributes> {
    Ok(RouteAttributes {
        local_pref: route.local_pref,
        multi_exit_disc: route.med,
        prepend: route.prepend,
        link_bandwidth: route.link_bandwidth.map(LinkBandwidth),
        extended_communities: parsed(&route.extended_communities)?,
        communities: parsed(&route.communities)?,
        large_communities: parsed(&route.large_communities)?,
        ..RouteAttributes::default()
    })
}
