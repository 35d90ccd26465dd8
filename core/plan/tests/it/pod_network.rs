//! What a PodNetwork makes of one node.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bgp::{Community, NextHops, PeerSet, Prefix};
use model::{EgressSource, Kind, LoopPrevention, Object, PodNetworkMode};
use plan::{
    Cni, Egress, Guard, Hop, LinkRole, NetworkPlan, Part, RouteKey, RouteTarget, Setting, SourceNat,
};

use crate::fixture::*;

/// Three nodes, of which node-2 is on the subnet of node-1 and node-3 elsewhere, and one router.
pub(crate) fn routed(mode: PodNetworkMode) -> World {
    let mut world = World::usual();
    world.apply(Object::Node(routed_node(1)));
    world.apply(Object::Node(routed_node(2)));
    let mut far = routed_node(3);
    far.internal_ips = vec![ip("198.51.100.3"), ip("2001:db8:3::3")];
    far.addresses = far.internal_ips.clone();
    world.apply(Object::Node(far));
    world.apply(Object::PodNetwork(pod_network(mode)));
    world.planner.handle_links(links());
    world.settle();
    world
}

fn network(world: &World) -> NetworkPlan {
    (*world.planner.plan().network).clone()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn learn(world: &mut World, routes: &[(&str, &[&str])]) {
    let learned: BTreeMap<Prefix, NextHops> = routes
        .iter()
        .map(|(text, hops)| {
            (
                prefix(text),
                hops.iter().map(|hop| ip(hop).into()).collect(),
            )
        })
        .collect();
    world.planner.handle_learned(Arc::new(learned));
    world.settle();
}

#[test]
fn what_an_earlier_run_has_left_stays_until_the_peers_have_told_all() {
    let mut world = routed(PodNetworkMode::Network);
    assert!(network(&world).awaits_peers);
    learn(&mut world, &[("10.244.3.0/24", &["192.0.2.254"])]);
    assert!(network(&world).awaits_peers);
    world.planner.handle_converged();
    world.settle();
    let settled = network(&world);
    assert!(!settled.awaits_peers && settled.routes.present().is_some());
}

pub(crate) fn route(world: &World, text: &str, metric: u32) -> Option<RouteTarget> {
    let key = RouteKey {
        prefix: prefix(text),
        metric,
    };
    network(world).routes.present()?.get(&key).cloned()
}

fn via(gateways: &[&str]) -> Option<RouteTarget> {
    let hop = |gateway: &&str| Hop {
        interface: 2,
        gateway: ip(gateway),
    };
    Some(RouteTarget::Via(gateways.iter().map(hop).collect()))
}

fn edit(world: &mut World, change: impl FnOnce(&mut model::PodNetwork)) {
    let mut object = pod_network(PodNetworkMode::Network);
    change(object.value.as_mut().unwrap());
    world.apply(Object::PodNetwork(object));
    world.settle();
}

#[test]
fn advertises_the_nodes_own_ranges_in_both_modes() {
    for mode in [PodNetworkMode::Advertise, PodNetworkMode::Network] {
        let world = routed(mode);
        let advertised = &world.planner.plan().routes;
        for own in ["10.244.1.0/24", "fd00:244:1::/64"] {
            assert_eq!(advertised[&prefix(own)][0].peers, PeerSet::All);
        }
        assert_eq!(world.planner.plan().announced(), 1, "the Service's address");
        assert!(!advertised.contains_key(&prefix("10.244.2.0/24")));
    }
}

#[test]
fn an_advertised_range_follows_the_node_and_the_object() {
    let mut world = routed(PodNetworkMode::Network);
    edit(&mut world, |network| {
        network.peers = vec!["router".into()];
        network
            .communities
            .written
            .standard
            .insert(Community::NO_EXPORT);
        network.local_pref = Some(200);
    });
    let route = &world.routes[&prefix("10.244.1.0/24")][0];
    assert_eq!(route.peers, PeerSet::only(vec!["router".into()]));
    assert_eq!(route.attributes.local_pref, Some(200));
    assert!(route.attributes.communities.contains(&Community::NO_EXPORT));
    let mut node = routed_node(1);
    node.pod_cidrs = vec!["10.244.9.0/24".parse().unwrap()];
    world.apply(Object::Node(node));
    world.settle();
    let ranges = ["10.244.9.0/24", "10.244.1.0/24", "fd00:244:1::/64"];
    let there = ranges.map(|range| world.routes.contains_key(&prefix(range)));
    assert_eq!(there, [true, false, false]);
    edit(&mut world, |network| network.advertise = false);
    assert_eq!(world.routes.len(), 1);
}

#[test]
fn in_mode_advertise_nothing_on_the_node_is_ours() {
    let mut world = routed(PodNetworkMode::Advertise);
    learn(&mut world, &[("10.244.3.0/24", &["192.0.2.254"])]);
    let plan = network(&world);
    assert_eq!(
        (plan.routes, plan.neighbors, plan.egress, plan.cni),
        (Part::Absent, Part::Absent, Part::Absent, Cni::Absent)
    );
    assert!(plan.settings.is_empty());
    let peer = &world.planner.plan().peers["router"];
    assert_eq!(peer.config.import, bgp::Import::default());
}

#[test]
fn routes_directly_to_nodes_on_the_subnet_and_to_no_others() {
    let world = routed(PodNetworkMode::Network);
    assert_eq!(route(&world, "10.244.2.0/24", 512), via(&["192.0.2.2"]));
    assert_eq!(
        route(&world, "fd00:244:2::/64", 512),
        via(&["2001:db8:2::2"])
    );
    assert_eq!(route(&world, "10.244.3.0/24", 512), None);
    let unused = Some(RouteTarget::Unreachable);
    assert_eq!(route(&world, "10.244.1.0/24", u32::MAX), unused);
    let neighbors = network(&world).neighbors;
    assert_eq!(neighbors.present().map(|all| all.len()), Some(2));
}

#[test]
fn a_dead_link_takes_its_direct_routes_along() {
    let mut world = routed(PodNetworkMode::Network);
    let mut down = links();
    down.0.get_mut(&2).unwrap().up = false;
    world.planner.handle_links(down);
    world.settle();
    assert_eq!(route(&world, "10.244.2.0/24", 512), None);
    world.planner.handle_links(links());
    world.settle();
    assert_eq!(route(&world, "10.244.2.0/24", 512), via(&["192.0.2.2"]));
}

#[test]
fn installs_what_it_learns_beside_the_direct_routes() {
    let mut world = routed(PodNetworkMode::Network);
    learn(
        &mut world,
        &[
            ("10.244.2.0/24", &["192.0.2.254"]),
            ("10.244.3.0/24", &["192.0.2.253", "192.0.2.254"]),
        ],
    );
    assert_eq!(
        route(&world, "10.244.3.0/24", 768),
        via(&["192.0.2.253", "192.0.2.254"])
    );
    assert_eq!(route(&world, "10.244.2.0/24", 512), via(&["192.0.2.2"]));
    assert_eq!(route(&world, "10.244.2.0/24", 768), via(&["192.0.2.254"]));
}

#[test]
fn never_installs_its_own_range_nor_what_is_outside_or_out_of_reach() {
    let mut world = routed(PodNetworkMode::Network);
    learn(
        &mut world,
        &[
            ("10.244.1.0/25", &["192.0.2.254"]),
            ("10.244.0.0/16", &["192.0.2.254"]),
            ("0.0.0.0/0", &["192.0.2.254"]),
            ("10.244.3.0/24", &["203.0.113.1"]),
            ("10.244.4.0/24", &["192.0.2.1"]),
        ],
    );
    let plan = network(&world);
    let routes = plan.routes.present().unwrap();
    assert!(routes.keys().all(|key| key.metric != 768));
    let off_link = vec![(prefix("10.244.3.0/24"), ip("203.0.113.1"))];
    assert_eq!(plan.off_link, off_link, "our own address is not missed");
}

#[test]
fn asks_the_peers_of_the_object_for_what_is_inside_the_ranges() {
    let mut world = routed(PodNetworkMode::Network);
    let import = world.planner.plan().peers["router"].config.import.clone();
    for range in ["10.244.0.0/16", "10.244.7.0/24", "fd00:244::/32"].map(prefix) {
        assert!(import.accepts(&range) && import.installs(&range));
    }
    assert!(!import.accepts(&prefix("10.245.0.0/24")));
    assert_eq!(
        import.except,
        [prefix("10.244.1.0/24"), prefix("fd00:244:1::/64")]
    );
    let own_asns = import.rules.iter().map(|rule| rule.allow_own_asn);
    assert_eq!((import.max_prefixes, own_asns.max()), (10_000, Some(1)));
    edit(&mut world, |network| network.peers = vec!["other".into()]);
    let peers = &world.planner.plan().peers;
    assert_eq!(peers["router"].config.import, bgp::Import::default());
}

fn egress(world: &World) -> Egress {
    network(world).egress.present().cloned().unwrap_or_default()
}

#[test]
fn translates_what_leaves_the_cluster() {
    let mut world = routed(PodNetworkMode::Network);
    edit(&mut world, |network| {
        network.exclude_cidrs = vec![prefix("10.9.0.0/24"), prefix("10.9.0.0/16")];
    });
    let egress = egress(&world);
    let ipv4 = &egress[&model::AddressFamily::IPv4];
    let text = |list: &[ipnet::IpNet]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(text(&ipv4.pods), ["10.244.1.0/24"]);
    assert_eq!(text(&ipv4.cluster), ["10.244.0.0/16"]);
    assert_eq!(text(&ipv4.excluded), ["10.9.0.0/16"]);
    let nodes = ["192.0.2.1", "192.0.2.2", "198.51.100.3"].map(ip);
    assert_eq!(ipv4.nodes, nodes.into());
    assert_eq!(ipv4.source, SourceNat::Masquerade);
    assert_eq!(egress.len(), 2);
    edit(&mut world, |network| network.masquerade = false);
    assert_eq!(network(&world).egress, Part::Absent);
}

#[test]
fn the_source_is_the_nodes_address_when_no_uplink_holds_it() {
    let mut world = routed(PodNetworkMode::Network);
    let sources = |world: &World| egress(world).values().map(|f| f.source).collect::<Vec<_>>();
    let internal = ["192.0.2.1", "2001:db8:2::1"].map(|text| SourceNat::To(ip(text)));
    edit(&mut world, |network| {
        network.egress_source = EgressSource::InternalIP
    });
    assert_eq!(sources(&world), internal);
    edit(&mut world, |_| {});
    assert_eq!(sources(&world), [SourceNat::Masquerade; 2]);
    let mut routed_node = links();
    let [lo, eth0] = [1, 2].map(|index| routed_node.0.get(&index).unwrap().addresses.clone());
    routed_node.0.get_mut(&1).unwrap().addresses = [lo, eth0].concat();
    routed_node.0.get_mut(&2).unwrap().addresses = vec!["10.255.0.1/31".parse().unwrap()];
    world.planner.handle_links(routed_node);
    world.settle();
    assert_eq!(sources(&world), internal);
    edit(&mut world, |network| {
        network.egress_source = EgressSource::Interface
    });
    assert_eq!(sources(&world), [SourceNat::Masquerade; 2]);
}

#[test]
fn the_cni_configuration_has_the_nodes_ranges_and_the_uplinks_mtu() {
    let mut world = routed(PodNetworkMode::Network);
    let mut jumbo = links();
    jumbo.0.get_mut(&2).unwrap().mtu = 9000;
    world.planner.handle_links(jumbo);
    world.settle();
    let Cni::Install(config) = network(&world).cni else {
        panic!("a configuration");
    };
    assert_eq!((config.mtu, config.subnets.len()), (Some(9000), 2));
    edit(&mut world, |network| network.cni_install = false);
    assert_eq!(network(&world).cni, Cni::Absent);
    edit(&mut world, |_| {});
    let mut node = routed_node(1);
    node.pod_cidrs.clear();
    world.apply(Object::Node(node));
    world.settle();
    assert_eq!(network(&world).cni, Cni::NoPodCidr);
}

#[test]
fn forwarding_needs_settings_on_the_uplinks_alone() {
    let mut world = routed(PodNetworkMode::Network);
    let mut with_pod = links();
    let mut veth = with_pod.0[&2].clone();
    (veth.name, veth.role) = ("veth1".into(), LinkRole::Container);
    with_pod.0.insert(3, veth);
    world.planner.handle_links(with_pod);
    world.settle();
    let families = [model::AddressFamily::IPv4, model::AddressFamily::IPv6];
    let mut expected = vec![
        Setting::AcceptRouterAdvertisements("eth0".into()),
        Setting::LooseReversePath("eth0".into()),
    ];
    expected.extend(families.map(Setting::Forwarding));
    assert_eq!(network(&world).settings, expected.iter().cloned().collect());
    edit(&mut world, |network| {
        network.cni_type = model::CniType::Bridge
    });
    expected.extend(families.map(Setting::BridgeNetfilter));
    assert_eq!(network(&world).settings, expected.into_iter().collect());
}

#[test]
fn deleting_the_object_changes_nothing_on_the_node() {
    let mut world = routed(PodNetworkMode::Network);
    let (before, routes) = (network(&world), world.routes.clone());
    world.delete(Kind::PodNetwork, "", "default");
    world.settle();
    let orphaned = NetworkPlan {
        orphaned: true,
        ..before.clone()
    };
    assert_eq!((network(&world), &world.routes), (orphaned, &routes));
    world.apply(Object::PodNetwork(pod_network(PodNetworkMode::Network)));
    world.settle();
    assert_eq!(network(&world), before);
}

#[test]
fn a_bad_edit_of_the_object_keeps_what_was_good() {
    let mut world = routed(PodNetworkMode::Network);
    let before = network(&world);
    world.apply(Object::PodNetwork(rejected("default")));
    world.settle();
    assert_eq!(network(&world), before);
    let unusable = &world.planner.plan().unusable;
    assert_eq!(
        (unusable[0].kind, &*unusable[0].name),
        ("PodNetwork", "default")
    );
}

#[test]
fn without_the_object_or_before_the_interfaces_are_known_nothing_is_touched() {
    let mut world = World::usual();
    world.apply(Object::Node(routed_node(2)));
    world.planner.handle_links(links());
    world.planner.handle_converged();
    world.settle();
    let untouched = NetworkPlan {
        routes: Part::Present(Default::default()),
        spared: Some(["10.244.2.0/24", "fd00:244:2::/64"].map(prefix).into()),
        ..NetworkPlan::default()
    };
    assert_eq!(network(&world), untouched);
    for (text, metric) in [
        ("10.244.2.0/24", 768),
        ("198.51.100.0/24", 512),
        ("10.244.1.0/24", u32::MAX),
    ] {
        let prefix = prefix(text);
        assert!(untouched.spares(&RouteKey { prefix, metric }), "{text}");
    }
    let imported = RouteKey {
        prefix: prefix("198.51.100.0/24"),
        metric: 768,
    };
    assert!(!untouched.spares(&imported), "a BGPPeer asked for it once");
    let mut world = World::usual();
    world.apply(Object::PodNetwork(pod_network(PodNetworkMode::Network)));
    world.settle();
    assert_eq!(network(&world), NetworkPlan::default());
}

#[test]
fn says_when_the_ranges_leave_out_this_nodes() {
    let mut world = routed(PodNetworkMode::Network);
    edit(&mut world, |network| {
        network.pod_cidrs = vec![prefix("10.244.0.0/16")]
    });
    let message = &world.planner.plan().unusable[0].message;
    assert!(
        message.starts_with("spec.podCIDRs: no range holds fd00:244:1::/64"),
        "{message}"
    );
}

#[test]
fn what_no_service_takes_is_stopped_as_the_strictest_advertisement_says() {
    let mut world = World::usual();
    let guard = |world: &World| {
        world
            .planner
            .plan()
            .guards
            .get(&bgp::Prefix::host(ip(ADDRESS)))
            .copied()
    };
    world.settle();
    assert_eq!(guard(&world), Some(Guard::Reject));
    for (wish, expected) in [
        (LoopPrevention::Drop, Some(Guard::Drop)),
        (LoopPrevention::Disabled, Some(Guard::Reject)),
    ] {
        let mut second = advertisement("second");
        second.value.as_mut().unwrap().loop_prevention = wish;
        world.apply(Object::Advertisement(second));
        world.settle();
        assert_eq!(guard(&world), expected);
    }
    world.delete(Kind::Service, "default", "web");
    world.settle();
    assert_eq!(guard(&world), None);
}
