use netlink_packet_core::Emitable;

use super::*;

const OURS: u8 = 158;

fn key(prefix: &str, metric: u32) -> RouteKey {
    RouteKey {
        prefix: prefix.parse().unwrap(),
        metric,
    }
}

fn via(hops: &[(u32, &str)]) -> RouteTarget {
    let hop = |(interface, gateway): &(u32, &str)| Hop {
        interface: *interface,
        gateway: gateway.parse().unwrap(),
    };
    RouteTarget::Via(hops.iter().map(hop).collect())
}

fn bytes(message: &RouteMessage) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn decoded(messages: &[RouteMessage]) -> Routes {
    let mut routes = Routes::new();
    for message in messages {
        decode(&bytes(message), OURS, &mut routes);
    }
    routes
}

#[test]
fn reads_what_it_writes() {
    let routes = [
        (key("10.1.0.0/24", 512), via(&[(2, "10.0.0.2")])),
        (
            key("10.2.0.0/24", 768),
            via(&[(2, "10.0.0.2"), (3, "10.0.1.2")]),
        ),
        (key("10.3.0.0/24", 768), via(&[(2, "fe80::1")])),
        (
            key("10.4.0.0/24", 768),
            via(&[(2, "10.0.0.2"), (2, "fe80::1")]),
        ),
        (key("10.5.0.0/16", u32::MAX), RouteTarget::Unreachable),
        (key("fd00:1::/64", 512), via(&[(2, "fd00::2")])),
        (
            key("fd00:2::/64", 768),
            via(&[(2, "fe80::1"), (3, "fe80::1")]),
        ),
        (key("fd00:5::/48", u32::MAX), RouteTarget::Unreachable),
    ];
    for (key, target) in routes {
        let message = encode(key, &target, OURS);
        assert_eq!(decoded(&[message]), Routes::from([(key, target)]));
    }
}

#[test]
fn merges_the_hops_of_one_route_that_arrive_one_by_one() {
    let key = key("fd00:2::/64", 768);
    let messages = [(3, "fe80::2"), (2, "fe80::1")].map(|hop| encode(key, &via(&[hop]), OURS));
    let both = via(&[(2, "fe80::1"), (3, "fe80::2")]);
    assert_eq!(decoded(&messages), Routes::from([(key, both)]));
}

#[test]
fn takes_nothing_that_another_made_or_that_is_in_another_table() {
    let key = key("10.1.0.0/24", 512);
    let mut other_table = encode(key, &RouteTarget::Unreachable, OURS);
    other_table.header.table = 10;
    let others = encode(key, &RouteTarget::Unreachable, 2);
    assert_eq!(
        decoded(&[other_table.clone(), others.clone()]),
        Routes::new()
    );
    assert_eq!(glance(&bytes(&other_table)), None);
    let seen = glance(&bytes(&others)).unwrap();
    assert_eq!((seen.prefix, seen.protocol), (key.prefix, 2));
}

#[test]
fn a_route_of_ours_that_leads_elsewhere_differs_from_all_that_is_wanted() {
    let key = key("10.1.0.0/24", 512);
    let mut message = encode(key, &RouteTarget::Unreachable, OURS);
    message.header.kind = RouteType::BlackHole;
    assert_eq!(decoded(&[message]), Routes::from([(key, via(&[]))]));
}

#[test]
fn finds_the_interfaces_of_a_default_route() {
    let key = key("0.0.0.0/0", 0);
    let interfaces = |target| default_interfaces(&bytes(&encode(key, &target, 2)));
    assert_eq!(
        interfaces(via(&[(2, "10.0.0.2"), (3, "10.0.1.2")])),
        BTreeSet::from([2, 3])
    );
    assert_eq!(interfaces(via(&[(4, "10.0.0.2")])), BTreeSet::from([4]));
    assert_eq!(interfaces(RouteTarget::Unreachable), BTreeSet::new());
}

#[test]
fn finds_the_gateways_of_a_default_route_of_others() {
    let hop = |(interface, gateway): (u32, &str)| Hop {
        interface,
        gateway: gateway.parse().unwrap(),
    };
    for (prefix, hops) in [
        ("0.0.0.0/0", vec![(4, "10.0.0.2")]),
        ("0.0.0.0/0", vec![(2, "10.0.0.2"), (3, "10.0.1.2")]),
        ("0.0.0.0/0", vec![(2, "fe80::1")]),
        ("::/0", vec![(2, "fd00::1"), (3, "fe80::1")]),
    ] {
        let route = bytes(&encode(key(prefix, 0), &via(&hops), 2));
        let expected: Vec<Hop> = hops.into_iter().map(hop).collect();
        assert_eq!(default_gateways(&route, OURS), expected);
        assert_eq!(default_gateways(&route, 2), [], "our own");
    }
    let unreachable = bytes(&encode(key("::/0", 0), &RouteTarget::Unreachable, 2));
    assert_eq!(default_gateways(&unreachable, OURS), []);
}

#[test]
fn no_bytes_make_it_panic() {
    for length in 0..64 {
        for fill in [0, 1, 2, 10, 254, 255] {
            let bytes = vec![fill; length];
            decode(&bytes, OURS, &mut Routes::new());
            let _ = glance(&bytes);
            let _ = default_interfaces(&bytes);
            let _ = default_gateways(&bytes, OURS);
        }
    }
}
