use std::net::IpAddr;

use bgp::Asn;
use model::{
    AddressFamily, AddressRange, Advertisement, Endpoint, EndpointSlice, EndpointState,
    FamilyPolicy, Meta, Name, Node, Object, Parsed, Peer, Pool, Port, Protocol, Request, Service,
    ServiceKey, StatusOwner, Timestamp, TrafficPolicy,
};

use crate::router::{NODE_ASN, ROUTER, ROUTER_ASN, node_address};

/// Makes the objects of the simulated cluster.
#[derive(Debug)]
pub struct Fixture;

/// What a Service of the simulation looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceShape {
    /// externalTrafficPolicy Local.
    pub local: bool,
    /// IPv4 and IPv6.
    pub dual_stack: bool,
    /// Asks for an address by its last octet in the IPv4 pool.
    pub wants: Option<u8>,
}

impl Fixture {
    /// A node.
    pub fn node(index: usize, excluded: bool) -> Object {
        let mut meta = meta(&format!("node-{index}"), 0);
        if excluded {
            let label = "node.kubernetes.io/exclude-from-external-load-balancers";
            meta.labels.insert(label.into(), String::new());
        }
        Object::Node(Node {
            meta,
            internal_ips: vec![node_address(index)],
            addresses: vec![node_address(index)],
            ..Node::default()
        })
    }

    /// The router as a peer of all nodes.
    pub fn peer() -> Object {
        Object::Peer(Parsed {
            meta: meta("router", 0),
            value: Ok(Peer::new([Asn(NODE_ASN), Asn(ROUTER_ASN)], ROUTER)),
        })
    }

    /// A pool of 198.51.100.1 to .`last` and, with `ipv6`, 2001:db8::1 to ::`last`.
    pub fn pool(name: &str, created: i64, last: u8, ipv6: bool) -> Object {
        let mut ranges = vec![range(v4(1), v4(last))];
        if ipv6 {
            ranges.push(range(v6(1), v6(u16::from(last))));
        }
        Object::Pool(Parsed {
            meta: meta(name, created),
            value: Ok(Pool {
                ranges,
                auto_assign: true,
                ..Pool::default()
            }),
        })
    }

    /// Everything to everybody.
    pub fn advertisement() -> Object {
        Object::Advertisement(Parsed {
            meta: meta("all", 0),
            value: Ok(Advertisement::default()),
        })
    }

    /// A Service, as a user creates it: without a status.
    pub fn service(index: usize, created: i64, shape: ServiceShape) -> Object {
        let key = service_key(index);
        let mut families = vec![AddressFamily::IPv4];
        let mut cluster_ips = vec![IpAddr::from([10, 96, 0, last_octet(index)])];
        if shape.dual_stack {
            families.push(AddressFamily::IPv6);
            cluster_ips.push(IpAddr::from([
                0xfd10,
                0,
                0,
                0,
                0,
                0,
                0,
                u16::from(last_octet(index)),
            ]));
        }
        let name = key.name.clone();
        Object::Service(Service {
            key,
            meta: Meta {
                uid: format!("{name}-{created}").into(),
                ..meta(&name, created)
            },
            class: None,
            cluster_ips,
            families,
            family_policy: match shape.dual_stack {
                true => FamilyPolicy::RequireDualStack,
                false => FamilyPolicy::SingleStack,
            },
            traffic_policy: match shape.local {
                true => TrafficPolicy::Local,
                false => TrafficPolicy::Cluster,
            },
            health_check_node_port: shape.local.then_some(30_000),
            ports: vec![Port {
                protocol: Protocol::Tcp,
                port: 80,
            }],
            request: Ok(Request {
                pool: None,
                addresses: shape.wants.map(v4).into_iter().collect(),
            }),
            addresses: Vec::new(),
            status_owner: StatusOwner::None,
            status_canonical: true,
        })
    }

    /// Endpoints of a Service, one on each of `nodes`.
    pub fn endpoints(index: usize, family: AddressFamily, nodes: &[usize]) -> Object {
        let service = service_key(index);
        let endpoints = nodes.iter().map(|&node| Endpoint {
            address: match family {
                AddressFamily::IPv4 => IpAddr::from([10, 244, last_octet(node), last_octet(index)]),
                AddressFamily::IPv6 => IpAddr::from([
                    0xfd44,
                    0,
                    0,
                    u16::from(last_octet(node)),
                    0,
                    0,
                    0,
                    u16::from(last_octet(index)),
                ]),
            },
            node: Some(format!("node-{node}").into()),
            state: EndpointState::Ready,
        });
        Object::EndpointSlice(EndpointSlice {
            name: format!("{}-{family:?}", service.name).into(),
            family,
            endpoints: endpoints.collect(),
            service,
        })
    }
}

/// Key of the n-th Service.
pub(crate) fn service_key(index: usize) -> ServiceKey {
    ServiceKey::new("default", format!("service-{index}"))
}

fn meta(name: &str, created: i64) -> Meta {
    let name = Name::from(name);
    Meta {
        uid: name.clone(),
        name,
        generation: 1,
        created: Timestamp(created),
        ..Meta::default()
    }
}

fn range(first: IpAddr, last: IpAddr) -> AddressRange {
    AddressRange::new(first, last).expect("ends in order")
}

fn v4(last: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, last])
}

fn v6(last: u16) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])
}

fn last_octet(index: usize) -> u8 {
    u8::try_from(index + 1).expect("few objects")
}
