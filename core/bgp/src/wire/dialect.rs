use crate::params::FamilySet;

/// Whether the peer is in our AS (RFC 4271 section 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerType {
    /// Same AS: iBGP.
    Internal,
    /// Another AS: eBGP.
    External,
}

/// How many octets an AS number takes in AS_PATH and AGGREGATOR (RFC 6793).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AsnWidth {
    /// The peer does not know 4-octet numbers.
    Two,
    /// Both sides sent the capability.
    Four,
}

/// How a session speaks: what the codec must know of the outcome of the OPEN exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dialect {
    /// Internal or external.
    pub peer_type: PeerType,
    /// Width of AS numbers.
    pub asn_width: AsnWidth,
    /// Families that both sides want; routes of others are passed over.
    pub families: FamilySet,
    /// Whether IPv4 prefixes may have an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// Whether begin and end of what is sent again are marked (RFC 7313).
    pub enhanced_route_refresh: bool,
    /// Longest UPDATE, NOTIFICATION or ROUTE-REFRESH in octets: 4096, or 65535 with extended messages (RFC 8654).
    pub max_message_length: u16,
}

impl Dialect {
    /// Longest message without extended messages, in octets (RFC 4271 section 4).
    pub const STANDARD_LENGTH: u16 = 4096;
    /// Longest message with extended messages, in octets (RFC 8654).
    pub const EXTENDED_LENGTH: u16 = 65535;

    /// What holds before the OPENs were compared.
    #[must_use]
    pub const fn initial(peer_type: PeerType) -> Self {
        Self {
            peer_type,
            asn_width: AsnWidth::Two,
            families: FamilySet::NONE,
            extended_next_hop: false,
            enhanced_route_refresh: false,
            max_message_length: Self::STANDARD_LENGTH,
        }
    }
}
