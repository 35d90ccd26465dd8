//! As much as a large cluster has.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Instant,
};

use anyhow::Result;
use bgp::Prefix;
use e2e::{await_condition, condition::Seen};
use plan::{Guard, RouteKey, Routes};

use crate::{
    node::{DEADLINE, Node},
    wire::{Wires, ip, via},
};

const ROUTES: u16 = 2_000;
const GUARDS: u32 = 10_000;

#[tokio::test]
async fn two_thousand_routes_of_each_family_are_installed_and_removed() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    let [a, b, c, d] = node.hops().await?;
    let mut routes = Routes::new();
    for number in 0..ROUTES {
        let [high, low] = number.to_be_bytes();
        let ipv4 = IpAddr::from(Ipv4Addr::new(100, 64 + high, low, 0));
        let ipv6 = IpAddr::from(Ipv6Addr::new(0xfd44, 0, 0, number, 0, 0, 0, 0));
        for (address, length, hops) in [(ipv4, 24, [a, b]), (ipv6, 64, [c, d])] {
            let prefix = bgp::Prefix::new(address, length)?;
            routes.insert(
                RouteKey {
                    prefix,
                    metric: 768,
                },
                via(&hops),
            );
        }
    }
    let all = routes.len();
    assert_eq!(all, usize::from(ROUTES) * 2);
    let started = Instant::now();
    node.want_routes(&routes);
    node.await_routes(|state| state.held == all && state.in_sync)
        .await?;
    println!("{all} routes installed in {:?}", started.elapsed());
    let started = Instant::now();
    ip(&wires.node, "-4 route flush proto 158").await?;
    node.await_routes(|state| state.repairs >= u64::from(ROUTES) && state.held == all)
        .await?;
    println!(
        "{ROUTES} routes flushed and put back in {:?}",
        started.elapsed()
    );
    let started = Instant::now();
    node.want_routes(&Routes::new());
    node.await_routes(|state| state.held == 0).await?;
    println!("{all} routes removed in {:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn ten_thousand_addresses_are_guarded() -> Result<()> {
    let wires = Wires::lay().await?;
    let node = Node::start(&wires.node);
    let guard = |number: u32| {
        let kind = if number.is_multiple_of(3) {
            Guard::Drop
        } else {
            Guard::Reject
        };
        let address: IpAddr = match number % 2 {
            0 => Ipv4Addr::from_bits(0xcb00_0000 + number).into(),
            _ => Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(number)).into(),
        };
        (Prefix::host(address), Some(kind))
    };
    let started = Instant::now();
    node.guard((0..GUARDS).map(guard));
    node.await_nft(|state| state.held && state.in_sync).await?;
    println!("{GUARDS} guards installed in {:?}", started.elapsed());
    await_elements(&wires, GUARDS).await?;
    let started = Instant::now();
    node.guard([guard(GUARDS)]);
    await_elements(&wires, GUARDS + 1).await?;
    println!("one more seen in {:?}", started.elapsed());
    let started = Instant::now();
    wires.node.run("nft", &["flush", "ruleset"]).await?;
    node.await_nft(|state| state.repairs == 1 && state.in_sync)
        .await?;
    println!("all flushed and put back in {:?}", started.elapsed());
    await_elements(&wires, GUARDS + 1).await?;
    Ok(())
}

/// Waits until the sets of our table have so many elements together.
async fn await_elements(wires: &Wires, expected: u32) -> Result<()> {
    await_condition("all elements are there", DEADLINE, async || {
        let list = ["list", "table", "inet", "herald"];
        let shown = wires.node.run("nft", &list).await?;
        let words = shown.split(['{', '}', ',', ' ', '\n', '\t']);
        let addresses = words.filter(|word| word.parse::<IpAddr>().is_ok());
        let count = u32::try_from(addresses.count())?;
        Ok(match count == expected {
            true => Seen::Yes(()),
            false => Seen::Not(count.to_string()),
        })
    })
    .await
}
