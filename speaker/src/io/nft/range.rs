//! Networks as the ranges of a set, and ranges as the elements that the kernel knows.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use model::AddressRange;

/// A key of a set, and whether it ends an interval: the first address behind it (NFT_SET_ELEM_INTERVAL_END).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element {
    /// The key.
    pub(super) key: IpAddr,
    /// It ends an interval. Of two with the same key the end comes first.
    pub(super) inside: bool,
}

/// The networks as ranges that neither overlap nor touch.
pub(super) fn merge<'a>(networks: impl IntoIterator<Item = &'a IpNet>) -> BTreeSet<AddressRange> {
    let networks = networks.into_iter();
    let mut ends: Vec<_> = networks
        .map(|network| (network.network(), network.broadcast()))
        .collect();
    ends.sort_unstable();
    let mut merged: Vec<(IpAddr, IpAddr)> = Vec::with_capacity(ends.len());
    for (first, last) in ends {
        match merged.last_mut() {
            Some((_, end)) if *end >= first || next(*end) == Some(first) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    let ranges = merged.into_iter();
    ranges
        .filter_map(|(first, last)| AddressRange::new(first, last).ok())
        .collect()
}

/// Addresses as ranges of one each.
pub(super) fn hosts<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> BTreeSet<AddressRange> {
    let addresses = addresses.into_iter();
    addresses
        .filter_map(|address| AddressRange::new(*address, *address).ok())
        .collect()
}

/// The elements of a range: its start and, in a set of intervals, its end, unless that is the end of all addresses.
pub(super) fn elements(range: &AddressRange, interval: bool) -> Vec<Element> {
    let start = Element {
        key: range.first(),
        inside: true,
    };
    let end = next(range.last()).filter(|_| interval);
    let end = end.map(|key| Element { key, inside: false });
    std::iter::once(start).chain(end).collect()
}

/// The ranges of a set's elements; `None`: they are none of ours, as a start or an end is missing.
pub(super) fn ranges(
    elements: impl IntoIterator<Item = Element>,
    interval: bool,
) -> Option<BTreeSet<AddressRange>> {
    let mut elements: Vec<_> = elements.into_iter().collect();
    elements.sort_unstable();
    if !interval {
        return Some(hosts(elements.iter().map(|element| &element.key)));
    }
    let (mut ranges, mut open) = (BTreeSet::new(), None);
    for Element { key, inside } in elements {
        match (open, inside) {
            (None, true) => open = Some(key),
            (Some(first), false) => {
                ranges.insert(AddressRange::new(first, previous(key)?).ok()?);
                open = None;
            }
            // The kernel may hold one end more, at the lowest address.
            (None, false) if key.is_unspecified() => {}
            (None, false) | (Some(_), true) => return None,
        }
    }
    if let Some(first) = open {
        let last = match first {
            IpAddr::V4(_) => Ipv4Addr::BROADCAST.into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(u128::MAX).into(),
        };
        ranges.insert(AddressRange::new(first, last).ok()?);
    }
    Some(ranges)
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let next = address.to_bits().checked_add(1)?;
            Some(Ipv4Addr::from_bits(next).into())
        }
        IpAddr::V6(address) => {
            let next = address.to_bits().checked_add(1)?;
            Some(Ipv6Addr::from_bits(next).into())
        }
    }
}

fn previous(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let previous = address.to_bits().checked_sub(1)?;
            Some(Ipv4Addr::from_bits(previous).into())
        }
        IpAddr::V6(address) => {
            let previous = address.to_bits().checked_sub(1)?;
            Some(Ipv6Addr::from_bits(previous).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(networks: &[&str]) -> Vec<String> {
        let networks: Vec<IpNet> = networks.iter().map(|text| text.parse().unwrap()).collect();
        let ranges = merge(&networks);
        ranges.iter().map(AddressRange::to_string).collect()
    }

    #[test]
    fn joins_networks_that_touch_or_overlap() {
        let networks = ["10.0.1.0/24", "10.0.0.0/24", "10.0.0.128/25", "10.0.3.0/24"];
        assert_eq!(
            merged(&networks),
            ["10.0.0.0-10.0.1.255", "10.0.3.0-10.0.3.255"]
        );
        assert_eq!(merged(&["0.0.0.0/0"]), ["0.0.0.0-255.255.255.255"]);
        assert_eq!(merged(&["fd00::/127", "fd00::2/127"]), ["fd00::-fd00::3"]);
        assert_eq!(
            merged(&["255.0.0.0/8", "255.1.0.0/16"]),
            ["255.0.0.0-255.255.255.255"]
        );
    }

    #[test]
    fn elements_are_the_ranges_that_they_were_made_of() {
        let networks = ["10.0.0.0/24", "10.0.2.0/24", "255.255.0.0/16", "0.0.0.0/8"];
        let networks = networks.map(|text| text.parse::<IpNet>().unwrap());
        let made = merge(&networks);
        let parts = |interval| {
            let parts = made.iter().flat_map(move |range| elements(range, interval));
            parts.collect::<Vec<_>>()
        };
        assert_eq!(ranges(parts(true), true), Some(made.clone()));
        let end = Element {
            key: Ipv4Addr::UNSPECIFIED.into(),
            inside: false,
        };
        let with_end = parts(true).into_iter().chain([end]);
        assert_eq!(ranges(with_end, true), Some(made.clone()));
    }

    #[test]
    fn knows_elements_that_nobody_of_us_has_made() {
        let element = |text: &str, inside| Element {
            key: text.parse().unwrap(),
            inside,
        };
        let starts = [element("10.0.0.0", true), element("10.0.1.0", true)];
        assert_eq!(ranges(starts, true), None);
        assert_eq!(ranges([element("10.0.0.0", false)], true), None);
    }
}
