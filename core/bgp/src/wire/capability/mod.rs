//! Capabilities (RFC 5492): one file each.

mod extended_next_hop;
mod four_octet_asn;
mod graceful_restart;
mod multiprotocol;
mod unknown;

use alloc::vec::Vec;

pub use extended_next_hop::{ExtendedNextHop, NextHopRule};
pub use graceful_restart::{RestartFamily, RestartTerms};
pub use unknown::UnknownCapability;

use super::{CapabilityCode, EncodeError};
use crate::params::{Asn, Family};

/// What one side of a session can do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Routes of this family (RFC 4760 section 8).
    Multiprotocol(Family),
    /// Answers ROUTE-REFRESH (RFC 2918).
    RouteRefresh,
    /// Next hops of another family than the prefix (RFC 8950).
    ExtendedNextHop(ExtendedNextHop),
    /// Messages of up to 65,535 octets, in both directions once both sides said it (RFC 8654).
    ExtendedMessage,
    /// Keeps routes over a restart, and marks the end of all it has (RFC 4724).
    GracefulRestart(RestartTerms),
    /// 4-octet AS numbers, and the sender's own (RFC 6793).
    FourOctetAsn(Asn),
    /// Marks begin and end of what it sends again (RFC 7313).
    EnhancedRouteRefresh,
    /// Any other, or one of the above whose value cannot be read: it then counts as not sent.
    Unknown(UnknownCapability),
}

impl Capability {
    /// The code.
    #[must_use]
    pub const fn code(&self) -> CapabilityCode {
        match self {
            Self::Multiprotocol(_) => CapabilityCode::MULTIPROTOCOL,
            Self::RouteRefresh => CapabilityCode::ROUTE_REFRESH,
            Self::ExtendedNextHop(_) => CapabilityCode::EXTENDED_NEXT_HOP,
            Self::ExtendedMessage => CapabilityCode::EXTENDED_MESSAGE,
            Self::GracefulRestart(_) => CapabilityCode::GRACEFUL_RESTART,
            Self::FourOctetAsn(_) => CapabilityCode::FOUR_OCTET_ASN,
            Self::EnhancedRouteRefresh => CapabilityCode::ENHANCED_ROUTE_REFRESH,
            Self::Unknown(unknown) => unknown.code(),
        }
    }

    pub(super) fn decode(code: u8, value: &[u8]) -> Self {
        let known = match CapabilityCode(code) {
            CapabilityCode::MULTIPROTOCOL => multiprotocol::decode(value).map(Self::Multiprotocol),
            CapabilityCode::ROUTE_REFRESH => value.is_empty().then_some(Self::RouteRefresh),
            CapabilityCode::EXTENDED_NEXT_HOP => {
                ExtendedNextHop::decode(value).map(Self::ExtendedNextHop)
            }
            CapabilityCode::EXTENDED_MESSAGE => value.is_empty().then_some(Self::ExtendedMessage),
            CapabilityCode::GRACEFUL_RESTART => {
                RestartTerms::decode(value).map(Self::GracefulRestart)
            }
            CapabilityCode::FOUR_OCTET_ASN => four_octet_asn::decode(value).map(Self::FourOctetAsn),
            CapabilityCode::ENHANCED_ROUTE_REFRESH => {
                value.is_empty().then_some(Self::EnhancedRouteRefresh)
            }
            _ => None,
        };
        known.unwrap_or_else(|| Self::Unknown(UnknownCapability::new(CapabilityCode(code), value)))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut value = Vec::new();
        match self {
            Self::Multiprotocol(family) => multiprotocol::encode(*family, &mut value),
            Self::RouteRefresh | Self::ExtendedMessage | Self::EnhancedRouteRefresh => {}
            Self::ExtendedNextHop(extended) => extended.encode(&mut value),
            Self::GracefulRestart(terms) => terms.encode(&mut value),
            Self::FourOctetAsn(asn) => four_octet_asn::encode(*asn, &mut value),
            Self::Unknown(unknown) => value.extend_from_slice(unknown.value()),
        }
        let length = u8::try_from(value.len()).map_err(|_| EncodeError::FieldTooLong)?;
        out.extend_from_slice(&[self.code().0, length]);
        out.extend_from_slice(&value);
        Ok(())
    }
}
