use alloc::{format, vec::Vec};
use core::net::IpAddr;

use bgp::{Asn, BgpIdentifier};

use super::field::{parse_asn, parse_router_id, parse_source};
use crate::{Rejection, Selectors};

/// What a BGPPeer has different on some nodes (`spec.nodeOverrides[]`); `None`: as everywhere.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NodeOverride {
    /// The nodes: exactly one selector.
    pub nodes: Selectors,
    /// Our AS number there.
    pub my_asn: Option<Asn>,
    /// Our end of the session there.
    pub source: Option<IpAddr>,
    /// Our BGP identifier there.
    pub router_id: Option<BgpIdentifier>,
}

impl NodeOverride {
    /// Parses the list for a peer of this address.
    pub(super) fn parse_all(
        list: &[crds::NodeOverride],
        peer: Option<IpAddr>,
    ) -> Result<Vec<Self>, Rejection> {
        let parse =
            |(index, each)| Self::parse(&format!("spec.nodeOverrides[{index}]"), each, peer);
        list.iter().enumerate().map(parse).collect()
    }

    fn parse(
        field: &str,
        object: &crds::NodeOverride,
        peer: Option<IpAddr>,
    ) -> Result<Self, Rejection> {
        let my_asn = object
            .my_asn
            .map(|asn| parse_asn(&format!("{field}.myASN"), asn));
        let source = object.source_address.as_deref();
        let router_id = object.router_id.as_deref();
        let router_id = router_id.map(|text| parse_router_id(&format!("{field}.routerID"), text));
        let parsed = Self {
            nodes: Selectors::parse_one(&format!("{field}.nodeSelector"), &object.node_selector)?,
            my_asn: my_asn.transpose()?,
            source: parse_source(&format!("{field}.sourceAddress"), source, peer)?,
            router_id: router_id.transpose()?,
        };
        match (parsed.my_asn, parsed.source, parsed.router_id) {
            (None, None, None) => Err(Rejection::new(
                field,
                "nothing is different there",
                "set myASN, sourceAddress or routerID, or remove the entry",
            )),
            (..) => Ok(parsed),
        }
    }
}
