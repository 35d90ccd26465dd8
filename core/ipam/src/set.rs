use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use ipnet::IpNet;
use model::{AddressFamily, AddressRange};
use rangemap::RangeInclusiveSet;

/// A set of addresses, kept as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressSet {
    ipv4: RangeInclusiveSet<u128>,
    ipv6: RangeInclusiveSet<u128>,
}

impl AddressSet {
    pub(crate) fn insert(&mut self, range: &AddressRange) {
        self.family_mut(range.family()).insert(numbers(range));
    }

    pub(crate) fn insert_network(&mut self, network: &IpNet) {
        let (first, last) = (network.network(), network.broadcast());
        self.family_mut(AddressFamily::of(first))
            .insert(number(first)..=number(last));
    }

    pub(crate) fn insert_address(&mut self, address: IpAddr) {
        self.family_mut(AddressFamily::of(address))
            .insert(number(address)..=number(address));
    }

    pub(crate) fn remove_address(&mut self, address: IpAddr) {
        self.family_mut(AddressFamily::of(address))
            .remove(number(address)..=number(address));
    }

    /// Takes out everything that is in `other`.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for range in other
            .ipv4
            .iter()
            .filter(|range| self.ipv4.overlaps(range))
            .cloned()
            .collect::<alloc::vec::Vec<_>>()
        {
            self.ipv4.remove(range);
        }
        for range in other
            .ipv6
            .iter()
            .filter(|range| self.ipv6.overlaps(range))
            .cloned()
            .collect::<alloc::vec::Vec<_>>()
        {
            self.ipv6.remove(range);
        }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.family(AddressFamily::of(address))
            .contains(&number(address))
    }

    /// The lowest address of the family.
    pub(crate) fn first(&self, family: AddressFamily) -> Option<IpAddr> {
        self.family(family)
            .first()
            .and_then(|range| address(family, *range.start()))
    }

    /// How many addresses of the family there are.
    pub(crate) fn count(&self, family: AddressFamily) -> u128 {
        let size = |range: &RangeInclusive<u128>| (range.end() - range.start()).saturating_add(1);
        self.family(family)
            .iter()
            .map(size)
            .fold(0, u128::saturating_add)
    }

    fn family(&self, family: AddressFamily) -> &RangeInclusiveSet<u128> {
        match family {
            AddressFamily::IPv4 => &self.ipv4,
            AddressFamily::IPv6 => &self.ipv6,
        }
    }

    fn family_mut(&mut self, family: AddressFamily) -> &mut RangeInclusiveSet<u128> {
        match family {
            AddressFamily::IPv4 => &mut self.ipv4,
            AddressFamily::IPv6 => &mut self.ipv6,
        }
    }
}

/// The address as a number, in the order of its family.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The ends of a range as numbers.
pub(crate) fn numbers(range: &AddressRange) -> RangeInclusive<u128> {
    number(range.first())..=number(range.last())
}

pub(crate) fn as_range(
    family: AddressFamily,
    range: &RangeInclusive<u128>,
) -> Option<AddressRange> {
    AddressRange::new(
        address(family, *range.start())?,
        address(family, *range.end())?,
    )
    .ok()
}

/// `None`: no IPv4 address has this number.
pub(crate) fn address(family: AddressFamily, number: u128) -> Option<IpAddr> {
    match family {
        AddressFamily::IPv4 => u32::try_from(number)
            .ok()
            .map(|bits| Ipv4Addr::from_bits(bits).into()),
        AddressFamily::IPv6 => Some(Ipv6Addr::from_bits(number).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        AddressRange::parse("", text).unwrap()
    }

    #[test]
    fn gives_the_lowest_address_and_closes_gaps() {
        let mut set = AddressSet::default();
        set.insert(&range("10.0.0.4-10.0.0.6"));
        let first = |set: &AddressSet| set.first(AddressFamily::IPv4).unwrap();
        let lowest = first(&set);
        set.remove_address(lowest);
        assert_eq!(first(&set), IpAddr::from([10, 0, 0, 5]));
        set.insert_address(lowest);
        assert_eq!((first(&set), set.count(AddressFamily::IPv4)), (lowest, 3));
        assert_eq!(set.first(AddressFamily::IPv6), None);
    }

    #[test]
    fn counts_more_than_64_bits() {
        let mut set = AddressSet::default();
        set.insert(&range("2001:db8::/32"));
        assert_eq!(set.count(AddressFamily::IPv6), 1 << 96);
    }

    #[test]
    fn subtracts_only_what_both_have() {
        let mut set = AddressSet::default();
        set.insert(&range("10.0.0.0-10.0.0.9"));
        set.insert(&range("fd00::-fd00::9"));
        let mut other = AddressSet::default();
        other.insert(&range("10.0.0.8-10.0.0.20"));
        other.insert(&range("10.9.0.0/16"));
        set.subtract(&other);
        let shown = [AddressFamily::IPv4, AddressFamily::IPv6]
            .map(|family| alloc::format!("{} {}", set.first(family).unwrap(), set.count(family)));
        assert_eq!(shown, ["10.0.0.0 8", "fd00:: 10"]);
    }
}
