use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use crate::{
    Announcer, Mac, NodeName,
    heartbeat::{Entry, Heartbeat, position},
    life::{Life, Turn},
    speaker::Path,
};

/// Most nodes that are kept; more are not heard.
const MOST_NODES: usize = 1024;
/// A node that was not heard for so long is forgotten.
const FORGET: Duration = Duration::from_secs(600);
/// A MAC counts as a node's for so long after the node's last heartbeat.
const MAC_MEMORY: Duration = Duration::from_secs(60);
/// Boots of a node that are known to have ended.
const RETIRED: usize = 8;

/// The other nodes, as their heartbeats show them.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    own_boot: u64,
    peers: BTreeMap<NodeName, Peer>,
    /// No way of anybody dies before.
    expires: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
struct Peer {
    /// The process that is believed.
    life: Option<Life>,
    /// One that says it is newer, and has not proven to be alive.
    trial: Option<Life>,
    /// Processes that have ended, newest last.
    retired: Vec<Retired>,
}

/// A process that another was believed to have replaced. It may speak again, but not repeat itself: what made us believe
/// the other may have been a recording of which we had not heard a word before.
#[derive(Clone, Copy, Debug)]
struct Retired {
    boot: u64,
    highest: u64,
}

/// What a heartbeat or the lack of it has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shift {
    /// Addresses about which something is said that was not said before, by whom, and how they were left.
    pub(crate) turns: Vec<(Turn, Parting)>,
    /// Addresses that others can announce by BGP, or could, and about which something else is said.
    pub(crate) advertised: BTreeSet<IpAddr>,
    /// Somebody appeared, died or became reachable on another way.
    pub(crate) members: bool,
    /// All that somebody says is known now, and was not before.
    pub(crate) synced: bool,
    /// Heartbeats that should have come before this one.
    pub(crate) missed: u64,
    /// Who has fallen silent.
    pub(crate) silent: Vec<NodeName>,
}

/// How a claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// The process said so, or has been followed by another one of the same node.
    Farewell,
    /// It fell silent.
    Silence,
}

/// Why a heartbeat is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Replayed,
    TooManyNodes,
}

impl Refusal {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "Replayed",
            Self::TooManyNodes => "TooManyNodes",
        }
    }
}

impl Membership {
    pub(crate) fn new(own_boot: u64) -> Self {
        Self {
            own_boot,
            peers: BTreeMap::new(),
            expires: None,
        }
    }

    /// Takes in a heartbeat of another node.
    pub(crate) fn handle_heartbeat(
        &mut self,
        now: Duration,
        path: Path,
        source: IpAddr,
        heartbeat: Heartbeat,
    ) -> Result<Shift, Refusal> {
        let node = heartbeat.node.clone();
        if !self.peers.contains_key(&node) && self.peers.len() >= MOST_NODES {
            return Err(Refusal::TooManyNodes);
        }
        let known = self.peers.entry(node).or_default();
        let retired = |each: &&Retired| each.boot == heartbeat.boot;
        let heard_before = known.retired.iter().find(retired).map(|each| each.highest);
        if heard_before.is_some_and(|highest| heartbeat.sequence <= highest) {
            return Err(Refusal::Replayed);
        }
        let life = known.speaker_of(now, &heartbeat);
        let (was_alive, last) = (life.alive, life.last_heard());
        let ways_before = life.segments().count();
        if !life.hear(now, path, heartbeat.sequence) {
            return Err(Refusal::Replayed);
        }
        let mut shift = Shift {
            missed: match was_alive {
                true => missed(now.saturating_sub(last), life.interval),
                false => 0,
            },
            ..Shift::default()
        };
        if path == Path::Routed {
            life.source = Some(source);
        }
        let was_proven = life.proven;
        life.proven |= heartbeat.heard.contains(&self.own_boot);
        let mut turns = Vec::new();
        let lacked = life.lacking.is_some();
        let advertised = life.take_advertised(&heartbeat);
        life.take(now, heartbeat, &mut turns);
        shift.synced = lacked && life.lacking.is_none();
        shift.members =
            !was_alive || was_proven != life.proven || life.segments().count() != ways_before;
        if life.proven && shift.members {
            // All that it says counts now, or counts elsewhere.
            turns.extend(every(life));
            shift.advertised.extend(life.advertised.addresses());
        }
        if life.proven {
            shift.advertised.extend(advertised);
            let farewell = |turn| (turn, Parting::Farewell);
            shift.turns.extend(turns.into_iter().map(farewell));
        }
        let says = !life.entries.by_position().is_empty() || !life.advertised.is_empty();
        if life.leaving && !says && life.proven {
            life.clear(&mut Vec::new());
            shift.members = true;
        }
        let expires = life.expires();
        known.promote(now, &mut shift);
        self.expires = self.expires.into_iter().chain(expires).min();
        Ok(shift)
    }

    /// Finds out who has fallen silent.
    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Shift {
        let mut shift = Shift::default();
        if self.expires.is_none_or(|expires| expires > now) {
            return shift;
        }
        for (node, peer) in &mut self.peers {
            if let Some(life) = &mut peer.life
                && life.expire(now)
            {
                shift.members = true;
                if !life.alive {
                    shift.advertised.extend(life.advertised.addresses());
                    shift.silent.push(node.clone());
                }
                let silent = every(life).into_iter().map(|turn| {
                    let turn = Turn {
                        was_claimed: turn.is_claimed,
                        ..turn
                    };
                    (turn, Parting::Silence)
                });
                shift.turns.extend(silent);
            }
            if let Some(trial) = &mut peer.trial {
                trial.expire(now);
            }
            peer.trial.take_if(|trial| !trial.alive);
        }
        self.peers
            .retain(|_, peer| peer.forgotten().is_some_and(|forgotten| now < forgotten));
        let lives = self
            .peers
            .values()
            .flat_map(|peer| peer.life.iter().chain(&peer.trial));
        let deaths = lives.filter_map(Life::expires);
        let forgotten = self.peers.values().filter_map(Peer::forgotten);
        self.expires = deaths.chain(forgotten).min();
        shift
    }

    /// When [`Self::handle_timeout`] may have something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        self.expires
    }

    /// Nobody has been heard for as long as we were stopped, which says nothing about them.
    pub(crate) fn handle_stopped(&mut self) {
        for peer in self.peers.values_mut() {
            if let Some(life) = &mut peer.life {
                life.clear(&mut Vec::new());
            }
            peer.trial = None;
        }
        self.expires = None;
    }

    pub(crate) fn forget_interface(&mut self, interface: u32) {
        for peer in self.peers.values_mut() {
            for life in peer.life.iter_mut().chain(&mut peer.trial) {
                life.forget_interface(interface);
            }
        }
    }

    /// What the others say about an address that we answer on these interfaces.
    pub(crate) fn entries<'a>(
        &'a self,
        address: IpAddr,
        interfaces: &'a [u32],
    ) -> impl Iterator<Item = (&'a NodeName, &'a Entry)> {
        let at = position(address);
        self.lives().filter_map(move |(node, life)| {
            let entry = life.entries.by_position().get(&at)?;
            life.counts(interfaces).then_some((node, entry))
        })
    }

    /// Who can announce the address by BGP, of those that are heard.
    pub(crate) fn announcers(&self, address: IpAddr) -> impl Iterator<Item = Announcer> {
        let heard = self.lives().filter(|(_, life)| life.alive && life.proven);
        heard.filter_map(move |(node, life)| {
            Some(Announcer {
                node: node.clone(),
                advertises: life.advertised.get(address)?,
            })
        })
    }

    /// Addresses that somebody can announce by BGP, or could when it was last heard.
    pub(crate) fn advertised(&self) -> BTreeSet<IpAddr> {
        let lives = self.lives();
        lives
            .flat_map(|(_, life)| life.advertised.addresses())
            .collect()
    }

    /// Somebody there may own the address without our knowing.
    pub(crate) fn is_uncertain(&self, now: Duration, address: IpAddr, interfaces: &[u32]) -> bool {
        let nodes = self.lives().count();
        let mut lives = self.lives();
        lives.any(|(_, life)| life.is_uncertain(now, address, interfaces, nodes))
    }

    /// Whose MAC it is, of the nodes heard lately.
    pub(crate) fn owner_of(&self, now: Duration, mac: Mac) -> Option<&NodeName> {
        let mut lives = self.lives();
        let found = lives
            .find(|(_, life)| life.macs.contains(&mac) && now < life.last_heard() + MAC_MEMORY);
        found.map(|(node, _)| node)
    }

    /// Somebody has said less than all.
    pub(crate) fn lacks_entries(&self) -> bool {
        self.lives()
            .any(|(_, life)| life.alive && life.lacking.is_some())
    }

    /// The processes that are believed.
    pub(crate) fn lives(&self) -> impl Iterator<Item = (&NodeName, &Life)> {
        let peers = self.peers.iter();
        peers.filter_map(|(node, peer)| Some((node, peer.life.as_ref()?)))
    }

    pub(crate) fn life(&self, node: &str) -> Option<&Life> {
        self.peers.get(node)?.life.as_ref()
    }

    /// Boots that are heard now; first those that have not seen ours come back.
    pub(crate) fn boots(&self) -> Vec<u64> {
        let trials = self.peers.values().filter_map(|peer| peer.trial.as_ref());
        let lives = self.lives().map(|(_, life)| life);
        let heard = trials.chain(lives).filter(|life| life.alive);
        heard.map(|life| life.boot).collect()
    }
}

impl Peer {
    /// The process that sent the heartbeat.
    fn speaker_of(&mut self, now: Duration, heartbeat: &Heartbeat) -> &mut Life {
        let life = self.life.as_ref();
        let slot = match life.is_some_and(|life| life.boot == heartbeat.boot) {
            true => &mut self.life,
            // Whoever came last is on trial: one heartbeat is enough to prove to be alive.
            false => {
                self.trial.take_if(|trial| trial.boot != heartbeat.boot);
                &mut self.trial
            }
        };
        slot.get_or_insert_with(|| Life::new(now, heartbeat))
    }

    /// When it is forgotten, unless it is heard again.
    fn forgotten(&self) -> Option<Duration> {
        let lives = self.life.iter().chain(&self.trial);
        let heard = lives.map(Life::last_heard).max()?;
        Some(heard + FORGET)
    }

    /// The process on trial has proven to be alive: the one before has ended.
    fn promote(&mut self, now: Duration, shift: &mut Shift) {
        let ends = |life: &Life| {
            let trial = self.trial.as_ref();
            trial.is_some_and(|trial| trial.proven && trial.replaces(now, life))
        };
        if !self.life.as_ref().is_none_or(ends) {
            return;
        }
        let Some(newer) = self.trial.take() else {
            return;
        };
        if let Some(mut older) = self.life.replace(newer) {
            let boot = older.boot;
            self.retired.retain(|each| each.boot != boot);
            let highest = older.highest();
            self.retired.push(Retired { boot, highest });
            if self.retired.len() > RETIRED {
                self.retired.remove(0);
            }
            let mut turns = Vec::new();
            older.clear(&mut turns);
            shift.advertised.extend(older.advertised.addresses());
            let newer = self.life.as_ref();
            let ended = turns.into_iter().filter(|turn| {
                newer.is_none_or(|newer| {
                    !newer
                        .entries
                        .by_position()
                        .contains_key(&position(turn.address))
                })
            });
            shift
                .turns
                .extend(ended.map(|turn| (turn, Parting::Farewell)));
        }
        let newer = self.life.iter();
        shift
            .advertised
            .extend(newer.flat_map(|life| life.advertised.addresses()));
        shift.members = true;
    }
}

/// All that a process says, as if it had said nothing before.
fn every(life: &Life) -> Vec<Turn> {
    let turn = |entry: &Entry| Turn {
        address: entry.address,
        was_claimed: false,
        is_claimed: entry.claimed,
    };
    life.entries.by_position().values().map(turn).collect()
}

/// Heartbeats that lie between two that came `gap` apart.
fn missed(gap: Duration, interval: Duration) -> u64 {
    let mut missed = 0;
    let mut due = interval.mul_f64(1.5);
    while due < gap && missed < 3 {
        missed += 1;
        due += interval;
    }
    missed
}

#[cfg(test)]
mod tests;
