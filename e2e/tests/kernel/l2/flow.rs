use std::{collections::BTreeSet, io, net::UdpSocket, time::Duration};

use anyhow::Result;
use e2e::netns::Namespace;
use speaker::io::conntrack;

use super::{IPV4, IPV6, both, segment::Segment};
use crate::node::{inside, run};

/// Translates what goes to the other address, and tracks all.
const RULES: &str = "table inet proxy { chain output { type nat hook output priority -100; \
                     ip daddr 10.7.0.101 udp dport 7007 dnat ip to 10.7.0.2; }; \
                     chain track { type filter hook output priority 0; ct state new accept; }; }";

#[tokio::test]
async fn forgets_udp_flows_to_an_address_that_are_not_translated_and_nothing_else() -> Result<()> {
    let segment = Segment::lay(1).await?;
    let node = &segment.nodes[0];
    node.run("nft", &[RULES]).await?;
    const OTHERS: [&str; 3] = ["10.7.0.101", "10.7.0.102", "fd07::101"];
    for address in [IPV4, IPV6].into_iter().chain(OTHERS) {
        send(node, address)?;
    }
    let connected = inside(node, || {
        let address = (IPV4.parse::<std::net::IpAddr>().unwrap(), 7007).into();
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200))
    });
    connected.join().unwrap().unwrap_err();
    let flows = |shown: &str, protocol: &str, to: &str| {
        let to = format!("dst={to} ");
        let lines = shown.lines();
        let original = |line: &str| {
            line.split("src=")
                .nth(1)
                .is_some_and(|one| one.contains(&to))
        };
        lines
            .filter(|line| line.contains(&format!(" {protocol} ")) && original(line))
            .count()
    };
    let before = tracked(node).await?;
    let long = "fd07:0000:0000:0000:0000:0000:0000:0100";
    assert_eq!(flows(&before, "udp", IPV4), 1, "{before}");
    assert_eq!(flows(&before, "udp", long), 1, "{before}");
    assert_eq!(flows(&before, "tcp", IPV4), 1, "{before}");

    let translated = "10.7.0.101".parse()?;
    let addresses: BTreeSet<_> = both().into_iter().chain([translated]).collect();
    let forgotten = forget(node, addresses.clone())?;
    let after = tracked(node).await?;
    assert_eq!(forgotten, 2, "before:\n{before}after:\n{after}");
    assert_eq!(flows(&after, "udp", IPV4), 0, "{after}");
    assert_eq!(flows(&after, "udp", long), 0, "{after}");
    for (protocol, to) in [("tcp", IPV4), ("udp", OTHERS[0]), ("udp", OTHERS[1])] {
        assert_eq!(flows(&after, protocol, to), 1, "{protocol} {to}: {after}");
    }
    assert_eq!(forget(node, addresses)?, 0);
    Ok(())
}

fn send(node: &Namespace, address: &str) -> Result<()> {
    let to = (address.parse::<std::net::IpAddr>()?, 7007);
    let sent = inside(node, move || -> io::Result<()> {
        let any = if to.0.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        UdpSocket::bind(any)?.send_to(b"x", to).map(drop)
    });
    sent.join().expect("a thread")?;
    Ok(())
}

fn forget(node: &Namespace, addresses: BTreeSet<std::net::IpAddr>) -> Result<usize> {
    let forgotten = inside(node, move || run(conntrack::forget(&addresses)));
    Ok(forgotten.join().expect("a thread")?)
}

async fn tracked(node: &Namespace) -> Result<String> {
    node.run("cat", &["/proc/net/nf_conntrack"]).await
}
