use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use bgp::{Asn, Prefix, Route};
use kube_core::Selector;
use l2::{Key, Nominee};
use model::{
    AddressFamily, AddressRange, Advertisement, Change, CniType, CommunityList, Condition,
    ConditionStatus, EgressSource, Endpoint, EndpointSlice, EndpointState, FamilyPolicy, Kind,
    L2Advertisement, Meta, Name, Node, Object, Parsed, Peer, PodNetwork, PodNetworkMode, Pool,
    Rejection, Request, Secret, Selectors, Service, ServiceKey, Settings, StatusOwner, Timestamp,
    TrafficPolicy, condition_type,
};
use plan::{
    Capped, Changes, Decision, Decisions, GateMode, Guard, Link, LinkRole, Links, NodeIps, Options,
    Planner, Target,
};

pub(crate) const NODE: &str = "node-1";
pub(crate) const ROUTER: &str = "192.0.2.254";
pub(crate) const ADDRESS: &str = "10.0.0.1";

/// A planner with what it has told so far, applied as a driver would.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) planner: Planner,
    pub(crate) now: Duration,
    pub(crate) routes: BTreeMap<Prefix, Vec<Route>>,
    pub(crate) guards: BTreeMap<Prefix, Guard>,
    pub(crate) nominees: BTreeMap<IpAddr, Nominee>,
    pub(crate) capped: BTreeMap<IpAddr, Capped>,
    pub(crate) nodes: Arc<NodeIps>,
    pub(crate) heartbeat_keys: Vec<Key>,
    pub(crate) bfd: Vec<bfd::PeerConfig>,
    pub(crate) complete: bool,
}

impl World {
    pub(crate) fn new(gate: GateMode, ignore_exclude_label: bool) -> Self {
        let planner = Planner::new(Options {
            node: NODE.into(),
            ignore_exclude_label,
            gate,
        });
        Self {
            planner,
            now: Duration::ZERO,
            routes: BTreeMap::new(),
            guards: BTreeMap::new(),
            nominees: BTreeMap::new(),
            capped: BTreeMap::new(),
            nodes: Arc::default(),
            heartbeat_keys: Vec::new(),
            bfd: Vec::new(),
            complete: false,
        }
    }

    /// One Service with an endpoint here, announced to one router.
    pub(crate) fn usual() -> Self {
        Self::usual_with(GateMode::Off)
    }

    pub(crate) fn usual_with(gate: GateMode) -> Self {
        let mut world = Self::new(gate, false);
        for object in usual_objects() {
            world.apply(object);
        }
        world.sync();
        world
    }

    pub(crate) fn apply(&mut self, object: Object) {
        self.planner.handle_change(Change::Apply(object));
    }

    pub(crate) fn delete(&mut self, kind: Kind, namespace: &str, name: &str) {
        self.planner
            .handle_change(Change::Delete(kind, ServiceKey::new(namespace, name)));
    }

    pub(crate) fn sync(&mut self) {
        for kind in Planner::KINDS {
            self.planner.handle_synced(kind);
        }
    }

    /// Lets 10 ms pass and runs what is due; gives what changed.
    pub(crate) fn settle(&mut self) -> Changes {
        self.now += Duration::from_millis(10);
        self.planner.handle_timeout(self.now);
        let changes = self.planner.poll_changes().unwrap_or_default();
        self.complete |= changes.complete;
        for (prefix, routes) in &changes.routes {
            match routes.is_empty() {
                true => self.routes.remove(prefix),
                false => self.routes.insert(*prefix, routes.clone()),
            };
        }
        for (address, guard) in &changes.guards {
            match guard {
                None => self.guards.remove(address),
                Some(guard) => self.guards.insert(*address, *guard),
            };
        }
        for (address, nominee) in &changes.nominees {
            match nominee {
                None => self.nominees.remove(address),
                Some(nominee) => self.nominees.insert(*address, nominee.clone()),
            };
        }
        for (address, capped) in &changes.capped {
            match capped {
                None => self.capped.remove(address),
                Some(capped) => self.capped.insert(*address, *capped),
            };
        }
        if let Some(nodes) = &changes.nodes {
            self.nodes = nodes.clone();
        }
        if let Some(keys) = &changes.heartbeat_keys {
            self.heartbeat_keys.clone_from(keys);
        }
        if let Some(bfd) = &changes.bfd {
            self.bfd.clone_from(bfd);
        }
        let plan = self.planner.plan();
        assert!(
            plan.bfd.values().eq(&self.bfd),
            "what was told is what is planned"
        );
        assert_eq!(
            (&self.routes, &self.guards, &self.nominees),
            (&plan.routes, &plan.guards, &plan.nominees),
            "what was told is what is planned"
        );
        assert_eq!(
            (&self.capped, &self.nodes, &self.heartbeat_keys),
            (&plan.capped, &plan.nodes, &plan.heartbeat_keys),
            "what was told is what is planned"
        );
        changes
    }

    /// What is decided about BGP.
    pub(crate) fn decision(&self, service: &str, address: Option<&str>) -> Option<Decision> {
        self.decisions(service, address)
            .map(|decisions| decisions.bgp)
    }

    pub(crate) fn decisions(&self, service: &str, address: Option<&str>) -> Option<Decisions> {
        let service = ServiceKey::new("default", service);
        let address = address.map(|address| address.parse().unwrap());
        self.planner
            .plan()
            .decisions
            .get(&Target { service, address })
            .cloned()
    }

    /// `Announced` or the reason why not, of Service `web` and its address.
    pub(crate) fn reason(&self) -> &'static str {
        self.decision("web", Some(ADDRESS)).unwrap().reason()
    }

    /// The same of layer 2.
    pub(crate) fn l2_reason(&self) -> &'static str {
        self.decisions("web", Some(ADDRESS)).unwrap().l2.reason()
    }

    pub(crate) fn nominee(&self, address: &str) -> Option<&Nominee> {
        self.nominees.get(&address.parse().unwrap())
    }

    pub(crate) fn announces(&self, address: &str) -> bool {
        self.routes
            .contains_key(&Prefix::host(address.parse().unwrap()))
    }
}

pub(crate) fn usual_objects() -> Vec<Object> {
    vec![
        Object::Node(node(&[])),
        Object::Pool(pool("main", "10.0.0.0", "10.0.0.255")),
        Object::Pool(pool("main-6", "2001:db8::", "2001:db8::ff")),
        Object::Advertisement(advertisement("all")),
        Object::Peer(peer("router", ROUTER)),
        Object::Service(service("web", &[ADDRESS])),
        Object::EndpointSlice(slice("web", &[("10.1.0.1", NODE, EndpointState::Ready)])),
    ]
}

pub(crate) fn meta(name: &str) -> Meta {
    let name = Name::from(name);
    Meta {
        uid: name.clone(),
        name,
        generation: 1,
        ..Meta::default()
    }
}

pub(crate) fn node(labels: &[(&str, &str)]) -> Node {
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let mut meta = meta(NODE);
    meta.labels = labels
        .iter()
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect();
    Node {
        meta,
        internal_ips: vec![address],
        addresses: vec![address],
        ..Node::default()
    }
}

/// Node `node-N` with address 192.0.2.N, and 10.244.N.0/24 and fd00:244:N::/64 for its pods.
pub(crate) fn routed_node(number: u8) -> Node {
    let ipv4: IpAddr = format!("192.0.2.{number}").parse().unwrap();
    let ipv6: IpAddr = format!("2001:db8:2::{number}").parse().unwrap();
    Node {
        meta: meta(&format!("node-{number}")),
        internal_ips: vec![ipv4, ipv6],
        addresses: vec![ipv4, ipv6],
        pod_cidrs: vec![
            format!("10.244.{number}.0/24").parse().unwrap(),
            format!("fd00:244:{number}::/64").parse().unwrap(),
        ],
        ..Node::default()
    }
}

/// PodNetwork `default` that does everything.
pub(crate) fn pod_network(mode: PodNetworkMode) -> Parsed<PodNetwork> {
    let value = PodNetwork {
        mode,
        pod_cidrs: vec![prefix("10.244.0.0/16"), prefix("fd00:244::/32")],
        advertise: true,
        peers: Vec::new(),
        communities: CommunityList::default(),
        local_pref: None,
        direct: true,
        import: true,
        bfd_profile: None,
        masquerade: true,
        egress_source: EgressSource::Auto,
        exclude_cidrs: Vec::new(),
        cni_type: CniType::Ptp,
        cni_install: true,
    };
    accepted(PodNetwork::NAME, value)
}

/// `lo`, and `eth0` with the address of node-1 in a subnet of each family.
pub(crate) fn links() -> Links {
    let link = |name: &str, role, addresses: &[&str]| Link {
        name: name.into(),
        role,
        up: true,
        mtu: 1500,
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        default_ipv4: role == LinkRole::Uplink,
        default_ipv6: role == LinkRole::Uplink,
        gateways: Vec::new(),
        ethernet: None,
    };
    Links(BTreeMap::from([
        (1, link("lo", LinkRole::Holder, &["127.0.0.1/8", "::1/128"])),
        (
            2,
            link(
                "eth0",
                LinkRole::Uplink,
                &["192.0.2.1/24", "2001:db8:2::1/64"],
            ),
        ),
    ]))
}

pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

pub(crate) fn selector(key: &str, value: &str) -> Selectors {
    Selectors(vec![Selector::from_iter([(
        key.to_string(),
        value.to_string(),
    )])])
}

pub(crate) fn accepted<T>(name: &str, value: T) -> Parsed<T> {
    Parsed {
        meta: meta(name),
        value: Ok(value),
    }
}

pub(crate) fn rejected<T>(name: &str) -> Parsed<T> {
    Parsed {
        meta: meta(name),
        value: Err(rejection("spec.field")),
    }
}

pub(crate) fn rejection(field: &str) -> Rejection {
    Rejection {
        field: field.into(),
        rule: "the value makes no sense".into(),
        remedy: "give another".into(),
    }
}

pub(crate) fn pool(name: &str, first: &str, last: &str) -> Parsed<Pool> {
    let range = AddressRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap();
    accepted(
        name,
        Pool {
            ranges: vec![range],
            auto_assign: true,
            ..Pool::default()
        },
    )
}

pub(crate) fn advertisement(name: &str) -> Parsed<Advertisement> {
    accepted(name, Advertisement::default())
}

pub(crate) fn l2_advertisement(name: &str) -> Parsed<L2Advertisement> {
    accepted(name, L2Advertisement::default())
}

pub(crate) fn peer(name: &str, address: &str) -> Parsed<Peer> {
    let peer = Peer::new([Asn(64512), Asn(64513)], address.parse().unwrap());
    accepted(name, peer)
}

pub(crate) fn secret(name: &str, password: &str) -> Object {
    Object::Secret(name.into(), Ok(Secret::new(password.into())))
}

pub(crate) fn only_class() -> Object {
    Object::Settings(Settings {
        only_class: true,
        ..Settings::default()
    })
}

pub(crate) fn service(name: &str, addresses: &[&str]) -> Service {
    Service {
        key: ServiceKey::new("default", name),
        meta: meta(name),
        class: None,
        cluster_ips: vec!["10.96.0.10".parse().unwrap()],
        families: vec![AddressFamily::IPv4],
        family_policy: FamilyPolicy::SingleStack,
        traffic_policy: TrafficPolicy::Cluster,
        health_check_node_port: None,
        ports: Vec::new(),
        request: Ok(Request::default()),
        addresses: addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect(),
        status_owner: match addresses {
            [] => StatusOwner::None,
            _ => StatusOwner::Ours,
        },
        status_canonical: true,
    }
}

pub(crate) fn local(name: &str, addresses: &[&str]) -> Service {
    Service {
        traffic_policy: TrafficPolicy::Local,
        health_check_node_port: Some(30000),
        ..service(name, addresses)
    }
}

pub(crate) fn assigned_since(mut service: Service, since: i64) -> Service {
    service.meta.conditions = vec![Condition {
        kind: condition_type::ASSIGNED.into(),
        status: ConditionStatus::True,
        reason: "Assigned".into(),
        message: String::new(),
        observed_generation: None,
        since: Some(Timestamp(since)),
    }];
    service
}

pub(crate) fn slice(service: &str, endpoints: &[(&str, &str, EndpointState)]) -> EndpointSlice {
    let family = |address: &IpAddr| AddressFamily::of(*address);
    let endpoints: Vec<Endpoint> = endpoints
        .iter()
        .map(|(address, node, state)| Endpoint {
            address: address.parse().unwrap(),
            node: (!node.is_empty()).then(|| Name::from(*node)),
            state: *state,
        })
        .collect();
    EndpointSlice {
        name: format!("{service}-1").into(),
        service: ServiceKey::new("default", service),
        family: endpoints
            .first()
            .map_or(AddressFamily::IPv4, |e| family(&e.address)),
        endpoints,
    }
}
