use alloc::vec::Vec;

use super::codec::HEADER_LENGTH;
use super::{DecodeError, Dialect};
use crate::params::{Afi, Family, Safi};

/// What a ROUTE-REFRESH says (RFC 7313 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteRefreshKind {
    /// Send me your routes again.
    Request,
    /// Demarcation: the routes begin.
    Begin,
    /// Demarcation: those were all.
    End,
    /// Not known; to be passed over.
    Unknown(u8),
}

/// A ROUTE-REFRESH (RFC 2918, RFC 7313).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteRefresh {
    /// Of which routes.
    pub family: Family,
    /// Request or demarcation.
    pub kind: RouteRefreshKind,
}

impl RouteRefresh {
    /// Asks for the routes of a family again.
    #[must_use]
    pub const fn request(family: Family) -> Self {
        Self {
            family,
            kind: RouteRefreshKind::Request,
        }
    }

    pub(super) fn decode(body: &[u8], dialect: &Dialect) -> Result<Self, DecodeError> {
        let &[afi_high, afi_low, kind, safi] = body else {
            return Err(wrong_length(body, dialect));
        };
        let kind = match kind {
            0 => RouteRefreshKind::Request,
            1 => RouteRefreshKind::Begin,
            2 => RouteRefreshKind::End,
            other => RouteRefreshKind::Unknown(other),
        };
        let afi = Afi(u16::from_be_bytes([afi_high, afi_low]));
        Ok(Self {
            family: Family::new(afi, Safi(safi)),
            kind,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            RouteRefreshKind::Request => 0,
            RouteRefreshKind::Begin => 1,
            RouteRefreshKind::End => 2,
            RouteRefreshKind::Unknown(other) => other,
        };
        out.extend_from_slice(&self.family.afi.0.to_be_bytes());
        out.extend_from_slice(&[kind, self.family.safi.0]);
    }
}

/// A demarcation has an error of its own, whose data is the whole message, where demarcations were agreed on (RFC 7313
/// section 5). Any other ROUTE-REFRESH is a message of a wrong length.
fn wrong_length(body: &[u8], dialect: &Dialect) -> DecodeError {
    let length = u16::try_from(HEADER_LENGTH + body.len()).unwrap_or(u16::MAX);
    let marks = matches!(body.get(2), Some(1 | 2));
    if !dialect.enhanced_route_refresh || !marks {
        return DecodeError::BadMessageLength(length);
    }
    let mut message = super::codec::header(super::MessageType::RouteRefresh, length).to_vec();
    message.extend_from_slice(body);
    DecodeError::InvalidRouteRefreshLength(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::generator::DIALECT;
    use crate::wire::{ErrorCode, RouteRefreshSubcode};

    #[test]
    fn puts_the_kind_between_the_family_octets() {
        let mut out = Vec::new();
        RouteRefresh {
            family: Family::IPV6_UNICAST,
            kind: RouteRefreshKind::End,
        }
        .encode(&mut out);
        assert_eq!(out, [0, 2, 2, 1]);
    }

    #[test]
    fn returns_the_whole_demarcation_when_its_length_is_wrong() {
        let error = RouteRefresh::decode(&[0, 1, 1], &DIALECT).unwrap_err();
        let notification = error.to_notification();
        let expected = RouteRefreshSubcode::InvalidMessageLength;
        assert_eq!(notification.error, ErrorCode::RouteRefresh(expected));
        assert_eq!(&notification.data()[16..], [0, 22, 5, 0, 1, 1]);
    }

    #[test]
    fn says_that_the_length_is_wrong_where_no_demarcations_were_agreed_on() {
        let plain = Dialect {
            enhanced_route_refresh: false,
            ..DIALECT
        };
        for (body, dialect) in [
            (&[0, 1, 1][..], plain),
            (&[0, 1, 0], DIALECT),
            (&[0, 1, 0, 1, 0], DIALECT),
            (&[], DIALECT),
        ] {
            let length = 19 + u16::try_from(body.len()).unwrap();
            let error = RouteRefresh::decode(body, &dialect).unwrap_err();
            assert_eq!(error, DecodeError::BadMessageLength(length), "{body:?}");
        }
    }
}
