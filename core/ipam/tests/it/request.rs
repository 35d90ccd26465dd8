use model::{AssignedReason, FamilyPolicy, Pool, Rejection};

use crate::object::{allocated, asks_for, assigned, dual, node, pool, service};
use crate::server::Server;

fn with_pool() -> Server {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/28", "fd00::/64"]));
    server
}

#[test]
fn gives_what_is_asked_for() {
    let mut server = with_pool();
    server.put_pool(
        "manual",
        0,
        Pool {
            auto_assign: false,
            ..pool(&["10.9.0.0/24"])
        },
    );
    server.put(asks_for(service("exact", 1), &["10.0.0.5"], None));
    server.put(asks_for(service("named", 2), &[], Some("manual")));
    server.put(asks_for(service("both", 3), &["10.9.0.9"], Some("manual")));
    server.put(asks_for(
        dual("dual", 4, FamilyPolicy::RequireDualStack),
        &["10.0.0.7"],
        None,
    ));
    server.settle();
    assert_eq!(server.address("exact"), "10.0.0.5");
    assert_eq!(server.address("named"), "10.9.0.0");
    assert_eq!(server.address("both"), "10.9.0.9");
    assert_eq!(server.address("dual"), "10.0.0.7,fd00::");
}

#[test]
fn says_why_a_request_cannot_be_met() {
    let mut server = with_pool();
    server.put_pool(
        "other",
        0,
        allocated(pool(&["10.8.0.0/24"]), None, &["other"]),
    );
    server.put_pool(
        "odd",
        0,
        Pool {
            avoid_buggy_ips: true,
            ..pool(&["10.7.0.0/24"])
        },
    );
    server.put_other(node("a", "10.0.0.3", "10.0.0.8/30"));
    server.put(asks_for(service("a", 1), &["10.0.0.5"], None));
    let cases = [
        (
            &["10.0.0.5"][..],
            None,
            "AddressInUse: 10.0.0.5 belongs to Service n/a",
        ),
        (
            &["10.1.0.5"],
            None,
            "AddressNotInPool: 10.1.0.5 is in no pool",
        ),
        (
            &["10.8.0.5"],
            None,
            "AddressNotInPool: 10.8.0.5 is in pool \"other\", which does not select this Service",
        ),
        (
            &["10.7.0.255"],
            None,
            "AddressNotInPool: pool \"odd\" gives out no address that ends in .0 or .255, such as 10.7.0.255",
        ),
        (
            &["10.0.0.3"],
            None,
            "AddressReserved: 10.0.0.3 is an address of a node",
        ),
        (
            &["10.0.0.9"],
            None,
            "AddressReserved: 10.0.0.9 is in a range of pod addresses",
        ),
        (
            &["fd00::1"],
            None,
            "AddressFamilyMismatch: fd00::1 is asked for, but the Service has no IPv6",
        ),
        (
            &["10.0.0.6"],
            Some("odd"),
            "AddressNotInPool: 10.0.0.6 is in pool \"p\", not in \"odd\"",
        ),
        (
            &[],
            Some("gone"),
            "NoMatchingPool: there is no pool \"gone\"",
        ),
        (
            &[],
            Some("other"),
            "NoMatchingPool: pool \"other\" does not select this Service",
        ),
    ];
    for (index, (addresses, pool, _)) in cases.iter().enumerate() {
        server.put(asks_for(service(&format!("s{index}"), 9), addresses, *pool));
    }
    server.settle();
    for (index, (.., expected)) in cases.iter().enumerate() {
        assert_eq!(
            server.assigned(&format!("s{index}")),
            format!("False {expected}")
        );
        assert_eq!(server.address(&format!("s{index}")), "");
    }
}

#[test]
fn a_changed_request_swaps_the_address_in_one_write() {
    let mut server = with_pool();
    server.put(service("a", 1));
    server.settle();
    server.pass_time(5);
    let before = server.writes.len();
    server.edit("a", |service| {
        *service = asks_for(service.clone(), &["10.0.0.9"], None)
    });
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.9");
    let writes = &server.writes[before..];
    let of_service = |write: &&ipam::Write| matches!(write, ipam::Write::ServiceStatus { .. });
    assert_eq!(writes.iter().filter(of_service).count(), 1);
    server.put(service("b", 2));
    server.settle();
    assert_eq!(
        server.address("b"),
        "10.0.0.0",
        "the old address is free again"
    );
}

#[test]
fn a_changed_request_that_cannot_be_met_keeps_the_old_address() {
    let mut server = with_pool();
    server.put(asks_for(service("a", 1), &["10.0.0.5"], None));
    server.put(service("b", 2));
    server.settle();
    server.edit("b", |service| {
        *service = asks_for(service.clone(), &["10.0.0.5"], None)
    });
    server.settle();
    assert_eq!(server.assigned("b"), "True Assigned: has 10.0.0.0");
    let unmet = "False AddressInUse: has only 10.0.0.0: 10.0.0.5 belongs to Service n/a";
    assert_eq!(server.satisfied("b"), unmet);
    let events = server.events_of("b");
    assert_eq!(
        events[1..],
        ["AddressInUse: 10.0.0.5 belongs to Service n/a"]
    );
    server.delete("a");
    server.settle();
    assert_eq!(server.address("b"), "10.0.0.5");
    assert!(server.satisfied("b").starts_with("True"));
}

#[test]
fn another_pool_is_taken_and_a_missing_one_changes_nothing() {
    let mut server = with_pool();
    server.put_pool("q", 0, pool(&["10.5.0.0/24"]));
    server.put(service("a", 1));
    server.settle();
    server.edit("a", |service| {
        *service = asks_for(service.clone(), &[], Some("gone"))
    });
    server.settle();
    assert_eq!(server.address("a"), "10.0.0.0");
    assert!(server.satisfied("a").starts_with("False NoMatchingPool"));
    server.edit("a", |service| {
        *service = asks_for(service.clone(), &[], Some("q"))
    });
    server.settle();
    assert_eq!(server.address("a"), "10.5.0.0");
}

#[test]
fn a_senseless_request_is_told_and_keeps_what_is_there() {
    let mut server = with_pool();
    let senseless = Err(Rejection::new(
        "spec.loadBalancerIP",
        "\"x\" is no IP address",
        "write one",
    ));
    let mut fresh = service("fresh", 1);
    fresh.request.clone_from(&senseless);
    server.put(fresh);
    let mut kept = assigned("kept", 1, "10.0.0.4", 1);
    kept.request = senseless;
    server.put(kept);
    server.settle();
    let reason = AssignedReason::InvalidRequest.as_str();
    let sentence = "spec.loadBalancerIP: \"x\" is no IP address; write one";
    assert_eq!(
        server.assigned("fresh"),
        format!("False {reason}: {sentence}")
    );
    assert_eq!(server.address("kept"), "10.0.0.4");
    assert_eq!(
        server.satisfied("kept"),
        format!("False {reason}: has only 10.0.0.4: {sentence}")
    );
}

#[test]
fn an_address_of_the_family_that_is_gone_is_given_up() {
    let mut server = with_pool();
    server.put(dual("s", 1, FamilyPolicy::RequireDualStack));
    server.settle();
    server.edit("s", |service| {
        service.families.truncate(1);
        service.cluster_ips.truncate(1);
        service.family_policy = FamilyPolicy::SingleStack;
    });
    server.settle();
    assert_eq!(server.address("s"), "10.0.0.0");
    assert!(server.satisfied("s").starts_with("True"));
}
