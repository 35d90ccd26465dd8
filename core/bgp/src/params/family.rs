use core::fmt;
use core::ops::BitAnd;

use serde::{Deserialize, Serialize};

/// Address family identifier (IANA "Address Family Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Afi(pub u16);

impl Afi {
    /// IPv4.
    pub const IPV4: Self = Self(1);
    /// IPv6.
    pub const IPV6: Self = Self(2);
}

/// Subsequent address family identifier (IANA "SAFI Values").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Safi(pub u8);

impl Safi {
    /// Unicast forwarding.
    pub const UNICAST: Self = Self(1);
}

/// What kind of route: address family and use (RFC 4760). Any pair can stand in a capability; routes are exchanged only
/// for the two constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Family {
    /// Address family.
    pub afi: Afi,
    /// Subsequent address family.
    pub safi: Safi,
}

impl Family {
    /// IPv4 unicast.
    pub const IPV4_UNICAST: Self = Self::new(Afi::IPV4, Safi::UNICAST);
    /// IPv6 unicast.
    pub const IPV6_UNICAST: Self = Self::new(Afi::IPV6, Safi::UNICAST);

    /// Any pair of numbers.
    #[must_use]
    pub const fn new(afi: Afi, safi: Safi) -> Self {
        Self { afi, safi }
    }

    /// Whether we can exchange routes of this family.
    #[must_use]
    pub fn is_known(self) -> bool {
        self == Self::IPV4_UNICAST || self == Self::IPV6_UNICAST
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IPV4_UNICAST => f.write_str("ipv4-unicast"),
            Self::IPV6_UNICAST => f.write_str("ipv6-unicast"),
            Self { afi, safi } => write!(f, "afi-{}-safi-{}", afi.0, safi.0),
        }
    }
}

/// A set of the families we can exchange routes of; others never enter it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct FamilySet {
    ipv4_unicast: bool,
    ipv6_unicast: bool,
}

impl FamilySet {
    /// No family.
    pub const NONE: Self = Self {
        ipv4_unicast: false,
        ipv6_unicast: false,
    };
    /// IPv4 unicast alone: what a peer without the multiprotocol capability speaks.
    pub const IPV4: Self = Self {
        ipv4_unicast: true,
        ipv6_unicast: false,
    };
    /// IPv6 unicast alone.
    pub const IPV6: Self = Self {
        ipv4_unicast: false,
        ipv6_unicast: true,
    };
    /// Both.
    pub const BOTH: Self = Self {
        ipv4_unicast: true,
        ipv6_unicast: true,
    };

    /// Whether the family is in the set.
    #[must_use]
    pub fn contains(self, family: Family) -> bool {
        (self.ipv4_unicast && family == Family::IPV4_UNICAST)
            || (self.ipv6_unicast && family == Family::IPV6_UNICAST)
    }

    /// Adds a family; one that we do not know is left out.
    pub fn insert(&mut self, family: Family) {
        self.ipv4_unicast |= family == Family::IPV4_UNICAST;
        self.ipv6_unicast |= family == Family::IPV6_UNICAST;
    }

    /// Whether no family is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.ipv4_unicast && !self.ipv6_unicast
    }

    /// The families, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        [Family::IPV4_UNICAST, Family::IPV6_UNICAST]
            .into_iter()
            .filter(move |&family| self.contains(family))
    }
}

impl BitAnd for FamilySet {
    type Output = Self;

    /// What is in both sets.
    fn bitand(self, other: Self) -> Self {
        Self {
            ipv4_unicast: self.ipv4_unicast && other.ipv4_unicast,
            ipv6_unicast: self.ipv6_unicast && other.ipv6_unicast,
        }
    }
}

impl FromIterator<Family> for FamilySet {
    fn from_iter<I: IntoIterator<Item = Family>>(families: I) -> Self {
        let mut set = Self::NONE;
        families.into_iter().for_each(|family| set.insert(family));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn keeps_unknown_families_out_of_the_set() {
        let evpn = Family::new(Afi(25), Safi(70));
        let set: FamilySet = [evpn, Family::IPV6_UNICAST].into_iter().collect();
        assert_eq!(set, FamilySet::IPV6);
        assert!(!set.contains(evpn) && !evpn.is_known());
        assert_eq!(evpn.to_string(), "afi-25-safi-70");
        assert_eq!(set.iter().collect::<Vec<_>>(), [Family::IPV6_UNICAST]);
    }

    #[test]
    fn intersects() {
        assert_eq!(FamilySet::BOTH & FamilySet::IPV4, FamilySet::IPV4);
        assert!((FamilySet::IPV6 & FamilySet::IPV4).is_empty());
    }
}
