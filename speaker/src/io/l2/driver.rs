use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    future::poll_fn,
    mem,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use l2::{Interfaces, Speaker, Transmit, heartbeat::Advertising};
use plan::{Capped, Links};
use tokio::sync::watch;
use tracing::{debug, info};

use super::{
    Announcers, Config, L2State, Nominations,
    heartbeat::{self, Heartbeats},
    interface::interfaces,
    notices::Notices,
    port::{self, Port},
};
use crate::io::{clock, sysctl::Folder};

/// Frames or datagrams of one socket that are read in one turn.
const BATCH: usize = 64;
/// Least time between two states that differ in more than counters.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(50);
/// Time between two states that differ in counters alone, which they do all the time.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
/// Between two attempts at what the kernel refuses.
const RETRY: Duration = Duration::from_secs(5);
/// Between two looks at settings of interfaces, whose change nobody tells.
const SETTINGS_INTERVAL: Duration = Duration::from_secs(60);
/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a turn begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// It is time for something, or something can be read.
    Due,
    /// Other interfaces.
    Links,
    /// Other nominations, nodes or keys.
    Nominations,
    /// The process is going to end.
    Stop,
}

/// The machine with its sockets.
pub(super) struct L2Driver {
    speaker: Speaker,
    links: watch::Receiver<Links>,
    nominations: watch::Sender<Nominations>,
    state: watch::Sender<L2State>,
    announcers: watch::Sender<Announcers>,
    notices: Notices,
    sysctl: Folder,
    interfaces: Interfaces,
    /// Sockets by index of the interface.
    ports: BTreeMap<u32, Port>,
    /// Interfaces whose sockets the kernel does not give, with a sentence each.
    refused: BTreeMap<u32, String>,
    /// There as soon as this node takes part.
    heartbeats: Option<Heartbeats>,
    problems: Vec<String>,
    /// Interfaces or nominations may have changed what the sockets are to hear.
    stale: bool,
    retry_at: Option<Duration>,
    look_at: Duration,
    published: Published,
    /// When to end at the latest, once it is asked for.
    end_at: Option<Duration>,
    frame: Box<[u8; port::LONGEST]>,
    datagram: Box<[u8; heartbeat::LONGEST]>,
    out: Vec<u8>,
}

/// What was told last.
#[derive(Clone, Copy, Debug, Default)]
struct Published {
    at: Duration,
    version: Option<u64>,
    /// The problems have changed since.
    stale: bool,
}

impl L2Driver {
    pub(super) fn new(config: Config) -> Self {
        let now = clock::now();
        let machine = l2::Config {
            node: config.node,
            boot: config.boot,
        };
        Self {
            speaker: Speaker::new(now, machine),
            links: config.links,
            nominations: config.nominations,
            state: config.state,
            announcers: config.announcers,
            notices: Notices::new(config.notices),
            sysctl: Folder(config.sysctl_dir),
            interfaces: Interfaces::new(),
            ports: BTreeMap::new(),
            refused: BTreeMap::new(),
            heartbeats: None,
            problems: Vec::new(),
            stale: false,
            retry_at: None,
            look_at: now,
            published: Published::default(),
            end_at: None,
            frame: Box::new([0; port::LONGEST]),
            datagram: Box::new([0; heartbeat::LONGEST]),
            out: Vec::new(),
        }
    }

    /// Everything that can be done now.
    pub(super) fn turn(&mut self, wake: Wake) {
        let now = clock::now();
        // Before anything is answered: a process that was stopped has lost its addresses.
        self.speaker.handle_timeout(now);
        if self.notices.take(&mut self.speaker) {
            self.drop_backlog();
        }
        match wake {
            Wake::Due => {}
            Wake::Links => self.take_links(now),
            Wake::Nominations => self.take_nominations(now),
            Wake::Stop => {
                self.speaker.handle_leave(now);
                self.end_at = Some(now + FAREWELL);
            }
        }
        if self.look_at <= now {
            self.take_links(now);
        }
        self.tend_sockets(now);
        if !(self.receive_heartbeats() && self.receive_frames()) {
            self.drop_backlog();
        }
        self.transmit();
        if self.notices.take(&mut self.speaker) {
            self.drop_backlog();
        }
        self.tell_announcers();
        self.publish();
    }

    fn tell_announcers(&mut self) {
        let (now, speaker) = (clock::now(), &mut self.speaker);
        let changed = std::iter::from_fn(|| speaker.poll_announcers(now));
        let changed: Announcers = changed.collect();
        if !changed.is_empty() {
            self.announcers
                .send_modify(|announcers| announcers.extend(changed));
        }
    }

    /// It has been asked to end.
    pub(super) fn is_leaving(&self) -> bool {
        self.end_at.is_some()
    }

    /// Everything is handed over, or it takes too long.
    pub(super) fn is_done(&self) -> bool {
        self.end_at
            .is_some_and(|end_at| self.speaker.is_done() || end_at <= clock::now())
    }

    /// How long until something is due.
    pub(super) fn wait(&self) -> Duration {
        let own = [self.retry_at, self.publish_at(), self.end_at];
        let first = own.into_iter().flatten().chain(self.speaker.poll_timeout());
        let first = first.fold(self.look_at, Duration::min);
        first.saturating_sub(clock::now())
    }

    /// Waits until something can be read.
    pub(super) async fn readable(&self) {
        poll_fn(|context| {
            let heartbeats = self.heartbeats.iter();
            let mut ready = heartbeats
                .map(|heartbeats| heartbeats.poll_readable(context).is_ready())
                .fold(false, |one, other| one | other);
            // Each has to know whom to wake.
            for port in self.ports.values() {
                ready |= port.poll_readable(context).is_ready();
            }
            match ready {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn take_links(&mut self, now: Duration) {
        self.look_at = now + SETTINGS_INTERVAL;
        let interfaces = interfaces(&self.links.borrow_and_update(), &self.sysctl);
        if interfaces != self.interfaces {
            self.interfaces = interfaces;
            self.speaker.handle_interfaces(now, self.interfaces.clone());
            self.stale = true;
        }
    }

    fn take_nominations(&mut self, now: Duration) {
        let mut taken = Nominations::default();
        self.nominations.send_if_modified(|nominations| {
            taken = mem::take(nominations);
            false
        });
        let Nominations {
            changed,
            capped,
            counts_announcers,
            nodes,
            keys,
        } = taken;
        if let Some(keys) = keys {
            self.speaker.handle_keys(now, keys);
        }
        let takes_part = changed.values().any(Option::is_some)
            || nodes.as_ref().is_some_and(|nodes| !nodes.is_empty());
        if takes_part && self.heartbeats.is_none() {
            self.heartbeats = Some(Heartbeats::open());
        }
        if let Some(nodes) = nodes {
            let nodes = Arc::unwrap_or_clone(nodes);
            self.speaker.handle_nodes(now, nodes);
        }
        if let Some(counts) = counts_announcers {
            self.speaker.handle_announcing(now, counts);
        }
        for (address, capped) in capped {
            let advertising = capped.map_or(Advertising::Unable, Capped::advertising);
            self.speaker.handle_advertising(now, address, advertising);
        }
        for (address, nominee) in changed {
            self.speaker.handle_nominee(now, address, nominee);
        }
        self.stale = true;
    }

    /// Lets the sockets hear what is of interest now, and tries again what failed.
    fn tend_sockets(&mut self, now: Duration) {
        let retry = self.retry_at.is_some_and(|retry_at| retry_at <= now);
        let stale = mem::take(&mut self.stale) | self.notices.take_lost();
        if !stale && !retry {
            // Heartbeats may just have been opened, which is stale.
            return;
        }
        if let Some(heartbeats) = self.heartbeats.as_mut().filter(|_| retry) {
            heartbeats.retry();
        }
        self.refused.clear();
        for (index, interface) in &self.interfaces {
            let addresses = BTreeSet::from_iter(self.speaker.addresses(*index));
            if addresses.is_empty() {
                self.ports.remove(index);
                continue;
            }
            let tended = match self.ports.entry(*index) {
                Entry::Occupied(mut port) => port.get_mut().update(interface, addresses),
                Entry::Vacant(place) => {
                    Port::open(*index, interface, addresses).map(|port| _ = place.insert(port))
                }
            };
            if let Err(error) = tended {
                self.ports.remove(index);
                self.refused
                    .insert(*index, port::refusal(&interface.name, &error));
            }
        }
        let interfaces = &self.interfaces;
        self.ports.retain(|index, _| interfaces.contains_key(index));
        self.note_problems(now);
    }

    fn note_problems(&mut self, now: Duration) {
        let heartbeats = self.heartbeats.iter().flat_map(Heartbeats::problems);
        let groups = self.ports.values().filter_map(Port::problem);
        let ports = self.refused.values().cloned();
        let problems: Vec<_> = heartbeats.chain(ports).chain(groups).collect();
        self.retry_at = (!problems.is_empty()).then_some(now + RETRY);
        if problems != self.problems {
            info!(?problems, "layer 2");
            self.problems = problems;
            self.published.stale = true;
        }
    }

    /// Returns `false` when the process had been stopped meanwhile.
    fn receive_heartbeats(&mut self) -> bool {
        let Some(heartbeats) = &self.heartbeats else {
            return true;
        };
        for _ in 0..BATCH {
            let Some(datagram) = heartbeats.receive(&mut self.datagram) else {
                break;
            };
            let message = self.datagram.get(..datagram.length).unwrap_or_default();
            let now = clock::now();
            self.speaker
                .handle_datagram(now, datagram.path, datagram.source, message);
            if self.notices.take(&mut self.speaker) {
                return false;
            }
        }
        true
    }

    /// Answers what is asked. Returns `false` when the process had been stopped meanwhile.
    fn receive_frames(&mut self) -> bool {
        for (index, port) in &self.ports {
            for ethertype in [l2::arp::ETHERTYPE, l2::ndp::ETHERTYPE] {
                for _ in 0..BATCH {
                    let Some(frame) = port.receive(ethertype, &mut self.frame) else {
                        break;
                    };
                    let now = clock::now();
                    if self.speaker.handle_frame(now, *index, frame, &mut self.out) {
                        port.send(&self.out);
                    }
                    if self.notices.take(&mut self.speaker) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.speaker.poll_transmit(clock::now(), &mut self.out) {
            let heartbeats = self.heartbeats.as_ref();
            let left = match transmit {
                Transmit::Frame { interface } => {
                    if let Some(port) = self.ports.get(&interface) {
                        port.send(&self.out);
                    }
                    continue;
                }
                Transmit::Multicast { interface, ipv6 } => heartbeats
                    .is_some_and(|heartbeats| heartbeats.send_to_all(interface, ipv6, &self.out)),
                Transmit::Unicast { address } => {
                    heartbeats.is_some_and(|heartbeats| heartbeats.send_to(address, &self.out))
                }
            };
            self.speaker.handle_sent(clock::now(), transmit, left);
        }
    }

    fn drop_backlog(&mut self) {
        debug!("the process had been stopped: what has arrived meanwhile is dropped");
        if let Some(heartbeats) = &self.heartbeats {
            heartbeats.drop_backlog(&mut self.datagram);
        }
        for port in self.ports.values() {
            port.drop_backlog(&mut self.frame);
        }
    }

    /// When the state is to be told again; counters are worth it only to who takes part.
    fn publish_at(&self) -> Option<Duration> {
        let changed =
            self.published.stale || self.published.version != Some(self.speaker.version());
        match (changed, &self.heartbeats) {
            (true, _) => Some(self.published.at + PUBLISH_INTERVAL),
            (false, Some(_)) => Some(self.published.at + COUNT_INTERVAL),
            (false, None) => None,
        }
    }

    fn publish(&mut self) {
        let now = clock::now();
        if self.publish_at().is_none_or(|at| at > now) {
            return;
        }
        self.published = Published {
            at: now,
            version: Some(self.speaker.version()),
            stale: false,
        };
        let next = L2State {
            view: Arc::new(self.speaker.view()),
            problems: self.problems.clone(),
            notices_dropped: self.notices.dropped(),
        };
        self.state.send_if_modified(|state| {
            let changed = *state != next;
            *state = next;
            changed
        });
    }
}
