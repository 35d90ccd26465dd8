//! Messages of router discovery, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::time::Duration;

use radv::{Arrival, Interface, MOST_NEIGHBORS, Speaker};

const ETH0: u32 = 2;

/// Each message: an octet with the hop limit, one with its source, one with the seconds before it, one with its length.
/// Whatever comes, few neighbours are known, none from afar, and what is sent has its spacing.
pub fn run(mut octets: &[u8]) {
    let mut speaker = Speaker::new(7);
    let eth0 = Interface {
        mac: [2, 0, 0, 0, 0, 7],
        ready: true,
    };
    let mut now = Duration::from_secs(1);
    speaker.handle_interfaces(now, &BTreeMap::from([(ETH0, eth0)]), BTreeSet::new());
    let (mut packet, mut advertised) = (Vec::new(), None::<Duration>);
    while let [hop_limit, last, seconds, length, rest @ ..] = octets {
        let (message, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        octets = rest;
        now += Duration::from_secs(u64::from(*seconds));
        let prefix = if last % 2 == 0 { 0xfe80 } else { 0x2001 };
        let arrival = Arrival {
            interface: ETH0,
            source: Ipv6Addr::new(prefix, 0, 0, 0, 0, 0, 0, u16::from(*last)),
            hop_limit: *hop_limit,
        };
        let taken = speaker.handle_packet(now, &arrival, message);
        assert!(taken.is_err() || *hop_limit == 255);
        speaker.handle_timeout(now);
        while let Some(transmit) = speaker.poll_transmit(now, &mut packet) {
            assert_eq!(transmit.interface, ETH0);
            if transmit.destination == radv::ALL_NODES {
                assert!(advertised.is_none_or(|before| now - before >= Duration::from_secs(3)));
                advertised = Some(now);
            }
        }
        let neighbors = &speaker.neighbors()[&ETH0];
        assert!(neighbors.len() <= MOST_NEIGHBORS);
        assert!(neighbors.iter().all(Ipv6Addr::is_unicast_link_local));
    }
}
