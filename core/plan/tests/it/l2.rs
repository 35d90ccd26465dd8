use std::time::Duration;

use l2::{InterfaceFilter, Key, Nominee};
use model::{
    AddressFamily, EndpointState, HEARTBEAT_SECRET, Kind, L2Advertisement, Object, Preference,
};
use plan::{GateMode, Outcome};

use crate::fixture::*;

const READY: EndpointState = EndpointState::Ready;
const DRAINING: EndpointState = EndpointState::ServingTerminating;

/// The usual world, on layer 2 too.
fn world() -> World {
    world_with(GateMode::Off)
}

fn world_with(gate: GateMode) -> World {
    let mut world = World::usual_with(gate);
    world.apply(Object::L2Advertisement(l2_advertisement("segment")));
    world
}

fn with_l2_advertisement(world: &mut World, name: &str, change: impl FnOnce(&mut L2Advertisement)) {
    let mut parsed = l2_advertisement(name);
    change(parsed.value.as_mut().unwrap());
    world.apply(Object::L2Advertisement(parsed));
}

fn with_endpoints(world: &mut World, endpoints: &[(&str, &str, EndpointState)]) {
    world.apply(Object::EndpointSlice(slice("web", endpoints)));
}

/// A sentence, what is different from the usual world, and the decision about Service `web`.
type Row = (&'static str, fn(&mut World), &'static str);

const ROWS: &[Row] = &[
    ("nothing speaks against it", |_| {}, "Announced"),
    (
        "there is no advertisement of layer 2",
        |w| w.delete(Kind::L2Advertisement, "", "segment"),
        "NoAdvertisement",
    ),
    (
        "it is for another pool",
        |w| with_l2_advertisement(w, "segment", |a| a.selection.pools = vec!["main-6".into()]),
        "NoAdvertisement",
    ),
    (
        "it is for other Services",
        |w| {
            with_l2_advertisement(w, "segment", |a| {
                a.selection.services = selector("app", "db")
            })
        },
        "NoAdvertisement",
    ),
    (
        "it selects other nodes",
        |w| with_l2_advertisement(w, "segment", |a| a.selection.nodes = selector("rack", "b")),
        "NodeNotSelected",
    ),
    (
        "another one selects this node",
        |w| {
            with_l2_advertisement(w, "segment", |a| a.selection.nodes = selector("rack", "b"));
            w.apply(Object::L2Advertisement(l2_advertisement("second")));
        },
        "Announced",
    ),
    (
        "a label takes the node out",
        |w| {
            let label = "node.kubernetes.io/exclude-from-external-load-balancers";
            w.apply(Object::Node(node(&[(label, "")])));
        },
        "NodeExcluded",
    ),
    (
        "the node's network is unavailable",
        |w| {
            let mut cut = node(&[]);
            cut.network_unavailable = true;
            w.apply(Object::Node(cut));
        },
        "NodeNetworkUnavailable",
    ),
    (
        "there are no endpoints",
        |w| with_endpoints(w, &[]),
        "NoEndpoints",
    ),
    (
        "the endpoints are elsewhere",
        |w| with_endpoints(w, &[("10.1.0.1", "node-2", READY)]),
        "Announced",
    ),
    (
        "the endpoints are elsewhere and the traffic is local",
        |w| {
            w.apply(Object::Service(local("web", &[ADDRESS])));
            with_endpoints(w, &[("10.1.0.1", "node-2", READY)]);
        },
        "NoLocalEndpoints",
    ),
    (
        "of local endpoints only one is left, which terminates",
        |w| {
            w.apply(Object::Service(local("web", &[ADDRESS])));
            with_endpoints(w, &[("10.1.0.1", NODE, DRAINING)]);
        },
        "Announced",
    ),
    (
        "nobody exchanges routes with this node",
        |w| w.delete(Kind::Peer, "", "router"),
        "Announced",
    ),
    (
        "there is no BGPAdvertisement",
        |w| w.delete(Kind::Advertisement, "", "all"),
        "Announced",
    ),
    (
        "the advertisement has turned bad",
        |w| {
            w.settle();
            w.apply(Object::L2Advertisement(rejected("segment")));
        },
        "Announced",
    ),
];

#[test]
fn a_node_nominates_itself_for_what_it_may_answer() {
    for (sentence, change, expected) in ROWS {
        let mut world = world();
        change(&mut world);
        world.settle();
        assert_eq!(world.l2_reason(), *expected, "{sentence}");
        let nominated = world.nominee(ADDRESS).is_some();
        assert_eq!(nominated, *expected == "Announced", "{sentence}");
    }
}

#[test]
fn nothing_about_layer_2_changes_a_route() {
    for (sentence, change, _) in ROWS {
        let mut both = world();
        change(&mut both);
        both.settle();
        let mut bgp_alone = World::usual();
        change(&mut bgp_alone);
        bgp_alone.delete(Kind::L2Advertisement, "", "segment");
        bgp_alone.delete(Kind::L2Advertisement, "", "second");
        bgp_alone.settle();
        assert_eq!(
            (both.reason(), &both.routes),
            (bgp_alone.reason(), &bgp_alone.routes),
            "{sentence}"
        );
        assert!(bgp_alone.nominees.is_empty());
    }
}

#[test]
fn an_address_is_announced_by_bgp_and_layer_2_at_once() {
    let mut world = world();
    world.settle();
    assert_eq!(
        (world.reason(), world.l2_reason()),
        ("Announced", "Announced")
    );
    assert!(world.announces(ADDRESS));
    let expected = Nominee {
        interfaces: InterfaceFilter::new([]),
        weight: 0,
        stability_time: Duration::from_secs(10),
        gratuitous_interval: Some(Duration::from_secs(60)),
    };
    assert_eq!(world.nominee(ADDRESS), Some(&expected));
}

#[test]
fn advertisements_and_services_of_one_address_unite_what_they_ask_for() {
    let mut world = world();
    let preferring = |weight, nodes| Preference { weight, nodes };
    with_l2_advertisement(&mut world, "segment", |a| {
        a.interfaces = InterfaceFilter::new(["eth0".into()]);
        a.preferences = vec![
            preferring(20, selector("disk", "fast")),
            preferring(30, selector("rack", "a")),
        ];
        a.gratuitous_interval = None;
    });
    with_l2_advertisement(&mut world, "second", |a| {
        a.interfaces = InterfaceFilter::new(["eth1".into()]);
        a.preferences = vec![preferring(40, selector("rack", "a"))];
        a.gratuitous_interval = Some(Duration::from_secs(5));
        a.stability_time = Duration::from_secs(60);
    });
    // For another Service only.
    with_l2_advertisement(&mut world, "third", |a| {
        a.selection.services = selector("app", "shop");
        a.interfaces = InterfaceFilter::new(["bond*".into()]);
    });
    world.apply(Object::Node(node(&[("rack", "a"), ("disk", "fast")])));
    world.settle();
    let mut expected = Nominee {
        interfaces: InterfaceFilter::new(["eth0".into(), "eth1".into()]),
        weight: 50,
        stability_time: Duration::from_secs(60),
        gratuitous_interval: Some(Duration::from_secs(5)),
    };
    assert_eq!(world.nominee(ADDRESS), Some(&expected));

    let mut shop = service("shop", &["10.0.0.2"]);
    shop.meta.labels.insert("app".into(), "shop".into());
    world.apply(Object::Service(shop));
    world.apply(Object::EndpointSlice(slice(
        "shop",
        &[("10.1.0.2", NODE, READY)],
    )));
    world.settle();
    expected.interfaces = expected
        .interfaces
        .or(&InterfaceFilter::new(["bond*".into()]));
    assert_eq!(world.nominee("10.0.0.2"), Some(&expected));
    assert_eq!(world.nominee(ADDRESS).unwrap().interfaces.patterns.len(), 2);
}

#[test]
fn each_family_is_nominated_by_its_own_endpoints() {
    let mut world = world();
    world.apply(Object::Service(service("web", &[ADDRESS, "2001:db8::1"])));
    world.settle();
    assert!(world.nominee(ADDRESS).is_some() && world.nominee("2001:db8::1").is_none());
    let mut six = slice("web", &[("2001:db8:1::1", NODE, READY)]);
    six.name = "web-6".into();
    assert_eq!(six.family, AddressFamily::IPv6);
    world.apply(Object::EndpointSlice(six));
    world.settle();
    assert!(world.nominee("2001:db8::1").is_some());
    world.delete(Kind::Service, "default", "web");
    world.settle();
    assert!(world.nominees.is_empty());
}

#[test]
fn what_has_passed_the_gate_for_one_protocol_has_passed_it_for_both() {
    let answer = |world: &mut World| {
        while let Some(probe) = world.planner.poll_probe(world.now) {
            world
                .planner
                .handle_probe(world.now, &probe.target, Outcome::Ready);
        }
        world.settle();
    };
    let mut alone = world_with(GateMode::Auto);
    alone.delete(Kind::Advertisement, "", "all");
    alone.settle();
    assert_eq!(alone.l2_reason(), "DataplaneNotReady");
    assert_eq!(alone.planner.gate_waiting(), 1);
    answer(&mut alone);
    assert_eq!(
        (alone.l2_reason(), alone.planner.gate_waiting()),
        ("Announced", 0)
    );

    let mut later = World::usual_with(GateMode::Auto);
    later.settle();
    answer(&mut later);
    assert_eq!(
        (later.reason(), later.l2_reason()),
        ("Announced", "NoAdvertisement")
    );
    later.apply(Object::L2Advertisement(l2_advertisement("segment")));
    later.settle();
    assert_eq!(later.l2_reason(), "Announced");
}

#[test]
fn nodes_are_told_while_this_one_takes_part() {
    let mut world = World::usual();
    world.apply(Object::Node(routed_node(2)));
    world.settle();
    assert!(world.nodes.is_empty());
    assert!(!world.planner.plan().takes_part_in_l2);

    world.apply(Object::L2Advertisement(l2_advertisement("segment")));
    world.settle();
    assert!(world.planner.plan().takes_part_in_l2);
    let names = |world: &World| {
        world
            .nodes
            .keys()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&world), [NODE, "node-2"]);
    assert_eq!(world.nodes["node-2"], routed_node(2).internal_ips);

    world.apply(Object::Node(routed_node(3)));
    let changes = world.settle();
    assert!(changes.nodes.is_some() && changes.network.is_none() && changes.nominees.is_empty());
    assert_eq!(names(&world), [NODE, "node-2", "node-3"]);
    world.delete(Kind::Node, "", "node-2");
    world.settle();
    assert_eq!(names(&world), [NODE, "node-3"]);

    with_l2_advertisement(&mut world, "segment", |a| {
        a.selection.nodes = selector("rack", "b");
    });
    world.settle();
    assert!(world.nodes.is_empty() && world.nominees.is_empty());
}

#[test]
fn keys_that_were_good_stay_in_use_when_the_secret_turns_bad_or_vanishes() {
    let mut world = world();
    let key = |octet: u8| Key::new([octet; 32]);
    world.apply(Object::HeartbeatKeys(Ok(vec![key(1), key(2)])));
    world.settle();
    assert_eq!(world.heartbeat_keys, [key(1), key(2)]);

    world.apply(Object::HeartbeatKeys(Err(rejection("data.1"))));
    let changes = world.settle();
    assert_eq!(changes.heartbeat_keys, None);
    let [unusable] = world.planner.plan().unusable.as_slice() else {
        panic!("one object is unusable");
    };
    assert_eq!(
        (unusable.kind, &*unusable.name),
        ("Secret", HEARTBEAT_SECRET)
    );
    assert_eq!(
        unusable.message,
        "data.1: the value makes no sense; give another"
    );

    world.delete(Kind::Secret, "", HEARTBEAT_SECRET);
    assert_eq!(world.settle().heartbeat_keys, None);
    assert!(world.planner.plan().unusable.is_empty());
    world.apply(Object::HeartbeatKeys(Ok(vec![key(3)])));
    assert_eq!(world.settle().heartbeat_keys, Some(vec![key(3)]));
}

#[test]
fn tells_the_services_for_which_an_address_may_be_answered() {
    let mut world = world();
    let holders = |world: &World, address: &str| -> Vec<String> {
        let holders = world.planner.holders_of(address.parse().unwrap());
        holders.map(|(key, uid)| format!("{key} {uid}")).collect()
    };
    assert!(
        holders(&world, ADDRESS).is_empty(),
        "nothing is planned yet"
    );
    world.settle();
    let uid = service("web", &[ADDRESS]).meta.uid;
    assert_eq!(holders(&world, ADDRESS), [format!("default/web {uid}")]);
    assert!(holders(&world, "10.0.0.2").is_empty());
    with_endpoints(&mut world, &[]);
    world.settle();
    assert!(holders(&world, ADDRESS).is_empty(), "nobody may answer it");
}
