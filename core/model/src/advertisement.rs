use alloc::{format, string::String, vec::Vec};

pub use crds::LoopPrevention;

use crate::{Condition, Meta, Name, Parsed, Rejection, Selectors};

/// A BGPAdvertisement's spec, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertisement {
    /// Pools by name.
    pub pools: Vec<Name>,
    /// Pools by label; with `pools` empty too: all pools.
    pub pool_selectors: Selectors,
    /// Services that are advertised.
    pub services: Selectors,
    /// Nodes that announce.
    pub nodes: Selectors,
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

    /// Whether it concerns the addresses of the pool of this name and these labels.
    pub fn selects_pool(&self, name: &str, labels: &crate::Labels) -> bool {
        if self.pools.is_empty() && self.pool_selectors.0.is_empty() {
            return true;
        }
        self.pools.iter().any(|pool| &**pool == name) || self.pool_selectors.any(labels)
    }

    fn parse_spec(spec: &crds::BGPAdvertisementSpec) -> Result<Self, Rejection> {
        Ok(Self {
            pools: parse_names("spec.ipAddressPools", &spec.ip_address_pools)?,
            pool_selectors: Selectors::parse(
                "spec.ipAddressPoolSelectors",
                &spec.ip_address_pool_selectors,
            )?,
            services: Selectors::parse("spec.serviceSelectors", &spec.service_selectors)?,
            nodes: Selectors::parse("spec.nodeSelectors", &spec.node_selectors)?,
            peers: parse_names("spec.peers", &spec.peers)?,
            loop_prevention: spec.loop_prevention,
        })
    }
}

/// An empty name would silently select nothing.
fn parse_names(field: &str, names: &[String]) -> Result<Vec<Name>, Rejection> {
    let parse = |(index, name): (usize, &String)| match name.is_empty() {
        false => Ok(name.as_str().into()),
        true => Err(Rejection::new(
            format!("{field}[{index}]"),
            "the name is empty",
            "name an object or remove the entry",
        )),
    };
    names.iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn parse(spec: &str) -> Result<Advertisement, String> {
        let spec = serde_yaml_ng::from_str(spec).unwrap();
        let parsed = Advertisement::parse(&crds::BGPAdvertisement::new("a", spec));
        parsed.value.map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn selects_everything_when_empty() {
        let advertisement = parse("{}").unwrap();
        assert_eq!(advertisement, Advertisement::default());
        assert!(advertisement.selects_pool("any", &crate::Labels::new()));
    }

    #[test]
    fn selects_pools_by_name_or_label() {
        let labels = [("tier".to_string(), "gold".to_string())].into();
        let by_name = parse("{ipAddressPools: [a, b]}").unwrap();
        assert!(by_name.selects_pool("b", &labels) && !by_name.selects_pool("c", &labels));
        let by_label = parse("{ipAddressPoolSelectors: [{matchLabels: {tier: gold}}]}").unwrap();
        assert!(by_label.selects_pool("c", &labels));
        assert!(!by_label.selects_pool("c", &crate::Labels::new()));
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
