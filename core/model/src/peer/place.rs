use alloc::format;
use core::{fmt, net::IpAddr};

use super::field::{OF_ROUTER, parse_address};
use crate::{Name, Rejection};

/// Longest name of an interface (IFNAMSIZ of linux/if.h without its final NUL).
const LONGEST_NAME: usize = 15;

/// Where a peer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Place {
    /// At this address (`spec.peerAddress`).
    Address(IpAddr),
    /// On the link of this interface of the node: whoever is a router there (`spec.interface`).
    Interface(Name),
}

impl Place {
    /// The address, where it is configured.
    pub const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Interface(_) => None,
        }
    }

    pub(super) fn parse(spec: &crds::BGPPeerSpec) -> Result<Self, Rejection> {
        let reject = |what| {
            Err(Rejection::new(
                "spec.peerAddress",
                what,
                "set either peerAddress, or interface to the name of an interface of the node",
            ))
        };
        match (spec.peer_address.as_deref(), spec.interface.as_deref()) {
            (Some(text), None) => {
                parse_address("spec.peerAddress", text, OF_ROUTER).map(Self::Address)
            }
            (None, Some(name)) => parse_interface(spec, name).map(Self::Interface),
            (Some(_), Some(_)) => reject("it excludes interface"),
            (None, None) => reject("it is missing, and so is interface"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Interface(name) => name.fmt(f),
        }
    }
}

fn parse_interface(spec: &crds::BGPPeerSpec, name: &str) -> Result<Name, Rejection> {
    let field = "spec.interface";
    let bad = |letter: char| letter.is_ascii_whitespace() || "/:%".contains(letter);
    let fits = (1..=LONGEST_NAME).contains(&name.len()) && !matches!(name, "." | "..");
    if !fits || name.contains(bad) {
        return Err(Rejection::new(
            field,
            format!("\"{name}\" is no name of an interface"),
            "write a name that ip link shows, such as eth0",
        ));
    }
    let overrides = spec.node_overrides.iter();
    let mut sources = overrides
        .map(|each| &each.source_address)
        .chain([&spec.source_address]);
    if spec.ebgp_multi_hop || sources.any(Option::is_some) {
        return Err(Rejection::new(
            field,
            "it excludes ebgpMultiHop and sourceAddress",
            "leave them out: the router is on the link; or write peerAddress",
        ));
    }
    Ok(name.into())
}
