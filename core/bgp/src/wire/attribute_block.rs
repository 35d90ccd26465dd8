use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::attr::{self, AsPath, AttributeFlags, NextHop, PathAttribute, RouteAttributes};
use super::codec::HEADER_LENGTH;
use super::{AsnWidth, AttributeCode, Dialect, EncodeError};
use crate::params::{Asn, Family};

/// Octets of an MP attribute before its family: flags, code, two of length.
const MP_HEADER: usize = 4;

/// The attributes of a group of prefixes, encoded once; any number of UPDATEs can be written with it.
///
/// The next hop belongs to it: in NEXT_HOP for IPv4 by IPv4, in MP_REACH_NLRI for all else. MP_REACH_NLRI stands first
/// (RFC 7606 section 5.1), the others in the order of their codes (RFC 4271 section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeBlock {
    pub(super) family: Family,
    pub(super) multiprotocol: Option<NextHop>,
    pub(super) octets: Vec<u8>,
    pub(super) limit: u16,
}

impl AttributeBlock {
    /// Encodes the attributes for one family and session. LOCAL_PREF is written when it is there: leaving it out towards
    /// external peers is the export step's work.
    ///
    /// # Errors
    /// The next hop does not fit the family, or the attributes leave no room for a prefix.
    pub fn new(
        family: Family,
        next_hop: NextHop,
        attributes: &RouteAttributes,
        dialect: &Dialect,
    ) -> Result<Self, EncodeError> {
        if !family.is_known() || !next_hop.fits(family, dialect.extended_next_hop) {
            return Err(EncodeError::NextHopFamily);
        }
        let (classic, multiprotocol) = match next_hop {
            NextHop::Ipv4(address) => (Some(address), None),
            NextHop::Ipv6(_) | NextHop::Ipv6WithLinkLocal { .. } => (None, Some(next_hop)),
        };
        let mut octets = Vec::new();
        encode_attributes(attributes, classic, dialect, &mut octets);
        let limit = dialect.max_message_length;
        let block = Self {
            family,
            multiprotocol,
            octets,
            limit,
        };
        match block.least_message() <= usize::from(limit) {
            true => Ok(block),
            false => Err(EncodeError::TooLong { limit }),
        }
    }

    /// Of the prefixes.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Octets of an UPDATE with one prefix of full length.
    fn least_message(&self) -> usize {
        let (around, prefix) = match self.family {
            Family::IPV4_UNICAST => (HEADER_LENGTH + 4, 5),
            _ => (HEADER_LENGTH + 4, 17),
        };
        let reach = match self.multiprotocol {
            None => 0,
            Some(NextHop::Ipv6WithLinkLocal { .. }) => MP_HEADER + 5 + 32,
            Some(NextHop::Ipv4(_) | NextHop::Ipv6(_)) => MP_HEADER + 5 + 16,
        };
        around + reach + self.octets.len() + prefix
    }
}

/// Everything but MP_REACH_NLRI, in the order of the codes.
fn encode_attributes(
    attributes: &RouteAttributes,
    next_hop: Option<Ipv4Addr>,
    dialect: &Dialect,
    out: &mut Vec<u8>,
) {
    PathAttribute::Origin(attributes.origin).encode(dialect, out);
    encode_path(
        AttributeCode::AS_PATH,
        &attributes.as_path,
        dialect.asn_width,
        out,
    );
    if let Some(address) = next_hop {
        PathAttribute::NextHop(address).encode(dialect, out);
    }
    if let Some(number) = attributes.multi_exit_disc {
        PathAttribute::MultiExitDisc(number).encode(dialect, out);
    }
    if let Some(number) = attributes.local_pref {
        PathAttribute::LocalPref(number).encode(dialect, out);
    }
    if !attributes.communities.is_empty() {
        let list = attributes.communities.iter().copied().collect();
        PathAttribute::Communities(list).encode(dialect, out);
    }
    if !attributes.extended_communities.is_empty() {
        let list = attributes.extended_communities.iter().copied().collect();
        PathAttribute::ExtendedCommunities(list).encode(dialect, out);
    }
    // A 2-octet peer passes the real numbers on unread (RFC 6793 section 4.2.2).
    if dialect.asn_width == AsnWidth::Two && attributes.as_path.asns().any(Asn::is_4octet) {
        encode_path(
            AttributeCode::AS4_PATH,
            &attributes.as_path,
            AsnWidth::Four,
            out,
        );
    }
    if !attributes.large_communities.is_empty() {
        let list = attributes.large_communities.iter().copied().collect();
        PathAttribute::LargeCommunities(list).encode(dialect, out);
    }
}

fn encode_path(code: AttributeCode, path: &AsPath, width: AsnWidth, out: &mut Vec<u8>) {
    let flags = AttributeFlags::of(code).unwrap_or(AttributeFlags::OPTIONAL_TRANSITIVE);
    attr::encode_attribute(flags, code, out, |out| path.encode(width, out));
}
