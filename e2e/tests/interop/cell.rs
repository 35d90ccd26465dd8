//! The table: who dials, over what, which kind of session.

use std::fmt;

/// Who opens the TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dials {
    #[default]
    We,
    They,
    /// Both at once: RFC 4271 section 6.8 keeps one connection.
    Both,
}

/// What carries the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transport {
    #[default]
    Ipv4,
    Ipv6,
}

/// Which kind of session it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    External,
    Internal,
    /// eBGP with TCP MD5.
    Md5,
    /// eBGP with a router in between.
    MultiHop,
    /// eBGP with TTL security (RFC 5082) of one hop.
    Gtsm,
    /// eBGP between loopback addresses, the peer's AS taken from the peer.
    Loopbacks,
}

/// One combination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) dials: Dials,
    pub(crate) transport: Transport,
    pub(crate) kind: Kind,
}

/// Every pair of who dials and transport, and every kind in both transports or with two who dial.
pub(crate) const SHORT: [Cell; 7] = [
    cell(Dials::We, Transport::Ipv4, Kind::External),
    cell(Dials::We, Transport::Ipv6, Kind::Md5),
    cell(Dials::They, Transport::Ipv4, Kind::Internal),
    cell(Dials::They, Transport::Ipv6, Kind::External),
    cell(Dials::Both, Transport::Ipv4, Kind::Md5),
    cell(Dials::Both, Transport::Ipv6, Kind::Internal),
    cell(Dials::We, Transport::Ipv4, Kind::MultiHop),
];

/// Further kinds of session, with peers whose configuration the harness knows how to write for them.
pub(crate) const MORE: [Cell; 4] = [
    cell(Dials::We, Transport::Ipv6, Kind::Gtsm),
    cell(Dials::They, Transport::Ipv4, Kind::Gtsm),
    cell(Dials::We, Transport::Ipv4, Kind::Loopbacks),
    cell(Dials::Both, Transport::Ipv6, Kind::Loopbacks),
];

/// Every transport, and both ports of BFD.
pub(crate) const BFD: [Cell; 3] = [
    cell(Dials::We, Transport::Ipv4, Kind::External),
    cell(Dials::They, Transport::Ipv6, Kind::Internal),
    cell(Dials::We, Transport::Ipv4, Kind::MultiHop),
];

/// The cells of this run.
pub(crate) fn chosen() -> Vec<Cell> {
    if std::env::var_os("INTEROP").is_none_or(|value| value != "full") {
        return SHORT.to_vec();
    }
    let mut cells = Vec::new();
    for dials in [Dials::We, Dials::They, Dials::Both] {
        for transport in [Transport::Ipv4, Transport::Ipv6] {
            for kind in [Kind::External, Kind::Internal, Kind::Md5, Kind::MultiHop] {
                cells.push(cell(dials, transport, kind));
            }
        }
    }
    cells
}

const fn cell(dials: Dials, transport: Transport, kind: Kind) -> Cell {
    Cell {
        dials,
        transport,
        kind,
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dials = match self.dials {
            Dials::We => "we-dial",
            Dials::They => "they-dial",
            Dials::Both => "both-dial",
        };
        let transport = match self.transport {
            Transport::Ipv4 => "ipv4",
            Transport::Ipv6 => "ipv6",
        };
        let kind = match self.kind {
            Kind::External => "ebgp",
            Kind::Internal => "ibgp",
            Kind::Md5 => "md5",
            Kind::MultiHop => "multihop",
            Kind::Gtsm => "gtsm",
            Kind::Loopbacks => "loopbacks",
        };
        write!(f, "{dials}/{transport}/{kind}")
    }
}
