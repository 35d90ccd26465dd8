//! One session of the matrix: which routes over what, which kind of session, who dials.

use std::fmt;

/// Whose addresses the routes have, and whose the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Families {
    Ipv4,
    Ipv6,
    #[default]
    BothOverIpv4,
    BothOverIpv6,
}

impl Families {
    pub(crate) const ALL: [Self; 4] = [
        Self::Ipv4,
        Self::Ipv6,
        Self::BothOverIpv4,
        Self::BothOverIpv6,
    ];

    /// Whether the session is between IPv6 addresses.
    pub(crate) fn over_ipv6(self) -> bool {
        match self {
            Self::Ipv4 | Self::BothOverIpv4 => false,
            Self::Ipv6 | Self::BothOverIpv6 => true,
        }
    }

    pub(crate) fn carries_ipv4(self) -> bool {
        self != Self::Ipv6
    }

    pub(crate) fn carries_ipv6(self) -> bool {
        self != Self::Ipv4
    }
}

/// Which kind of session it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    #[default]
    External,
    Internal,
    /// eBGP with a router in between.
    MultiHop,
    /// eBGP with TCP MD5.
    Md5,
    /// eBGP with TTL security (RFC 5082) of one hop.
    Gtsm,
    /// eBGP between loopback addresses, the peer's AS taken from the peer.
    Loopbacks,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::External,
        Self::Internal,
        Self::MultiHop,
        Self::Md5,
        Self::Gtsm,
        Self::Loopbacks,
    ];
}

/// Who opens the TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dials {
    #[default]
    We,
    They,
}

/// One combination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) families: Families,
    pub(crate) kind: Kind,
    pub(crate) dials: Dials,
}

impl Cell {
    pub(crate) const fn new(families: Families, kind: Kind, dials: Dials) -> Self {
        Self {
            families,
            kind,
            dials,
        }
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ipv4 => "v4",
            Self::Ipv6 => "v6",
            Self::BothOverIpv4 => "both-over-v4",
            Self::BothOverIpv6 => "both-over-v6",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::External => "ebgp",
            Self::Internal => "ibgp",
            Self::MultiHop => "multihop",
            Self::Md5 => "md5",
            Self::Gtsm => "gtsm",
            Self::Loopbacks => "loopbacks",
        })
    }
}

impl fmt::Display for Dials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::We => "we-dial",
            Self::They => "they-dial",
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            families,
            kind,
            dials,
        } = self;
        write!(f, "{families}/{kind}/{dials}")
    }
}
