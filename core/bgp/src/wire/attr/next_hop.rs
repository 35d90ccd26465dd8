use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::FaultReason;
use crate::params::Family;
use crate::wire::reader::Reader;

/// Where to send what goes to a prefix (RFC 4271 section 5.1.3, RFC 2545 section 3, RFC 8950 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NextHop {
    /// Four octets.
    Ipv4(Ipv4Addr),
    /// Sixteen octets: a global address, or on unnumbered links a link-local one alone.
    Ipv6(Ipv6Addr),
    /// Thirty-two octets.
    Ipv6WithLinkLocal {
        /// The global address; some peers write `::` or the link-local one again.
        global: Ipv6Addr,
        /// The address on the shared link.
        link_local: Ipv6Addr,
    },
}

impl NextHop {
    /// Whether prefixes of this family can have this next hop; IPv4 over IPv6 only by agreement (RFC 8950).
    #[must_use]
    pub fn fits(&self, family: Family, extended_next_hop: bool) -> bool {
        match self {
            Self::Ipv4(_) => family == Family::IPV4_UNICAST,
            Self::Ipv6(_) | Self::Ipv6WithLinkLocal { .. } => {
                family == Family::IPV6_UNICAST || extended_next_hop
            }
        }
    }

    /// Whether the address can be a host's; `::` counts only beside a link-local one.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let host = |address: &Ipv6Addr| {
            !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
        };
        match self {
            Self::Ipv4(address) => is_host(*address),
            Self::Ipv6(address) => host(address),
            Self::Ipv6WithLinkLocal { global, link_local } => {
                link_local.is_unicast_link_local() && (global.is_unspecified() || host(global))
            }
        }
    }

    /// The link-local address, which counts on the shared link.
    #[must_use]
    pub fn link_local(&self) -> Option<Ipv6Addr> {
        match self {
            Self::Ipv4(_) => None,
            Self::Ipv6(address) => address.is_unicast_link_local().then_some(*address),
            Self::Ipv6WithLinkLocal { link_local, .. } => Some(*link_local),
        }
    }

    /// The address that is not link-local, when there is one.
    #[must_use]
    pub fn global(&self) -> Option<IpAddr> {
        let address = match *self {
            Self::Ipv4(address) => return Some(IpAddr::V4(address)),
            Self::Ipv6(address)
            | Self::Ipv6WithLinkLocal {
                global: address, ..
            } => address,
        };
        let global = !address.is_unicast_link_local() && !address.is_unspecified();
        global.then_some(IpAddr::V6(address))
    }

    /// Reads the next hop of MP_REACH_NLRI; only 4, 16 and 32 octets are legal, as the family allows.
    pub(super) fn decode(octets: &[u8]) -> Result<Self, FaultReason> {
        let mut reader = Reader::new(octets);
        let next_hop = match octets.len() {
            4 => reader
                .array::<4>()
                .map(|address| Self::Ipv4(address.into())),
            16 => reader
                .array::<16>()
                .map(|address| Self::Ipv6(address.into())),
            32 => reader
                .array::<16>()
                .zip(reader.array::<16>())
                .map(|(global, link_local)| Self::Ipv6WithLinkLocal {
                    global: global.into(),
                    link_local: link_local.into(),
                }),
            _ => None,
        };
        next_hop.ok_or(FaultReason::NextHopLength)
    }

    /// Appends length and address as MP_REACH_NLRI has them.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ipv4(address) => {
                out.push(4);
                out.extend_from_slice(&address.octets());
            }
            Self::Ipv6(address) => {
                out.push(16);
                out.extend_from_slice(&address.octets());
            }
            Self::Ipv6WithLinkLocal { global, link_local } => {
                out.push(32);
                out.extend_from_slice(&global.octets());
                out.extend_from_slice(&link_local.octets());
            }
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
            Self::Ipv6WithLinkLocal { global, link_local } => write!(f, "{global} ({link_local})"),
        }
    }
}

/// Reads the NEXT_HOP attribute (RFC 7606 section 7.3); an address that is no host's is as bad (RFC 4271 section 6.3).
pub(super) fn decode_ipv4(value: &[u8]) -> Result<Ipv4Addr, FaultReason> {
    let octets: [u8; 4] = value.try_into().map_err(|_| FaultReason::Length)?;
    let address = Ipv4Addr::from(octets);
    match is_host(address) {
        true => Ok(address),
        false => Err(FaultReason::Value),
    }
}

/// Not in 0/8, 127/8, or 224/3.
fn is_host(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first != 127 && first < 224
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_4_16_or_32_octets() {
        for length in 0..=64 {
            let legal = NextHop::decode(&std::vec![1; length]).is_ok();
            assert_eq!(legal, [4, 16, 32].contains(&length), "{length}");
        }
    }

    #[test]
    fn needs_a_host_address() {
        for address in ["0.1.2.3", "127.0.0.1", "224.0.0.5", "255.255.255.255"] {
            assert!(
                !NextHop::Ipv4(address.parse().unwrap()).is_usable(),
                "{address}"
            );
        }
        for address in ["::", "::1", "ff02::1"] {
            assert!(
                !NextHop::Ipv6(address.parse().unwrap()).is_usable(),
                "{address}"
            );
        }
        let link_local = "fe80::1".parse().unwrap();
        for global in ["2001:db8::1", "::", "fe80::1"] {
            let global = global.parse().unwrap();
            assert!(
                NextHop::Ipv6WithLinkLocal { global, link_local }.is_usable(),
                "{global}"
            );
        }
        assert!(NextHop::Ipv6(link_local).is_usable());
    }

    #[test]
    fn tells_link_local_and_global_apart() {
        let (global, link_local) = ("2001:db8::1".parse().unwrap(), "fe80::1".parse().unwrap());
        let both = NextHop::Ipv6WithLinkLocal { global, link_local };
        assert_eq!(
            (both.global(), both.link_local()),
            (Some(global.into()), Some(link_local))
        );
        let alone = NextHop::Ipv6(link_local);
        assert_eq!(
            (alone.global(), alone.link_local()),
            (None, Some(link_local))
        );
    }
}
