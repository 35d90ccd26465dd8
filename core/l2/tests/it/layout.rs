//! What nodes are made of.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::IpNet;
use l2::{Interface, Key, Mac};

use crate::{
    clock::Clock,
    node::{Nic, Node},
    random::Random,
};

/// A key of the cluster.
pub(crate) fn key(number: u8) -> Key {
    Key::new([number; 32])
}

/// A node with a card on each of these segments, and a clock that began anywhere and is up to 1 % wrong.
pub(crate) fn node(random: &mut Random, number: usize, segments: &[usize]) -> Node {
    let octet = u8::try_from(number % 250 + 1).unwrap();
    let nics = segments.iter().enumerate().map(|(place, segment)| Nic {
        segment: *segment,
        index: u32::try_from(2 + number % 3 + place * 5).unwrap(),
        carrier: true,
        interface: interface(number, place, *segment),
        passes: [].into(),
    });
    let internal = vec![
        Ipv4Addr::new(172, 16, u8::try_from(number / 250).unwrap(), octet).into(),
        Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, u16::try_from(number + 1).unwrap()).into(),
    ];
    let drift = i32::try_from(random.below(20_001)).unwrap() - 10_000;
    let offset = match random.below(4) {
        0 => Duration::ZERO,
        _ => Duration::from_millis(random.below(1 << 40)),
    };
    Node::new(
        &format!("node-{number}"),
        Clock::new(offset, drift),
        nics.collect(),
        internal,
    )
}

fn interface(number: usize, place: usize, segment: usize) -> Interface {
    let segment = u8::try_from(segment).unwrap();
    let host = u16::try_from(number + 1).unwrap();
    let [high, low] = host.to_be_bytes();
    let v4 = Ipv4Addr::new(10, segment, high, low);
    let v6 = Ipv6Addr::new(0xfd00, segment.into(), 0, 0, 0, 0, 0, host);
    let net = |address: IpAddr, length| IpNet::new(address, length).unwrap();
    Interface {
        name: format!("eth{place}").into(),
        mac: Mac([2, segment, 0, 0, high, low]),
        link_local: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, segment.into(), host)),
        addresses: vec![net(v4.into(), 16), net(v6.into(), 64)],
        uplink: true,
        router: false,
    }
}
