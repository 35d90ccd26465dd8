use alloc::{format, string::String, vec::Vec};

use ipnet::IpNet;
use model::CniType;

/// What the CNI folder should hold of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cni {
    /// Whatever it holds now.
    #[default]
    Untouched,
    /// Nothing, once another configuration is there.
    Absent,
    /// A configuration, which cannot be written as the Node has no `spec.podCIDRs` (`NoPodCIDR`).
    NoPodCidr,
    /// This one.
    Install(CniConfig),
}

/// A CNI configuration (CNI specification 1.0.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniConfig {
    /// How pods are attached.
    pub kind: CniType,
    /// This node's pod CIDRs.
    pub subnets: Vec<IpNet>,
    /// Largest packet of a pod's interface, in octets; `None`: the plugin's default.
    pub mtu: Option<u32>,
}

impl CniConfig {
    /// `name` of the configuration: a file with this name in it is ours.
    pub const NAME: &str = "herald";

    /// Name of the file: before those that other programs leave behind, as the runtime takes the first.
    pub const FILE: &str = "10-herald.conflist";

    /// Name of the bridge that `CniType::Bridge` makes.
    pub const BRIDGE: &str = "herald0";

    /// Programs that must be in the folder of plugins.
    pub fn plugins(&self) -> [&'static str; 4] {
        let attach = match self.kind {
            CniType::Ptp => "ptp",
            CniType::Bridge => "bridge",
        };
        [attach, "host-local", "portmap", "loopback"]
    }

    /// The file's text: JSON. Equal configurations have equal texts.
    ///
    /// host-local gives a pod one address of each range set, so there is one for each subnet. portmap translates the
    /// source of what reaches a host port from the node itself (`snat`), as the answer would not find back otherwise;
    /// what leaves the cluster is translated by our own table, never by the plugin (`ipMasq`).
    pub fn text(&self) -> String {
        format!(
            r#"{{
  "cniVersion": "1.0.0",
  "name": "{name}",
  "plugins": [
    {{
{attach}{mtu}
      "ipMasq": false,
      "ipam": {{
        "type": "host-local",
        "ranges": [{ranges}],
        "routes": [{routes}]
      }}
    }},
    {{
      "type": "portmap",
      "capabilities": {{ "portMappings": true }},
      "snat": true
    }}
  ]
}}
"#,
            name = Self::NAME,
            attach = self.attach(),
            mtu = self
                .mtu
                .map(|mtu| format!("\n      \"mtu\": {mtu},"))
                .unwrap_or_default(),
            ranges = list(self.subnets.iter().map(range)),
            routes = list(self.default_routes()),
        )
    }

    fn attach(&self) -> &'static str {
        match self.kind {
            CniType::Ptp => r#"      "type": "ptp","#,
            // Hairpin: a pod reaches itself through its own Service.
            CniType::Bridge => {
                r#"      "type": "bridge",
      "bridge": "herald0",
      "isGateway": true,
      "hairpinMode": true,"#
            }
        }
    }

    /// One for each family that a pod has an address of.
    fn default_routes(&self) -> impl Iterator<Item = String> {
        let has = |v4: bool| {
            let mut subnets = self.subnets.iter();
            subnets.any(|subnet| matches!(subnet, IpNet::V4(_)) == v4)
        };
        let routes = [(true, "0.0.0.0/0"), (false, "::/0")];
        let present = routes.into_iter().filter(move |(v4, _)| has(*v4));
        present.map(|(_, route)| format!(r#"{{ "dst": "{route}" }}"#))
    }
}

fn range(subnet: &IpNet) -> String {
    format!(r#"[{{ "subnet": "{}" }}]"#, subnet.trunc())
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(kind: CniType, subnets: &[&str], mtu: Option<u32>) -> CniConfig {
        let subnets = subnets.iter().map(|text| text.parse().unwrap()).collect();
        CniConfig { kind, subnets, mtu }
    }

    #[test]
    fn ptp_for_both_families() {
        let config = config(
            CniType::Ptp,
            &["10.244.1.0/24", "fd00:244:0:1::/64"],
            Some(1450),
        );
        let expected = r#"{
  "cniVersion": "1.0.0",
  "name": "herald",
  "plugins": [
    {
      "type": "ptp",
      "mtu": 1450,
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "10.244.1.0/24" }], [{ "subnet": "fd00:244:0:1::/64" }]],
        "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]
      }
    },
    {
      "type": "portmap",
      "capabilities": { "portMappings": true },
      "snat": true
    }
  ]
}
"#;
        assert_eq!(config.text(), expected);
    }

    #[test]
    fn bridge_for_one_family_and_the_plugins_mtu() {
        let config = config(CniType::Bridge, &["10.244.1.0/24"], None);
        let expected = r#"{
  "cniVersion": "1.0.0",
  "name": "herald",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "herald0",
      "isGateway": true,
      "hairpinMode": true,
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "10.244.1.0/24" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    {
      "type": "portmap",
      "capabilities": { "portMappings": true },
      "snat": true
    }
  ]
}
"#;
        assert_eq!(config.text(), expected);
    }

    #[test]
    fn every_text_is_json_that_names_the_plugins_that_are_looked_for() {
        for kind in [CniType::Ptp, CniType::Bridge] {
            for subnets in [&["fd00::/64"][..], &["10.0.0.0/24", "fd00::/64"], &[]] {
                let config = config(kind, subnets, None);
                let text: serde_json::Value = serde_json::from_str(&config.text()).unwrap();
                assert_eq!(text["name"], CniConfig::NAME);
                let ranges = text["plugins"][0]["ipam"]["ranges"].as_array().unwrap();
                assert_eq!(ranges.len(), subnets.len());
                let named = [
                    &text["plugins"][0]["type"],
                    &text["plugins"][0]["ipam"]["type"],
                    &text["plugins"][1]["type"],
                ];
                assert!(named.iter().all(|name| {
                    let plugins = config.plugins();
                    plugins.iter().any(|plugin| *name == plugin)
                }));
            }
        }
    }
}
