//! Facts about interfaces.

use std::net::IpAddr;

use anyhow::Result;
use e2e::{await_condition, condition::Seen};
use plan::{Link, LinkRole, Links};

use crate::{
    node::{DEADLINE, Node},
    wire::{Wires, ip},
};

#[tokio::test]
async fn tells_of_interfaces_as_they_change() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    let links = node
        .await_links(|links| named(links, "eth1").is_some_and(|link| link.addresses.len() == 2))
        .await?;
    let eth0 = named(&links, "eth0").unwrap();
    let addresses: Vec<_> = eth0.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        ["10.0.0.1/24", "fd00::1/64"],
        "no link-local one"
    );
    assert_eq!(
        (eth0.role, eth0.up, eth0.mtu),
        (LinkRole::Uplink, true, 1500)
    );
    assert!(!eth0.default_ipv4 && !eth0.default_ipv6);
    assert_eq!(named(&links, "lo").unwrap().role, LinkRole::Holder);

    tells_of_default_routes(&wires, &node).await?;
    // The default route goes without a word.
    ip(&wires.node, "link set eth0 mtu 1400 down").await?;
    node.await_links(|links| {
        let eth0 = named(links, "eth0").unwrap();
        eth0.mtu == 1400 && !eth0.up && !eth0.default_ipv4
    })
    .await?;
    ip(&wires.node, "link set eth0 up").await?;
    node.await_links(|links| named(links, "eth0").is_some_and(|link| link.up))
        .await?;
    ip(&wires.neighbor, "link set eth0 down").await?;
    node.await_links(|links| named(links, "eth0").is_some_and(|link| !link.up))
        .await?;

    ip(&wires.node, "addr add 192.0.2.1/32 dev lo").await?;
    let holder = |link: &Link| {
        link.addresses
            .iter()
            .any(|own| own.to_string() == "192.0.2.1/32")
    };
    node.await_links(|links| named(links, "lo").is_some_and(holder))
        .await?;
    ip(&wires.node, "addr del 192.0.2.1/32 dev lo").await?;
    node.await_links(|links| !named(links, "lo").is_some_and(holder))
        .await?;

    ip(&wires.node, "link add veth9 type veth peer name uplink9").await?;
    let links = node
        .await_links(|links| named(links, "uplink9").is_some())
        .await?;
    let role = |name| named(&links, name).map(|link| link.role);
    assert_eq!(role("veth9"), Some(LinkRole::Container));
    assert_eq!(role("uplink9"), Some(LinkRole::Uplink));
    ip(&wires.node, "link del veth9").await?;
    node.await_links(|links| named(links, "veth9").is_none())
        .await?;
    Ok(())
}

async fn tells_of_default_routes(wires: &Wires, node: &Node) -> Result<()> {
    ip(&wires.node, "route add default via 10.0.0.2").await?;
    ip(&wires.node, "-6 route add default via fd00:0:0:1::2").await?;
    let gateways = |text: &str| [text.parse::<IpAddr>().unwrap()];
    node.await_links(|links| {
        let (eth0, eth1) = (named(links, "eth0").unwrap(), named(links, "eth1").unwrap());
        eth0.default_ipv4
            && !eth0.default_ipv6
            && eth0.gateways == gateways("10.0.0.2")
            && eth1.default_ipv6
            && !eth1.default_ipv4
            && eth1.gateways == gateways("fd00:0:0:1::2")
    })
    .await?;
    ip(&wires.node, "route replace default via 10.0.0.3").await?;
    node.await_links(|links| named(links, "eth0").unwrap().gateways == gateways("10.0.0.3"))
        .await
        .map(drop)
}

#[tokio::test]
async fn an_address_counts_when_no_other_host_has_it() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    for setting in ["eth1.accept_dad=1", "eth1.dad_transmits=1"] {
        let setting = format!("net.ipv6.conf.{setting}");
        wires.node.run("sysctl", &["-qw", &setting]).await?;
    }
    // Fresh from its start, the neighbour is deaf.
    await_condition("the neighbour answers", DEADLINE, async || {
        ip(&wires.node, "neigh replace fd00:0:0:1::2 dev eth1 use").await?;
        let shown = wires
            .node
            .run("ip", &["-6", "neigh", "show", "dev", "eth1"])
            .await?;
        Ok(Seen::when(shown.contains("REACHABLE"), shown))
    })
    .await?;
    // This one the neighbour has, the other nobody.
    ip(&wires.node, "addr add fd00:0:0:1::2/64 dev eth1").await?;
    ip(&wires.node, "addr add fd00:0:0:1::9/64 dev eth1").await?;
    let own = |link: &Link, text: &str| link.addresses.contains(&text.parse().unwrap());
    let links = node
        .await_links(|links| {
            let link = named(links, "eth1");
            link.is_some_and(|link| own(link, "fd00:0:0:1::9/64"))
        })
        .await?;
    let eth1 = named(&links, "eth1").unwrap();
    assert!(!own(eth1, "fd00:0:0:1::2/64"));
    Ok(())
}

fn named<'a>(links: &'a Links, name: &str) -> Option<&'a Link> {
    links.0.values().find(|link| &*link.name == name)
}
