use model::{
    Advertisement, CommunityList, CommunityNames, Condition, L2Advertisement, Meta, Object, Parsed,
    Peer, Rejection, Secret, Selection, Selectors, Timestamp, condition_type,
};

use crate::object::{allocated, ip, pod_network, pool};
use crate::server::{Server, shown};

pub(crate) fn meta(name: &str, created: i64) -> Meta {
    Meta {
        name: name.into(),
        uid: name.into(),
        generation: 4,
        resource_version: "1".into(),
        created: Timestamp(created),
        ..Meta::default()
    }
}

pub(crate) fn peer(
    name: &str,
    created: i64,
    address: &str,
    zone: Option<&'static str>,
) -> Parsed<Peer> {
    let value = Peer {
        nodes: Selectors(
            zone.map(|zone| [("zone", zone)].into_iter().collect())
                .into_iter()
                .collect(),
        ),
        ..Peer::new([64_512_u32.into(), 64_513_u32.into()], ip(address))
    };
    Parsed {
        meta: meta(name, created),
        value: Ok(value),
    }
}

fn node(name: &str, zone: &str) -> Object {
    let labels = [("zone".to_string(), zone.to_string())].into();
    Object::Node(model::Node {
        meta: Meta {
            name: name.into(),
            labels,
            ..Meta::default()
        },
        ..model::Node::default()
    })
}

fn conditions(server: &Server, name: &str) -> Vec<Condition> {
    let object = server
        .others
        .iter()
        .find(|object| &*object.key().name == name)
        .unwrap();
    match object {
        Object::Peer(peer) => peer.meta.conditions.clone(),
        Object::Advertisement(object) => object.meta.conditions.clone(),
        Object::BfdProfile(object) => object.meta.conditions.clone(),
        Object::L2Advertisement(object) => object.meta.conditions.clone(),
        Object::Community(object) => object.meta.conditions.clone(),
        Object::PodNetwork(object) => object.meta.conditions.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn accepted(server: &Server, name: &str) -> String {
    shown(&conditions(server, name), condition_type::ACCEPTED)
}

pub(crate) fn resolved(server: &Server, name: &str) -> String {
    shown(&conditions(server, name), condition_type::RESOLVED_REFS)
}

#[test]
fn the_older_pool_wins_the_range_that_both_have() {
    let mut server = Server::new();
    server.put_pool("a-young", 9, pool(&["10.0.0.0-10.0.0.5"]));
    server.put_pool("old", 1, pool(&["10.0.0.2-10.0.0.3"]));
    server.settle();
    assert_eq!(
        server.pool_condition("a-young", condition_type::OVERLAPS),
        "True Overlaps: 10.0.0.2-10.0.0.3 belongs to the older pool \"old\""
    );
    assert!(
        server
            .pool_condition("a-young", condition_type::ACCEPTED)
            .starts_with("True")
    );
    assert!(
        server
            .pool_condition("old", condition_type::OVERLAPS)
            .starts_with("False NoOverlap")
    );
    let available = |name: &str| {
        server.pools[name]
            .value
            .as_ref()
            .unwrap()
            .counts
            .available_ipv4
    };
    assert_eq!((available("a-young"), available("old")), (4, 2));
}

#[test]
fn a_rejected_pool_says_why_and_others_work_on() {
    let mut server = Server::new();
    let rejection = Rejection::new("spec.addresses[0]", "\"x\" is no range", "write one");
    server.put_parsed_pool(Parsed {
        meta: meta("bad", 1),
        value: Err(rejection),
    });
    server.put_pool(
        "good",
        1,
        allocated(pool(&["10.0.0.0/24"]), None, &["nowhere"]),
    );
    server.settle();
    assert_eq!(
        server.pool_condition("bad", condition_type::ACCEPTED),
        "False Rejected: spec.addresses[0]: \"x\" is no range; write one"
    );
    assert_eq!(server.pool_condition("bad", condition_type::OVERLAPS), "");
    assert!(
        server
            .pool_condition("good", condition_type::ACCEPTED)
            .starts_with("True")
    );
    assert_eq!(
        server.pool_condition("good", condition_type::RESOLVED_REFS),
        "False RefNotFound: Namespace \"nowhere\" does not exist"
    );
    assert_eq!(
        server.pools["bad"].meta.conditions[0].observed_generation,
        Some(4)
    );
}

fn naming_pool(name: &str) -> Selection {
    Selection {
        pools: vec![name.into()],
        ..Selection::default()
    }
}

#[test]
fn an_advertisement_names_what_is_missing_until_it_appears() {
    let mut server = Server::new();
    let value = Advertisement {
        selection: naming_pool("p"),
        peers: vec!["tor-1".into(), "tor-2".into()],
        ..Advertisement::default()
    };
    server.put_other(Object::Advertisement(Parsed {
        meta: meta("adv", 1),
        value: Ok(value),
    }));
    server.put_other(Object::Peer(peer("tor-1", 1, "10.0.0.1", None)));
    server.settle();
    assert!(accepted(&server, "adv").starts_with("True"));
    assert_eq!(
        resolved(&server, "adv"),
        "False RefNotFound: IPAddressPool \"p\" does not exist, BGPPeer \"tor-2\" does not exist"
    );
    server.put_pool("p", 1, pool(&["10.0.0.0/24"]));
    server.put_other(Object::Peer(peer("tor-2", 1, "10.0.0.2", None)));
    server.settle();
    assert_eq!(
        resolved(&server, "adv"),
        "True ResolvedRefs: every name exists"
    );
}

fn advertisement(name: &str, created: i64, change: impl FnOnce(&mut Advertisement)) -> Object {
    let mut value = Advertisement::default();
    change(&mut value);
    Object::Advertisement(Parsed {
        meta: meta(name, created),
        value: Ok(value),
    })
}

/// A Community that gives names to communities.
fn community(name: &str, created: i64, names: &[&str]) -> Object {
    let value = |name: &&str| ((*name).into(), communities(&["65000:1"]).written);
    Object::Community(Parsed {
        meta: meta(name, created),
        value: Ok(CommunityNames::from_iter(names.iter().map(value))),
    })
}

fn communities(entries: &[&str]) -> CommunityList {
    let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
    CommunityList::parse("spec.communities", &entries).unwrap()
}

#[test]
fn a_name_of_a_community_is_missing_until_some_object_defines_it() {
    let mut server = Server::new();
    server.put_other(advertisement("adv", 1, |a| {
        a.communities = communities(&["vpn", "no-export"]);
    }));
    let Object::PodNetwork(mut network) = pod_network(&["10.244.0.0/16"], &[]) else {
        panic!("a PodNetwork")
    };
    network.value.as_mut().unwrap().communities = communities(&["vpn"]);
    server.put_other(Object::PodNetwork(network));
    server.settle();
    for object in ["adv", "default"] {
        assert!(accepted(&server, object).starts_with("True"));
        assert_eq!(
            resolved(&server, object),
            "False RefNotFound: no Community defines \"vpn\""
        );
    }
    server.put_other(community("names", 1, &["vpn"]));
    server.settle();
    for object in ["adv", "default"] {
        assert!(resolved(&server, object).starts_with("True"));
    }
    assert_eq!(
        accepted(&server, "names"),
        "True Accepted: the names can be used"
    );
}

#[test]
fn of_two_communities_with_one_name_the_younger_says_that_it_does_not_count() {
    let mut server = Server::new();
    server.put_other(community("a-young", 9, &["vpn", "lan"]));
    server.put_other(community("old", 1, &["vpn"]));
    server.settle();
    assert_eq!(
        accepted(&server, "a-young"),
        "False DuplicateName: \"vpn\" is that of the older Community \"old\""
    );
    assert!(accepted(&server, "old").starts_with("True"));
}

#[test]
fn an_advertisement_whose_attributes_do_not_count_names_the_one_whose_do() {
    let overlaps =
        |server: &Server, name: &str| shown(&conditions(server, name), condition_type::OVERLAPS);
    let mut server = Server::new();
    server.put_pool("p", 1, pool(&["10.0.0.0/24"]));
    server.put_other(node("n", "a"));
    server.put_other(advertisement("old", 1, |a| a.med = Some(1)));
    server.put_other(advertisement("strong", 2, |a| a.local_pref = Some(200)));
    server.put_other(advertisement("peer", 3, |a| {
        (a.med, a.peers) = (Some(3), vec!["tor".into()]);
    }));
    server.put_other(advertisement("other-pool", 4, |a| {
        a.selection = naming_pool("q");
    }));
    server.settle();
    assert!(overlaps(&server, "strong").starts_with("False NoOverlap"));
    assert!(overlaps(&server, "other-pool").starts_with("False NoOverlap"));
    for name in ["old", "peer"] {
        assert_eq!(
            overlaps(&server, name),
            "True AttributesOverruled: for addresses of pool \"p\" the localPref, med and asPathPrepend of \
             BGPAdvertisement \"strong\" count, which selects them too: of several the one with the highest \
             localPref, then the oldest"
        );
    }
    // For other peers, nodes or Services they do not meet.
    server.put_other(advertisement("strong", 2, |a| {
        (a.local_pref, a.peers) = (Some(200), vec!["other".into()]);
    }));
    server.settle();
    assert!(overlaps(&server, "old").starts_with("True"));
    assert!(overlaps(&server, "peer").contains("\"old\" count"));
    server.put_other(advertisement("strong", 2, |a| {
        a.local_pref = Some(200);
        let zone = [("zone", "b")].into_iter().collect();
        a.selection.nodes = Selectors([zone].into());
    }));
    server.settle();
    assert!(overlaps(&server, "old").starts_with("False"));
}

#[test]
fn an_l2_advertisement_names_pools_that_are_missing_until_they_appear() {
    let mut server = Server::new();
    let value = L2Advertisement {
        selection: naming_pool("p"),
        ..L2Advertisement::default()
    };
    let object = |value| {
        Object::L2Advertisement(Parsed {
            meta: meta("segment", 1),
            value,
        })
    };
    server.put_other(object(Ok(value)));
    server.settle();
    assert_eq!(
        accepted(&server, "segment"),
        "True Accepted: the advertisement is usable"
    );
    assert_eq!(
        resolved(&server, "segment"),
        "False RefNotFound: IPAddressPool \"p\" does not exist"
    );
    server.put_pool("p", 1, pool(&["10.0.0.0/24"]));
    server.settle();
    assert_eq!(
        resolved(&server, "segment"),
        "True ResolvedRefs: every name exists"
    );
    let rejection = Rejection::new("spec.interfaces[0]", "it is none", "write another");
    server.put_other(object(Err(rejection)));
    server.settle();
    assert_eq!(
        accepted(&server, "segment"),
        "False Rejected: spec.interfaces[0]: it is none; write another"
    );
}

#[test]
fn the_pod_network_names_peers_that_are_missing_until_they_appear() {
    let mut server = Server::new();
    server.put_other(pod_network(&["10.244.0.0/16"], &["tor-1", "tor-2"]));
    server.put_other(Object::Peer(peer("tor-1", 1, "10.0.0.1", None)));
    server.settle();
    assert_eq!(
        accepted(&server, "default"),
        "True Accepted: the pod network is usable"
    );
    assert_eq!(
        resolved(&server, "default"),
        "False RefNotFound: BGPPeer \"tor-2\" does not exist"
    );
    server.put_other(Object::Peer(peer("tor-2", 1, "10.0.0.2", None)));
    server.settle();
    assert_eq!(
        resolved(&server, "default"),
        "True ResolvedRefs: every name exists"
    );
}

#[test]
fn a_pod_network_that_makes_no_sense_says_why() {
    let mut server = Server::new();
    let rejection = Rejection::new(
        "metadata.name",
        "\"other\" is not the one name that counts",
        "name the object default",
    );
    server.put_other(Object::PodNetwork(Parsed {
        meta: meta("other", 1),
        value: Err(rejection),
    }));
    server.settle();
    assert_eq!(
        accepted(&server, "other"),
        "False Rejected: metadata.name: \"other\" is not the one name that counts; name the object default"
    );
    assert_eq!(resolved(&server, "other"), "");
}

#[test]
fn a_peer_says_what_is_wrong_with_its_secret() {
    let mut server = Server::new();
    let mut object = peer("tor", 1, "10.0.0.1", None);
    object.value.as_mut().unwrap().password_secret = Some("s".into());
    server.put_other(Object::Peer(object));
    server.settle();
    assert_eq!(
        resolved(&server, "tor"),
        "False RefNotFound: Secret \"s\" does not exist in the install namespace"
    );
    let missing = Rejection::new("data.password", "the key is missing", "add it");
    server.put_other(Object::Secret("s".into(), Err(missing)));
    server.settle();
    assert_eq!(
        resolved(&server, "tor"),
        "False RefNotFound: Secret \"s\": data.password: the key is missing; add it"
    );
    server.put_other(Object::Secret("s".into(), Ok(Secret::new("x".into()))));
    server.settle();
    assert!(resolved(&server, "tor").starts_with("True"));
}

#[test]
fn of_two_peers_with_one_address_on_a_common_node_the_older_wins() {
    let mut server = Server::new();
    server.put_other(node("n1", "a"));
    server.put_other(Object::Peer(peer("young", 9, "10.0.0.1", None)));
    server.put_other(Object::Peer(peer("old", 1, "10.0.0.1", Some("a"))));
    server.put_other(Object::Peer(peer("elsewhere", 5, "10.0.0.1", Some("b"))));
    server.settle();
    assert!(accepted(&server, "old").starts_with("True"));
    assert!(accepted(&server, "elsewhere").starts_with("True"));
    assert_eq!(
        accepted(&server, "young"),
        "False DuplicatePeer: BGPPeer \"old\" is older and has the same address on a common node"
    );
    server.others.retain(|object| &*object.key().name != "old");
    let gone = model::Change::Delete(model::Kind::Peer, model::ServiceKey::cluster_scoped("old"));
    server.ledger.handle_change(server.now, gone);
    server.settle();
    assert!(accepted(&server, "young").starts_with("True"));
}

#[test]
fn an_unchanged_configuration_is_not_written_again() {
    let mut server = Server::new();
    server.put_pool("p", 1, pool(&["10.0.0.0/24"]));
    server.put_other(Object::Peer(peer("tor", 1, "10.0.0.1", None)));
    server.put_other(pod_network(&["10.244.0.0/16"], &["tor"]));
    assert_eq!(server.settle(), 3);
    server.put_other(node("n1", "a"));
    assert_eq!(server.settle() + server.pass_time(100), 0);
    server.restart(true);
    assert_eq!(server.settle() + server.pass_time(100), 0);
}
