use alloc::vec::Vec;
use core::net::IpAddr;

use model::{AddressFamily, AddressRange, Cluster, Name, Pool, PoolCounts, Service};

use crate::set::{AddressSet, number};

/// An accepted pool: its addresses, and which of them are free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolSpace {
    pub(crate) name: Name,
    pub(crate) pool: Pool,
    /// Ranges that belong to an older pool, and to which.
    pub(crate) lost: Vec<(AddressRange, Name)>,
    free: AddressSet,
    available: Count,
    assigned: Count,
}

/// A number per family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    ipv4: u128,
    ipv6: u128,
}

impl PoolSpace {
    /// A pool of which `free` is neither lost, reserved nor held.
    pub(crate) fn new(
        name: Name,
        pool: Pool,
        lost: Vec<(AddressRange, Name)>,
        mut free: AddressSet,
    ) -> Self {
        if pool.avoid_buggy_ips {
            skip_buggy(&mut free, &pool.ranges);
        }
        let available = Count {
            ipv4: free.count(AddressFamily::IPv4),
            ipv6: free.count(AddressFamily::IPv6),
        };
        Self {
            name,
            pool,
            lost,
            free,
            available,
            assigned: Count::default(),
        }
    }

    /// Whether the service may have addresses from here (`spec.serviceAllocation`).
    pub(crate) fn selects(&self, cluster: &Cluster, service: &Service) -> bool {
        let Some(allocation) = &self.pool.allocation else {
            return true;
        };
        let namespace = &service.key.namespace;
        let anywhere =
            allocation.namespaces.is_empty() && allocation.namespace_selectors.0.is_empty();
        let there = || {
            allocation.namespaces.contains(namespace)
                || match cluster.namespaces.get(namespace) {
                    Some(labels) => allocation.namespace_selectors.any(labels),
                    None => false,
                }
        };
        (anywhere || there()) && allocation.service_selectors.matches(&service.meta.labels)
    }

    /// Where the pool stands in the order in which pools are tried.
    pub(crate) fn rank(&self) -> (bool, u32, Name) {
        let priority = self
            .pool
            .allocation
            .as_ref()
            .and_then(|allocation| allocation.priority);
        (
            self.pool.allocation.is_none(),
            priority.unwrap_or(u32::MAX),
            self.name.clone(),
        )
    }

    /// Whether a range of the pool has the address, lost or not.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.pool.ranges.iter().any(|range| range.contains(address))
    }

    /// Whether the pool has ranges of this family.
    pub(crate) fn has(&self, family: AddressFamily) -> bool {
        self.pool
            .ranges
            .iter()
            .any(|range| range.family() == family)
    }

    /// Whether the pool never gives the address out (`spec.avoidBuggyIPs`).
    pub(crate) fn avoids(&self, address: IpAddr) -> bool {
        self.pool.avoid_buggy_ips && is_buggy(address)
    }

    /// The lowest free address.
    pub(crate) fn first_free(&self, family: AddressFamily) -> Option<IpAddr> {
        self.free.first(family)
    }

    /// The address has a holder now; true when it was the last free one of its family.
    pub(crate) fn take(&mut self, address: IpAddr) -> bool {
        self.assigned.add(address, 1);
        if !self.free.contains(address) {
            return false;
        }
        self.free.remove_address(address);
        self.available.subtract(address, 1);
        self.first_free(AddressFamily::of(address)).is_none()
    }

    /// The address has lost its last holder; it is free unless `reserved`.
    pub(crate) fn give_back(&mut self, address: IpAddr, reserved: bool) {
        self.assigned.subtract(address, 1);
        if !reserved && !self.avoids(address) && !self.free.contains(address) {
            self.free.insert_address(address);
            self.available.add(address, 1);
        }
    }

    /// The address is reserved from now on.
    pub(crate) fn withhold(&mut self, address: IpAddr) {
        if self.free.contains(address) {
            self.free.remove_address(address);
            self.available.subtract(address, 1);
        }
    }

    /// The counts of the pool's status.
    pub(crate) fn counts(&self) -> PoolCounts {
        let saturated = |count: u128| i64::try_from(count).unwrap_or(i64::MAX);
        PoolCounts {
            assigned_ipv4: saturated(self.assigned.ipv4),
            available_ipv4: saturated(self.available.ipv4),
            assigned_ipv6: saturated(self.assigned.ipv6),
            available_ipv6: saturated(self.available.ipv6),
        }
    }
}

impl Count {
    fn of(&mut self, address: IpAddr) -> &mut u128 {
        match address {
            IpAddr::V4(_) => &mut self.ipv4,
            IpAddr::V6(_) => &mut self.ipv6,
        }
    }

    fn add(&mut self, address: IpAddr, count: u128) {
        let slot = self.of(address);
        *slot = slot.saturating_add(count);
    }

    fn subtract(&mut self, address: IpAddr, count: u128) {
        let slot = self.of(address);
        *slot = slot.saturating_sub(count);
    }
}

fn is_buggy(address: IpAddr) -> bool {
    address.is_ipv4() && matches!(number(address) & 0xff, 0 | 0xff)
}

/// Takes every IPv4 address that ends in .0 or .255 out of `free`.
fn skip_buggy(free: &mut AddressSet, ranges: &[AddressRange]) {
    for range in ranges
        .iter()
        .filter(|range| range.family() == AddressFamily::IPv4)
    {
        let (first, last) = (number(range.first()), number(range.last()));
        for block in (first >> 8)..=(last >> 8) {
            for number in [block << 8, (block << 8) | 0xff] {
                if let Some(address) = crate::set::address(AddressFamily::IPv4, number)
                    && range.contains(address)
                {
                    free.remove_address(address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn space(text: &str, avoid_buggy_ips: bool) -> PoolSpace {
        let range = AddressRange::parse("", text).unwrap();
        let mut free = AddressSet::default();
        free.insert(&range);
        let pool = Pool {
            ranges: vec![range],
            avoid_buggy_ips,
            ..Pool::default()
        };
        PoolSpace::new("p".into(), pool, Vec::new(), free)
    }

    #[test]
    fn skips_addresses_that_end_in_0_and_255() {
        let mut space = space("10.0.0.0-10.0.1.1", true);
        assert_eq!(space.counts().available_ipv4, 255);
        assert_eq!(
            space.first_free(AddressFamily::IPv4),
            Some(IpAddr::from([10, 0, 0, 1]))
        );
        let last = IpAddr::from([10, 0, 0, 255]);
        assert!(space.avoids(last));
        space.take(last);
        space.give_back(last, false);
        assert_eq!(
            (space.counts().available_ipv4, space.counts().assigned_ipv4),
            (255, 0)
        );
    }

    #[test]
    fn counts_saturate() {
        let mut space = space("2001:db8::/32", false);
        assert_eq!(space.counts().available_ipv6, i64::MAX);
        space.take(space.first_free(AddressFamily::IPv6).unwrap());
        let counts = space.counts();
        assert_eq!((counts.available_ipv6, counts.assigned_ipv6), (i64::MAX, 1));
    }
}
