//! What really becomes of packets.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::Result;
use e2e::netns::{Namespace, Network};
use model::AddressFamily;
use nix::sys::socket::{setsockopt, sockopt};
use plan::{Guard, SourceNat};
use speaker::io::nft::Counted;

use crate::{
    node::{Node, inside},
    tables::{await_table, egress, host},
    wire::{ip, packets},
};

/// Port of the servers that tell their clients from which address they were asked.
const PORT: u16 = 7007;
/// How long a client waits; what comes, comes at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// Destinations outside: one like any other, one that is excluded, one that is a pod of another node, another node.
const OUTSIDE: [&str; 8] = [
    "192.0.2.9",
    "198.51.100.9",
    "10.244.9.9",
    "192.0.2.5",
    "2001:db8::9",
    "fd99::9",
    "fd44:0:0:9::9",
    "2001:db8::5",
];

/// A pod behind a node, and the world behind the node's other interface.
struct World {
    pod: Namespace,
    node: Namespace,
    outside: Namespace,
    _network: Network,
}

#[tokio::test]
async fn what_a_pod_sends_outside_has_the_nodes_address_and_nothing_else_has() -> Result<()> {
    let world = World::build().await?;
    let node = Node::start(&world.node);
    node.guard([]);
    let expect = async |addresses: [&str; 8]| -> Result<()> {
        for (to, from) in OUTSIDE.into_iter().zip(addresses) {
            assert_eq!(ask(&world.pod, to)?, from, "asking {to}");
        }
        Ok(())
    };
    let (pod, pod6) = ("10.244.1.2", "fd44:0:0:1::2");
    expect([pod, pod, pod, pod, pod6, pod6, pod6, pod6]).await?;

    node.want_egress(egress(
        SourceNat::Masquerade,
        &["198.51.100.0/24", "fd99::/16"],
    ));
    let excluded = ["198.51.100.0/24", "fd99::/16"];
    await_table(&world.node, &excluded, &[]).await?;
    let own = "2001:db8::1";
    expect(["192.0.2.1", pod, pod, pod, own, pod6, pod6, pod6]).await?;
    // What the node itself sends is its own affair, and what others send through it, too.
    assert_eq!(ask(&world.node, "192.0.2.9")?, "192.0.2.1");
    assert_eq!(ask(&world.outside, "10.244.1.2")?, "192.0.2.9");

    let counters = packets(&world.node).await?;
    assert_eq!((counters["egress_v4"], counters["egress_v6"]), (1, 1));
    // Elements change in place, and the counters go on.
    node.want_egress(egress(SourceNat::Masquerade, &["fd99::/16"]));
    await_table(&world.node, &["fd99::/16"], &["198.51.100.0/24"]).await?;
    expect(["192.0.2.1", "192.0.2.1", pod, pod, own, pod6, pod6, pod6]).await?;
    let counters = packets(&world.node).await?;
    assert_eq!((counters["egress_v4"], counters["egress_v6"]), (3, 2));

    // Another address; the rules are replaced, and the counters go on still.
    for (to, server) in [
        ("192.0.3.77", "192.0.2.9"),
        ("2001:db8:7::77", "2001:db8::9"),
    ] {
        node.want_egress(egress(SourceNat::To(to.parse()?), &["198.51.100.0/24"]));
        await_table(&world.node, &[&format!("to {to} fully-random")], &[]).await?;
        assert_eq!(ask(&world.pod, server)?, to);
    }
    let counters = packets(&world.node).await?;
    assert_eq!((counters["egress_v4"], counters["egress_v6"]), (4, 3));

    let state = node
        .await_nft(|state| {
            state
                .counters
                .get(&(AddressFamily::IPv4, Counted::Translated))
                .is_some_and(|count| count.packets == 4)
        })
        .await?;
    let count = state.counters[&(AddressFamily::IPv6, Counted::Translated)];
    assert!(count.packets == 3 && count.bytes > 0, "{count:?}");
    Ok(())
}

#[tokio::test]
async fn packets_to_an_address_that_nobody_translates_are_stopped() -> Result<()> {
    let world = World::build().await?;
    let node = Node::start(&world.node);
    node.guard([
        (host("203.0.113.1"), Some(Guard::Reject)),
        (host("203.0.113.2"), Some(Guard::Drop)),
        (host("2001:db8:1::1"), Some(Guard::Reject)),
        (host("2001:db8:1::2"), Some(Guard::Drop)),
    ]);
    let with = ["203.0.113.1", "203.0.113.2"];
    await_table(&world.node, &with, &[]).await?;
    for address in ["203.0.113.1", "2001:db8:1::1"] {
        let error = ask(&world.outside, address).unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::HostUnreachable,
            "{address}: {error}"
        );
    }
    for address in ["203.0.113.2", "2001:db8:1::2"] {
        let error = ask(&world.outside, address).unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::WouldBlock,
            "{address}: {error}"
        );
    }
    let counters = packets(&world.node).await?;
    for name in ["reject_v4", "reject_v6", "drop_v4", "drop_v6"] {
        assert_eq!(counters[name], 1, "{name}: {counters:?}");
    }

    // What kube-proxy translates goes to a pod.
    let proxy = format!(
        "table inet proxy {{ chain prerouting {{ type nat hook prerouting priority dstnat; \
         ip daddr 203.0.113.1 udp dport {PORT} dnat ip to 10.244.1.2; \
         ip6 daddr 2001:db8:1::2 udp dport {PORT} dnat ip6 to fd44:0:0:1::2; }}; }}"
    );
    world.node.run("nft", &[&proxy]).await?;
    assert_eq!(ask(&world.outside, "203.0.113.1")?, "192.0.2.9");
    let seen = ask(&world.outside, "2001:db8:1::2")?;
    assert!(OUTSIDE.contains(&seen.as_str()), "{seen}");
    let counters = packets(&world.node).await?;
    assert_eq!((counters["reject_v4"], counters["drop_v6"]), (1, 1));

    // Others come and go in place.
    node.guard([
        (host("203.0.113.3"), Some(Guard::Reject)),
        (host("203.0.113.2"), None),
    ]);
    await_table(&world.node, &["203.0.113.3"], &["203.0.113.2"]).await?;
    let error = ask(&world.outside, "203.0.113.3").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::HostUnreachable);
    assert_eq!(packets(&world.node).await?["reject_v4"], 2);
    Ok(())
}

#[tokio::test]
async fn packets_to_the_unused_part_of_an_aggregate_are_stopped_and_the_stricter_network_counts()
-> Result<()> {
    let world = World::build().await?;
    let node = Node::start(&world.node);
    node.guard([(host("203.0.113.2"), Some(Guard::Reject))]);
    await_table(&world.node, &["203.0.113.2"], &["203.0.113.0/24"]).await?;
    // The set turns from one of hosts into one of intervals.
    node.guard([
        ("203.0.113.0/24".parse()?, Some(Guard::Reject)),
        (host("203.0.113.2"), Some(Guard::Drop)),
        ("2001:db8:1::/64".parse()?, Some(Guard::Reject)),
    ]);
    await_table(&world.node, &["203.0.113.0/24", "2001:db8:1::/64"], &[]).await?;
    for address in ["203.0.113.3", "2001:db8:1::3"] {
        let error = ask(&world.outside, address).unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::HostUnreachable,
            "{address}: {error}"
        );
    }
    let error = ask(&world.outside, "203.0.113.2").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
    node.guard([("203.0.113.0/24".parse()?, None)]);
    await_table(&world.node, &["203.0.113.2"], &["203.0.113.0/24"]).await?;
    Ok(())
}

impl World {
    async fn build() -> Result<Self> {
        let mut network = Network::create()?;
        let pod = network.namespace().await?;
        let node = network.namespace().await?;
        let outside = network.namespace().await?;
        let ends = |texts: &[(&str, u8)]| -> Result<Vec<(IpAddr, u8)>> {
            let ends = texts.iter();
            ends.map(|(text, length)| Ok((text.parse()?, *length)))
                .collect()
        };
        let inner = ends(&[("10.244.1.1", 24), ("fd44:0:0:1::1", 64)])?;
        let own = ends(&[("10.244.1.2", 24), ("fd44:0:0:1::2", 64)])?;
        network
            .link((&node, "veth1", &inner), (&pod, "eth0", &own))
            .await?;
        let uplink = ends(&[("192.0.2.1", 24), ("2001:db8::1", 64)])?;
        let far = ends(&OUTSIDE.map(|text| {
            match (
                text.contains(':'),
                text.starts_with("192.0.2") || text.starts_with("2001:db8"),
            ) {
                (false, true) => (text, 24),
                (false, false) => (text, 32),
                (true, true) => (text, 64),
                (true, false) => (text, 128),
            }
        }))?;
        network
            .link((&node, "eth0", &uplink), (&outside, "eth0", &far))
            .await?;
        set_up(&node).await?;
        // The world returns what it gets for the announced addresses, as a router would.
        for gateway in ["192.0.2.9", "2001:db8::9"] {
            node.route_by(gateway.parse()?).await?;
        }
        for (host, gateways) in [
            (&pod, ["10.244.1.1", "fd44:0:0:1::1"]),
            (&outside, ["192.0.2.1", "2001:db8::1"]),
        ] {
            for gateway in gateways {
                host.route_by(gateway.parse()?).await?;
            }
        }
        // Sources are chosen by the first address.
        serve(&outside, &OUTSIDE)?;
        serve(&pod, &["10.244.1.2", "fd44:0:0:1::2"])?;
        Ok(Self {
            pod,
            node,
            outside,
            _network: network,
        })
    }
}

/// The node forwards, and has addresses that are on none of its links.
async fn set_up(node: &Namespace) -> Result<()> {
    let forwarding = [
        "-qw",
        "net.ipv4.ip_forward=1",
        "net.ipv6.conf.all.forwarding=1",
    ];
    node.run("sysctl", &forwarding).await?;
    for address in ["192.0.3.77/32", "2001:db8:7::77/128"] {
        ip(node, &format!("addr add {address} dev lo")).await?;
    }
    // A redirect would take the place of the ICMP error: to one host the kernel sends one of both a second (inet_peer).
    let redirects = [
        "-qw",
        "net.ipv4.conf.all.send_redirects=0",
        "net.ipv4.conf.eth0.send_redirects=0",
    ];
    node.run("sysctl", &redirects).await?;
    Ok(())
}

/// Servers that tell each client its address as they see it, until the test ends.
fn serve(namespace: &Namespace, addresses: &[&str]) -> Result<()> {
    for address in addresses {
        let address = SocketAddr::new(address.parse()?, PORT);
        let bound = inside(namespace, move || UdpSocket::bind(address));
        let socket = bound.join().expect("a server")?;
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((_, client)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(client.ip().to_string().as_bytes(), client);
            }
        });
    }
    Ok(())
}

/// From which address the server sees a question that is asked here.
fn ask(namespace: &Namespace, server: &str) -> io::Result<String> {
    let server = SocketAddr::new(server.parse().expect("an address"), PORT);
    let asked = inside(namespace, move || {
        let any: IpAddr = match server.is_ipv4() {
            true => std::net::Ipv4Addr::UNSPECIFIED.into(),
            false => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        // Otherwise an unreachable host is no error (ip(7)).
        match server.is_ipv4() {
            true => setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?,
            false => setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?,
        }
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(server)?;
        socket.send(b"who am I?")?;
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    });
    asked.join().expect("the question is asked")
}
