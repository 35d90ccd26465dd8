use model::{Advertisement, EndpointState, Kind, Name, Object, Service, StatusOwner};
use plan::{Decision, Gap, GateMode, Skip};

use crate::fixture::*;

const READY: EndpointState = EndpointState::Ready;
const DRAINING: EndpointState = EndpointState::ServingTerminating;
const BROKEN: EndpointState = EndpointState::Unusable;

/// A sentence, what is different from the usual world, and the decision about Service `web`.
type Row = (&'static str, fn(&mut World), &'static str);

fn check(rows: &[Row]) {
    for (sentence, change, expected) in rows {
        let mut world = World::usual();
        change(&mut world);
        world.settle();
        assert_eq!(world.reason(), *expected, "{sentence}");
        assert_eq!(
            world.announces(ADDRESS),
            *expected == "Announced",
            "{sentence}"
        );
    }
}

fn with_service(world: &mut World, change: fn(&mut Service)) {
    let mut web = service("web", &[ADDRESS]);
    change(&mut web);
    world.apply(Object::Service(web));
}

fn with_advertisement(world: &mut World, change: fn(&mut Advertisement)) {
    let mut parsed = advertisement("all");
    change(parsed.value.as_mut().unwrap());
    world.apply(Object::Advertisement(parsed));
}

fn with_endpoints(world: &mut World, endpoints: &[(&str, &str, EndpointState)]) {
    world.apply(Object::EndpointSlice(slice("web", endpoints)));
}

fn make_local(world: &mut World) {
    world.apply(Object::Service(local("web", &[ADDRESS])));
}

#[test]
fn the_service_itself_decides_first() {
    check(&[
        ("nothing speaks against it", |_| {}, "Announced"),
        (
            "class is another one",
            |w| with_service(w, |s| s.class = Some("other".into())),
            "OtherClass",
        ),
        (
            "class is ours",
            |w| with_service(w, |s| s.class = Some("heraldlb.io/herald".into())),
            "Announced",
        ),
        (
            "without class where a class is demanded",
            |w| w.apply(only_class()),
            "OtherClass",
        ),
        (
            "status was written by somebody else",
            |w| with_service(w, |s| s.status_owner = StatusOwner::Foreign),
            "NoAddress",
        ),
    ]);
}

#[test]
fn an_advertisement_selects_pool_service_and_node() {
    check(&[
        (
            "there is none",
            |w| w.delete(Kind::Advertisement, "", "all"),
            "NoAdvertisement",
        ),
        (
            "no pool holds the address",
            |w| w.delete(Kind::Pool, "", "main"),
            "NoAdvertisement",
        ),
        (
            "it names the pool",
            |w| with_advertisement(w, |a| a.selection.pools = vec!["main".into()]),
            "Announced",
        ),
        (
            "it names another pool",
            |w| with_advertisement(w, |a| a.selection.pools = vec!["main-6".into()]),
            "NoAdvertisement",
        ),
        (
            "it selects pools by a label that this one lacks",
            |w| with_advertisement(w, |a| a.selection.pool_selectors = selector("tier", "gold")),
            "NoAdvertisement",
        ),
        (
            "the pool carries the label",
            |w| {
                with_advertisement(w, |a| a.selection.pool_selectors = selector("tier", "gold"));
                let mut gold = pool("main", "10.0.0.0", "10.0.0.255");
                gold.meta.labels.insert("tier".into(), "gold".into());
                w.apply(Object::Pool(gold));
            },
            "Announced",
        ),
        (
            "one of two pools that hold the address is advertised",
            |w| {
                w.apply(Object::Pool(pool("other", "10.0.0.1", "10.0.0.1")));
                with_advertisement(w, |a| a.selection.pools = vec!["other".into()]);
            },
            "Announced",
        ),
        (
            "it selects Services by a label that this one lacks",
            |w| with_advertisement(w, |a| a.selection.services = selector("app", "web")),
            "NoAdvertisement",
        ),
        (
            "it selects other nodes",
            |w| with_advertisement(w, |a| a.selection.nodes = selector("rack", "a")),
            "NodeNotSelected",
        ),
        (
            "a second advertisement selects this node",
            |w| {
                with_advertisement(w, |a| a.selection.nodes = selector("rack", "a"));
                w.apply(Object::Advertisement(advertisement("second")));
            },
            "Announced",
        ),
    ]);
}

#[test]
fn the_node_may_be_out_of_the_game() {
    const LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
    check(&[
        (
            "it is labelled out",
            |w| w.apply(Object::Node(node(&[(LABEL, "")]))),
            "NodeExcluded",
        ),
        (
            "its network is unavailable",
            |w| {
                let mut own = node(&[]);
                own.network_unavailable = true;
                w.apply(Object::Node(own));
            },
            "NodeNetworkUnavailable",
        ),
    ]);
    let mut single = World::new(GateMode::Off, true);
    usual_objects()
        .into_iter()
        .for_each(|object| single.apply(object));
    single.apply(Object::Node(node(&[(LABEL, "")])));
    single.sync();
    single.settle();
    assert_eq!(
        single.reason(),
        "Announced",
        "the label is ignored where a flag says so"
    );
}

#[test]
fn cluster_traffic_needs_a_usable_endpoint_anywhere() {
    check(&[
        (
            "ready elsewhere",
            |w| with_endpoints(w, &[("10.1.1.1", "node-2", READY)]),
            "Announced",
        ),
        (
            "ready on no node",
            |w| with_endpoints(w, &[("10.1.1.1", "", READY)]),
            "Announced",
        ),
        (
            "serving while it ends",
            |w| with_endpoints(w, &[("10.1.1.1", "node-2", DRAINING)]),
            "Announced",
        ),
        (
            "none is usable",
            |w| with_endpoints(w, &[("10.1.1.1", NODE, BROKEN)]),
            "NoEndpoints",
        ),
        ("there is none", |w| with_endpoints(w, &[]), "NoEndpoints"),
        (
            "the slice is gone",
            |w| w.delete(Kind::EndpointSlice, "default", "web-1"),
            "NoEndpoints",
        ),
        (
            "they are of the other family",
            |w| with_endpoints(w, &[("fd00::1", NODE, READY)]),
            "NoEndpoints",
        ),
    ]);
}

#[test]
fn local_traffic_needs_an_endpoint_of_this_node() {
    check(&[
        ("ready here", |w| make_local(w), "Announced"),
        (
            "ready elsewhere only",
            |w| {
                make_local(w);
                with_endpoints(w, &[("10.1.1.1", "node-2", READY)]);
            },
            "NoLocalEndpoints",
        ),
        (
            "ending here and nowhere ready",
            |w| {
                make_local(w);
                with_endpoints(
                    w,
                    &[
                        ("10.1.0.1", NODE, DRAINING),
                        ("10.1.1.1", "node-2", DRAINING),
                    ],
                );
            },
            "Announced",
        ),
        (
            "ending here while another node has a ready one",
            |w| {
                make_local(w);
                with_endpoints(
                    w,
                    &[("10.1.0.1", NODE, DRAINING), ("10.1.1.1", "node-2", READY)],
                );
            },
            "NoLocalEndpoints",
        ),
        (
            "ready without a node",
            |w| {
                make_local(w);
                with_endpoints(w, &[("10.1.0.1", "", READY)]);
            },
            "NoLocalEndpoints",
        ),
        (
            "nothing at all",
            |w| {
                make_local(w);
                with_endpoints(w, &[]);
            },
            "NoEndpoints",
        ),
    ]);
}

#[test]
fn a_peer_must_take_the_address() {
    check(&[
        (
            "there is none",
            |w| w.delete(Kind::Peer, "", "router"),
            "NoPeer",
        ),
        (
            "the advertisement names another",
            |w| with_advertisement(w, |a| a.peers = vec!["spine".into()]),
            "NoPeer",
        ),
        (
            "the peer has no session on this node",
            |w| {
                let mut elsewhere = peer("router", ROUTER);
                elsewhere.value.as_mut().unwrap().nodes = selector("rack", "b");
                w.apply(Object::Peer(elsewhere));
            },
            "NoPeer",
        ),
        (
            "the peer does not speak the family",
            |w| {
                let mut ipv6 = peer("router", ROUTER);
                ipv6.value.as_mut().unwrap().families.ipv4 = false;
                w.apply(Object::Peer(ipv6));
            },
            "NoPeer",
        ),
    ]);
}

#[test]
fn advertisements_unite_their_peers() {
    let mut world = World::usual();
    for (name, peers) in [("all", vec!["router", "spine"]), ("second", vec!["leaf"])] {
        let names: Vec<Name> = peers.into_iter().map(Name::from).collect();
        let mut parsed = advertisement(name);
        parsed.value.as_mut().unwrap().peers = names;
        world.apply(Object::Advertisement(parsed));
    }
    world.apply(Object::Peer(peer("leaf", "192.0.2.253")));
    world.settle();
    let [route] = world.routes.values().next().unwrap().as_slice() else {
        panic!("one route");
    };
    let expected = bgp::PeerSet::only(vec!["leaf".into(), "router".into(), "spine".into()]);
    assert_eq!(route.peers, expected);
}

#[test]
fn a_service_without_an_address_says_so() {
    let mut world = World::usual();
    world.apply(Object::Service(service("new", &[])));
    world.settle();
    let unassigned = Decision::Skip(Skip::NoAddress(Gap::Unassigned));
    assert_eq!(world.decision("new", None), Some(unassigned));
    world.apply(Object::Service(service("new", &["10.0.0.2"])));
    world.settle();
    assert_eq!(world.decision("new", None), None);
    world.delete(Kind::Service, "default", "new");
    world.settle();
    assert_eq!(world.planner.plan().decisions.len(), 1);
}

#[test]
fn each_family_of_a_dual_stack_service_is_decided_by_itself() {
    let mut world = World::usual();
    world.apply(Object::Service(service("web", &[ADDRESS, "2001:db8::1"])));
    world.settle();
    assert_eq!(
        world.decision("web", Some(ADDRESS)),
        Some(Decision::Announce)
    );
    let six = world.decision("web", Some("2001:db8::1"));
    assert_eq!(six, Some(Decision::Skip(Skip::NoEndpoints)));
}

#[test]
fn of_two_services_with_one_address_the_one_that_had_it_first_is_announced() {
    let mut world = World::usual();
    world.apply(Object::Service(assigned_since(
        service("web", &[ADDRESS]),
        200,
    )));
    let mut early = assigned_since(service("early", &[ADDRESS]), 100);
    early.meta.created = model::Timestamp(1000);
    world.apply(Object::Service(early.clone()));
    world.settle();
    let held = Decision::Skip(Skip::NoAddress(Gap::HeldBy(early.key.clone())));
    assert_eq!(world.decision("web", Some(ADDRESS)), Some(held));
    assert!(!world.announces(ADDRESS), "its keeper has no endpoint");

    early.status_owner = StatusOwner::Foreign;
    world.apply(Object::Service(early));
    world.settle();
    assert_eq!(
        world.reason(),
        "Announced",
        "whose status is not ours has no claim"
    );
}

#[test]
fn a_deleted_service_leaves_its_address_to_the_other() {
    let mut world = World::usual();
    world.apply(Object::Service(assigned_since(
        service("early", &[ADDRESS]),
        1,
    )));
    world.settle();
    assert_eq!(world.reason(), "NoAddress");
    world.delete(Kind::Service, "default", "early");
    world.settle();
    assert_eq!(world.reason(), "Announced");
}

#[test]
fn a_bad_edit_of_configuration_withdraws_nothing() {
    let mut world = World::usual();
    world.settle();
    world.apply(Object::Pool(rejected("main")));
    world.apply(Object::Advertisement(rejected("all")));
    world.apply(Object::Peer(rejected("router")));
    let changes = world.settle();
    assert_eq!(
        (world.reason(), changes.peers, changes.routes.len()),
        ("Announced", None, 0)
    );
    let unusable = &world.planner.plan().unusable;
    let named: Vec<_> = unusable
        .iter()
        .map(|object| (object.kind, &*object.name))
        .collect();
    let expected = [
        ("IPAddressPool", "main"),
        ("BGPAdvertisement", "all"),
        ("BGPPeer", "router"),
    ];
    assert_eq!(named, expected);
    assert_eq!(
        unusable[0].message,
        "spec.field: the value makes no sense; give another",
    );
}

#[test]
fn counts_decisions_by_reason() {
    let mut world = World::usual();
    world.apply(Object::Service(service("new", &[])));
    world.settle();
    with_endpoints(&mut world, &[]);
    world.settle();
    let counts: Vec<_> = world
        .planner
        .counts()
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|((protocol, reason), n)| (protocol.as_str(), *reason, *n))
        .collect();
    let expected = [
        ("BGP", "NoAddress", 1),
        ("BGP", "NoEndpoints", 1),
        ("L2", "NoAddress", 1),
        ("L2", "NoAdvertisement", 1),
    ];
    assert_eq!(counts, expected);
}
