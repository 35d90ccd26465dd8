use alloc::vec::Vec;

pub use crds::LoopPrevention;

use crate::{Condition, Meta, Name, Parsed, Rejection, Selection, selection::parse_names};

/// A BGPAdvertisement's spec, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// Which addresses of which Services, and which nodes announce them.
    pub selection: Selection,
    /// BGPPeers by name; empty: all peers of the node.
    pub peers: Vec<Name>,
    /// What becomes of packets to an announced address that no Service takes.
    pub loop_prevention: LoopPrevention,
}

impl Advertisement {
    /// Parses a BGPAdvertisement.
    pub fn parse(object: &crds::BGPAdvertisement) -> Parsed<Self> {
        let conditions = object.status.iter().flat_map(|status| &status.conditions);
        Parsed {
            meta: Meta::parse(&object.metadata, conditions.map(Condition::parse).collect()),
            value: Self::parse_spec(&object.spec),
        }
    }

    fn parse_spec(spec: &crds::BGPAdvertisementSpec) -> Result<Self, Rejection> {
        Ok(Self {
            selection: Selection::parse(
                &spec.ip_address_pools,
                &spec.ip_address_pool_selectors,
                &spec.service_selectors,
                &spec.node_selectors,
            )?,
            peers: parse_names("spec.peers", &spec.peers)?,
            loop_prevention: spec.loop_prevention,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    fn parse(spec: &str) -> Result<Advertisement, String> {
        let spec = serde_yaml_ng::from_str(spec).unwrap();
        let parsed = Advertisement::parse(&crds::BGPAdvertisement::new("a", spec));
        parsed.value.map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn an_empty_one_is_for_everything() {
        assert_eq!(parse("{}").unwrap(), Advertisement::default());
    }

    #[test]
    fn refuses_bad_entries_naming_them() {
        assert_eq!(
            parse("{peers: [tor-1, '']}").unwrap_err(),
            "spec.peers[1]: the name is empty; name an object or remove the entry"
        );
        let sentence = parse("{nodeSelectors: [{matchExpressions: [{key: a, operator: X}]}]}");
        assert!(
            sentence
                .unwrap_err()
                .starts_with("spec.nodeSelectors[0].matchExpressions[0].operator")
        );
    }
}
