//! Routes that BGPPeers import, on a node without a PodNetwork.

use anyhow::Result;
use plan::{Hop, NetworkPlan, Part, Routes};

use crate::{
    node::Node,
    wire::{Wires, ip, routes, via},
};

#[tokio::test]
async fn imported_routes_come_become_multipath_and_go_and_what_is_spared_stays() -> Result<()> {
    let wires = Wires::lay().await?;
    // What a PodNetwork of an earlier run has left.
    for route in [
        "10.244.2.0/24 via 10.0.0.2 proto 158 metric 512",
        "10.244.3.0/24 via 10.0.1.2 proto 158 metric 768",
    ] {
        ip(&wires.node, &format!("route add {route}")).await?;
    }
    // What an earlier run has imported and nobody advertises any more.
    let gone = "10.30.0.0/16 via 10.0.1.2 proto 158 metric 768";
    ip(&wires.node, &format!("route add {gone}")).await?;
    let node = Node::start(&wires.node);
    let [a, b, c, d] = node.hops().await?;
    let spared = [
        "unicast 10.244.2.0/24 via 10.0.0.2 dev eth0 metric 512",
        "unicast 10.244.3.0/24 via 10.0.1.2 dev eth1 metric 768",
    ];

    want(&node, wanted([&[a], &[c]]));
    let one = "unicast 10.20.0.0/16 via 10.0.0.2 dev eth0 metric 768";
    wires.await_ours("-4", &[one, spared[0], spared[1]]).await?;
    let ipv6 = "unicast fd20::/48 via fd00::2 dev eth0 metric 768";
    wires.await_ours("-6", &[ipv6]).await?;

    want(&node, wanted([&[a, b], &[c, d]]));
    let ipv4 = [
        "nexthop via 10.0.0.2 dev eth0 weight 1",
        "nexthop via 10.0.1.2 dev eth1 weight 1",
        "unicast 10.20.0.0/16 metric 768",
        spared[0],
        spared[1],
    ];
    let ipv6 = [
        "nexthop via fd00:0:0:1::2 dev eth1 weight 1",
        "nexthop via fd00::2 dev eth0 weight 1",
        "unicast fd20::/48 metric 768",
    ];
    wires.await_ours("-4", &ipv4).await?;
    wires.await_ours("-6", &ipv6).await?;

    want(&node, Routes::new());
    wires.await_ours("-4", &spared).await?;
    wires.await_ours("-6", &[]).await?;
    let state = node.await_routes(|state| state.held == 2).await?;
    assert!(state.in_sync && state.spared == 2, "{state:?}");
    Ok(())
}

fn wanted([ipv4, ipv6]: [&[Hop]; 2]) -> Routes {
    routes(&[
        ("10.20.0.0/16", 768, via(ipv4)),
        ("fd20::/48", 768, via(ipv6)),
    ])
}

fn want(node: &Node, routes: Routes) {
    node.plan(|plan| {
        *plan = NetworkPlan {
            routes: Part::Present(routes),
            imports: true,
            spared: Some(vec!["10.244.0.0/16".parse().unwrap()]),
            ..NetworkPlan::default()
        };
    });
}
