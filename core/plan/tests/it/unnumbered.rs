//! Sessions with whoever is a router on an interface.

use std::net::Ipv6Addr;

use bfd::Hops;
use bgp::ScopedAddress;
use l2::Mac;
use model::{BfdProfile, Object, Parsed, Peer, Place, PodNetworkMode, Timestamp};
use plan::{Changes, Ethernet, Hop, Links, Neighbors, PlannedPeer, RouteTarget};

use crate::{
    fixture::*,
    pod_network::{route, routed},
};

const ROUTERS: [Ipv6Addr; 2] = [link_local(1), link_local(2)];

const fn link_local(last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last)
}

fn unnumbered(name: &str) -> Parsed<Peer> {
    let mut parsed = peer(name, ROUTER);
    parsed.value.as_mut().unwrap().place = Place::Interface("eth0".into());
    parsed
}

/// The usual interfaces, with IPv6 on eth0.
fn ready_links() -> Links {
    let mut links = links();
    links.0.get_mut(&2).unwrap().ethernet = Some(Ethernet {
        mac: Mac([2, 0, 0, 0, 0, 7]),
        link_local: Some(link_local(0xffff)),
    });
    links
}

fn world() -> World {
    let mut world = World::usual();
    world.apply(Object::Peer(unnumbered("router")));
    world.planner.handle_links(ready_links());
    world.settle();
    world
}

fn hear(world: &mut World, routers: &[Ipv6Addr]) -> Changes {
    let heard = Neighbors::from([(2, routers.iter().copied().collect())]);
    world.planner.handle_neighbors(heard);
    world.settle()
}

fn session(world: &World) -> Option<PlannedPeer> {
    world.planner.plan().peers.get("router").cloned()
}

fn address(world: &World) -> Option<String> {
    session(world).map(|planned| planned.config.shown_address())
}

fn complaint(world: &World) -> String {
    let unusable = world.planner.plan().unusable.iter();
    unusable.map(|object| object.message.as_str()).collect()
}

#[test]
fn asks_for_routers_on_the_interface_of_a_peer_and_nowhere_else() {
    let world = world();
    let interfaces = &world.planner.plan().unnumbered;
    assert_eq!(
        interfaces.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["eth0"]
    );
    assert!(World::usual().planner.plan().unnumbered.is_empty());
}

#[test]
fn the_session_is_with_the_one_router_that_is_heard() {
    let mut world = world();
    assert_eq!(session(&world), None);
    assert!(
        complaint(&world)
            .starts_with("NoNeighbor: spec.interface: no router is heard on eth0; let it")
    );

    hear(&mut world, &ROUTERS[..1]);
    assert_eq!(address(&world).as_deref(), Some("fe80::1%eth0"));
    assert_eq!(session(&world).unwrap().config.interface.unwrap().index, 2);
    assert_eq!(complaint(&world), "");

    hear(&mut world, &[]);
    assert_eq!(session(&world), None);
}

#[test]
fn two_routers_are_ambiguous_and_leave_a_session_that_is_there() {
    let mut world = world();
    hear(&mut world, &ROUTERS);
    assert_eq!(session(&world), None);
    let sentence = complaint(&world);
    assert!(sentence.starts_with("AmbiguousNeighbor: spec.interface: fe80::1 and fe80::2 are routers on eth0, and there is no session"));

    hear(&mut world, &ROUTERS[1..]);
    let changes = hear(&mut world, &ROUTERS);
    assert_eq!(changes.peers, None, "nobody breaks it");
    assert_eq!(address(&world).as_deref(), Some("fe80::2%eth0"));
    assert!(complaint(&world).contains("the session stays with fe80::2 while"));

    hear(&mut world, &ROUTERS[..1]);
    assert_eq!(
        address(&world).as_deref(),
        Some("fe80::1%eth0"),
        "another one took its place"
    );
}

#[test]
fn an_interface_that_goes_takes_its_session_along_and_one_that_is_down_does_not() {
    let mut world = world();
    hear(&mut world, &ROUTERS[..1]);
    let mut down = ready_links();
    let eth0 = down.0.get_mut(&2).unwrap();
    eth0.up = false;
    eth0.ethernet.as_mut().unwrap().link_local = None;
    world.planner.handle_links(down.clone());
    assert_eq!(
        world.settle().peers,
        None,
        "the hold timer, or BFD, ends it"
    );

    hear(&mut world, &[]);
    assert!(complaint(&world).starts_with("NoNeighbor: spec.interface: eth0 is down; connect it"));
    down.0.get_mut(&2).unwrap().up = true;
    world.planner.handle_links(down.clone());
    world.settle();
    assert!(
        complaint(&world).starts_with(
            "NoInterface: spec.interface: eth0 has no link-local address; enable IPv6"
        )
    );

    down.0.get_mut(&2).unwrap().name = "lan0".into();
    world.planner.handle_links(down);
    hear(&mut world, &ROUTERS[..1]);
    assert_eq!(session(&world), None);
    assert!(
        complaint(&world)
            .starts_with("NoInterface: spec.interface: this node has no interface eth0; create it")
    );

    // It comes back as another one.
    let mut back = ready_links();
    let eth0 = back.0.remove(&2).unwrap();
    back.0.insert(9, eth0);
    world.planner.handle_links(back);
    world.planner.handle_neighbors(Neighbors::from([(
        9,
        ROUTERS[..1].iter().copied().collect(),
    )]));
    world.settle();
    assert_eq!(session(&world).unwrap().config.interface.unwrap().index, 9);
}

#[test]
fn of_two_peers_on_one_interface_the_older_has_the_session() {
    let mut world = world();
    let mut younger = unnumbered("younger");
    younger.meta.created = Timestamp(9);
    world.apply(Object::Peer(younger));
    hear(&mut world, &ROUTERS[..1]);
    assert!(session(&world).is_some());
    assert!(
        complaint(&world)
            .starts_with("DuplicatePeer: spec.interface eth0 is that of the older BGPPeer router")
    );
}

#[test]
fn bfd_watches_over_the_link_to_the_router() {
    let mut world = World::usual();
    let mut peer = unnumbered("router");
    peer.value.as_mut().unwrap().bfd_profile = Some("fast".into());
    world.apply(Object::Peer(peer));
    let profile = BfdProfile {
        timers: bfd::Profile::default(),
        minimum_ttl: None,
    };
    world.apply(Object::BfdProfile(accepted("fast", profile)));
    world.planner.handle_links(ready_links());
    hear(&mut world, &ROUTERS[..1]);
    let [watched] = world.bfd.as_slice() else {
        panic!("one session, not {:?}", world.bfd);
    };
    assert_eq!(watched.remote, ROUTERS[0]);
    assert_eq!((watched.interface, watched.hops), (Some(2), Hops::Single));
}

#[test]
fn routes_of_the_router_lead_through_its_interface_while_that_is_up() {
    let mut world = routed(PodNetworkMode::Network);
    let scoped = ScopedAddress {
        address: ROUTERS[0].into(),
        interface: Some(2),
    };
    let learned = [(prefix("10.244.7.0/24"), [scoped].into())];
    world
        .planner
        .handle_learned(std::sync::Arc::new(learned.into()));
    world.settle();
    let hop = Hop {
        interface: 2,
        gateway: ROUTERS[0].into(),
    };
    let found = route(&world, "10.244.7.0/24", 768);
    assert_eq!(found, Some(RouteTarget::Via(vec![hop])));

    let mut down = links();
    down.0.get_mut(&2).unwrap().up = false;
    world.planner.handle_links(down);
    world.settle();
    assert_eq!(route(&world, "10.244.7.0/24", 768), None);
}
