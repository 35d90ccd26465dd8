//! What routes say beside where they lead: whose attributes count, and for which peer.

use std::sync::Arc;

use bgp::{Community, PeerSet, Route, RouteAttributes};
use model::{
    Advertisement, Change, Communities, CommunityList, CommunityNames, Kind, Object, Parsed,
    Timestamp,
};
use proptest::prelude::*;

use crate::fixture::*;

/// An advertisement of this age for these peers, which `change` changes.
fn made(
    name: &str,
    created: i64,
    peers: &[&str],
    change: impl FnOnce(&mut Advertisement),
) -> Object {
    let mut made = advertisement(name);
    made.meta.created = Timestamp(created);
    let value = made.value.as_mut().unwrap();
    value.peers = peers.iter().map(|name| (*name).into()).collect();
    change(value);
    Object::Advertisement(made)
}

fn list(entries: &[&str]) -> CommunityList {
    let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
    CommunityList::parse("spec.communities", &entries).unwrap()
}

/// A Community that gives one name to one value.
fn community(object: &str, name: &str, value: &str) -> Object {
    let names = CommunityNames::from([(name.into(), value_of(value))]);
    Object::Community(accepted(object, names))
}

fn value_of(text: &str) -> Communities {
    list(&[text]).written
}

/// Two routers, and the usual world's only advertisement taken away.
fn world() -> World {
    let mut world = World::usual();
    world.apply(Object::Peer(peer("second", "192.0.2.253")));
    world.delete(Kind::Advertisement, "", "all");
    world
}

fn routes(world: &World) -> &[Route] {
    let routes = world
        .routes
        .get(&bgp::Prefix::host(ADDRESS.parse().unwrap()));
    routes.map_or(&[], Vec::as_slice)
}

/// What the peer is told of the usual address.
fn told<'a>(world: &'a World, peer: &str) -> Option<&'a Arc<RouteAttributes>> {
    let mut routes = routes(world).iter();
    let route = routes.find(|route| route.peers.contains(peer))?;
    Some(&route.attributes)
}

fn communities(world: &World, peer: &str) -> Vec<String> {
    let told = told(world, peer).unwrap();
    told.communities.iter().map(ToString::to_string).collect()
}

#[test]
fn a_route_says_what_its_advertisement_says() {
    let mut world = world();
    world.apply(made("all", 1, &[], |a| {
        a.local_pref = Some(300);
        a.med = Some(5);
        a.as_path_prepend = 2;
        a.communities = list(&["no-export", "large:1:2:3", "extended:rt:64512:7"]);
    }));
    world.settle();
    let expected = RouteAttributes {
        local_pref: Some(300),
        multi_exit_disc: Some(5),
        prepend: 2,
        communities: [Community::NO_EXPORT].into(),
        large_communities: value_of("large:1:2:3").large,
        extended_communities: value_of("extended:rt:64512:7").extended,
        ..RouteAttributes::default()
    };
    let expected = Route {
        peers: PeerSet::All,
        attributes: Arc::new(expected),
    };
    assert_eq!(routes(&world), [expected]);
}

#[test]
fn communities_are_united_and_the_rest_is_that_of_the_highest_local_pref_then_of_the_oldest() {
    for (preferences, expected) in [
        ([Some(50), Some(200), None], 1),
        ([None, Some(100), Some(100)], 2),
        ([Some(0), Some(0), None], 2),
    ] {
        let mut world = world();
        for (number, local_pref) in preferences.into_iter().enumerate() {
            let name = format!("a-{number}");
            // The last is the oldest.
            world.apply(made(&name, 9 - number as i64, &[], |a| {
                a.local_pref = local_pref;
                a.med = Some(number as u32);
                a.as_path_prepend = number as u8;
                a.communities = list(&[&format!("65000:{number}")]);
            }));
        }
        world.settle();
        let told = told(&world, "router").unwrap();
        assert_eq!(told.multi_exit_disc, Some(expected));
        assert_eq!(u32::from(told.prepend), expected);
        assert_eq!(told.local_pref, preferences[expected as usize]);
        assert_eq!(
            communities(&world, "router"),
            ["65000:0", "65000:1", "65000:2"]
        );
    }
}

#[test]
fn a_peer_is_told_what_the_advertisements_for_it_say_and_nothing_else() {
    let mut world = world();
    let say =
        |community: &'static str| move |a: &mut Advertisement| a.communities = list(&[community]);
    world.apply(made("one", 1, &["router"], say("65000:1")));
    world.apply(made("two", 2, &["second"], say("65000:2")));
    world.settle();
    assert_eq!(communities(&world, "router"), ["65000:1"]);
    assert_eq!(communities(&world, "second"), ["65000:2"]);
    assert_eq!(told(&world, "third"), None);

    world.apply(made("all", 3, &[], say("65000:3")));
    world.settle();
    assert_eq!(communities(&world, "router"), ["65000:1", "65000:3"]);
    assert_eq!(communities(&world, "second"), ["65000:2", "65000:3"]);
    assert_eq!(communities(&world, "third"), ["65000:3"]);

    // Equal for all: one route is enough, also for a peer that comes later.
    world.apply(made("one", 1, &["router"], say("65000:3")));
    world.apply(made("two", 2, &["second"], say("65000:3")));
    world.settle();
    assert_eq!(
        (routes(&world).len(), &routes(&world)[0].peers),
        (1, &PeerSet::All)
    );
}

#[test]
fn ten_thousand_services_with_equal_attributes_share_one_allocation() {
    let mut world = world();
    world.apply(Object::Pool(pool("large", "10.1.0.0", "10.1.255.255")));
    world.apply(made("all", 1, &[], |a| a.med = Some(1)));
    world.apply(made("named", 2, &["second"], |a| a.med = Some(1)));
    for number in 0..10_000 {
        let (name, address) = (
            format!("s-{number}"),
            format!("10.1.{}.{}", number / 250, number % 250),
        );
        world.apply(Object::Service(service(&name, &[&address])));
        let ready = model::EndpointState::Ready;
        world.apply(Object::EndpointSlice(slice(
            &name,
            &[("10.1.0.1", NODE, ready)],
        )));
    }
    world.settle();
    let first = told(&world, "router").unwrap();
    let mut routes = world.routes.values().flatten();
    assert_eq!(world.routes.len(), 10_001);
    assert!(routes.all(|route| Arc::ptr_eq(&route.attributes, first)));
}

#[test]
fn a_name_that_nothing_defines_sends_nothing_new_and_keeps_what_is_out() {
    let mut world = world();
    world.apply(made("all", 1, &[], |a| a.communities = list(&["vpn"])));
    world.settle();
    assert_eq!(
        (world.reason(), routes(&world)),
        ("NoAdvertisement", [].as_slice())
    );
    let unusable = world.planner.plan().unusable[0].clone();
    assert_eq!(
        (unusable.kind, &*unusable.name),
        ("BGPAdvertisement", "all")
    );
    assert_eq!(
        unusable.message,
        "spec.communities: no Community defines \"vpn\"; until one does, what was sent last stays as it is, and nothing new \
         is sent"
    );

    world.apply(community("names", "vpn", "65000:1"));
    world.settle();
    assert_eq!(communities(&world, "router"), ["65000:1"]);
    assert_eq!(world.planner.plan().unusable, []);

    world.delete(Kind::Community, "", "names");
    world.apply(made("all", 1, &[], |a| {
        a.communities = list(&["vpn", "lan"])
    }));
    world.settle();
    assert_eq!(communities(&world, "router"), ["65000:1"]);
    assert_eq!(world.planner.plan().unusable.len(), 1);

    world.apply(community("names", "vpn", "65000:2"));
    world.apply(community("more", "lan", "65000:3"));
    world.settle();
    assert_eq!(communities(&world, "router"), ["65000:2", "65000:3"]);
}

#[test]
fn a_community_that_turns_bad_keeps_its_names() {
    let mut world = world();
    world.apply(community("names", "vpn", "65000:1"));
    world.apply(made("all", 1, &[], |a| a.communities = list(&["vpn"])));
    world.settle();
    world.apply(Object::Community(rejected("names")));
    world.apply(made("all", 1, &[], |a| {
        a.communities = list(&["vpn", "no-export"])
    }));
    world.settle();
    assert_eq!(communities(&world, "router"), ["65000:1", "65535:65281"]);
    assert_eq!(world.planner.plan().unusable[0].kind, "Community");
}

#[test]
fn pod_cidrs_say_what_names_stand_for_and_are_not_sent_without() {
    let mut world = World::usual();
    world.apply(Object::Node(routed_node(1)));
    let mut network = pod_network(model::PodNetworkMode::Advertise);
    network.value.as_mut().unwrap().communities = list(&["pods"]);
    world.apply(Object::PodNetwork(network));
    world.settle();
    let pods = prefix("10.244.1.0/24");
    assert_eq!(world.routes.get(&pods), None);
    world.apply(community("names", "pods", "65000:1"));
    world.settle();
    let route = world.routes[&pods].clone();
    assert_eq!(
        route[0].attributes.communities,
        value_of("65000:1").standard
    );
    world.delete(Kind::Community, "", "names");
    world.settle();
    assert_eq!(world.routes[&pods], route);
}

/// Something that happens to names of communities.
#[derive(Clone, Debug)]
enum Step {
    Define { object: u8, name: u8, value: u8 },
    Delete { object: u8 },
    Reject { object: u8 },
    Use { names: Vec<u8> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..2_u8, 0..3_u8, 0..3_u8).prop_map(|(object, name, value)| Step::Define {
            object,
            name,
            value
        }),
        (0..2_u8).prop_map(|object| Step::Delete { object }),
        (0..2_u8).prop_map(|object| Step::Reject { object }),
        prop::collection::vec(0..3_u8, 0..3).prop_map(|names| Step::Use { names }),
    ]
}

fn change(step: &Step) -> Change {
    let object = |number: &u8| format!("object-{number}");
    let name = |number: &u8| format!("name-{number}");
    match step {
        Step::Define {
            object: number,
            name: alias,
            value,
        } => Change::Apply(community(
            &object(number),
            &name(alias),
            &format!("65000:{value}"),
        )),
        Step::Delete { object: number } => Change::Delete(
            Kind::Community,
            model::ServiceKey::cluster_scoped(object(number).as_str()),
        ),
        Step::Reject { object: number } => {
            let rejected: Parsed<CommunityNames> = rejected(&object(number));
            Change::Apply(Object::Community(rejected))
        }
        Step::Use { names } => {
            let names: Vec<String> = names.iter().map(name).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let names = list(&names);
            Change::Apply(made("all", 1, &[], |a| a.communities = names))
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_ever_withdrawn_because_of_a_name(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::usual();
        world.settle();
        for step in &steps {
            world.planner.handle_change(change(step));
            world.settle();
            prop_assert!(told(&world, "router").is_some());
        }
    }
}
