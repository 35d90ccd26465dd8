//! Objects for the tests, with what matters as arguments.

use std::net::IpAddr;

use model::{
    AddressFamily, AddressRange, Allocation, CniType, CommunityList, Condition, EgressSource,
    FamilyPolicy, Meta, Node, Object, Parsed, PodNetwork, PodNetworkMode, Pool, Request, Service,
    ServiceKey, Settings, StatusOwner, Timestamp, TrafficPolicy, condition_type,
};

/// The key of a Service of namespace `n`.
pub(crate) fn key(name: &str) -> ServiceKey {
    ServiceKey::new("n", name)
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An IPv4 Service of namespace `n`.
pub(crate) fn service(name: &str, created: i64) -> Service {
    Service {
        key: key(name),
        meta: Meta {
            name: name.into(),
            uid: format!("uid-{name}").into(),
            created: Timestamp(created),
            ..Meta::default()
        },
        class: None,
        cluster_ips: vec![ip("10.96.0.1")],
        families: vec![AddressFamily::IPv4],
        family_policy: FamilyPolicy::SingleStack,
        traffic_policy: TrafficPolicy::Cluster,
        health_check_node_port: None,
        ports: Vec::new(),
        request: Ok(Request::default()),
        addresses: Vec::new(),
        status_owner: StatusOwner::None,
        status_canonical: true,
    }
}

/// A Service of both families.
pub(crate) fn dual(name: &str, created: i64, policy: FamilyPolicy) -> Service {
    Service {
        cluster_ips: vec![ip("10.96.0.1"), ip("fd96::1")],
        families: vec![AddressFamily::IPv4, AddressFamily::IPv6],
        family_policy: policy,
        ..service(name, created)
    }
}

/// A Service that already has an address from us since `since`.
pub(crate) fn assigned(name: &str, created: i64, address: &str, since: i64) -> Service {
    let kind = condition_type::ASSIGNED;
    let has = format!("has {address}");
    let condition = Condition::on_service(kind, true, "Assigned", has);
    let mut service = service(name, created);
    service.addresses = vec![ip(address)];
    service.status_owner = StatusOwner::Ours;
    service.meta.conditions = vec![Condition {
        since: Some(Timestamp(since)),
        ..condition
    }];
    service
}

pub(crate) fn asks_for(mut service: Service, addresses: &[&str], pool: Option<&str>) -> Service {
    let addresses = addresses.iter().map(|address| ip(address)).collect();
    service.request = Ok(Request {
        pool: pool.map(Into::into),
        addresses,
    });
    service
}

/// A pool of these ranges for everybody.
pub(crate) fn pool(ranges: &[&str]) -> Pool {
    let ranges = ranges
        .iter()
        .map(|text| AddressRange::parse("", text).unwrap())
        .collect();
    Pool {
        ranges,
        auto_assign: true,
        ..Pool::default()
    }
}

/// The pool with a serviceAllocation.
pub(crate) fn allocated(pool: Pool, priority: Option<u32>, namespaces: &[&str]) -> Pool {
    let namespaces = namespaces.iter().map(|&name| name.into()).collect();
    let allocation = Allocation {
        priority,
        namespaces,
        ..Allocation::default()
    };
    Pool {
        allocation: Some(allocation),
        ..pool
    }
}

pub(crate) fn node(name: &str, address: &str, pods: &str) -> Object {
    Object::Node(Node {
        meta: Meta {
            name: name.into(),
            ..Meta::default()
        },
        addresses: vec![ip(address)],
        internal_ips: vec![ip(address)],
        pod_cidrs: vec![pods.parse().unwrap()],
        ..Node::default()
    })
}

/// The PodNetwork of these pod ranges, for peers of these names.
pub(crate) fn pod_network(pods: &[&str], peers: &[&str]) -> Object {
    let name = PodNetwork::NAME;
    Object::PodNetwork(Parsed {
        meta: Meta {
            name: name.into(),
            uid: name.into(),
            generation: 1,
            ..Meta::default()
        },
        value: Ok(PodNetwork {
            mode: PodNetworkMode::Network,
            pod_cidrs: pods.iter().map(|text| text.parse().unwrap()).collect(),
            advertise: true,
            peers: peers.iter().map(|&name| name.into()).collect(),
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
        }),
    })
}

pub(crate) fn settings(only_class: bool) -> Object {
    Object::Settings(Settings {
        only_class,
        ..Settings::default()
    })
}
