use core::net::IpAddr;

use crate::notice::LocalAddresses;
use crate::params::{Asn, BgpIdentifier, Community, DEFAULT_LOCAL_PREF};
use crate::peer_config::PeerConfig;
use crate::rejected::RejectReason;
use crate::scope::ScopedAddress;
use crate::wire::PeerType;
use crate::wire::attr::{NextHop, Origin, ReceivedAttributes};

/// A way to a prefix, as far as the decision between several needs to know it: of a fixed size, whatever the peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Link-local only with its interface.
    pub(crate) next_hop: ScopedAddress,
    /// Its sender is about to withdraw it (community GRACEFUL_SHUTDOWN, RFC 8326): any other path is better.
    pub(crate) leaving: bool,
    pub(crate) local_pref: u32,
    /// Length of AS_PATH.
    pub(crate) hops: u32,
    pub(crate) origin: Origin,
    /// MULTI_EXIT_DISC, 0 when absent (RFC 4271 section 9.1.2.2, c).
    pub(crate) med: u32,
    /// Whose MED it is: the first AS of the path, ours when the path does not tell.
    pub(crate) neighbour: Asn,
    pub(crate) peer_type: PeerType,
    /// How often our AS stands in AS_PATH; 255: at least so often.
    pub(crate) own_asns: u8,
}

/// Our end of a session: what a path must not lead back to.
#[derive(Clone, Debug)]
pub(crate) struct LocalEnd {
    asn: Asn,
    identifier: BgpIdentifier,
    peer_type: PeerType,
    addresses: LocalAddresses,
    /// Where link-local next hops mean something.
    interface: Option<u32>,
}

impl LocalEnd {
    pub(crate) fn new(config: &PeerConfig, addresses: &LocalAddresses) -> Self {
        Self {
            asn: config.local_asn,
            identifier: config.identifier,
            peer_type: config.peer_type(),
            addresses: *addresses,
            interface: config.interface.as_ref().map(|interface| interface.index),
        }
    }

    /// How often our AS stands in AS_PATH; 255: at least so often.
    pub(crate) fn own_asns(&self, attributes: &ReceivedAttributes) -> u8 {
        let asns = attributes.route.as_path.asns();
        let own = asns.filter(|asn| *asn == self.asn).count();
        u8::try_from(own).unwrap_or(u8::MAX)
    }

    /// The path that these attributes describe, in which our AS stands so often and may.
    ///
    /// # Errors
    /// It leads back to us, or to nothing that we could send to.
    pub(crate) fn path(
        &self,
        next_hop: &NextHop,
        attributes: &ReceivedAttributes,
        own_asns: u8,
    ) -> Result<Path, RejectReason> {
        let route = &attributes.route;
        if self.is_reflected(attributes) {
            return Err(RejectReason::Originator);
        }
        let next_hop = self.scoped(next_hop).ok_or(RejectReason::NoNextHop)?;
        if self.owns(next_hop.address) {
            return Err(RejectReason::OwnNextHop);
        }
        Ok(Path {
            next_hop,
            leaving: route.communities.contains(&Community::GRACEFUL_SHUTDOWN),
            local_pref: route.local_pref.unwrap_or(DEFAULT_LOCAL_PREF),
            hops: u32::try_from(route.as_path.hop_count()).unwrap_or(u32::MAX),
            origin: route.origin,
            med: route.multi_exit_disc.unwrap_or_default(),
            neighbour: route.as_path.first().unwrap_or(self.asn),
            peer_type: self.peer_type,
            own_asns,
        })
    }

    /// RFC 4456 section 8. As we reflect nothing, our cluster can only be named after our identifier.
    fn is_reflected(&self, attributes: &ReceivedAttributes) -> bool {
        let cluster = |id: &core::net::Ipv4Addr| id.to_bits() == self.identifier.bits();
        attributes.originator_id == Some(self.identifier)
            || attributes.cluster_list.iter().any(cluster)
    }

    /// On the interface of an unnumbered peer the link-local address is the one to send to (RFC 2545 section 3, RFC 8950
    /// section 3), also where another stands beside it.
    fn scoped(&self, next_hop: &NextHop) -> Option<ScopedAddress> {
        match (self.interface, next_hop.link_local()) {
            (Some(interface), Some(address)) => Some(ScopedAddress {
                address: address.into(),
                interface: Some(interface),
            }),
            (_, _) => global(next_hop).map(ScopedAddress::from),
        }
    }

    fn owns(&self, address: IpAddr) -> bool {
        let LocalAddresses {
            local, ipv4, ipv6, ..
        } = self.addresses;
        address == local.to_canonical()
            || ipv4.is_some_and(|own| address == own)
            || ipv6.is_some_and(|own| address == own)
    }
}

/// The address that means the same on every link. FRR writes ::ffff:a.b.c.d when it has no IPv6 address on the session's
/// interface: to the kernel that is no next hop.
fn global(next_hop: &NextHop) -> Option<IpAddr> {
    next_hop.global().filter(|address| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.to_ipv4_mapped().is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::attr::{AsPath, RouteAttributes};

    const OWN: Asn = Asn(64512);

    fn end() -> LocalEnd {
        LocalEnd {
            asn: OWN,
            identifier: BgpIdentifier::new(0x0a00_0001).unwrap(),
            peer_type: PeerType::Internal,
            addresses: LocalAddresses {
                local: "192.0.2.1".parse().unwrap(),
                ipv4: None,
                ipv6: Some("2001:db8::1".parse().unwrap()),
                on_link: true,
            },
            interface: None,
        }
    }

    fn over(asns: &[u32]) -> ReceivedAttributes {
        let asns: std::vec::Vec<_> = asns.iter().copied().map(Asn).collect();
        ReceivedAttributes {
            route: RouteAttributes {
                as_path: AsPath::sequence(&asns),
                ..RouteAttributes::default()
            },
            ..ReceivedAttributes::default()
        }
    }

    fn ipv4(last: u8) -> NextHop {
        NextHop::Ipv4([192, 0, 2, last].into())
    }

    fn ipv6(text: &str) -> NextHop {
        NextHop::Ipv6(text.parse().unwrap())
    }

    #[test]
    fn our_own_as_is_allowed_as_often_as_configured() {
        let twice = over(&[64513, 64512, 64512]);
        assert_eq!(end().own_asns(&twice), 2);
        let path = end().path(&ipv4(2), &twice, 2).unwrap();
        assert_eq!(
            (path.own_asns, path.hops, path.neighbour),
            (2, 3, Asn(64513))
        );
        let many = over(&[64512; 300]);
        assert_eq!(end().own_asns(&many), 255);
    }

    #[test]
    fn a_next_hop_must_be_a_global_address_of_somebody_else() {
        let with = |next_hop: NextHop| {
            end()
                .path(&next_hop, &over(&[1]), 0)
                .map(|p| p.next_hop.address)
        };
        assert_eq!(with(ipv4(2)), Ok("192.0.2.2".parse().unwrap()));
        assert_eq!(with(ipv4(1)), Err(RejectReason::OwnNextHop));
        assert_eq!(with(ipv6("2001:db8::1")), Err(RejectReason::OwnNextHop));
        assert_eq!(with(ipv6("fe80::2")), Err(RejectReason::NoNextHop));
        assert_eq!(with(ipv6("::ffff:192.0.2.2")), Err(RejectReason::NoNextHop));
        let both = |global: &str| NextHop::Ipv6WithLinkLocal {
            global: global.parse().unwrap(),
            link_local: "fe80::2".parse().unwrap(),
        };
        assert_eq!(
            with(both("2001:db8::2")),
            Ok("2001:db8::2".parse().unwrap())
        );
        for none in ["::", "fe80::2"] {
            assert_eq!(with(both(none)), Err(RejectReason::NoNextHop));
        }
    }

    #[test]
    fn a_link_local_next_hop_counts_on_the_interface_of_the_peer() {
        let end = LocalEnd {
            interface: Some(7),
            addresses: LocalAddresses {
                local: "fe80::1".parse().unwrap(),
                ..end().addresses
            },
            ..end()
        };
        let with = |next_hop: NextHop| end.path(&next_hop, &over(&[1]), 0).map(|p| p.next_hop);
        let theirs = ScopedAddress {
            address: "fe80::2".parse().unwrap(),
            interface: Some(7),
        };
        assert_eq!(with(ipv6("fe80::2")), Ok(theirs));
        for global in ["2001:db8::2", "::", "fe80::2", "::ffff:192.0.2.2"] {
            let both = NextHop::Ipv6WithLinkLocal {
                global: global.parse().unwrap(),
                link_local: "fe80::2".parse().unwrap(),
            };
            assert_eq!(with(both), Ok(theirs), "{global}");
        }
        assert_eq!(with(ipv6("fe80::1")), Err(RejectReason::OwnNextHop));
        let global: IpAddr = "2001:db8::2".parse().unwrap();
        assert_eq!(with(ipv6("2001:db8::2")), Ok(global.into()));
    }

    #[test]
    fn a_route_that_we_or_our_cluster_sent_is_not_taken_back() {
        let ours = ReceivedAttributes {
            originator_id: BgpIdentifier::new(0x0a00_0001),
            ..over(&[])
        };
        let through_us = ReceivedAttributes {
            originator_id: BgpIdentifier::new(7),
            cluster_list: std::vec![[9, 9, 9, 9].into(), [10, 0, 0, 1].into()],
            ..over(&[])
        };
        for attributes in [ours, through_us] {
            let path = end().path(&ipv4(2), &attributes, 0);
            assert_eq!(path, Err(RejectReason::Originator));
        }
    }

    #[test]
    fn a_path_whose_sender_shuts_down_says_so() {
        let mut leaving = over(&[1]);
        leaving.route.communities = [Community::GRACEFUL_SHUTDOWN].into();
        assert!(end().path(&ipv4(2), &leaving, 0).unwrap().leaving);
        leaving.route.communities = [Community::NO_EXPORT].into();
        assert!(!end().path(&ipv4(2), &leaving, 0).unwrap().leaving);
    }

    #[test]
    fn what_is_absent_has_its_default() {
        let path = end().path(&ipv4(2), &over(&[]), 0).unwrap();
        assert_eq!((path.local_pref, path.med, path.hops), (100, 0, 0));
        assert_eq!((path.neighbour, path.peer_type), (OWN, PeerType::Internal));
    }
}
