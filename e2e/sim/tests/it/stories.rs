use std::time::Duration;

use model::{AddressFamily, Kind, ServiceKey};
use sim::{Fixture, ServiceShape, World, reference};

const PLAIN: ServiceShape = ServiceShape {
    local: false,
    dual_stack: false,
    wants: None,
};

/// Two nodes, a pool, and one dual-stack Service with endpoints on both.
fn usual(seed: u64) -> World {
    let mut world = World::new(seed, 2);
    world.apply(Fixture::pool("main", 0, 20, true));
    world.apply(Fixture::service(
        0,
        1,
        ServiceShape {
            dual_stack: true,
            ..PLAIN
        },
    ));
    world.apply(Fixture::endpoints(0, AddressFamily::IPv4, &[0, 1]));
    world.apply(Fixture::endpoints(0, AddressFamily::IPv6, &[0, 1]));
    world.run(Duration::from_secs(20));
    agrees(&world);
    world
}

fn agrees(world: &World) {
    if let Err(difference) = reference::compare(world) {
        panic!("{difference}");
    }
}

#[test]
fn a_dual_stack_service_is_advertised_by_both_nodes_in_both_families() {
    let world = usual(1);
    for node in 0..2 {
        let routes: Vec<String> = world
            .router
            .routes_of(node)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(routes, ["198.51.100.1/32", "2001:db8::1/128"]);
    }
}

#[test]
fn a_quiet_cluster_writes_nothing() {
    let mut world = usual(2);
    let before = world.writes();
    world.run(Duration::from_secs(600));
    assert_eq!(world.writes(), before);
}

#[test]
fn routes_stay_while_the_api_server_is_away() {
    let mut world = usual(3);
    world.set_api_away(true);
    world.run(Duration::from_secs(300));
    agrees(&world);
    world.set_api_away(false);
    world.run(Duration::from_secs(60));
    agrees(&world);
}

#[test]
fn a_new_controller_leaves_every_address_where_it_is() {
    let mut world = usual(4);
    let before = world.router.routes_of(0);
    world.restart_controller();
    world.apply(Fixture::service(1, 2, PLAIN));
    world.apply(Fixture::endpoints(1, AddressFamily::IPv4, &[1]));
    world.run(Duration::from_secs(60));
    agrees(&world);
    let after = world.router.routes_of(0);
    assert!(before.is_subset(&after) && after.len() == before.len() + 1);
}

#[test]
fn a_restarted_router_is_told_everything_again() {
    let mut world = usual(5);
    world.restart_router();
    assert!(world.router.routes_of(0).is_empty());
    world.run(Duration::from_secs(60));
    agrees(&world);
}

#[test]
fn a_node_that_was_cut_off_comes_back() {
    let mut world = usual(6);
    world.set_link(0, false);
    world.run(Duration::from_secs(200));
    assert!(
        world.router.routes_of(0).is_empty(),
        "the hold timer has ended the session"
    );
    assert!(
        !world.router.routes_of(1).is_empty(),
        "the other node is untouched"
    );
    world.set_link(0, true);
    world.run(Duration::from_secs(60));
    agrees(&world);
}

#[test]
fn a_deleted_service_is_withdrawn_and_its_address_is_given_to_the_next() {
    let mut world = usual(7);
    world.delete(Kind::Service, &ServiceKey::new("default", "service-0"));
    world.run(Duration::from_secs(20));
    assert!(world.router.routes_of(0).is_empty());
    world.apply(Fixture::service(1, 2, PLAIN));
    world.apply(Fixture::endpoints(1, AddressFamily::IPv4, &[0]));
    world.run(Duration::from_secs(20));
    agrees(&world);
    assert!(!world.router.routes_of(0).is_empty());
}
