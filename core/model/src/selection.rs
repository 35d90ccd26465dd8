use alloc::{format, string::String, vec::Vec};

use crate::{Labels, Name, Rejection, Selectors};

/// What every kind of advertisement begins with: which addresses of which Services it is for, and which nodes announce
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Selection {
    /// Pools by name.
    pub pools: Vec<Name>,
    /// Pools by label; with `pools` empty too: all pools.
    pub pool_selectors: Selectors,
    /// Services that are advertised.
    pub services: Selectors,
    /// Nodes that announce.
    pub nodes: Selectors,
}

impl Selection {
    /// Parses `spec.ipAddressPools`, `spec.ipAddressPoolSelectors`, `spec.serviceSelectors` and `spec.nodeSelectors`.
    pub(crate) fn parse(
        pools: &[String],
        pool_selectors: &[crds::LabelSelector],
        services: &[crds::LabelSelector],
        nodes: &[crds::LabelSelector],
    ) -> Result<Self, Rejection> {
        Ok(Self {
            pools: parse_names("spec.ipAddressPools", pools)?,
            pool_selectors: Selectors::parse("spec.ipAddressPoolSelectors", pool_selectors)?,
            services: Selectors::parse("spec.serviceSelectors", services)?,
            nodes: Selectors::parse("spec.nodeSelectors", nodes)?,
        })
    }

    /// Whether it is for the addresses of the pool of this name and these labels.
    pub fn selects_pool(&self, name: &str, labels: &Labels) -> bool {
        if self.pools.is_empty() && self.pool_selectors.0.is_empty() {
            return true;
        }
        self.pools.iter().any(|pool| &**pool == name) || self.pool_selectors.any(labels)
    }
}

/// An empty name would silently select nothing.
pub(crate) fn parse_names(field: &str, names: &[String]) -> Result<Vec<Name>, Rejection> {
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

    #[test]
    fn selects_every_pool_when_empty() {
        assert!(Selection::default().selects_pool("any", &Labels::new()));
    }

    #[test]
    fn selects_pools_by_name_or_label() {
        let labels = [("tier".to_string(), "gold".to_string())].into();
        let by_name = Selection {
            pools: ["a".into(), "b".into()].into(),
            ..Selection::default()
        };
        assert!(by_name.selects_pool("b", &labels) && !by_name.selects_pool("c", &labels));
        let gold = serde_yaml_ng::from_str::<Vec<_>>("[{matchLabels: {tier: gold}}]").unwrap();
        let by_label = Selection::parse(&[], &gold, &[], &[]).unwrap();
        assert!(by_label.selects_pool("c", &labels));
        assert!(!by_label.selects_pool("c", &Labels::new()));
    }
}
