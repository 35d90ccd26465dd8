//! Random histories, compared with rules that look at every address.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use model::{
    AddressFamily, ConditionStatus, FamilyPolicy, Object, Pool, Service, ServiceKey, condition_type,
};
use proptest::prelude::*;

use crate::object::{allocated, asks_for, dual, key, node, pod_network, pool, service};
use crate::server::{Fate, Server};

/// Ranges of the PodNetwork, two of them over what pools have.
const POD_RANGES: [&[&str]; 3] = [
    &["10.200.0.0/16"],
    &["10.0.0.4/31"],
    &["10.0.0.0/31", "fd00::2/127"],
];

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Pool(u8, u8),
    DeletePool(u8),
    Node(u8),
    PodNetwork(u8),
    Tell,
    Write(Fate),
    Wait(u8),
    Restart(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..6, any::<u8>()).prop_map(|(index, shape)| Step::Put(index, shape)),
        1 => (0_u8..6).prop_map(Step::Delete),
        2 => (0_u8..3, any::<u8>()).prop_map(|(index, shape)| Step::Pool(index, shape)),
        1 => (0_u8..3).prop_map(Step::DeletePool),
        1 => (0_u8..8).prop_map(Step::Node),
        1 => (0_u8..6).prop_map(Step::PodNetwork),
        6 => Just(Step::Tell),
        8 => prop_oneof![
            6 => Just(Fate::Success),
            1 => Just(Fate::Conflict),
            1 => Just(Fate::Lost),
            1 => Just(Fate::LandedButLost),
            1 => Just(Fate::Refused),
        ].prop_map(Step::Write),
        2 => (0_u8..50).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Restart),
    ]
}

fn shaped_service(index: u8, shape: u8) -> Service {
    let name = format!("s{index}");
    let created = i64::from(index % 3);
    match shape % 8 {
        0 => asks_for(
            service(&name, created),
            &[&format!("10.0.0.{}", shape % 9)],
            None,
        ),
        1 => asks_for(service(&name, created), &[], Some("p1")),
        2 => dual(&name, created, FamilyPolicy::PreferDualStack),
        3 => dual(&name, created, FamilyPolicy::RequireDualStack),
        4 => asks_for(
            dual(&name, created, FamilyPolicy::PreferDualStack),
            &["10.0.0.3"],
            None,
        ),
        _ => service(&name, created),
    }
}

fn shaped_pool(shape: u8) -> Pool {
    let ranges: &[&str] = match shape % 5 {
        0 => &["10.0.0.0-10.0.0.2"],
        1 => &["10.0.0.2-10.0.0.4", "fd00::/127"],
        2 => &["fd00::1-fd00::2"],
        3 => &["10.0.0.6/31"],
        _ => &["10.0.0.0/29"],
    };
    let pool = Pool {
        auto_assign: shape & 0x20 == 0,
        avoid_buggy_ips: shape & 0x40 != 0,
        ..pool(ranges)
    };
    match shape >> 6 {
        0 => allocated(pool, Some(1), &["n"]),
        1 if shape & 0x10 != 0 => allocated(pool, None, &["other"]),
        _ => pool,
    }
}

/// Changes the objects as the step says; the Ledger is told later.
fn act(server: &mut Server, step: &Step) {
    match step {
        Step::Put(index, shape) => {
            let new = shaped_service(*index, *shape);
            match server.services.get(&new.key).cloned() {
                None => server.put(Service {
                    meta: model::Meta {
                        uid: "".into(),
                        ..new.meta.clone()
                    },
                    ..new
                }),
                Some(old) => server.put(Service {
                    request: new.request,
                    families: new.families,
                    cluster_ips: new.cluster_ips,
                    family_policy: new.family_policy,
                    ..old
                }),
            }
        }
        Step::Delete(index) => server.delete(&format!("s{index}")),
        Step::Pool(index, shape) => {
            let name = format!("p{index}");
            match server.pools.get(&name).cloned() {
                None => server.put_pool(&name, i64::from(shape % 4), shaped_pool(*shape)),
                Some(mut old) => {
                    old.value = Ok(shaped_pool(*shape));
                    server.put_parsed_pool(old);
                }
            }
        }
        Step::DeletePool(index) => {
            let name = format!("p{index}");
            if server.pools.contains_key(&name) {
                server.delete_pool(&name);
            }
        }
        Step::Node(last) => {
            server.put_other(node("a", &format!("10.0.0.{last}"), "10.200.0.0/24"));
        }
        Step::PodNetwork(index) => {
            let pods = POD_RANGES[usize::from(*index % 3)];
            // Named or not: a peer that is missing changes conditions alone.
            let peers: &[&str] = if *index < 3 { &[] } else { &["tor"] };
            server.put_other(pod_network(pods, peers));
        }
        Step::Tell => server.tell_one(),
        Step::Write(fate) => {
            if let Some(write) = server.ledger.poll_write(server.now) {
                server.carry_out(&write, *fate);
            }
        }
        Step::Wait(seconds) => {
            server.now += std::time::Duration::from_secs((*seconds).into());
            server.ledger.handle_timeout(server.now);
        }
        Step::Restart(reverse) => server.restart(*reverse),
    }
}

fn calm(server: &mut Server) {
    server.settle();
    server.pass_time(400);
}

fn twice_used(server: &Server) -> Option<IpAddr> {
    let mut seen = BTreeSet::new();
    let all = server
        .services
        .values()
        .flat_map(|service| &service.addresses);
    all.copied().find(|address| !seen.insert(*address))
}

fn reserved(server: &Server, address: IpAddr) -> bool {
    let mut cluster_ips = server
        .services
        .values()
        .flat_map(|service| &service.cluster_ips);
    cluster_ips.any(|ip| *ip == address)
        || server.others.iter().any(|object| match object {
            Object::Node(node) => node.addresses.contains(&address),
            Object::PodNetwork(network) => {
                let pods = &network.value.as_ref().unwrap().pod_cidrs;
                pods.iter().any(|range| range.contains_address(address))
            }
            _ => false,
        })
}

fn pools(server: &Server) -> impl Iterator<Item = (&str, i64, &Pool)> {
    server.pools.values().map(|object| {
        (
            &*object.meta.name,
            object.meta.created.0,
            object.value.as_ref().unwrap(),
        )
    })
}

fn selects(pool: &Pool) -> bool {
    pool.allocation
        .as_ref()
        .is_none_or(|allocation| allocation.namespaces.contains(&"n".into()))
}

fn contains(pool: &Pool, address: IpAddr) -> bool {
    pool.ranges.iter().any(|range| range.contains(address))
}

fn may_stay(server: &Server, service: &Service, address: IpAddr) -> bool {
    service.families.contains(&AddressFamily::of(address))
        && !reserved(server, address)
        && pools(server).any(|(_, _, pool)| contains(pool, address) && selects(pool))
}

/// Whether the address is what the Service asks for, as far as it names a pool.
fn in_named_pool(server: &Server, service: &Service, address: IpAddr) -> bool {
    let named = service.request.as_ref().unwrap().pool.as_deref();
    named.is_none_or(|named| {
        pools(server).any(|(name, _, pool)| name == named && contains(pool, address))
    })
}

/// Whether the Service could be given this address, looking at nothing but the objects.
fn may_get(server: &Server, service: &Service, address: IpAddr) -> bool {
    let owner = pools(server)
        .filter(|(.., pool)| contains(pool, address))
        .min_by_key(|(name, created, _)| (*created, *name));
    let Some((name, _, pool)) = owner else {
        return false;
    };
    let request = service.request.as_ref().unwrap();
    let exact = request.addresses.contains(&address);
    let buggy = pool.avoid_buggy_ips && address.to_string().ends_with(".0");
    let mut holders = server
        .services
        .values()
        .filter(|other| other.key != service.key);
    request.pool.as_deref().is_none_or(|wanted| wanted == name)
        && selects(pool)
        && (exact || request.pool.is_some() || pool.auto_assign)
        && !buggy
        && !reserved(server, address)
        && holders.all(|other| !other.addresses.contains(&address))
}

fn could_have(server: &Server, service: &Service, family: AddressFamily) -> bool {
    let wanted = &service.request.as_ref().unwrap().addresses;
    let exact = wanted
        .iter()
        .find(|address| AddressFamily::of(**address) == family);
    let all = |text: fn(u8) -> String| (0..12).map(move |i| text(i).parse::<IpAddr>().unwrap());
    match (exact, family) {
        (Some(exact), _) => may_get(server, service, *exact),
        (None, AddressFamily::IPv4) => {
            all(|i| format!("10.0.0.{i}")).any(|address| may_get(server, service, address))
        }
        (None, AddressFamily::IPv6) => {
            all(|i| format!("fd00::{i:x}")).any(|address| may_get(server, service, address))
        }
    }
}

/// What a Service without (all) its addresses could nevertheless be given.
fn wrongly_refused(server: &Server, service: &Service) -> bool {
    let has = |family: &AddressFamily| {
        service
            .addresses
            .iter()
            .any(|address| AddressFamily::of(*address) == *family)
    };
    let mut missing = service
        .families
        .iter()
        .filter(|family| !has(family))
        .peekable();
    if missing.peek().is_none() {
        return false;
    }
    let exact = &service.request.as_ref().unwrap().addresses;
    let partial = service.family_policy == FamilyPolicy::PreferDualStack && exact.is_empty();
    match service.addresses.is_empty() && !partial {
        true => missing.all(|family| could_have(server, service, *family)),
        false => missing.any(|family| could_have(server, service, *family)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_address_is_used_twice_and_every_history_ends_quiet(
        steps in proptest::collection::vec(step(), 0..80)
    ) {
        let mut server = Server::new();
        for step in &steps {
            act(&mut server, step);
            prop_assert_eq!(twice_used(&server), None, "after {:?}", step);
        }
        calm(&mut server);
        prop_assert_eq!(twice_used(&server), None);
        prop_assert_eq!(server.pass_time(400), 0, "it is quiet");
        for service in server.services.values() {
            for address in &service.addresses {
                prop_assert!(may_stay(&server, service, *address), "{} {}", service.key, address);
            }
            prop_assert!(!wrongly_refused(&server, service), "{} could have more", service.key);
            let assigned = server.assigned(&service.key.name);
            prop_assert_eq!(assigned.starts_with("True"), !service.addresses.is_empty());
        }
        server.restart(false);
        prop_assert_eq!(server.settle() + server.pass_time(400), 0, "a new leader writes nothing: {:?}", server.writes.last());
    }

    #[test]
    fn a_legal_address_never_moves(steps in proptest::collection::vec(step(), 0..40)) {
        let mut server = Server::new();
        for step in &steps {
            let before: BTreeMap<ServiceKey, Service> = server.services.clone();
            act(&mut server, step);
            calm(&mut server);
            let asked = match step {
                Step::Put(index, _) => Some(key(&format!("s{index}"))),
                _ => None,
            };
            for (key, old) in before.iter().filter(|(key, _)| Some(*key) != asked.as_ref()) {
                let Some(new) = server.services.get(key) else { continue };
                let satisfied = old.condition(condition_type::REQUEST_SATISFIED);
                // Whoever waits for something else moves when it comes.
                if satisfied.is_none_or(|condition| condition.status != ConditionStatus::True) {
                    continue;
                }
                for address in &old.addresses {
                    let legal = may_stay(&server, new, *address)
                        && in_named_pool(&server, new, *address);
                    prop_assert!(
                        !legal || new.addresses.contains(address),
                        "{key} {address} {step:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_event_is_told_once_for_one_state(steps in proptest::collection::vec(step(), 0..60)) {
        let mut server = Server::new();
        for step in &steps {
            act(&mut server, step);
        }
        calm(&mut server);
        let before = server.events.len();
        calm(&mut server);
        server.restart(true);
        calm(&mut server);
        prop_assert_eq!(server.events.len(), before);
    }
}
