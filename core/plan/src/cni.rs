use alloc::{string::String, vec::Vec};

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
    /// Programs that must be in the folder of plugins.
    pub fn plugins(&self) -> [&'static str; 4] {
        let attach = match self.kind {
            CniType::Ptp => "ptp",
            CniType::Bridge => "bridge",
        };
        [attach, "host-local", "portmap", "loopback"]
    }

    /// The file's text: JSON.
    pub fn text(&self) -> String {
        String::new()
    }
}
