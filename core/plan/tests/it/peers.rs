use bgp::Asn;
use bgp::wire::PeerType;
use kube_core::Selector;
use model::{Kind, NodeOverride, Object, Parsed, Peer, Place, Selectors, Timestamp};
use plan::{Link, LinkRole, Links, PlannedPeer};

use crate::fixture::*;

fn session(world: &World, name: &str) -> Option<PlannedPeer> {
    world.planner.plan().peers.get(name).cloned()
}

fn complaint(world: &World, name: &str) -> String {
    let unusable = &world.planner.plan().unusable;
    let found: Vec<_> = unusable
        .iter()
        .filter(|object| &*object.name == name)
        .collect();
    let [one] = found.as_slice() else {
        panic!("one complaint about {name}, not {unusable:?}");
    };
    one.message.clone()
}

fn with_password(name: &str, secret: &str) -> Parsed<Peer> {
    let mut parsed = peer(name, ROUTER);
    parsed.value.as_mut().unwrap().password_secret = Some(secret.into());
    parsed
}

#[test]
fn the_identifier_is_the_nodes_ipv4_address_unless_the_user_chooses() {
    let mut world = World::usual();
    world.settle();
    assert_eq!(
        session(&world, "router")
            .unwrap()
            .config
            .identifier
            .to_string(),
        "192.0.2.1"
    );
    let mut chosen = peer("router", ROUTER);
    chosen.value.as_mut().unwrap().router_id = Some("1.2.3.4".parse().unwrap());
    world.apply(Object::Peer(chosen));
    world.settle();
    assert_eq!(
        session(&world, "router")
            .unwrap()
            .config
            .identifier
            .to_string(),
        "1.2.3.4"
    );
}

#[test]
fn routes_outlive_a_restart_as_the_peer_says() {
    let mut world = World::usual();
    world.settle();
    let restart = |world: &World| session(world, "router").unwrap().config.graceful_restart;
    assert_eq!(restart(&world).unwrap().restart_time.as_secs(), 30);
    let mut without = peer("router", ROUTER);
    without.value.as_mut().unwrap().graceful_restart = None;
    world.apply(Object::Peer(without));
    world.settle();
    assert_eq!(restart(&world), None);
}

#[test]
fn without_an_ipv4_address_the_identifier_comes_from_the_nodes_name() {
    let identifier = || {
        let mut world = World::usual();
        let mut own = node(&[]);
        own.internal_ips = vec!["2001:db8:1::1".parse().unwrap()];
        world.apply(Object::Node(own));
        world.settle();
        session(&world, "router").unwrap().config.identifier
    };
    assert_eq!(identifier(), identifier());
    assert_ne!(identifier().to_string(), "192.0.2.1");
}

#[test]
fn without_its_password_a_peer_has_no_session() {
    let mut world = World::usual();
    world.apply(Object::Peer(with_password("router", "md5")));
    world.settle();
    assert_eq!(session(&world, "router"), None);
    assert!(complaint(&world, "router").contains("Secret md5 is not in Herald's namespace"));

    world.apply(Object::Secret(
        "md5".into(),
        Err(rejection("data.password")),
    ));
    world.settle();
    assert!(complaint(&world, "router").contains("Secret md5 has no password (data.password:"));
    assert_eq!(
        (session(&world, "router"), world.reason()),
        (None, "NoPeer")
    );

    world.apply(secret("md5", "right"));
    world.settle();
    assert_eq!(
        session(&world, "router")
            .unwrap()
            .password
            .unwrap()
            .reveal(),
        "right"
    );
    assert!(world.planner.plan().unusable.is_empty());
}

#[test]
fn the_generation_changes_exactly_when_the_password_does() {
    let mut world = World::usual();
    world.apply(Object::Peer(with_password("router", "md5")));
    world.apply(secret("md5", "one"));
    world.settle();
    let generation = |world: &World| session(world, "router").unwrap().config.password_generation;
    let first = generation(&world);
    assert_ne!(first, 0, "0 stands for no password");

    world.apply(secret("unrelated", "x"));
    world.apply(secret("same-password", "one"));
    world.apply(Object::Peer(with_password("router", "same-password")));
    assert_eq!((world.settle().peers, generation(&world)), (None, first));

    world.apply(secret("same-password", "two"));
    world.settle();
    assert_ne!(generation(&world), first);
}

#[test]
fn of_two_peers_with_one_address_the_older_has_the_session() {
    let mut world = World::usual();
    let mut older = peer("z-older", ROUTER);
    let mut younger = peer("router", ROUTER);
    (older.meta.created, younger.meta.created) = (Timestamp(1), Timestamp(2));
    world.apply(Object::Peer(older));
    world.apply(Object::Peer(younger));
    world.settle();
    assert!(session(&world, "z-older").is_some() && session(&world, "router").is_none());
    assert!(complaint(&world, "router").starts_with("DuplicatePeer"));

    world.delete(Kind::Peer, "", "z-older");
    world.settle();
    assert!(session(&world, "router").is_some());
}

#[test]
fn a_changed_peer_that_the_node_cannot_use_keeps_its_last_good_session() {
    let mut world = World::usual();
    world.settle();
    let good = session(&world, "router");
    world.apply(Object::Peer(peer("router", "192.0.2.1")));
    world.settle();
    assert_eq!(session(&world, "router"), good);
    assert!(complaint(&world, "router").contains("192.0.2.1 is an address of this node"));

    world.delete(Kind::Peer, "", "router");
    world.settle();
    world.apply(Object::Peer(rejected("router")));
    world.settle();
    assert_eq!(
        session(&world, "router"),
        None,
        "a new object has no good past"
    );
}

fn from(source: &str) -> Parsed<Peer> {
    let mut parsed = peer("router", ROUTER);
    parsed.value.as_mut().unwrap().source = Some(source.parse().unwrap());
    parsed
}

/// The usual interfaces, and an address on lo.
fn links_with(address: &str) -> Links {
    let mut links = links();
    let lo = Link {
        name: "lo".into(),
        role: LinkRole::Holder,
        up: true,
        mtu: 65_536,
        addresses: vec![format!("{address}/32").parse().unwrap()],
        default_ipv4: false,
        default_ipv6: false,
        gateways: Vec::new(),
        ethernet: None,
    };
    links.0.insert(1, lo);
    links
}

#[test]
fn a_session_waits_for_its_source_address_and_outlives_it() {
    let mut world = World::usual();
    world.apply(Object::Peer(from("203.0.113.1")));
    world.settle();
    assert_eq!(session(&world, "router"), None, "interfaces are not known");
    assert!(world.planner.plan().unusable.is_empty());

    world.planner.handle_links(links());
    world.settle();
    assert_eq!(session(&world, "router"), None);
    let sentence = complaint(&world, "router");
    assert!(sentence.starts_with("spec.sourceAddress: 203.0.113.1 is no address of this node"));

    world.planner.handle_links(links_with("203.0.113.1"));
    world.settle();
    let planned = session(&world, "router").unwrap();
    assert_eq!(planned.config.source, Some("203.0.113.1".parse().unwrap()));
    assert!(world.planner.plan().unusable.is_empty());

    world.planner.handle_links(links());
    assert_eq!(world.settle().peers, None);
    assert!(complaint(&world, "router").starts_with("spec.sourceAddress: "));

    world.apply(Object::Peer(from("203.0.113.2")));
    world.settle();
    assert_eq!(
        session(&world, "router"),
        None,
        "another one was never there"
    );
}

#[test]
fn a_loopback_address_is_always_there() {
    let mut world = World::usual();
    world.planner.handle_links(links());
    world.apply(Object::Peer(from("127.0.0.2")));
    world.settle();
    assert!(session(&world, "router").is_some());
}

#[test]
fn a_router_on_this_node_is_one_that_is_spoken_to_from_another_address() {
    let mut world = World::usual();
    world.planner.handle_links(links_with("203.0.113.1"));
    let mut own = from("203.0.113.1");
    own.value.as_mut().unwrap().place = Place::Address("192.0.2.1".parse().unwrap());
    world.apply(Object::Peer(own.clone()));
    world.settle();
    assert!(session(&world, "router").is_some());
    assert!(world.planner.plan().unusable.is_empty());

    own.value.as_mut().unwrap().source = None;
    world.delete(Kind::Peer, "", "router");
    world.settle();
    world.apply(Object::Peer(own));
    world.settle();
    assert_eq!(session(&world, "router"), None);
    assert!(complaint(&world, "router").contains("set spec.sourceAddress"));
}

#[test]
fn a_node_has_what_its_override_says() {
    let everybody = Selectors(vec![Selector::default()]);
    let mut parsed = peer("router", ROUTER);
    parsed.value.as_mut().unwrap().overrides = vec![NodeOverride {
        nodes: everybody,
        my_asn: Some(Asn(64513)),
        source: Some("203.0.113.1".parse().unwrap()),
        router_id: Some("1.2.3.4".parse().unwrap()),
    }];
    let mut world = World::usual();
    world.planner.handle_links(links_with("203.0.113.1"));
    world.apply(Object::Peer(parsed));
    world.settle();
    let config = session(&world, "router").unwrap().config;
    assert_eq!(config.local_asn, Asn(64513));
    assert_eq!(config.peer_type(), PeerType::Internal);
    assert_eq!(config.source, Some("203.0.113.1".parse().unwrap()));
    assert_eq!(config.identifier.to_string(), "1.2.3.4");
}

#[test]
fn a_change_of_one_peer_is_told_with_the_whole_set() {
    let mut world = World::usual();
    world.settle();
    world.apply(Object::Peer(peer("second", "192.0.2.253")));
    let peers = world.settle().peers.unwrap();
    let names: Vec<_> = peers.iter().map(|peer| &*peer.config.name).collect();
    assert_eq!(names, ["router", "second"]);
    assert!(world.settle().is_empty());
}
