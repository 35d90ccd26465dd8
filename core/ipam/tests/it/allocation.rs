use std::collections::BTreeMap;

use model::{FamilyPolicy, Object, Pool, Selectors, condition_type};

use crate::object::{allocated, dual, ip, node, pool, service, settings};
use crate::server::Server;

#[test]
fn gives_the_lowest_address_to_the_oldest_service() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.10-10.0.0.11"]));
    for (name, created) in [("young", 9), ("old", 3), ("middle", 5)] {
        server.put(service(name, created));
    }
    server.settle();
    assert_eq!(
        (
            server.address("old").as_str(),
            server.address("middle").as_str()
        ),
        ("10.0.0.10", "10.0.0.11")
    );
    assert_eq!(server.assigned("old"), "True Assigned: has 10.0.0.10");
    assert_eq!(
        server.satisfied("old"),
        "True Satisfied: has what it asks for"
    );
    let full = "False PoolExhausted: pool \"p\" is full: it has no free IPv4 address";
    assert_eq!(
        (
            server.assigned("young").as_str(),
            server.satisfied("young").as_str()
        ),
        (full, full)
    );
    assert_eq!(
        server.events_of("old"),
        ["Assigned: has 10.0.0.10 from pool \"p\""]
    );
}

#[test]
fn a_freed_address_goes_to_the_oldest_that_waits() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.10/32"]));
    for (name, created) in [("a", 1), ("b", 3), ("c", 2)] {
        server.put(service(name, created));
    }
    server.settle();
    server.delete("a");
    server.settle();
    assert_eq!(
        (server.address("b").as_str(), server.address("c").as_str()),
        ("", "10.0.0.10")
    );
}

#[test]
fn tries_pools_by_priority_then_name_and_open_pools_last() {
    let mut server = Server::new();
    server.put_pool("a-open", 0, pool(&["10.0.1.0/32"]));
    server.put_pool("b-late", 0, allocated(pool(&["10.0.2.0/32"]), None, &["n"]));
    server.put_pool(
        "c-second",
        0,
        allocated(pool(&["10.0.3.0/32"]), Some(2), &["n"]),
    );
    server.put_pool(
        "d-first",
        0,
        allocated(pool(&["10.0.4.0/32"]), Some(1), &["n"]),
    );
    server.put_pool(
        "e-other",
        0,
        allocated(pool(&["10.0.5.0/32"]), Some(1), &["other"]),
    );
    server.put_pool(
        "f-manual",
        0,
        Pool {
            auto_assign: false,
            ..pool(&["10.0.6.0/32"])
        },
    );
    for created in 0..5 {
        server.put(service(&format!("s{created}"), created));
    }
    server.settle();
    let got: Vec<_> = (0..5).map(|i| server.address(&format!("s{i}"))).collect();
    assert_eq!(got, ["10.0.4.0", "10.0.3.0", "10.0.2.0", "10.0.1.0", ""]);
    assert_eq!(
        server.assigned("s4"),
        "False PoolExhausted: pools \"d-first\", \"c-second\", \"b-late\", \"a-open\" are full: they have no \
         free IPv4 address"
    );
}

#[test]
fn namespaces_match_by_name_or_label_and_services_by_label() {
    let by =
        |pairs: &[(&'static str, &'static str)]| Selectors(vec![pairs.iter().copied().collect()]);
    let mut server = Server::new();
    let mut gold = allocated(pool(&["10.0.0.0/24"]), None, &["m"]);
    let allocation = gold.allocation.as_mut().unwrap();
    allocation.namespace_selectors = by(&[("tier", "gold")]);
    allocation.service_selectors = by(&[("public", "yes")]);
    server.put_pool("gold", 0, gold);
    let mut public = service("public", 1);
    public.meta.labels = BTreeMap::from([("public".into(), "yes".into())]);
    server.put(public);
    server.put(service("private", 2));
    server.settle();
    let nobody = "False NoMatchingPool: no pool with autoAssign selects this Service";
    assert_eq!(server.assigned("public"), nobody);
    let labels = BTreeMap::from([("tier".into(), "gold".into())]);
    server.put_other(Object::Namespace("n".into(), labels));
    server.settle();
    assert_eq!(server.address("public"), "10.0.0.0");
    assert_eq!(server.assigned("private"), nobody);
}

#[test]
fn skips_buggy_and_reserved_addresses() {
    let mut server = Server::new();
    server.put_pool(
        "p",
        0,
        Pool {
            avoid_buggy_ips: true,
            ..pool(&["10.0.0.252-10.0.1.6"])
        },
    );
    server.put_other(node("a", "10.0.0.252", "10.0.1.0/30"));
    server.put_other(Object::ServiceCidr(
        "kubernetes".into(),
        vec!["10.0.0.253/32".parse().unwrap()],
    ));
    for created in 0..5 {
        server.put(service(&format!("s{created}"), created));
    }
    server.settle();
    let got: Vec<_> = (0..5).map(|i| server.address(&format!("s{i}"))).collect();
    assert_eq!(got, ["10.0.0.254", "10.0.1.4", "10.0.1.5", "10.0.1.6", ""]);
}

#[test]
fn without_service_ranges_every_cluster_ip_seen_is_reserved() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.96.0.1-10.96.0.3"]));
    server.put(service("a", 1));
    server.settle();
    assert_eq!(server.address("a"), "10.96.0.2");
    let mut late = service("b", 2);
    late.cluster_ips = vec![ip("10.96.0.2")];
    server.put(late);
    server.settle();
    assert_eq!(
        (server.address("a").as_str(), server.address("b").as_str()),
        ("10.96.0.3", "")
    );
    assert!(server.events_of("a")[1].contains("10.96.0.2 is in use for cluster IPs"));
}

#[test]
fn a_dual_stack_service_gets_both_from_one_pool_where_one_has_both() {
    let mut server = Server::new();
    server.put_pool("a", 0, pool(&["10.0.0.0/24"]));
    server.put_pool("b", 0, pool(&["10.1.0.0/24", "fd00::/64"]));
    server.put(dual("s", 1, FamilyPolicy::RequireDualStack));
    server.put(service("t", 2));
    server.settle();
    assert_eq!(server.addresses("s"), ["10.1.0.0", "fd00::"]);
    assert_eq!(server.address("t"), "10.0.0.0");
    assert_eq!(
        server.assigned("s"),
        "True Assigned: has 10.1.0.0 and fd00::"
    );
}

#[test]
fn a_dual_stack_service_takes_two_pools_where_no_pool_has_both() {
    let mut server = Server::new();
    server.put_pool("a", 0, pool(&["fd00::/64"]));
    server.put_pool("b", 0, pool(&["10.1.0.0/24"]));
    server.put(dual("s", 1, FamilyPolicy::RequireDualStack));
    server.settle();
    assert_eq!(server.addresses("s"), ["10.1.0.0", "fd00::"]);
}

#[test]
fn one_family_is_enough_only_where_two_are_but_preferred() {
    let mut server = Server::new();
    server.put_pool("a", 0, pool(&["10.1.0.0/24"]));
    server.put(dual("requires", 1, FamilyPolicy::RequireDualStack));
    server.put(dual("prefers", 2, FamilyPolicy::PreferDualStack));
    server.settle();
    assert_eq!(
        server.assigned("requires"),
        "False NoMatchingPool: no pool that selects this Service has IPv6 addresses"
    );
    assert_eq!(server.address("prefers"), "10.1.0.0");
    assert_eq!(
        server.satisfied("prefers"),
        "False NoMatchingPool: has only 10.1.0.0: no pool that selects this Service has IPv6 addresses"
    );
    server.put_pool("b", 0, pool(&["fd00::/64"]));
    server.settle();
    assert_eq!(server.addresses("prefers"), ["10.1.0.0", "fd00::1"]);
    assert_eq!(server.addresses("requires"), ["10.1.0.1", "fd00::"]);
    assert!(server.satisfied("prefers").starts_with("True"));
}

#[test]
fn says_that_there_is_no_pool_or_no_cluster_ip() {
    let mut server = Server::new();
    server.put(service("s", 1));
    let mut headless = service("h", 1);
    headless.cluster_ips.clear();
    server.put(headless);
    server.settle();
    assert_eq!(
        server.assigned("s"),
        "False NoMatchingPool: there is no IPAddressPool"
    );
    assert_eq!(
        server.assigned("h"),
        "False NoClusterIP: the Service has no clusterIP"
    );
}

#[test]
fn another_class_is_never_touched_but_its_address_is_used() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0-10.0.0.1"]));
    let mut other = service("other", 1);
    other.class = Some("example.org/lb".into());
    other.addresses = vec![ip("10.0.0.0")];
    other.status_owner = model::StatusOwner::Foreign;
    server.put(other.clone());
    server.put(service("mine", 2));
    server.settle();
    assert_eq!(server.address("mine"), "10.0.0.1");
    assert!(server.services[&other.key].meta.conditions.is_empty());
}

#[test]
fn services_without_a_class_are_served_unless_the_settings_say_otherwise() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/24"]));
    server.put_other(settings(true));
    server.put(service("plain", 1));
    let mut classed = service("classed", 2);
    classed.class = Some("heraldlb.io/herald".into());
    server.put(classed);
    server.settle();
    assert_eq!(
        (
            server.address("plain").as_str(),
            server.address("classed").as_str()
        ),
        ("", "10.0.0.0")
    );
    server.put_other(settings(false));
    server.settle();
    assert_eq!(server.address("plain"), "10.0.0.1");
    server.put_other(settings(true));
    server.settle();
    assert_eq!(
        server.address("plain"),
        "10.0.0.1",
        "what is no longer served is left as it is"
    );
}

#[test]
fn counts_what_is_held_and_what_is_free() {
    let mut server = Server::new();
    server.put_pool("p", 0, pool(&["10.0.0.0/30", "2001:db8::/32"]));
    server.put(service("a", 1));
    server.put(dual("b", 1, FamilyPolicy::RequireDualStack));
    server.settle();
    server.pass_time(2);
    let counts = server.pools["p"].value.as_ref().unwrap().counts;
    assert_eq!((counts.assigned_ipv4, counts.available_ipv4), (2, 2));
    assert_eq!((counts.assigned_ipv6, counts.available_ipv6), (1, i64::MAX));
    assert!(
        server
            .pool_condition("p", condition_type::ACCEPTED)
            .starts_with("True")
    );
}
