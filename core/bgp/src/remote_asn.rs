use core::fmt;

use serde::{Deserialize, Serialize};

use crate::params::Asn;
use crate::wire::PeerType;

/// Which AS a peer may say in its OPEN that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemoteAsn {
    /// This one.
    Fixed(Asn),
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

impl RemoteAsn {
    /// Whether a peer of an acceptable AS is in ours, which is `local`: known before its OPEN.
    pub(crate) fn peer_type(self, local: Asn) -> PeerType {
        match self {
            Self::Internal => PeerType::Internal,
            Self::Fixed(remote) if remote == local => PeerType::Internal,
            Self::Fixed(_) | Self::External => PeerType::External,
        }
    }

    /// Whether an OPEN may name this AS (RFC 4271 section 6.2): never AS_TRANS, which is nobody's (RFC 6793 section 9). The
    /// decoder has refused 0 already (RFC 7607).
    pub(crate) fn accepts(self, local: Asn, found: Asn) -> bool {
        match self {
            Self::Fixed(remote) => found == remote,
            Self::Internal => found == local,
            Self::External => found != local && found != Asn::TRANS,
        }
    }

    /// The peer's AS as far as the configuration tells.
    pub(crate) const fn known(self, local: Asn) -> Option<Asn> {
        match self {
            Self::Fixed(remote) => Some(remote),
            Self::Internal => Some(local),
            Self::External => None,
        }
    }
}

/// As sentences need it: `AS 64512`, `our own AS`, `another AS than ours`.
impl fmt::Display for RemoteAsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(asn) => write!(f, "AS {asn}"),
            Self::Internal => f.write_str("our own AS"),
            Self::External => f.write_str("another AS than ours"),
        }
    }
}
