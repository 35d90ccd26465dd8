use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{AddressFamily, Name, Selectors};

/// An IPAddressPool's spec, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Ranges in the order written; none overlaps another.
    pub ranges: Vec<AddressRange>,
    /// Whether Services that name no pool may get an address from here.
    pub auto_assign: bool,
    /// Whether IPv4 addresses ending in .0 and .255 are skipped.
    pub avoid_buggy_ips: bool,
    /// Who may use the pool; `None`: every Service.
    pub allocation: Option<Allocation>,
}

/// `spec.serviceAllocation`, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// Lower first; `None` (0 or absent in the object) last.
    pub priority: Option<u32>,
    /// Namespaces by name.
    pub namespaces: Vec<Name>,
    /// Namespaces by label.
    pub namespace_selectors: Selectors,
    /// Services by label.
    pub service_selectors: Selectors,
}

/// An inclusive range of addresses of one family: `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why two addresses are no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    /// One is IPv4, the other IPv6.
    #[error("the two ends are of different families")]
    MixedFamilies,
    /// The first is above the last.
    #[error("the first address is above the last")]
    Reversed,
}

impl AddressRange {
    /// The range from `first` to `last`, both included.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, AddressRangeError> {
        if first.is_ipv4() != last.is_ipv4() {
            return Err(AddressRangeError::MixedFamilies);
        }
        if first > last {
            return Err(AddressRangeError::Reversed);
        }
        Ok(Self { first, last })
    }

    /// Lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// Family of both ends.
    pub fn family(&self) -> AddressFamily {
        AddressFamily::of(self.first)
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && self.first <= address && address <= self.last
    }
}
