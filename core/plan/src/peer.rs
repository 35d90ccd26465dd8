use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

use bgp::{BgpIdentifier, Family, Interface, PeerConfig, PeerName};
use model::{Cluster, Name, Node, Parsed, Peer, Place, Secret};

use crate::{
    Links, Neighbor, Neighbors, NodeAddresses, find_neighbor, last_good::LastGood,
    pod_network::Learning,
};

/// Identifier of a node whose name hashes to 0.
const LAST_RESORT: BgpIdentifier = match BgpIdentifier::new(1) {
    Some(identifier) => identifier,
    None => unreachable!(),
};

/// A session that this node should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPeer {
    /// What the session machine needs to know.
    pub config: PeerConfig,
    /// TCP MD5 key; `config.password_generation` changes whenever it does.
    pub password: Option<Secret>,
}

/// An object that this node cannot use as it is written: part of condition ConfigAccepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Kind of the object.
    pub kind: &'static str,
    /// Its name.
    pub name: Name,
    /// A sentence that says why, and what to do.
    pub message: String,
}

/// What outlives a change of the peers: last good specs and how passwords are numbered.
#[derive(Clone, Debug)]
pub(crate) struct PeerBook {
    good: LastGood<Peer>,
    passwords: BTreeMap<Name, (Secret, u64)>,
    generations: u64,
    /// Source addresses that were there when the session was planned: they may go without ending it.
    sources: BTreeMap<Name, IpAddr>,
    /// The routers of peers that are configured by interface, as far as they are heard.
    neighbors: BTreeMap<Name, Neighbor>,
    /// Interfaces with such a peer on them.
    interfaces: BTreeSet<Name>,
    /// Whether a peer has a source address, or is configured by interface.
    looks_at_links: bool,
}

impl Unusable {
    pub(crate) fn new(kind: &'static str, name: &Name, message: String) -> Self {
        Self {
            kind,
            name: name.clone(),
            message,
        }
    }

    /// The object's spec could not be parsed.
    pub(crate) fn rejected<T>(kind: &'static str, object: &Parsed<T>) -> Option<Self> {
        let rejection = object.value.as_ref().err()?;
        Some(Self::new(kind, &object.meta.name, rejection.to_string()))
    }

    fn peer(name: &Name, message: String) -> Self {
        Self::new("BGPPeer", name, message)
    }
}

impl PeerBook {
    pub(crate) fn new() -> Self {
        Self {
            good: LastGood::new(),
            passwords: BTreeMap::new(),
            generations: 0,
            sources: BTreeMap::new(),
            neighbors: BTreeMap::new(),
            interfaces: BTreeSet::new(),
            looks_at_links: false,
        }
    }

    /// Whether another interface or address can change the sessions.
    pub(crate) const fn looks_at_links(&self) -> bool {
        self.looks_at_links
    }

    /// Interfaces with a peer on them that is configured by interface.
    pub(crate) const fn interfaces(&self) -> &BTreeSet<Name> {
        &self.interfaces
    }

    /// The sessions that `node` should hold; what it cannot use goes to `unusable`.
    pub(crate) fn resolve(
        &mut self,
        cluster: &Cluster,
        (node, own): (&Name, &Node),
        learning: &Learning,
        (links, neighbors): (Option<&Links>, &Neighbors),
        unusable: &mut Vec<Unusable>,
    ) -> BTreeMap<PeerName, PlannedPeer> {
        self.good.retain(&cluster.peers);
        self.passwords
            .retain(|name, _| cluster.peers.contains_key(name));
        let selected = self.selected(cluster, own, unusable);
        self.take_sources(&selected, links, unusable);
        self.take_neighbors(&selected, links, neighbors, unusable);
        let sources = selected.iter().any(|(_, peer)| peer.source.is_some());
        self.looks_at_links = sources || !self.interfaces.is_empty();
        let mut planned = BTreeMap::new();
        for (name, peer) in selected {
            if peer.source != self.sources.get(&name).copied() {
                continue;
            }
            let Some(at) = self.place_of(&name, &peer) else {
                continue;
            };
            match password(cluster, &peer) {
                Ok(password) => {
                    let password_generation = self.generation(&name, password.as_ref());
                    let config = PeerConfig {
                        import: learning.import(&name, &peer.import),
                        ..config(&name, (&peer, at), node, own, password_generation)
                    };
                    planned.insert(name, PlannedPeer { config, password });
                }
                Err(message) => unusable.push(Unusable::peer(&name, message)),
            }
        }
        planned
    }

    /// Whether one of the peers says that what is accepted of it is installed.
    pub(crate) fn imports(&self, peers: &BTreeMap<PeerName, PlannedPeer>) -> bool {
        let mut specs = peers.keys().filter_map(|name| self.good.get(name));
        specs.any(|peer| peer.import.rules.iter().any(|rule| rule.install))
    }

    /// The spec that the peer's session is made from.
    pub(crate) fn peer(&self, name: &Name) -> Option<&Peer> {
        self.good.get(name)
    }

    /// Takes over which source addresses are there. One that goes does not end its session: TCP does, where it must.
    fn take_sources(
        &mut self,
        peers: &[(Name, Peer)],
        links: Option<&Links>,
        unusable: &mut Vec<Unusable>,
    ) {
        let mut sources = BTreeMap::new();
        for (name, peer) in peers {
            let Some(source) = peer.source else { continue };
            let there = |links: &Links| source.is_loopback() || links.holder(source).is_some();
            let there = links.map(there);
            if there == Some(false) {
                unusable.push(no_source(name, source));
            }
            if there == Some(true) || self.sources.get(name) == Some(&source) {
                sources.insert(name.clone(), source);
            }
        }
        self.sources = sources;
    }

    /// Takes over who is on the interfaces that peers are configured by.
    fn take_neighbors(
        &mut self,
        peers: &[(Name, Peer)],
        links: Option<&Links>,
        heard: &Neighbors,
        unusable: &mut Vec<Unusable>,
    ) {
        let mut found = BTreeMap::new();
        self.interfaces.clear();
        for (name, peer) in peers {
            let Place::Interface(interface) = &peer.place else {
                continue;
            };
            self.interfaces.insert(interface.clone());
            let Some(links) = links else { continue };
            let before = self.neighbors.get(name);
            let (neighbor, problem) = find_neighbor(interface, links, heard, before);
            unusable.extend(problem.map(|words| Unusable::peer(name, words)));
            found.extend(neighbor.map(|neighbor| (name.clone(), neighbor)));
        }
        self.neighbors = found;
    }

    /// The address of the peer, and the interface on which that means something.
    fn place_of(&self, name: &Name, peer: &Peer) -> Option<(IpAddr, Option<Interface>)> {
        match peer.place {
            Place::Address(address) => Some((address, None)),
            Place::Interface(_) => {
                let neighbor = self.neighbors.get(name)?;
                Some((neighbor.address.into(), Some(neighbor.interface.clone())))
            }
        }
    }

    /// Peers whose selectors choose the node, as it has them, one for each address or interface: the oldest.
    fn selected(
        &mut self,
        cluster: &Cluster,
        own: &Node,
        unusable: &mut Vec<Unusable>,
    ) -> Vec<(Name, Peer)> {
        let mut objects: Vec<_> = cluster.peers.iter().collect();
        objects.sort_by(|(a, x), (b, y)| (x.meta.created, *a).cmp(&(y.meta.created, *b)));
        let mut winners: BTreeMap<Place, &Name> = BTreeMap::new();
        let mut selected = Vec::new();
        for (name, object) in objects {
            unusable.extend(Unusable::rejected("BGPPeer", object));
            unusable.extend(own_address(name, object, own));
            let labels = &own.meta.labels;
            let usable = |peer: &Peer| is_elsewhere(&peer.on(labels), own);
            let Some(peer) = self.good.resolve(object, usable) else {
                continue;
            };
            if !peer.nodes.matches(labels) {
                continue;
            }
            match winners.get(&peer.place) {
                Some(winner) => unusable.push(duplicate(name, peer, winner)),
                None => {
                    winners.insert(peer.place.clone(), name);
                    selected.push((name.clone(), peer.on(labels)));
                }
            }
        }
        selected
    }

    /// 0 without a password; else a number that changes when the password does.
    fn generation(&mut self, name: &Name, password: Option<&Secret>) -> u64 {
        let Some(password) = password else {
            self.passwords.remove(name);
            return 0;
        };
        if let Some((known, generation)) = self.passwords.get(name)
            && known == password
        {
            return *generation;
        }
        self.generations += 1;
        self.passwords
            .insert(name.clone(), (password.clone(), self.generations));
        self.generations
    }
}

/// A node does not mean itself, unless it says from which other address of its own: then the router runs on it.
fn is_elsewhere(peer: &Peer, own: &Node) -> bool {
    let address = peer.place.address();
    peer.source.is_some() || address.is_none_or(|address| !own.addresses.contains(&address))
}

fn own_address(name: &Name, object: &Parsed<Peer>, own: &Node) -> Option<Unusable> {
    let labels = &own.meta.labels;
    let peer = object.value.as_ref().ok()?;
    let here = peer.nodes.matches(labels) && !is_elsewhere(&peer.on(labels), own);
    let message = format!(
        "spec.peerAddress: {} is an address of this node; give the router's address, exclude this \
         node in spec.nodeSelectors, or, when the router runs on this node, set spec.sourceAddress",
        peer.place
    );
    here.then(|| Unusable::peer(name, message))
}

fn no_source(name: &Name, source: IpAddr) -> Unusable {
    let message = format!(
        "spec.sourceAddress: {source} is no address of this node, and no session begins without it; \
         add it to an interface (lo will do), or correct sourceAddress or nodeOverrides"
    );
    Unusable::peer(name, message)
}

fn duplicate(name: &Name, peer: &Peer, winner: &Name) -> Unusable {
    let field = match peer.place {
        Place::Address(_) => "peerAddress",
        Place::Interface(_) => "interface",
    };
    let message = format!(
        "DuplicatePeer: spec.{field} {} is that of the older BGPPeer {winner}, which has the \
         session on this node; delete one of the two, or give them different spec.nodeSelectors",
        peer.place
    );
    Unusable::peer(name, message)
}

fn password(cluster: &Cluster, peer: &Peer) -> Result<Option<Secret>, String> {
    let Some(name) = &peer.password_secret else {
        return Ok(None);
    };
    let (problem, remedy) = match cluster.secrets.get(name) {
        None => (
            "is not in Herald's namespace".into(),
            "create it there with key password",
        ),
        Some(Err(rejection)) => (format!("has no password ({rejection})"), "correct it"),
        Some(Ok(secret)) => return Ok(Some(secret.clone())),
    };
    Err(format!(
        "spec.passwordSecret: Secret {name} {problem}, and without the password there is no \
         session; {remedy}"
    ))
}

fn config(
    name: &Name,
    (peer, (address, interface)): (&Peer, (IpAddr, Option<Interface>)),
    node: &Name,
    own: &Node,
    password_generation: u64,
) -> PeerConfig {
    let offered = [
        (peer.families.ipv4, Family::IPV4_UNICAST),
        (peer.families.ipv6, Family::IPV6_UNICAST),
    ];
    // The second one is replaced.
    let asns = [peer.my_asn; 2];
    let identifier = peer.router_id.unwrap_or_else(|| identifier(node, own));
    PeerConfig {
        interface,
        remote_asn: peer.remote_asn,
        port: peer.port,
        source: peer.source,
        hold_time: peer.hold_time,
        keepalive: peer.keepalive_time,
        connect_retry: peer.connect_time,
        graceful_restart: peer.graceful_restart,
        passive: peer.passive,
        families: offered
            .into_iter()
            .filter_map(|(yes, f)| yes.then_some(f))
            .collect(),
        multi_hop_ttl: peer.multi_hop_ttl,
        ttl_security_hops: peer.ttl_security_hops,
        password_generation,
        ..PeerConfig::new(name.clone(), address, asns, identifier)
    }
}

/// The node's IPv4 InternalIP, else 32 bits of FNV-1a over its name: the same after every restart.
fn identifier(node: &Name, own: &Node) -> BgpIdentifier {
    let address = NodeAddresses::of(own)
        .ipv4
        .map_or(0, |address| address.to_bits());
    let hash = node.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    BgpIdentifier::new(address)
        .or_else(|| BgpIdentifier::new(hash))
        .unwrap_or(LAST_RESORT)
}
