use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use super::Family;

/// An IP network without host bits, so that equal networks are equal values. IPv4 sorts before IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(IpNet);

impl Prefix {
    /// The network of `length` bits that holds `address`; host bits are cleared.
    ///
    /// # Errors
    /// The length is above 32 or 128 bits.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, InvalidPrefix> {
        IpNet::new(address, length)
            .map(Self::from)
            .map_err(|_| InvalidPrefix)
    }

    /// The network of one address: /32 or /128.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// IPv4 or IPv6 unicast.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self.0 {
            IpNet::V4(_) => Family::IPV4_UNICAST,
            IpNet::V6(_) => Family::IPV6_UNICAST,
        }
    }

    /// The network address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.0.addr()
    }

    /// Length in bits.
    #[must_use]
    pub fn length(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Bits of an address of its family: 32 or 128.
    #[must_use]
    pub fn most(&self) -> u8 {
        self.0.max_prefix_len()
    }

    /// Whether the prefix is one address.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.length() == self.most()
    }

    /// Whether this network covers all of `other`.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether this network holds the address.
    #[must_use]
    pub fn contains_address(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The same as an ipnet value.
    #[must_use]
    pub const fn network(&self) -> IpNet {
        self.0
    }
}

/// By hand, as tables of many prefixes do little else: one comparison of two numbers, not of each octet.
impl Ord for Prefix {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (IpNet::V4(left), IpNet::V4(right)) => in_order(left).cmp(&in_order(right)),
            (IpNet::V4(_), IpNet::V6(_)) => Ordering::Less,
            (IpNet::V6(_), IpNet::V4(_)) => Ordering::Greater,
            (IpNet::V6(left), IpNet::V6(right)) => {
                let bits = left.addr().to_bits().cmp(&right.addr().to_bits());
                bits.then(left.prefix_len().cmp(&right.prefix_len()))
            }
        }
    }
}

impl PartialOrd for Prefix {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn in_order(network: Ipv4Net) -> u64 {
    u64::from(network.addr().to_bits()) << 8 | u64::from(network.prefix_len())
}

impl From<IpNet> for Prefix {
    fn from(network: IpNet) -> Self {
        Self(network.trunc())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Not an address, or a length that does not fit it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prefix has the form ADDRESS/LENGTH, with at most 32 bits for IPv4 and 128 for IPv6")]
pub struct InvalidPrefix;

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        text.parse::<IpNet>()
            .map(Self::from)
            .map_err(|_| InvalidPrefix)
    }
}

impl TryFrom<String> for Prefix {
    type Error = InvalidPrefix;

    fn try_from(text: String) -> Result<Self, InvalidPrefix> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        alloc::format!("{prefix}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn clears_host_bits() {
        let prefix: Prefix = "10.1.2.3/24".parse().unwrap();
        assert_eq!(prefix.to_string(), "10.1.2.0/24");
        assert_eq!(
            prefix,
            Prefix::new("10.1.2.255".parse().unwrap(), 24).unwrap()
        );
        assert_eq!(prefix.family(), Family::IPV4_UNICAST);
    }

    #[test]
    fn knows_hosts_and_what_it_covers() {
        let host = Prefix::host("2001:db8::1".parse().unwrap());
        assert!(host.is_host() && host.length() == 128);
        assert!("2001:db8::/32".parse::<Prefix>().unwrap().contains(&host));
        assert!(!"10.0.0.0/8".parse::<Prefix>().unwrap().contains(&host));
    }

    #[test]
    fn sorts_by_family_address_and_length() {
        let sorted = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.0.0.0/32",
            "10.0.0.1/32",
            "192.0.2.0/24",
            "255.255.255.255/32",
            "::/0",
            "::/128",
            "2001:db8::/32",
            "2001:db8::/33",
            "ff02::1/128",
        ];
        let prefixes = sorted.map(|text| text.parse::<Prefix>().unwrap());
        for (number, left) in prefixes.iter().enumerate() {
            for (other, right) in prefixes.iter().enumerate() {
                assert_eq!(left.cmp(right), number.cmp(&other), "{left} {right}");
            }
        }
    }

    #[test]
    fn refuses_lengths_that_do_not_fit() {
        assert_eq!(
            Prefix::new("10.0.0.0".parse().unwrap(), 33),
            Err(InvalidPrefix)
        );
        assert_eq!("::/129".parse::<Prefix>(), Err(InvalidPrefix));
    }
}
