//! Routes of every kind, what others do to them, and routes of others.

use std::collections::BTreeSet;

use anyhow::Result;
use bgp::Prefix;
use plan::{Hop, Part, RouteTarget, Routes};

use crate::{
    node::{Node, PROTOCOL, clean},
    wire::{Wires, ip, routes, via},
};

#[tokio::test]
async fn routes_of_every_kind_come_change_and_go() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    let [a, b, c, d] = node.hops().await?;
    node.want_routes(&routes(&[
        ("10.1.0.0/24", 512, via(&[a])),
        ("10.1.0.0/24", 768, via(&[a, b])),
        ("10.2.0.0/24", 768, via(&[c])),
        ("10.3.0.0/24", u32::MAX, RouteTarget::Unreachable),
        ("fd01::/64", 512, via(&[c])),
        ("fd01::/64", 768, via(&[c, d])),
        ("fd03::/64", u32::MAX, RouteTarget::Unreachable),
    ]));
    let ipv4 = [
        "nexthop via 10.0.0.2 dev eth0 weight 1",
        "nexthop via 10.0.1.2 dev eth1 weight 1",
        "unicast 10.1.0.0/24 metric 768",
        "unicast 10.1.0.0/24 via 10.0.0.2 dev eth0 metric 512",
        "unicast 10.2.0.0/24 via inet6 fd00::2 dev eth0 metric 768",
        "unreachable 10.3.0.0/24 metric 4294967295",
    ];
    let ipv6 = [
        "nexthop via fd00:0:0:1::2 dev eth1 weight 1",
        "nexthop via fd00::2 dev eth0 weight 1",
        "unicast fd01::/64 metric 768",
        "unicast fd01::/64 via fd00::2 dev eth0 metric 512",
        "unreachable fd03::/64 dev lo metric 4294967295",
    ];
    wires.await_ours("-4", &ipv4).await?;
    wires.await_ours("-6", &ipv6).await?;
    let state = node.await_routes(|state| state.held == 7).await?;
    assert!(state.in_sync, "{state:?}");
    assert_eq!((state.direct.ipv4, state.direct.ipv6), (1, 1));
    assert_eq!((state.imported.ipv4, state.imported.ipv6), (2, 1));

    change_hops(&wires, &node, [a, b, c, d]).await?;
    change_kinds(&wires, &node, c).await?;
    node.plan(|plan| plan.routes = Part::Absent);
    wires.await_ours("-4", &[]).await?;
    wires.await_ours("-6", &[]).await?;
    let state = node.await_routes(|state| state.held == 0).await?;
    assert_eq!(state.repairs, 0, "what we do ourselves is no repair");
    Ok(())
}

/// Fewer hops, more hops, others; nothing of the old ones stays.
async fn change_hops(wires: &Wires, node: &Node, [a, b, c, d]: [Hop; 4]) -> Result<()> {
    node.want_routes(&routes(&[
        ("10.1.0.0/24", 512, via(&[a, b])),
        ("10.1.0.0/24", 768, via(&[b])),
        ("10.3.0.0/24", u32::MAX, RouteTarget::Unreachable),
        ("fd01::/64", 512, via(&[c, d])),
        ("fd01::/64", 768, via(&[d])),
    ]));
    let ipv4 = [
        "nexthop via 10.0.0.2 dev eth0 weight 1",
        "nexthop via 10.0.1.2 dev eth1 weight 1",
        "unicast 10.1.0.0/24 metric 512",
        "unicast 10.1.0.0/24 via 10.0.1.2 dev eth1 metric 768",
        "unreachable 10.3.0.0/24 metric 4294967295",
    ];
    let ipv6 = [
        "nexthop via fd00:0:0:1::2 dev eth1 weight 1",
        "nexthop via fd00::2 dev eth0 weight 1",
        "unicast fd01::/64 metric 512",
        "unicast fd01::/64 via fd00:0:0:1::2 dev eth1 metric 768",
    ];
    wires.await_ours("-4", &ipv4).await?;
    wires.await_ours("-6", &ipv6).await?;

    Ok(())
}

/// The same keys with the other kind of target.
async fn change_kinds(wires: &Wires, node: &Node, c: Hop) -> Result<()> {
    node.want_routes(&routes(&[
        ("10.1.0.0/24", 512, RouteTarget::Unreachable),
        ("fd01::/64", 512, RouteTarget::Unreachable),
        ("fd01::/64", 768, via(&[c])),
    ]));
    wires
        .await_ours("-4", &["unreachable 10.1.0.0/24 metric 512"])
        .await?;
    let ipv6 = [
        "unicast fd01::/64 via fd00::2 dev eth0 metric 768",
        "unreachable fd01::/64 dev lo metric 512",
    ];
    wires.await_ours("-6", &ipv6).await?;
    Ok(())
}

#[tokio::test]
async fn a_route_of_somebody_else_stays_and_ours_for_its_prefix_waits() -> Result<()> {
    let wires = Wires::lay().await?;
    let others = [
        ["-4", "10.1.0.0/24", "10.0.1.2", "eth1", "100"],
        ["-4", "10.2.0.0/24", "10.0.1.2", "eth1", "512"],
        ["-6", "fd01::/64", "fd00:0:0:1::2", "eth1", "512"],
    ];
    for [family, prefix, gateway, device, metric] in others {
        let route = format!("{prefix} via {gateway} dev {device} proto static metric {metric}");
        ip(&wires.node, &format!("{family} route add {route}")).await?;
    }
    let before = [
        wires.routes("-4", &[]).await?,
        wires.routes("-6", &[]).await?,
    ];
    let node = Node::start(&wires.node);
    let (a, c) = (
        node.hop("eth0", "10.0.0.2").await?,
        node.hop("eth0", "fd00::2").await?,
    );
    let wanted = routes(&[
        ("10.1.0.0/24", 512, via(&[a])),
        ("10.2.0.0/24", 512, via(&[a])),
        ("10.4.0.0/24", 512, via(&[a])),
        ("fd01::/64", 512, via(&[c])),
    ]);
    node.want_routes(&wanted);
    let all = foreign(&["10.1.0.0/24", "10.2.0.0/24", "fd01::/64"]);
    let state = node.await_routes(|state| state.foreign == all).await?;
    assert!(!state.in_sync && state.held == 1, "{state:?}");
    wires
        .await_ours(
            "-4",
            &["unicast 10.4.0.0/24 via 10.0.0.2 dev eth0 metric 512"],
        )
        .await?;

    come_and_go(&wires, &node, &all).await?;
    node.plan(|plan| plan.routes = Part::Absent);
    node.await_routes(|state| state.held == 0 && state.in_sync)
        .await?;
    let after = [
        wires.routes("-4", &[]).await?,
        wires.routes("-6", &[]).await?,
    ];
    assert_eq!(before, after);
    Ok(())
}

/// Routes of others go, come, and take the place of ours.
async fn come_and_go(wires: &Wires, node: &Node, all: &BTreeSet<Prefix>) -> Result<()> {
    // It goes: ours comes by itself. It comes back: ours makes way.
    ip(&wires.node, "route del 10.1.0.0/24 metric 100").await?;
    let two = foreign(&["10.2.0.0/24", "fd01::/64"]);
    node.await_routes(|state| state.foreign == two && state.held == 2)
        .await?;
    ip(
        &wires.node,
        "route add 10.1.0.0/24 via 10.0.1.2 dev eth1 proto static metric 100",
    )
    .await?;
    node.await_routes(|state| state.foreign == *all && state.held == 1)
        .await?;

    // Ours was replaced by another's.
    ip(
        &wires.node,
        "route change 10.4.0.0/24 via 10.0.1.2 dev eth1 proto static metric 512",
    )
    .await?;
    node.await_routes(|state| state.foreign.len() == 4 && state.held == 0)
        .await?;
    ip(&wires.node, "route del 10.4.0.0/24").await?;
    node.await_routes(|state| state.foreign == *all && state.held == 1)
        .await?;
    Ok(())
}

fn foreign(texts: &[&str]) -> BTreeSet<Prefix> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn routes_that_others_take_or_change_come_back() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    let wanted = few(&node).await?;
    node.want_routes(&wanted);
    node.await_routes(|state| state.held == wanted.len())
        .await?;

    ip(&wires.node, "-4 route flush proto 158").await?;
    node.await_routes(|state| state.repairs == 2 && state.held == 4)
        .await?;
    ip(&wires.node, "-6 route flush proto 158").await?;
    node.await_routes(|state| state.repairs == 4 && state.held == 4)
        .await?;
    ip(
        &wires.node,
        "route change 10.1.0.0/24 via 10.0.1.2 dev eth1 proto 158 metric 512",
    )
    .await?;
    node.await_routes(|state| state.repairs == 5).await?;
    wires
        .await_ours(
            "-4",
            &[
                "unicast 10.1.0.0/24 via 10.0.0.2 dev eth0 metric 512",
                "unicast 10.2.0.0/24 via 10.0.0.2 dev eth0 metric 768",
            ],
        )
        .await?;
    // One that we do not want.
    ip(
        &wires.node,
        "route add 10.9.0.0/24 via 10.0.1.2 dev eth1 proto 158 metric 512",
    )
    .await?;
    let gone = [
        "unicast 10.1.0.0/24 via 10.0.0.2 dev eth0 metric 512",
        "unicast 10.2.0.0/24 via 10.0.0.2 dev eth0 metric 768",
    ];
    wires.await_ours("-4", &gone).await
}

#[tokio::test]
async fn routes_come_back_after_their_link_was_down() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    let wanted = few(&node).await?;
    node.want_routes(&wanted);
    node.await_routes(|state| state.held == wanted.len())
        .await?;
    ip(&wires.node, "link set eth0 down").await?;
    let state = node.await_routes(|state| !state.refused.is_empty()).await?;
    let words = state.refused.values().next().unwrap();
    assert!(
        words.contains("unreachable") || words.contains("down"),
        "{words}"
    );
    // It takes its IPv6 address along.
    ip(&wires.node, "link set eth0 up").await?;
    ip(&wires.node, "addr add fd00::1/64 dev eth0 nodad").await?;
    let state = node
        .await_routes(|state| state.in_sync && state.held == 4)
        .await?;
    assert!(state.repairs >= 4, "{state:?}");

    // The other end: the carrier is lost, and the kernel keeps the routes.
    ip(&wires.neighbor, "link set eth0 down").await?;
    ip(&wires.neighbor, "link set eth0 up").await?;
    node.await_routes(|state| state.in_sync && state.held == 4)
        .await?;
    Ok(())
}

#[tokio::test]
async fn what_is_untouched_stays_and_what_an_earlier_run_left_waits_for_its_end() -> Result<()> {
    let wires = Wires::lay().await?;
    for prefix in ["10.7.0.0/24", "10.8.0.0/24"] {
        let route = format!("{prefix} via 10.0.0.2 proto 158 metric 768");
        ip(&wires.node, &format!("route add {route}")).await?;
    }
    let left = [
        "unicast 10.7.0.0/24 via 10.0.0.2 dev eth0 metric 768",
        "unicast 10.8.0.0/24 via 10.0.0.2 dev eth0 metric 768",
    ];
    let node = Node::start(&wires.node);
    node.plan(|plan| plan.awaits_peers = true);
    let a = node.hop("eth0", "10.0.0.2").await?;
    node.await_routes(|state| state.held == 2 && state.in_sync)
        .await?;
    wires.await_ours("-4", &left).await?;

    // What this run once wanted it removes at once, what it never heard of it keeps.
    node.want_routes(&routes(&[
        ("10.7.0.0/24", 768, via(&[a])),
        ("10.9.0.0/24", 768, via(&[a])),
    ]));
    node.await_routes(|state| state.held == 3).await?;
    node.want_routes(&Routes::new());
    node.await_routes(|state| state.held == 1).await?;
    wires.await_ours("-4", &left[1..]).await?;
    drop(node);

    let node = Node::start(&wires.node);
    node.plan(|plan| (plan.routes, plan.awaits_peers) = (Part::Absent, true));
    node.await_routes(|state| state.held == 1).await?;
    node.plan(|plan| plan.awaits_peers = false);
    node.await_routes(|state| state.held == 0).await?;
    Ok(())
}

#[tokio::test]
async fn the_cleanup_removes_what_is_ours() -> Result<()> {
    let wires = Wires::lay().await?;
    let before = [
        wires.routes("-4", &[]).await?,
        wires.routes("-6", &[]).await?,
    ];
    let node = Node::start(&wires.node);
    let wanted = few(&node).await?;
    let hop = node.hop("eth0", "10.0.0.2").await?;
    node.want_routes(&wanted);
    node.plan(|plan| plan.neighbors = Part::Present(BTreeSet::from([hop])));
    node.await_routes(|state| state.held == 4).await?;
    drop(node);
    let removed = clean(&wires.node, || speaker::io::netlink::remove_all(PROTOCOL))?;
    assert_eq!((removed.routes, removed.neighbors), (4, 1));
    let after = [
        wires.routes("-4", &[]).await?,
        wires.routes("-6", &[]).await?,
    ];
    assert_eq!(before, after);
    let removed = clean(&wires.node, || speaker::io::netlink::remove_all(PROTOCOL))?;
    assert_eq!((removed.routes, removed.neighbors), (0, 0));
    Ok(())
}

/// Two routes of each family.
async fn few(node: &Node) -> Result<Routes> {
    let (a, c) = (
        node.hop("eth0", "10.0.0.2").await?,
        node.hop("eth0", "fd00::2").await?,
    );
    Ok(routes(&[
        ("10.1.0.0/24", 512, via(&[a])),
        ("10.2.0.0/24", 768, via(&[a])),
        ("fd01::/64", 512, via(&[c])),
        ("fd02::/64", 768, via(&[c])),
    ]))
}
