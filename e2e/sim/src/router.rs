use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use bgp::{
    Asn, BgpIdentifier, ConnectionId, Family, LocalAddresses, PeerConfig, Prefix,
    wire::{AsnWidth, Decoder, Dialect, Message, PeerType},
};

use crate::endpoint::Endpoint;

/// AS of the router.
pub(crate) const ROUTER_ASN: u32 = 65000;
/// AS of the nodes.
pub(crate) const NODE_ASN: u32 = 65001;
/// The router's address.
pub(crate) const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1));

/// The router: one passive session per node, and a table made from what the nodes write on the wire.
#[derive(Debug)]
pub struct Router {
    pub(crate) endpoint: Endpoint,
    taps: BTreeMap<ConnectionId, Tap>,
    nodes: usize,
}

/// Reads what one node sends, and holds what that leaves advertised.
#[derive(Debug)]
struct Tap {
    node: usize,
    decoder: Decoder,
    routes: BTreeSet<Prefix>,
}

impl Router {
    pub(crate) fn new(seed: u64, now: Duration, nodes: usize) -> Self {
        let mut endpoint = Endpoint::new(seed);
        endpoint.speaker.handle_peers(now, (0..nodes).map(peer_for));
        Self {
            endpoint,
            taps: BTreeMap::new(),
            nodes,
        }
    }

    /// A restarted router knows nothing.
    pub(crate) fn restart(&mut self, seed: u64, now: Duration) {
        *self = Self::new(seed, now, self.nodes);
    }

    pub(crate) fn accept(&mut self, now: Duration, node: usize) -> Option<ConnectionId> {
        let addresses = LocalAddresses {
            local: ROUTER,
            ipv4: Some(Ipv4Addr::new(10, 1, 0, 1)),
            ipv6: Some(Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 1)),
            on_link: true,
        };
        let connection =
            self.endpoint
                .speaker
                .handle_accepted(now, node_address(node), addresses)?;
        self.endpoint.open.insert(connection);
        let tap = Tap {
            node,
            decoder: Decoder::new(),
            routes: BTreeSet::new(),
        };
        self.taps.insert(connection, tap);
        Some(connection)
    }

    pub(crate) fn receive(&mut self, now: Duration, connection: ConnectionId, bytes: &[u8]) {
        if let Some(tap) = self.taps.get_mut(&connection) {
            tap.read(bytes);
        }
        self.endpoint.speaker.handle_bytes(now, connection, bytes);
    }

    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        self.taps.remove(&connection);
        self.endpoint.open.remove(&connection);
    }

    /// What `node` has advertised and not withdrawn on the connection that it has.
    pub fn routes_of(&self, node: usize) -> BTreeSet<Prefix> {
        self.taps
            .values()
            .filter(|tap| tap.node == node)
            .flat_map(|tap| tap.routes.clone())
            .collect()
    }

    /// How many connections `node` has here.
    pub fn connections_of(&self, node: usize) -> usize {
        self.taps.values().filter(|tap| tap.node == node).count()
    }
}

impl Tap {
    fn read(&mut self, mut bytes: &[u8]) {
        let dialect = Dialect {
            asn_width: AsnWidth::Four,
            families: [Family::IPV4_UNICAST, Family::IPV6_UNICAST]
                .into_iter()
                .collect(),
            ..Dialect::initial(PeerType::External)
        };
        while let Some(message) = self
            .decoder
            .decode(&mut bytes, &dialect)
            .expect("a node writes legal messages")
        {
            let Message::Update(raw) = message else {
                continue;
            };
            let update = raw
                .treat(&dialect)
                .expect("a node writes UPDATEs without errors");
            assert!(
                update.findings.is_empty(),
                "a fault in our UPDATE: {:?}",
                update.findings
            );
            update.withdrawn.iter().for_each(|prefix| {
                self.routes.remove(prefix);
            });
            self.routes.extend(
                update
                    .announced
                    .into_iter()
                    .flat_map(|reach| reach.prefixes),
            );
        }
    }
}

/// Address of the n-th node.
pub(crate) fn node_address(node: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(
        10,
        1,
        0,
        11 + u8::try_from(node).expect("few nodes"),
    ))
}

fn peer_for(node: usize) -> PeerConfig {
    let name = format!("node-{node}").into();
    let asns = [Asn(ROUTER_ASN), Asn(NODE_ASN)];
    let identifier = BgpIdentifier::new(0x0a01_0001).expect("not zero");
    PeerConfig {
        passive: true,
        ..PeerConfig::new(name, node_address(node), asns, identifier)
    }
}
