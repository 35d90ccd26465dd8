use alloc::collections::{BTreeMap, BTreeSet};
use core::{net::IpAddr, time::Duration};

use model::{Change, Cluster, Kind, Name, Node, Object, ServiceKey, Touched};

use crate::{
    Changes, GateMode, Learned, Links, Neighbors, Outcome, Plan, Probe, ProbeTarget, Protocol,
    Target,
    bgp::Router,
    cap::Announcers,
    drain::Drain,
    gate::Gate,
    holder::Holders,
    snapshot::Snapshot,
    view::{Memory, View},
};

/// Shortest time between two passes that changed something.
const SPACING: Duration = Duration::from_millis(10);

/// What a planner is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of this node's Node object.
    pub node: Name,
    /// Announce also from a node that is labelled out of external load balancing (`--ignore-exclude-label`).
    pub ignore_exclude_label: bool,
    /// Whether new announcers wait for kube-proxy (`--dataplane-gate`).
    pub gate: GateMode,
}

/// The rules of one node: takes what the watches tell, gives what is to be done.
///
/// The first change after a quiet time is planned at once; what arrives within the next 10 ms is one batch. A pass that
/// changed nothing does not count.
#[derive(Clone, Debug)]
pub struct Planner {
    pub(crate) options: Options,
    pub(crate) cluster: Cluster,
    pub(crate) memory: Memory,
    pub(crate) view: Option<View>,
    pub(crate) holders: Holders,
    pub(crate) gate: Gate,
    pub(crate) router: Router,
    pub(crate) plan: Plan,
    pub(crate) counts: BTreeMap<(Protocol, &'static str), u64>,
    pub(crate) changes: Option<Changes>,
    /// This node's interfaces, once they are known.
    pub(crate) links: Option<Links>,
    /// The routers on interfaces by which peers are configured.
    pub(crate) neighbors: Neighbors,
    /// What the peers advertise and is to be routed to.
    pub(crate) learned: Learned,
    /// That is all that they have.
    pub(crate) converged: bool,
    /// Who else announces what only some nodes are to.
    pub(crate) announcers: Announcers,
    /// BFD sessions that were Up and are not any more.
    pub(crate) broken: BTreeSet<bfd::PeerName>,
    pub(crate) drain: Drain,
    pub(crate) snapshot: Snapshot,
    /// Another number whenever something else is known.
    pub(crate) revision: u64,
    missing: BTreeSet<Kind>,
    pub(crate) stale: Stale,
    /// The first plan from all lists is made.
    complete: bool,
    next_pass: Duration,
}

/// What the next pass has to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stale {
    /// The configuration, or this node.
    pub(crate) view: bool,
    /// Every address.
    pub(crate) everything: bool,
    /// The addresses of these Services.
    pub(crate) services: BTreeSet<ServiceKey>,
    /// These addresses.
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Kernel routes, and all that belongs to the pod network.
    pub(crate) network: bool,
    /// Who takes part in the election of layer 2.
    pub(crate) nodes: bool,
    /// How far away the peers are that BFD watches over.
    pub(crate) bfd: bool,
}

impl Stale {
    /// Everything there is.
    pub(crate) fn all() -> Self {
        Self {
            view: true,
            everything: true,
            services: BTreeSet::new(),
            addresses: BTreeSet::new(),
            network: true,
            nodes: true,
            bfd: true,
        }
    }
}

impl Planner {
    /// Kinds whose first list a plan waits for. Other kinds are not looked at.
    pub const KINDS: [Kind; 12] = [
        Kind::Settings,
        Kind::Pool,
        Kind::Peer,
        Kind::BfdProfile,
        Kind::Advertisement,
        Kind::L2Advertisement,
        Kind::Community,
        Kind::PodNetwork,
        Kind::Service,
        Kind::EndpointSlice,
        Kind::Node,
        Kind::Secret,
    ];

    /// A planner that knows nothing yet.
    pub fn new(options: Options) -> Self {
        Self {
            gate: Gate::new(options.gate),
            options,
            cluster: Cluster::default(),
            memory: Memory::new(),
            view: None,
            holders: Holders::default(),
            router: Router::default(),
            plan: Plan::default(),
            counts: BTreeMap::new(),
            changes: None,
            links: None,
            neighbors: Neighbors::new(),
            learned: Learned::default(),
            converged: false,
            announcers: Announcers::default(),
            broken: BTreeSet::new(),
            drain: Drain::default(),
            missing: BTreeSet::from(Self::KINDS),
            snapshot: Snapshot::default(),
            revision: 0,
            stale: Stale::all(),
            complete: false,
            next_pass: Duration::ZERO,
        }
    }

    /// Takes one event of a watch.
    pub fn handle_change(&mut self, change: Change) {
        let kind = kind_of(&change);
        if !Self::KINDS.contains(&kind) {
            return;
        }
        let own = self.concerns_own_node(&change);
        let touched = self.cluster.apply(change);
        if touched != Touched::Nothing {
            self.revision = self.revision.wrapping_add(1);
        }
        match (touched, kind) {
            (Touched::Nothing, _) => {}
            (Touched::Service(service), _) => {
                self.stale.services.insert(service);
            }
            (Touched::Everything, Kind::Service | Kind::EndpointSlice) => {
                self.stale.everything = true;
            }
            (Touched::Everything, Kind::Node) if !own => {
                let view = self.view.as_ref();
                self.stale.network |= view.is_some_and(|view| view.pod_network.is_some());
                self.stale.network |= self.spares_others();
                self.stale.nodes |= view.is_some_and(View::takes_part_in_l2);
                // Its labels say by whom it is counted.
                self.stale.view |= view.is_some_and(View::counts_announcers);
                self.stale.bfd |= view.is_some_and(|view| view.node_profile.is_some());
            }
            (Touched::Everything, _) => self.stale.view = true,
        }
    }

    /// Takes what the kernel says of this node's interfaces.
    pub fn handle_links(&mut self, links: Links) {
        if self.links.as_ref() != Some(&links) {
            self.links = Some(links);
            self.stale.network = true;
            self.stale.view |= self.memory.peers.looks_at_links();
            self.stale.bfd = true;
        }
    }

    /// Takes which routers are heard on the interfaces by which peers are configured.
    pub fn handle_neighbors(&mut self, neighbors: Neighbors) {
        if self.neighbors != neighbors {
            self.neighbors = neighbors;
            self.stale.view |= !self.memory.peers.interfaces().is_empty();
        }
    }

    /// Takes the prefixes that the peers advertise now and that are to be routed to.
    pub fn handle_learned(&mut self, learned: Learned) {
        if self.learned != learned {
            self.learned = learned;
            self.stale.network = true;
        }
    }

    /// The peers have advertised all that they have, or are not waited for any more: what an earlier run has left in the
    /// kernel and nobody wants can go.
    pub fn handle_converged(&mut self) {
        if !self.converged {
            self.converged = true;
            self.stale.network = true;
        }
    }

    /// Takes the names of all BFD sessions that were Up and are not any more, without a peer saying that it takes them down.
    pub fn handle_broken(&mut self, broken: BTreeSet<bfd::PeerName>) {
        if self.broken != broken {
            self.broken = broken;
            let view = self.view.as_ref();
            self.stale.network |= view.is_some_and(|view| view.node_profile.is_some());
        }
    }

    /// The first list of a kind is complete.
    pub fn handle_synced(&mut self, kind: Kind) {
        self.missing.remove(&kind);
        if self.missing.is_empty() && !self.complete {
            self.snapshot = Snapshot::Unused;
            self.stale.view = true;
        }
    }

    /// Takes the outcome of a probe.
    pub fn handle_probe(&mut self, now: Duration, target: &ProbeTarget, outcome: Outcome) {
        let services = self.gate.handle_probe(now, target, outcome);
        self.stale.services.extend(services);
    }

    /// The speaker is asked to stop and will not come back soon: everything is to be withdrawn, after others had the time
    /// to take over. The plan's stage says how far that is.
    pub fn handle_departure(&mut self) {
        self.drain.depart();
        self.stale.view = true;
    }

    /// Runs a pass when one is due.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.stale.view |= self.drain.poll_timeout().is_some_and(|due| due <= now);
        self.use_snapshot(now);
        self.stale.services.extend(self.gate.handle_timeout(now));
        let addresses = self.router.damper.handle_timeout(now);
        self.stale.addresses.extend(addresses);
        let addresses = self.announcers.handle_timeout(now);
        self.stale.addresses.extend(addresses);
        if self.pass_due().is_some_and(|due| due <= now) {
            let stale = core::mem::take(&mut self.stale);
            let mut changes = self.pass(now, stale);
            changes.complete = self.missing.is_empty() && !self.complete;
            self.complete |= changes.complete;
            if !changes.is_empty() {
                self.next_pass = now + SPACING;
            }
            self.changes.get_or_insert_default().merge(changes);
        }
    }

    /// When [`Self::handle_timeout`] or [`Self::poll_probe`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.pass_due()
            .into_iter()
            .chain(self.gate.poll_timeout())
            .chain(self.drain.poll_timeout())
            .chain(self.router.damper.poll_timeout())
            .chain(self.announcers.poll_timeout())
            .chain(self.snapshot_due())
            .min()
    }

    /// What the passes since the last call changed; empty when they changed only decisions. `None`: there was no pass.
    pub fn poll_changes(&mut self) -> Option<Changes> {
        self.changes.take()
    }

    /// A probe to be done now.
    pub fn poll_probe(&mut self, now: Duration) -> Option<Probe> {
        self.gate.poll_probe(now, self.plan.addresses)
    }

    /// The plan as of the last pass; empty before the first.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Decisions by protocol and reason, as in [`crate::Decision::reason`].
    pub fn counts(&self) -> &BTreeMap<(Protocol, &'static str), u64> {
        &self.counts
    }

    /// Kinds whose first list has not come.
    pub fn missing(&self) -> impl Iterator<Item = Kind> {
        self.missing.iter().copied()
    }

    /// This node's own Node object.
    pub fn node(&self) -> Option<&Node> {
        self.cluster.nodes.get(&self.options.node)
    }

    /// The Services that hold the address, with their uid.
    pub fn holders_of(&self, address: IpAddr) -> impl Iterator<Item = (&ServiceKey, &Name)> {
        let services = self.cluster.services.values();
        let holders = services.filter(move |service| service.addresses.contains(&address));
        let served = holders.filter(move |service| {
            let target = Target {
                service: service.key.clone(),
                address: Some(address),
            };
            let decisions = self.plan.decisions.get(&target);
            decisions.is_some_and(|decisions| decisions.l2.is_announce())
        });
        served.map(|service| (&service.key, &service.meta.uid))
    }

    /// How many addresses wait for the data plane, by Service and family.
    pub fn gate_waiting(&self) -> usize {
        self.gate.waiting()
    }

    /// How often the data plane stayed silent and was taken to be ready.
    pub fn gate_given_up(&self) -> u64 {
        self.gate.given_up()
    }

    fn pass_due(&self) -> Option<Duration> {
        let stale = &self.stale;
        let part = stale.view || stale.everything || stale.network || stale.nodes || stale.bfd;
        let wanted = part || !stale.services.is_empty() || !stale.addresses.is_empty();
        (wanted && (self.missing.is_empty() || self.is_stale())).then_some(self.next_pass)
    }

    /// Whether nodes have other pods than those whose routes are spared.
    fn spares_others(&self) -> bool {
        let pods = self.cluster.nodes.values().flat_map(Node::pod_prefixes);
        let spared = self.plan.network.spared.as_ref();
        spared.is_some_and(|spared| !pods.eq(spared.iter().copied()))
    }

    /// Whether the change can concern this node's own Node object; of the others only
    /// the pod network and the election of layer 2 want to know.
    fn concerns_own_node(&self, change: &Change) -> bool {
        let node = &self.options.node;
        match change {
            Change::Apply(Object::Node(other)) => other.meta.name == *node,
            Change::Delete(Kind::Node, key) => key.name == *node,
            Change::Apply(_) | Change::Delete(..) | Change::Listed { .. } => true,
        }
    }
}

fn kind_of(change: &Change) -> Kind {
    match change {
        Change::Delete(kind, _) | Change::Listed { kind, .. } => *kind,
        Change::Apply(object) => object.kind(),
    }
}
