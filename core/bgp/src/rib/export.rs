use core::net::IpAddr;

use crate::fsm::Negotiated;
use crate::notice::LocalAddresses;
use crate::params::{Asn, DEFAULT_LOCAL_PREF, Family, FamilySet};
use crate::peer_config::PeerConfig;
use crate::wire::attr::{NextHop, RouteAttributes};
use crate::wire::{AttributeBlock, Dialect, EncodeError, PeerType};

/// What a session adds to every route: our AS as often as the route wants, the next hops, LOCAL_PREF inside our AS, and
/// the form of a link bandwidth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Export {
    dialect: Dialect,
    local_asn: Asn,
    ipv4: Option<NextHop>,
    ipv6: Option<NextHop>,
}

impl Export {
    pub(crate) fn new(
        config: &PeerConfig,
        negotiated: &Negotiated,
        addresses: &LocalAddresses,
    ) -> Self {
        let dialect = negotiated.dialect;
        let wanted = |family, next_hop: Option<NextHop>| {
            next_hop.filter(|_| dialect.families.contains(family))
        };
        Self {
            dialect,
            local_asn: config.local_asn,
            ipv4: wanted(
                Family::IPV4_UNICAST,
                match &config.interface {
                    // An unnumbered router need not have a route to our IPv4 address.
                    Some(_) if dialect.extended_next_hop => ipv6_next_hop(addresses),
                    Some(_) | None => ipv4_next_hop(addresses, dialect.extended_next_hop),
                },
            ),
            ipv6: wanted(Family::IPV6_UNICAST, ipv6_next_hop(addresses)),
        }
    }

    pub(crate) const fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Families whose prefixes are sent.
    pub(crate) fn advertised(&self) -> FamilySet {
        self.dialect
            .families
            .iter()
            .filter(|family| self.next_hop(*family).is_some())
            .collect()
    }

    /// Families that were negotiated, but have no next hop that the peer could use.
    pub(crate) fn no_next_hop(&self) -> FamilySet {
        self.dialect
            .families
            .iter()
            .filter(|family| self.next_hop(*family).is_none())
            .collect()
    }

    /// The attributes as this session carries them.
    ///
    /// # Errors
    /// They do not fit a message, or the family has no next hop.
    pub(crate) fn block(
        &self,
        family: Family,
        attributes: &RouteAttributes,
    ) -> Result<AttributeBlock, EncodeError> {
        let next_hop = self.next_hop(family).ok_or(EncodeError::NextHopFamily)?;
        let mut attributes = attributes.clone();
        let bandwidth = attributes.link_bandwidth.take();
        let bandwidth = match self.dialect.peer_type {
            PeerType::External => {
                (0..=attributes.prepend).for_each(|_| attributes.as_path.prepend(self.local_asn));
                attributes.local_pref = None;
                bandwidth.map(|bandwidth| bandwidth.transitive(self.local_asn))
            }
            PeerType::Internal => {
                attributes.local_pref.get_or_insert(DEFAULT_LOCAL_PREF);
                bandwidth.map(|bandwidth| bandwidth.non_transitive(self.local_asn))
            }
        };
        attributes.extended_communities.extend(bandwidth);
        AttributeBlock::new(family, next_hop, &attributes, &self.dialect)
    }

    fn next_hop(&self, family: Family) -> Option<NextHop> {
        match family {
            Family::IPV4_UNICAST => self.ipv4,
            Family::IPV6_UNICAST => self.ipv6,
            _ => None,
        }
    }
}

/// The local address, but none that is only good on this machine; over IPv6 the interface's IPv4 address, else the IPv6 next hop where RFC 8950 was agreed on.
fn ipv4_next_hop(addresses: &LocalAddresses, extended: bool) -> Option<NextHop> {
    match addresses.local.to_canonical() {
        IpAddr::V4(local) if !local.is_loopback() => Some(NextHop::Ipv4(local)),
        IpAddr::V4(_) => addresses.ipv4.map(NextHop::Ipv4),
        IpAddr::V6(_) => addresses
            .ipv4
            .map(NextHop::Ipv4)
            .or_else(|| ipv6_next_hop(addresses).filter(|_| extended)),
    }
}

/// The local address; over IPv4 the global one of the interface or node. A link-local address counts on a shared link
/// only (RFC 2545 section 3).
fn ipv6_next_hop(addresses: &LocalAddresses) -> Option<NextHop> {
    match (addresses.local.to_canonical(), addresses.ipv6) {
        (IpAddr::V6(local), global) if local.is_unicast_link_local() => match global {
            Some(global) if addresses.on_link => Some(NextHop::Ipv6WithLinkLocal {
                global,
                link_local: local,
            }),
            Some(global) => Some(NextHop::Ipv6(global)),
            None => addresses.on_link.then_some(NextHop::Ipv6(local)),
        },
        (IpAddr::V6(local), _) if !local.is_loopback() => Some(NextHop::Ipv6(local)),
        (IpAddr::V6(_) | IpAddr::V4(_), global) => global.map(NextHop::Ipv6),
    }
}

#[cfg(test)]
mod octets;

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const IPV4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    const OTHER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
    const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    fn over(local: impl Into<IpAddr>) -> LocalAddresses {
        LocalAddresses {
            local: local.into(),
            ipv4: None,
            ipv6: None,
            on_link: true,
        }
    }

    #[test]
    fn a_prefix_of_the_transports_family_gets_the_local_address() {
        assert_eq!(ipv4_next_hop(&over(IPV4), false), Some(NextHop::Ipv4(IPV4)));
        assert_eq!(ipv6_next_hop(&over(GLOBAL)), Some(NextHop::Ipv6(GLOBAL)));
    }

    #[test]
    fn a_session_within_this_machine_has_no_next_hop_of_its_own() {
        assert_eq!(ipv4_next_hop(&over(Ipv4Addr::LOCALHOST), true), None);
        assert_eq!(ipv6_next_hop(&over(Ipv6Addr::LOCALHOST)), None);
        let node = |local: IpAddr| LocalAddresses {
            ipv4: Some(IPV4),
            ipv6: Some(GLOBAL),
            ..over(local)
        };
        for local in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            assert_eq!(
                ipv4_next_hop(&node(local), false),
                Some(NextHop::Ipv4(IPV4))
            );
            assert_eq!(ipv6_next_hop(&node(local)), Some(NextHop::Ipv6(GLOBAL)));
        }
    }

    #[test]
    fn ipv6_over_ipv4_needs_a_global_address_and_never_a_mapped_one() {
        assert_eq!(ipv6_next_hop(&over(IPV4)), None);
        assert_eq!(ipv6_next_hop(&over(IPV4.to_ipv6_mapped())), None);
        let with_global = LocalAddresses {
            ipv6: Some(GLOBAL),
            ..over(IPV4)
        };
        assert_eq!(ipv6_next_hop(&with_global), Some(NextHop::Ipv6(GLOBAL)));
    }

    #[test]
    fn ipv4_over_ipv6_takes_ipv4_first_and_ipv6_only_by_agreement() {
        let with_ipv4 = LocalAddresses {
            ipv4: Some(IPV4),
            ..over(GLOBAL)
        };
        assert_eq!(ipv4_next_hop(&with_ipv4, true), Some(NextHop::Ipv4(IPV4)));
        assert_eq!(
            ipv4_next_hop(&over(GLOBAL), true),
            Some(NextHop::Ipv6(GLOBAL))
        );
        assert_eq!(ipv4_next_hop(&over(GLOBAL), false), None);
    }

    #[test]
    fn link_local_is_for_the_shared_link_only() {
        let remote = LocalAddresses {
            on_link: false,
            ..over(LINK_LOCAL)
        };
        assert_eq!(ipv6_next_hop(&remote), None);
        assert_eq!(
            ipv6_next_hop(&over(LINK_LOCAL)),
            Some(NextHop::Ipv6(LINK_LOCAL))
        );
        let both = LocalAddresses {
            ipv6: Some(OTHER),
            ..over(LINK_LOCAL)
        };
        let expected = NextHop::Ipv6WithLinkLocal {
            global: OTHER,
            link_local: LINK_LOCAL,
        };
        assert_eq!(ipv6_next_hop(&both), Some(expected));
    }
}
