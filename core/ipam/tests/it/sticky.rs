use model::{Change, Kind, Object, Parsed, Pool, Rejection, ServiceKey, StatusOwner};

use crate::object::{allocated, asks_for, assigned, ip, node, pod_network, pool, service};
use crate::server::Server;

fn with_one() -> Server {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/28"]));
    server.put(asks_for(service("a", 1), &["10.0.0.9"], None));
    server.settle();
    server.edit("a", |service| {
        *service = asks_for(service.clone(), &[], None)
    });
    server.settle();
    server.pass_time(60);
    server
}

#[test]
fn a_legal_address_stays_though_a_lower_one_is_free() {
    let mut server = with_one();
    server.put_pool("a-first", 0, pool(&["10.0.1.0/28"]));
    server.put_pool(
        "p",
        0,
        Pool {
            auto_assign: false,
            avoid_buggy_ips: true,
            ..pool(&["10.0.0.0/28"])
        },
    );
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.9");
}

#[test]
fn a_shrunk_pool_moves_only_those_outside() {
    let mut server = with_one();
    server.put(service("b", 2));
    server.settle();
    server.put_pool("p", 0, pool(&["10.0.0.0/29"]));
    server.settle();
    assert_eq!(
        (server.address("a").as_str(), server.address("b").as_str()),
        ("10.0.0.1", "10.0.0.0")
    );
    let events = server.events_of("a");
    assert_eq!(
        events.last().unwrap(),
        "AddressNotInPool: has 10.0.0.1 from pool \"p\": 10.0.0.9 is in no pool any more"
    );
}

#[test]
fn who_names_a_pool_follows_it() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/29"]));
    server.put_pool("wide", 1, pool(&["10.0.0.0/24"]));
    server.put(asks_for(service("a", 1), &[], Some("p")));
    server.settle();
    server.put_pool("p", 0, pool(&["10.1.0.0/29"]));
    server.settle();
    assert_eq!(server.address("a"), "10.1.0.0");
}

#[test]
fn a_pool_that_selects_others_now_is_left() {
    let mut server = with_one();
    server.put_pool("p", 0, allocated(pool(&["10.0.0.0/28"]), None, &["other"]));
    server.settle();
    assert_eq!(server.address("a"), "");
    assert!(server.assigned("a").starts_with("False NoMatchingPool"));
}

#[test]
fn an_address_that_becomes_reserved_is_left() {
    let mut server = with_one();
    server.put_other(node("a", "10.0.0.9", "10.200.0.0/24"));
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.0");
}

#[test]
fn an_address_in_a_range_of_the_pod_network_is_left_and_comes_back_with_the_range() {
    let mut server = with_one();
    server.put_other(pod_network(&["10.0.0.8/29", "fd00::/64"], &[]));
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.0");
    assert_eq!(
        server.events_of("a").pop().unwrap(),
        "AddressReserved: has 10.0.0.0 from pool \"p\": 10.0.0.9 is in a range of pod addresses"
    );
    let free = |server: &Server| {
        let pool = server.pools["p"].value.as_ref().unwrap();
        pool.counts.available_ipv4
    };
    assert_eq!(free(&server), 7);
    server.put_other(pod_network(&["10.200.0.0/16"], &[]));
    server.settle();
    server.pass_time(10);
    assert_eq!(
        (server.address("a").as_str(), free(&server)),
        ("10.0.0.0", 15)
    );
}

#[test]
fn who_asks_for_an_address_of_the_pod_network_is_left_without() {
    let mut server = with_one();
    server.edit("a", |service| {
        *service = asks_for(service.clone(), &["10.0.0.9"], None)
    });
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.9");
    server.put_other(pod_network(&["10.0.0.8/29"], &[]));
    server.settle();
    assert_eq!(server.address("a"), "");
    assert_eq!(
        server.assigned("a"),
        "False AddressReserved: 10.0.0.9 is in a range of pod addresses"
    );
}

#[test]
fn a_pod_network_that_makes_no_sense_reserves_nothing() {
    let mut server = with_one();
    let Object::PodNetwork(mut object) = pod_network(&["10.0.0.8/29"], &[]) else {
        unreachable!()
    };
    object.value = Err(Rejection::new("metadata.name", "no", "name it default"));
    server.put_other(Object::PodNetwork(object));
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.9");
}

#[test]
fn a_pool_deleted_and_created_anew_changes_nothing() {
    let mut server = with_one();
    let before = server.writes.len();
    server.delete_pool("p");
    server.settle();
    server.pass_time(29);
    assert_eq!(server.address("a"), "10.0.0.9");
    server.put_pool("p", 100, pool(&["10.0.0.0/28"]));
    server.settle();
    server.pass_time(60);
    assert_eq!(server.address("a"), "10.0.0.9");
    let of_service = |write: &&ipam::Write| matches!(write, ipam::Write::ServiceStatus { .. });
    assert_eq!(server.writes[before..].iter().filter(of_service).count(), 0);
}

#[test]
fn a_pool_that_stays_away_takes_its_addresses_along() {
    let mut server = with_one();
    server.delete_pool("p");
    server.settle();
    server.pass_time(30);
    assert_eq!(server.address("a"), "");
    assert_eq!(
        server.assigned("a"),
        "False NoMatchingPool: there is no IPAddressPool"
    );
}

#[test]
fn nothing_is_freed_while_pools_are_not_served() {
    let mut server = with_one();
    server.delete_pool("p");
    server.settle();
    server.ledger.handle_not_served(server.now, Kind::Pool);
    server.pass_time(3_600);
    assert_eq!(server.address("a"), "10.0.0.9");
    let listed = Change::Listed {
        kind: Kind::Pool,
        keys: Vec::new(),
    };
    server.ledger.handle_change(server.now, listed);
    server.pass_time(29);
    assert_eq!(server.address("a"), "10.0.0.9");
    server.pass_time(1);
    assert_eq!(server.address("a"), "");
}

#[test]
fn a_pool_that_makes_no_sense_any_more_frees_nothing() {
    let mut server = with_one();
    let meta = server.pools["p"].meta.clone();
    let rejection = Rejection::new("spec.addresses[0]", "\"x\" is no range", "write one");
    server.put_parsed_pool(Parsed {
        meta,
        value: Err(rejection),
    });
    server.settle();
    server.pass_time(600);
    assert_eq!(server.address("a"), "10.0.0.9");
    server.restart(false);
    server.pass_time(600);
    assert_eq!(server.address("a"), "10.0.0.9");
}

#[test]
fn an_address_used_by_an_older_overlapping_pool_stays() {
    let mut server = with_one();
    server.put_pool(
        "older",
        -5,
        allocated(pool(&["10.0.0.8/29"]), None, &["other"]),
    );
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.9");
}

#[test]
fn a_new_leader_keeps_everything_and_writes_nothing() {
    let mut server = with_one();
    server.put(service("b", 2));
    server.put(asks_for(service("c", 3), &["10.1.1.1"], None));
    server.settle();
    server.pass_time(5);
    for reverse in [false, true] {
        server.restart(reverse);
        assert_eq!(server.settle() + server.pass_time(120), 0);
    }
}

#[test]
fn a_wiped_status_is_written_again() {
    let mut server = with_one();
    server.edit("a", |service| {
        service.addresses.clear();
        service.status_owner = StatusOwner::None;
        service.meta.conditions.clear();
    });
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.9");
}

#[test]
fn the_last_word_of_a_former_leader_is_kept() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/28"]));
    server.put(service("a", 1));
    server.settle();
    let other = assigned("a", 1, "10.0.0.7", 1);
    server.edit("a", |service| service.addresses = other.addresses);
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.7");
}

#[test]
fn a_foreign_status_is_left_alone_until_it_is_gone() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/28"]));
    let mut foreign = service("a", 1);
    foreign.addresses = vec![ip("10.0.0.0")];
    foreign.status_owner = StatusOwner::Foreign;
    server.put(foreign);
    server.put(service("b", 2));
    server.settle();
    assert_eq!(
        (server.address("a").as_str(), server.address("b").as_str()),
        ("10.0.0.0", "10.0.0.1")
    );
    assert!(server.assigned("a").starts_with("False ForeignStatus"));
    server.edit("a", |service| {
        service.addresses.clear();
        service.status_owner = StatusOwner::None;
    });
    server.settle();
    assert_eq!(server.assigned("a"), "True Assigned: has 10.0.0.0");
}

#[test]
fn who_leaves_the_watch_is_freed_and_cleared() {
    let mut server = with_one();
    server.put(asks_for(service("b", 2), &["10.0.0.9"], None));
    server.settle();
    server.delete("a");
    server.settle();
    assert_eq!(server.address("b"), "10.0.0.9");
    let clears = |write: &&ipam::Write| {
        **write
            == ipam::Write::ClearService {
                key: crate::object::key("a"),
            }
    };
    assert_eq!(server.writes.iter().filter(clears).count(), 1);
    let keys = vec![ServiceKey::new("n", "nobody")];
    server.ledger.handle_change(
        server.now,
        Change::Listed {
            kind: Kind::Service,
            keys,
        },
    );
    let write = server.poll_service_write();
    assert_eq!(
        write,
        Some(ipam::Write::ClearService {
            key: crate::object::key("b")
        })
    );
}
