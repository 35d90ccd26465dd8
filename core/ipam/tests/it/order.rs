use std::collections::BTreeMap;

use model::{Change, FamilyPolicy, Object, Service};
use proptest::prelude::*;

use crate::object::{allocated, asks_for, assigned, dual, key, node, pod_network, pool, service};
use crate::server::Server;

fn some_service(index: usize, shape: u8) -> Service {
    let name = format!("s{index}");
    let created = i64::from(shape % 3);
    match shape % 7 {
        0 => asks_for(service(&name, created), &["10.0.0.2"], None),
        1 => asks_for(service(&name, created), &[], Some("b")),
        2 => dual(&name, created, FamilyPolicy::PreferDualStack),
        3 => dual(&name, created, FamilyPolicy::RequireDualStack),
        4 => assigned(&name, created, "10.0.0.1", 5),
        5 => assigned(&name, created, "10.0.1.1", created),
        _ => service(&name, created),
    }
}

fn objects(shapes: &[u8]) -> Vec<Object> {
    let mut server = Server::unsynced();
    server.put_pool(
        "a",
        3,
        allocated(pool(&["10.0.0.0-10.0.0.3"]), Some(1), &["n"]),
    );
    server.put_pool("b", 1, pool(&["10.0.0.3-10.0.0.6", "fd00::/127"]));
    server.put_other(node("x", "10.0.0.5", "10.200.0.0/24"));
    server.put_other(pod_network(&["10.0.0.2/32", "10.0.1.0/24"], &[]));
    for (index, shape) in shapes.iter().enumerate() {
        server.put(some_service(index, *shape));
    }
    let change = |change| match change {
        Change::Apply(object) => object,
        other => panic!("{other:?}"),
    };
    server.news.into_iter().map(change).collect()
}

fn results(objects: Vec<Object>) -> BTreeMap<String, (String, String)> {
    let mut server = Server::unsynced();
    for object in objects {
        match object {
            Object::Service(service) => server.put(service),
            Object::Pool(pool) => server.put_parsed_pool(pool),
            other => server.put_other(other),
        }
    }
    server.ledger.handle_synced(server.now);
    server.settle();
    server.pass_time(100);
    let shown = |name: String| {
        (
            name.clone(),
            (server.address(&name), server.assigned(&name)),
        )
    };
    let names = server.services.keys().map(|key| key.name.to_string());
    names.map(shown).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn equal_inputs_in_any_order_give_equal_results(
        (one, other) in proptest::collection::vec(any::<u8>(), 0..14).prop_flat_map(|shapes| {
            let objects = objects(&shapes);
            (Just(objects.clone()), Just(objects).prop_shuffle())
        })
    ) {
        prop_assert_eq!(results(one), results(other));
    }
}

#[test]
fn a_hundred_thousand_pending_services_all_get_one() {
    let mut server = Server::unsynced();
    server.put_pool("p", 0, pool(&["10.0.0.0/14"]));
    server.tell_all();
    for index in 0..100_000_u32 {
        let mut object = service(&format!("s{index:06}"), 0);
        object.meta.resource_version = "1".into();
        server
            .ledger
            .handle_change(server.now, Change::Apply(Object::Service(object)));
    }
    server.ledger.handle_synced(server.now);
    let mut seen = std::collections::BTreeSet::new();
    while let Some(write) = server.ledger.poll_write(server.now) {
        if let ipam::Write::ServiceStatus { addresses, .. } = write {
            seen.extend(addresses);
        }
    }
    assert_eq!(seen.len(), 100_000);
    assert!(
        server
            .ledger
            .cluster()
            .services
            .contains_key(&key("s000000"))
    );
}
